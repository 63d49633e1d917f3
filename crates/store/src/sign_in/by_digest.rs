//! What sessions of browsers and authorization codes have in common: a row is found by the digest of what the browser or the client holds, and nobody has
//! more than so many of them.

use sqlx::AssertSqlSafe;
use sqlx::any::AnyRow;
use uuid::Uuid;

use crate::{Connection, Store, StoreError, execute};

/// The most rows of one owner; a further one replaces the oldest.
const PER_OWNER: i64 = 100;

/// A table with the column `digest`.
#[derive(Debug, Clone, Copy)]
pub(super) struct ByDigest {
    pub(super) table: &'static str,
    /// The column that says whose a row is.
    pub(super) owner: &'static str,
    /// The column that grows from an older row to a newer one.
    pub(super) age: &'static str,
}

impl ByDigest {
    /// Removes the owner's oldest rows, so that there is room for one more. Runs in a transaction that has locked the owner.
    pub(super) async fn make_room(self, connection: &mut Connection, owner: Uuid) -> Result<(), StoreError> {
        let ByDigest { table, owner: of, age } = self;
        let statement = format!(
            "DELETE FROM {table} WHERE digest IN
                 (SELECT digest FROM {table} WHERE {of} = $1 ORDER BY {age} DESC, digest LIMIT 1000 OFFSET $2)"
        );
        let query = sqlx::query(AssertSqlSafe(statement)).bind(owner.to_string()).bind(PER_OWNER - 1);
        execute(connection, query).await.map(drop)
    }

    pub(super) async fn find(self, store: &Store, digest: &str) -> Result<Option<AnyRow>, StoreError> {
        let query = sqlx::query(AssertSqlSafe(format!("SELECT * FROM {} WHERE digest = $1", self.table))).bind(digest.to_owned());
        Ok(query.fetch_optional(&store.pool).await?)
    }

    pub(super) async fn delete(self, store: &Store, digest: &str) -> Result<(), StoreError> {
        let query = sqlx::query(AssertSqlSafe(format!("DELETE FROM {} WHERE digest = $1", self.table))).bind(digest.to_owned());
        query.execute(&store.pool).await?;
        Ok(())
    }
}
