//! Opens a database: checks what it is before anything is written into it, and migrates its tables.
//!
//! A database that belongs to another program, or that has another version, is named in the error and left unchanged.

use std::fs::File;
use std::io::{ErrorKind, Read as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, percent_encode};
use sqlx::migrate::MigrateError;
use sqlx::{AnyConnection, Connection as _, Row as _};
use tokio::time::{Instant, timeout, timeout_at};
use uuid::Uuid;

use crate::database::dialect::{Dialect, LaneKind};
use crate::database::lanes::{Lane, Pool, silent};
use crate::database::outage;
use crate::database::outage::Outage;
use crate::database::row::Read as _;
use crate::group_commit::GroupCommit;
use crate::identities::version::IdentityVersion;
use crate::keys::sealed::{Sealed, SealedPlace};
use crate::opening::moved::OpenedFile;
use crate::sign_in::refresh_tokens::Grown;
use crate::telemetry::StoreTelemetry;
use crate::{Store, StoreError, migrations};

pub(crate) mod inspection;
pub(crate) mod moved;

/// How long a start waits for a database that is starting too.
const START: Duration = Duration::from_secs(10);
/// The same for a database that has no connection left: it says so at once, and that rarely ends soon.
const NO_CONNECTION: Duration = Duration::from_secs(2);
const CONNECT: Duration = Duration::from_secs(5);
const CONNECT_AGAIN: Duration = Duration::from_millis(200);
/// A file of up to this many bytes is checked as a whole at every start; of a larger one only the beginnings of the tables are checked.
const LOOKED_THROUGH: u64 = 32 << 20;

/// The first bytes of every SQLite file.
const SQLITE_HEADER: &[u8; 16] = b"SQLite format 3\0";
/// The name of our first migration in the table of migrations, which other programs have too.
const FIRST_TABLES: &str = "first tables";

/// The characters of a path that need no encoding in a URL.
const PATH: &AsciiSet = &NON_ALPHANUMERIC.remove(b'/').remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// The URL of a SQLite file, whatever characters its path contains.
pub fn sqlite_url(file: &Path) -> String {
    // A URL has no `..` and no links in its path, so that they are resolved here, as the file system does.
    let folder = file.parent().and_then(|folder| folder.canonicalize().ok());
    let whole = folder.zip(file.file_name()).map_or_else(|| file.to_owned(), |(folder, name)| folder.join(name));
    format!("sqlite:{}", percent_encode(whole.as_os_str().as_encoded_bytes(), PATH))
}

/// The file that such a URL names.
fn sqlite_file(url: &str) -> PathBuf {
    let rest = url.trim_start_matches("sqlite:").trim_start_matches("//");
    PathBuf::from(percent_decode_str(rest).decode_utf8_lossy().into_owned())
}

impl Store {
    /// Opens the database, creates it if it is a SQLite file that does not exist, and migrates its tables. Nothing is written into another program's database.
    ///
    /// `url` is the result of [`sqlite_url`], or `postgres://…`.
    ///
    /// # Errors
    ///
    /// If the database belongs to another program, is damaged, was written by a newer version, has another encoding than UTF-8, or cannot be reached
    /// within ten seconds.
    pub async fn open(url: &str) -> Result<Store, StoreError> {
        sqlx::any::install_default_drivers();
        let dialect = Dialect::of(url)?;
        let Opened { mut connection, step } = match dialect {
            Dialect::Sqlite => open_sqlite(url, Look::Through).await?,
            Dialect::Postgres => open_postgres(url).await?,
        };
        for statement in dialect.before_migrating() {
            sqlx::query(*statement).execute(&mut connection).await?;
        }
        let known = newest_step();
        if step.is_some_and(|found| found < known) {
            tracing::info!(
                found = step,
                known,
                "the database's tables are brought up to date; an older version will not open them any more"
            );
        }
        migrations().run(&mut connection).await.map_err(|error| match error {
            // Another process has upgraded since the database was looked at.
            MigrateError::VersionMissing(found) => StoreError::Newer { place: "the database".to_owned(), found, known },
            other => other.into(),
        })?;
        connection.close().await?;
        let telemetry = StoreTelemetry::default();
        let lane = |kind| Lane::new(url, dialect, kind, telemetry.of(kind));
        let (identity, writing) = (lane(LaneKind::Identity), lane(LaneKind::Writing));
        let pool = match dialect {
            Dialect::Sqlite => Pool::new(identity, writing.clone()),
            Dialect::Postgres => Pool::new(identity.clone(), identity),
        };
        let reports = Pool::new(lane(LaneKind::Reading), writing);
        Ok(Store {
            pool,
            reports,
            dialect,
            group_commit: GroupCommit::default(),
            grown: Grown::default(),
            identities: IdentityVersion::default(),
            telemetry,
            recorded: None,
            file: (dialect == Dialect::Sqlite).then(|| OpenedFile::at(sqlite_file(url))).flatten().map(Arc::new),
            told: None,
        })
    }

