//! What the tables hold at one moment, and the way back to it: for the reset of a sandbox. Keys and settings are not part of it: what this process
//! has read of them goes on to hold.
//!
//! All of it is kept in memory, so that it is for small databases only.

use sqlx::any::AnyRow;
use sqlx::{AssertSqlSafe, Column, Row, ValueRef};

use crate::{Store, StoreError, execute};

/// In an order in which a row comes after those that it refers to.
const TABLES: [&str; 30] = [
    "tenants",
    "enrollments",
    "locations",
    "users",
    "applications",
    "client_secrets",
    "permissions",
    "consents",
    "role_assignments",
    "external_identities",
    "refresh_tokens",
    "sign_in_sessions",
    "console_sessions",
    "sign_in_counts",
    "authorization_codes",
    "device_codes",
    "report_queries",
    "scheduled_reports",
    "execute_now_creations",
    "executions",
    "artifact_blocks",
    "callbacks",
    "callback_attempts",
    "callback_secrets",
    "mails",
    "tenant_limits",
    "idempotency_keys",
    "audit_events",
    "access_events",
    "access_days",
];

/// The rows of each table.
#[derive(Debug)]
pub struct Snapshot(Vec<(&'static str, Vec<Vec<Cell>>)>);

#[derive(Debug)]
struct Cell {
    column: String,
    value: Held,
}

#[derive(Debug)]
enum Held {
    Nothing,
    Number(i64),
    Text(String),
    Bytes(Vec<u8>),
}

impl Store {
    /// # Errors
    /// When the database does not answer.
    pub async fn snapshot(&self) -> Result<Snapshot, StoreError> {
        // Of one moment.
        let mut transaction = self.begin_beside().await?;
        let mut tables = Vec::with_capacity(TABLES.len());
        for table in TABLES {
            let rows = sqlx::query(AssertSqlSafe(format!("SELECT * FROM {table}"))).fetch_all(&mut *transaction).await?;
            tables.push((table, rows.iter().map(read).collect::<Result<_, _>>()?));
        }
        Ok(Snapshot(tables))
    }

    /// Removes everything that came since, and writes what was removed or changed. One transaction.
    ///
    /// # Errors
    /// When the database does not answer. Then nothing has changed.
    pub async fn restore(&self, snapshot: &Snapshot) -> Result<(), StoreError> {
        let mut transaction = self.begin_beside().await?;
        for table in TABLES.iter().rev() {
            execute(&mut transaction, sqlx::query(AssertSqlSafe(format!("DELETE FROM {table}")))).await?;
        }
        for (table, rows) in &snapshot.0 {
            for row in rows {
                let (mut names, mut places, mut bound) = (Vec::new(), Vec::new(), 0);
                for cell in row {
                    names.push(cell.column.as_str());
                    places.push(match cell.value {
                        // Written out, since what is bound has a type.
                        Held::Nothing => "NULL".to_owned(),
                        _ => {
                            bound += 1;
                            format!("${bound}")
                        }
                    });
                }
                let statement = format!("INSERT INTO {table} ({}) VALUES ({})", names.join(", "), places.join(", "));
                let query = row.iter().fold(sqlx::query(AssertSqlSafe(statement)), |query, cell| match &cell.value {
                    Held::Nothing => query,
                    Held::Number(number) => query.bind(*number),
                    Held::Text(text) => query.bind(text.clone()),
                    Held::Bytes(bytes) => query.bind(bytes.clone()),
                });
                execute(&mut transaction, query).await?;
            }
        }
        self.commit_identities(transaction).await
    }
}

fn read(row: &AnyRow) -> Result<Vec<Cell>, StoreError> {
    let mut cells = Vec::with_capacity(row.columns().len());
    for column in row.columns() {
        let at = column.ordinal();
        let value = if row.try_get_raw(at)?.is_null() {
            Held::Nothing
        } else if let Ok(number) = row.try_get::<i64, _>(at) {
            Held::Number(number)
        } else if let Ok(text) = row.try_get::<String, _>(at) {
            Held::Text(text)
        } else {
            Held::Bytes(row.try_get(at)?)
        };
        cells.push(Cell { column: column.name().to_owned(), value });
    }
    Ok(cells)
}

#[cfg(test)]
mod tests {
    use insightgate_identity::tenant::Tenant;
    use tempfile::TempDir;
    use uuid::Uuid;

    use super::*;

    /// What a snapshot leaves alone.
    const KEPT: [&str; 3] = ["keys", "settings", "_sqlx_migrations"];

    async fn store(folder: &TempDir) -> Store {
        Store::open(&format!("sqlite:{}", folder.path().join("a.db").display())).await.unwrap()
    }

    fn tenant(id: u128, name: &str) -> Tenant {
        Tenant { id: Uuid::from_u128(id), domain: format!("{id}.example"), name: name.to_owned(), global_account: None }
    }

    #[tokio::test]
    async fn no_table_is_forgotten() {
        let folder = TempDir::new().unwrap();
        let store = store(&folder).await;
        let rows = sqlx::query("SELECT name FROM sqlite_master WHERE type = 'table'").fetch_all(&store.pool).await.unwrap();
        let mut found: Vec<String> = rows.iter().map(|row| row.get(0)).collect();
        found.retain(|name| !KEPT.contains(&name.as_str()) && !name.starts_with("sqlite_"));
        found.sort_unstable();
        let mut listed = TABLES.to_vec();
        listed.sort_unstable();
        assert_eq!(found, listed);
    }

    #[tokio::test]
    async fn what_changed_since_is_as_it_was() {
        let folder = TempDir::new().unwrap();
        let store = store(&folder).await;
        let at = chrono::DateTime::UNIX_EPOCH;
        store.add_tenant(&tenant(1, "first"), None, at).await.unwrap();
        let version = store.identity_version().await.unwrap();
        let snapshot = store.snapshot().await.unwrap();
        store.delete_tenant(Uuid::from_u128(1)).await.unwrap();
        store.add_tenant(&tenant(1, "another"), None, at).await.unwrap();
        store.add_tenant(&tenant(2, "second"), None, at).await.unwrap();
        store.put_setting("kept", "so").await.unwrap();
        for _ in 0..2 {
            store.restore(&snapshot).await.unwrap();
            assert_eq!(store.tenants().await.unwrap(), [tenant(1, "first")]);
        }
        assert_eq!(store.setting("kept").await.unwrap().as_deref(), Some("so"));
        assert!(store.identity_version().await.unwrap() > version, "readers hear of it");
    }
}
