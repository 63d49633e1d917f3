//! Creations that happen once: a key that a client sends along leads to what the first creation with it made.
//!
//! Keys are looked at under the lock of their owner, in the transaction that creates: of two creations at once the second one sees the first, and a
//! creation that is refused leaves no key behind.

use chrono::{DateTime, TimeDelta, Utc};
use insightgate_identity::program::Program;
use sqlx::Row;
use uuid::Uuid;

use crate::database::row::{Read, millis};
use crate::{Connection, Store, StoreError, execute};

/// For how long a key leads to what was made.
pub const KEYS_KEPT: TimeDelta = TimeDelta::hours(24);
/// The most keys of an owner and a program within that time.
pub const KEYS_OF_AN_OWNER: i64 = 1000;

/// A key as an owner sent it along with a body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CreationKey {
    pub owner: Uuid,
    pub program: Program,
    /// The digest of what is made and of the key.
    pub digest: String,
    /// The digest of the body.
    pub body: String,
    pub now: DateTime<Utc>,
}

/// What became of a creation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Creation {
    Made,
    /// The key made this before, with the same body.
    Before(Uuid),
    /// The key came with another body before.
    OtherBody,
    /// The owner has used as many keys as are kept, and has room for another one after this time.
    NoRoom(TimeDelta),
}

impl Store {
    /// Returns what became of an earlier creation with this key; `None` if there was none.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn creation_before(&self, key: &CreationKey) -> Result<Option<Creation>, StoreError> {
        let mut connection = self.reports.acquire().await?;
        made_with(&mut connection, key).await
    }

    /// Forgets a batch of keys that nobody can use any more. Returns their number; there may be more until it is 0.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn forget_creation_keys(&self, now: DateTime<Utc>, limit: u32) -> Result<u64, StoreError> {
        let mut connection = self.reports.acquire().await?;
        let query = sqlx::query(
            "DELETE FROM idempotency_keys WHERE (owner_id, program, digest) IN
                 (SELECT owner_id, program, digest FROM idempotency_keys WHERE created <= $1 LIMIT $2)",
        );
        execute(&mut connection, query.bind(millis(now - KEYS_KEPT)).bind(i64::from(limit))).await
    }
}

/// Keeps the key for what is about to be made. Returns what to answer instead, if nothing is to be made. Runs under the lock of the owner.
pub(crate) async fn keep_key(connection: &mut Connection, key: Option<&CreationKey>, made: Uuid) -> Result<Option<Creation>, StoreError> {
    let Some(key) = key else { return Ok(None) };
    let CreationKey { owner, program, digest, body, now } = key;
    let (owner, program) = (owner.to_string(), program.name());
    let query = sqlx::query("DELETE FROM idempotency_keys WHERE owner_id = $1 AND program = $2 AND created <= $3");
    execute(&mut *connection, query.bind(owner.clone()).bind(program).bind(millis(*now - KEYS_KEPT))).await?;
    if let Some(before) = made_with(connection, key).await? {
        return Ok(Some(before));
    }
    let query = sqlx::query("SELECT COUNT(*), MIN(created) AS oldest FROM idempotency_keys WHERE owner_id = $1 AND program = $2");
    let row = query.bind(owner.clone()).bind(program).fetch_one(&mut *connection).await?;
    if row.try_get::<i64, _>(0)? >= KEYS_OF_AN_OWNER {
        let oldest = row.optional_instant("oldest")?.unwrap_or(*now);
        return Ok(Some(Creation::NoRoom(oldest + KEYS_KEPT - *now)));
    }
    let query =
        sqlx::query("INSERT INTO idempotency_keys (owner_id, program, digest, body, made_id, created) VALUES ($1, $2, $3, $4, $5, $6)");
    let query = query.bind(owner).bind(program).bind(digest.clone()).bind(body.clone()).bind(made.to_string()).bind(millis(*now));
    execute(connection, query).await?;
    Ok(None)
}

/// What an earlier creation with this key made.
async fn made_with(connection: &mut Connection, key: &CreationKey) -> Result<Option<Creation>, StoreError> {
    let query =
        sqlx::query("SELECT body, made_id FROM idempotency_keys WHERE owner_id = $1 AND program = $2 AND digest = $3 AND created > $4");
    let query = query.bind(key.owner.to_string()).bind(key.program.name()).bind(key.digest.clone()).bind(millis(key.now - KEYS_KEPT));
    let Some(row) = query.fetch_optional(connection).await? else { return Ok(None) };
    Ok(Some(if row.text("body")? == key.body { Creation::Before(row.id("made_id")?) } else { Creation::OtherBody }))
}