    /// Returns the sealed private keys of a database; none if there is no database yet. Nothing is written or migrated.
    ///
    /// # Errors
    ///
    /// As [`Store::open`].
    pub async fn keys_before_opening(url: &str) -> Result<Vec<Sealed>, StoreError> {
        let Some(mut connection) = before_opening(url).await? else { return Ok(Vec::new()) };
        let rows = sqlx::query(SealedPlace::Keys.select()).fetch_all(&mut connection).await?;
        connection.close().await?;
        rows.iter().map(|row| Sealed::read(SealedPlace::Keys, row)).collect()
    }

    /// Returns the id of the tenant with this domain, for a command beside a server that may be of another version. Nothing is written or migrated.
    ///
    /// # Errors
    ///
    /// As [`Store::open`].
    pub async fn tenant_before_opening(url: &str, domain: &str) -> Result<Option<Uuid>, StoreError> {
        let Some(mut connection) = before_opening(url).await? else { return Ok(None) };
        let row = sqlx::query("SELECT id FROM tenants WHERE domain = $1").bind(domain.to_owned()).fetch_optional(&mut connection).await?;
        connection.close().await?;
        row.map(|row| row.id("id")).transpose()
    }

    /// Whether [`Store::open`] would bring the tables of an older version up to date. Nothing is written.
    ///
    /// # Errors
    ///
    /// As [`Store::open`].
    pub async fn needs_upgrade(url: &str) -> Result<bool, StoreError> {
        let Some(mut connection) = before_opening(url).await? else { return Ok(false) };
        let step = check_version(&mut connection, "the database").await?;
        connection.close().await?;
        Ok(step < newest_step())
    }

