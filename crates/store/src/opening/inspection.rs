//! Looks through a whole database for faults, and changes nothing in it: no table is made or migrated.
//!
//! The start of a server looks at much less, since it must not take long.

use sqlx::{AnyConnection, AssertSqlSafe, Connection as _, Row as _};

use super::{Found, Look, judged_as_damage, look_at, newest_step, open_postgres, open_sqlite, sqlite_file};
use crate::database::dialect::Dialect;
use crate::{Store, StoreError};

/// The most faults of one kind that are named.
const MOST: usize = 20;

/// What a database is, and what is wrong with it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Inspection {
    /// The last migration that was applied; 0 for a database without tables, or without a file.
    pub version: i64,
    /// The last migration that this version knows.
    pub known: i64,
    /// What is wrong, in the database's own words; 20 at most of each kind.
    pub faults: Vec<String>,
}

impl Inspection {
    /// Whether the tables are those of this version, so that they can be read.
    pub fn is_current(&self) -> bool {
        self.version == self.known
    }
}

impl Store {
    /// Looks through the whole database: its structure, and the references between its tables. It takes as long as reading the file.
    ///
    /// # Errors
    ///
    /// If the database belongs to another program, is damaged so that nothing can be read, was written by a newer version, or cannot be reached.
    pub async fn inspect(url: &str) -> Result<Inspection, StoreError> {
        sqlx::any::install_default_drivers();
        let known = newest_step();
        let dialect = Dialect::of(url)?;
        let mut faults = Vec::new();
        let mut connection = match dialect {
            Dialect::Sqlite => {
                let file = sqlite_file(url);
                if look_at(&file)? == Found::Nothing {
                    return Ok(Inspection { known, ..Inspection::default() });
                }
                let mut connection = open_sqlite(url, Look::AtVersion).await?.connection;
                let damaged = judged_as_damage(file.display().to_string());
                faults.extend(structure(&mut connection).await.map_err(&damaged)?);
                // References cannot be followed where the structure is broken.
                if faults.is_empty() {
                    faults.extend(references(&mut connection).await.map_err(&damaged)?);
                }
                connection
            }
            Dialect::Postgres => {
                let mut connection = open_postgres(url).await?.connection;
                faults.extend(unusable(&mut connection).await?);
                connection
            }
        };
        let version = if has_migrations(&mut connection, dialect).await? { applied(&mut connection, &mut faults).await? } else { 0 };
        connection.close().await?;
        Ok(Inspection { version, known, faults })
    }
}

/// What SQLite finds wrong with the pages of the file, its indexes, and the conditions of its columns.
async fn structure(connection: &mut AnyConnection) -> Result<Vec<String>, sqlx::Error> {
    let found = sqlx::query(AssertSqlSafe(format!("PRAGMA integrity_check({MOST})"))).fetch_all(connection).await?;
    let found: Vec<String> = found.iter().map(|row| row.try_get(0)).collect::<Result<_, _>>()?;
    Ok(found.into_iter().filter(|fault| fault != "ok").collect())
}

/// The rows that refer to rows that are not there, by their tables.
async fn references(connection: &mut AnyConnection) -> Result<Vec<String>, sqlx::Error> {
    let counted = "SELECT \"table\", parent, COUNT(*) AS count FROM pragma_foreign_key_check GROUP BY \"table\", parent ORDER BY 1, 2";
    let rows = sqlx::query(counted).fetch_all(connection).await?;
    let fault = |row: &sqlx::any::AnyRow| {
        let (table, parent, count): (String, String, i64) = (row.try_get(0)?, row.try_get(1)?, row.try_get(2)?);
        let (rows, refer) = if count == 1 { ("row", "refers") } else { ("rows", "refer") };
        Ok(format!("{count} {rows} of {table} {refer} to rows of {parent} that are not there"))
    };
    rows.iter().take(MOST).map(fault).collect()
}

/// The indexes and conditions that Postgres does not use, because making them was interrupted.
async fn unusable(connection: &mut AnyConnection) -> Result<Vec<String>, StoreError> {
    let found = "SELECT 'the index ' || CAST(indexrelid::regclass AS TEXT) || ' is not valid' FROM pg_catalog.pg_index
             WHERE NOT indisvalid AND indrelid IN (SELECT oid FROM pg_catalog.pg_class WHERE relnamespace = current_schema()::regnamespace)
         UNION ALL
         SELECT 'the condition ' || CAST(conname AS TEXT) || ' was never checked' FROM pg_catalog.pg_constraint
             WHERE NOT convalidated AND connamespace = current_schema()::regnamespace";
    let rows = sqlx::query(found).fetch_all(connection).await?;
    Ok(rows.iter().take(MOST).map(|row| row.try_get(0)).collect::<Result<_, _>>()?)
}

async fn has_migrations(connection: &mut AnyConnection, dialect: Dialect) -> Result<bool, StoreError> {
    let there = match dialect {
        Dialect::Sqlite => "SELECT COUNT(*) FROM sqlite_master WHERE type = 'table' AND name = '_sqlx_migrations'",
        Dialect::Postgres => {
            "SELECT CAST(COUNT(*) AS BIGINT) FROM pg_catalog.pg_tables WHERE tablename = '_sqlx_migrations' AND schemaname = current_schema()"
        }
    };
    let there: i64 = sqlx::query(there).fetch_one(connection).await?.try_get(0)?;
    Ok(there > 0)
}

/// The last migration that was applied. One that was begun and did not end is a fault.
async fn applied(connection: &mut AnyConnection, faults: &mut Vec<String>) -> Result<i64, StoreError> {
    let begun = sqlx::query("SELECT version FROM _sqlx_migrations WHERE NOT success ORDER BY version").fetch_all(&mut *connection).await?;
    for row in &begun {
        let version: i64 = row.try_get(0)?;
        faults.push(format!("step {version} of its tables was begun and did not end"));
    }
    let last = sqlx::query("SELECT COALESCE(MAX(version), 0) FROM _sqlx_migrations WHERE success").fetch_one(connection).await?;
    Ok(last.try_get(0)?)
}