    /// Writes a complete copy of a SQLite database, as of one moment, to a new or empty file, while others use it. The tables are not migrated.
    ///
    /// # Errors
    /// When the database cannot be read, or the file cannot be written.
    pub async fn back_up(url: &str, file: &str) -> Result<(), StoreError> {
        sqlx::any::install_default_drivers();
        let dialect = Dialect::of(url)?;
        if dialect.is_shared() {
            return Err(StoreError::NoBackup);
        }
        let place = sqlite_file(url);
        if look_at(&place)? == Found::Nothing {
            return Err(not_ours(&place, "it is empty or not there"));
        }
        let mut connection = AnyConnection::connect(&dialect.existing_url(url)).await?;
        sqlx::query("PRAGMA busy_timeout = 10000").execute(&mut connection).await?;
        check_sqlite(&mut connection, &place, Look::Through).await?;
        sqlx::query("VACUUM INTO $1").bind(file.to_owned()).execute(&mut connection).await?;
        Ok(connection.close().await?)
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Found {
    /// There is no file, or it is empty.
    Nothing,
    Database,
}

/// How much of a file is checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Look {
    AtVersion,
    Through,
}

/// A connection to a database that may be used.
struct Opened {
    connection: AnyConnection,
    /// The newest migration that was applied; `None` where the database has no tables yet.
    step: Option<i64>,
}

/// A connection that does not migrate; none if there is no database with our tables yet.
async fn before_opening(url: &str) -> Result<Option<AnyConnection>, StoreError> {
    sqlx::any::install_default_drivers();
    let Opened { connection, step } = match Dialect::of(url)? {
        Dialect::Sqlite if look_at(&sqlite_file(url))? == Found::Nothing => return Ok(None),
        Dialect::Sqlite => open_sqlite(url, Look::AtVersion).await?,
        Dialect::Postgres => open_postgres(url).await?,
    };
    if step.is_some_and(|step| step > 0) {
        return Ok(Some(connection));
    }
    connection.close().await?;
    Ok(None)
}

async fn open_sqlite(url: &str, look: Look) -> Result<Opened, StoreError> {
    let (dialect, file) = (Dialect::Sqlite, sqlite_file(url));
    if look_at(&file)? == Found::Nothing {
        return Ok(Opened { connection: AnyConnection::connect(&dialect.connect_url(url)).await?, step: None });
    }
    let mut connection = AnyConnection::connect(&dialect.existing_url(url)).await?;
    sqlx::query("PRAGMA busy_timeout = 10000").execute(&mut connection).await?;
    let step = check_sqlite(&mut connection, &file, look).await?;
    Ok(Opened { connection, step })
}

/// Finds out what the file is without SQLite, which would write into an empty file, and take anything else for a damaged database.
fn look_at(path: &Path) -> Result<Found, StoreError> {
    let unreadable =
        |error: std::io::Error| StoreError::Unreachable { outage: Outage::Away, cause: format!("{}: {error}", path.display()) };
    let mut first = Vec::new();
    match std::fs::metadata(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Found::Nothing),
        Err(error) => return Err(unreadable(error)),
        Ok(found) if !found.is_file() => return Err(not_ours(path, "it is no file")),
        Ok(_) => {}
    }
    let file = File::open(path).map_err(unreadable)?;
    file.take(SQLITE_HEADER.len() as u64).read_to_end(&mut first).map_err(unreadable)?;
    match first.as_slice() {
        [] => Ok(Found::Nothing),
        first if first == SQLITE_HEADER => Ok(Found::Database),
        _ => Err(not_ours(path, "it is no SQLite file, or its beginning is damaged")),
    }
}

fn not_ours(place: &Path, why: &'static str) -> StoreError {
    StoreError::NotOurs { place: place.display().to_string(), why }
}

/// Only reads. Returns the newest migration that was applied; `None` where the file has no tables yet.
async fn check_sqlite(connection: &mut AnyConnection, file: &Path, look: Look) -> Result<Option<i64>, StoreError> {
    let place = file.display().to_string();
    let judged = judged_as_damage(place.clone());
    let tables = sqlx::query("SELECT name FROM sqlite_master WHERE type = 'table'").fetch_all(&mut *connection).await.map_err(&judged)?;
    let tables: Vec<String> = tables.iter().map(|row| row.try_get("name")).collect::<Result<_, _>>()?;
    if !tables.iter().any(|name| name == "_sqlx_migrations") {
        // The database was created, but nothing more was done.
        return if tables.is_empty() { Ok(None) } else { Err(not_ours(file, "its tables are another program's")) };
    }
    let step = check_version(connection, &place).await?;
    if look == Look::AtVersion {
        return Ok(Some(step));
    }
    if std::fs::metadata(file).is_ok_and(|found| found.len() <= LOOKED_THROUGH) {
        let checked = sqlx::query("PRAGMA quick_check(1)").fetch_one(&mut *connection).await.map_err(&judged)?;
        let found: String = checked.try_get(0)?;
        if found != "ok" {
            return Err(StoreError::Damaged { place, why: found });
        }
    } else {
        for name in tables.iter().filter(|name| name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_')) {
            let first = sqlx::AssertSqlSafe(format!("SELECT COUNT(*) FROM (SELECT 1 FROM {name} LIMIT 1)"));
            sqlx::query(first).fetch_one(&mut *connection).await.map_err(&judged)?;
        }
    }
    Ok(Some(step))
}

/// The newest migration that this version has.
fn newest_step() -> i64 {
    migrations().iter().map(|migration| migration.version).max().unwrap_or_default()
}

/// An error of SQLite itself, and not of its surroundings, means that the file is damaged.
fn judged_as_damage(place: String) -> impl Fn(sqlx::Error) -> StoreError {
    move |error| match outage::of(&error) {
        None if error.as_database_error().is_some() => StoreError::Damaged { place: place.clone(), why: error.to_string() },
        _ => error.into(),
    }
}

/// Checks that the applied migrations are ours, and that this version knows all of them. Returns the newest of them.
async fn check_version(connection: &mut AnyConnection, place: &str) -> Result<i64, StoreError> {
    let first = sqlx::query("SELECT description FROM _sqlx_migrations WHERE version = 1").fetch_optional(&mut *connection).await?;
    let first: Option<String> = first.map(|row| row.try_get("description")).transpose()?;
    if first.is_some_and(|description| description != FIRST_TABLES) {
        return Err(StoreError::NotOurs { place: place.to_owned(), why: "its tables are another program's" });
    }
    let newest = sqlx::query("SELECT COALESCE(MAX(version), 0) FROM _sqlx_migrations").fetch_one(&mut *connection).await?;
    let (found, known): (i64, i64) = (newest.try_get(0)?, newest_step());
    if found > known {
        return Err(StoreError::Newer { place: place.to_owned(), found, known });
    }
    Ok(found)
}

async fn open_postgres(url: &str) -> Result<Opened, StoreError> {
    let mut connection = first_connection(url).await?;
    let checks = async {
        let encoding: String = sqlx::query("SHOW server_encoding").fetch_one(&mut connection).await?.try_get(0)?;
        if encoding != "UTF8" {
            return Err(StoreError::Encoding(encoding));
        }
        let there = "SELECT CAST(COUNT(*) AS BIGINT) FROM pg_catalog.pg_tables WHERE tablename = '_sqlx_migrations' AND schemaname = current_schema()";
        let there: i64 = sqlx::query(there).fetch_one(&mut connection).await?.try_get(0)?;
        if there > 0 { check_version(&mut connection, "the database").await.map(Some) } else { Ok(None) }
    };
    let step = timeout(START, checks).await.unwrap_or_else(|_| Err(silent(START).into()))?;
    Ok(Opened { connection, step })
}

/// Waits for a limited time for a database that starts at the same time as this process, and logs at once what it waits for.
async fn first_connection(url: &str) -> Result<AnyConnection, StoreError> {
    let begun = Instant::now();
    let mut told = false;
    loop {
        let error = match timeout_at(begun + START, timeout(CONNECT, AnyConnection::connect(url))).await {
            Ok(Ok(Ok(connection))) => return Ok(connection),
            Ok(Ok(Err(error))) => error,
            Ok(Err(_)) | Err(_) => silent(CONNECT),
        };
        let outage = outage::of(&error);
        let patience = if outage == Some(Outage::NoConnection) { NO_CONNECTION } else { START };
        match outage {
            Some(_) if begun.elapsed() + CONNECT_AGAIN < patience => {
                if !told {
                    tracing::warn!(%error, "no connection to the database can be opened; trying again");
                    told = true;
                }
            }
            Some(outage) => return Err(StoreError::Unreachable { outage, cause: error.to_string() }),
            // A wrong password or name will not become right by waiting.
            None => return Err(StoreError::Unreachable { outage: Outage::Away, cause: error.to_string() }),
        }
        tokio::time::sleep(CONNECT_AGAIN).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_leads_back_to_its_file() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["plain", "a%20b", "a b", "what?", "#1", "line\nbreak", "tab\t", "größe", "a&b=c", "..x", "'\"\\"] {
            let inner = folder.path().canonicalize().unwrap().join(name);
            std::fs::create_dir(&inner).unwrap();
            let file = inner.join("insightgate.db");
            assert_eq!(sqlite_file(&sqlite_url(&file)), file, "{name}");
        }
        assert_eq!(sqlite_file("sqlite:/a/b.db"), Path::new("/a/b.db"));
    }
}
