//! Refresh tokens: each use of a token gives a new one of the same family. The caller decides whether a used token is accepted.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use crate::audit::{self, AuditEvent};
use crate::database::again::again;
use crate::database::dialect::{Dialect, placeholders};
use crate::database::locks::Hold;
use crate::database::row::{Read, millis};
use crate::database::rows::{in_powers_of_two, insert_rows};
use crate::{Connection, Store, StoreError, Transaction, execute};
use chrono::{DateTime, Utc};
use insightgate_identity::tokens::refresh::{KEPT_PER_SIGN_IN, KEPT_PER_USER, LIFETIME};
use sqlx::any::AnyArguments;
use sqlx::query::Query;
use sqlx::{Any, AssertSqlSafe};
use uuid::Uuid;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefreshTokenRecord {
    /// The SHA-256 of the token, in hexadecimal.
    pub digest: String,
    pub family: Uuid,
    pub tenant: Uuid,
    pub application: Uuid,
    pub user: Uuid,
    pub resource: String,
    /// How the user signed in, separated by spaces.
    pub amr: String,
    pub expires: DateTime<Utc>,
}

/// Whether a token may be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RefreshTokenState {
    Fresh,
    /// The token was used before, first at this instant.
    Used(DateTime<Utc>),
    Revoked,
}

/// A token that is being used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UsedToken {
    pub digest: String,
    pub now: DateTime<Utc>,
    /// A token that was used before is valid if its first use was at this time or later; `None` means that it is not valid.
    pub good_since: Option<DateTime<Utc>>,
}

/// The users of sign-ins that got tokens recently, by family, whose oldest tokens may have to be removed. This is in memory only: a family that is
/// lost here is checked when it gets its next token.
#[derive(Debug, Clone, Default)]
pub(crate) struct Grown(Arc<Mutex<HashMap<Uuid, Uuid>>>);

/// The most families that are remembered.
const GROWN: usize = 10_000;

impl Grown {
    pub(crate) fn note<'a>(&self, tokens: impl IntoIterator<Item = &'a RefreshTokenRecord>) {
        // Each change leaves the map consistent.
        let mut families = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for token in tokens {
            if families.len() < GROWN {
                families.insert(token.family, token.user);
            }
        }
    }

    fn take(&self) -> HashMap<Uuid, Uuid> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Store {
    /// Adds the token of a new sign-in.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn add_refresh_token(&self, token: &RefreshTokenRecord) -> Result<(), StoreError> {
        let add = |written| async move {
            let mut transaction = self.begin_with_token(Some(token)).await?;
            insert(&mut transaction, &[token], written).await?;
            transaction.commit().await
        };
        match again(|| add(false)).await {
            // No other token has its digest, so that it may be written twice.
            Err(StoreError::Interrupted) => again(|| add(true)).await?,
            added => added?,
        }
        self.grown.note([token]);
        Ok(())
    }

    /// # Errors
    /// When the database does not answer.
    pub async fn refresh_token(&self, digest: &str) -> Result<Option<(RefreshTokenRecord, RefreshTokenState)>, StoreError> {
        let query = sqlx::query("SELECT * FROM refresh_tokens WHERE digest = $1").bind(digest.to_owned());
        let Some(row) = query.fetch_optional(&self.pool).await? else { return Ok(None) };
        let state = match (row.flag("revoked")?, row.flag("used")?) {
            (true, _) => RefreshTokenState::Revoked,
            // An earlier version did not record the time.
            (false, true) => RefreshTokenState::Used(row.optional_instant("used_at")?.unwrap_or_default()),
            (false, false) => RefreshTokenState::Fresh,
        };
        let record = RefreshTokenRecord {
            digest: row.text("digest")?,
            family: row.id("family_id")?,
            tenant: row.id("tenant_id")?,
            application: row.id("application_id")?,
            user: row.id("user_id")?,
            resource: row.text("resource")?,
            amr: row.text("amr")?,
            expires: row.instant("expires")?,
        };
        Ok(Some((record, state)))
    }

    /// Ends a sign-in, and records the event in the same transaction. Nothing is recorded if it had already ended.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn revoke_refresh_family(&self, family: Uuid, event: Option<AuditEvent>) -> Result<(), StoreError> {
        let event = &event;
        again(|| async move {
            let mut transaction = self.begin(Hold::UserOfFamily(family)).await?;
            if execute(&mut transaction, revoke(self.dialect, "family_id").bind(family.to_string())).await? > 0 {
                let events: Vec<&AuditEvent> = event.iter().collect();
                audit::insert(&mut transaction, &events, false).await?;
            }
            transaction.commit().await
        })
        .await
    }

    /// Begins the transaction that adds this token. If the user's sign-ins are ended at the same time, the token ends with them.
    async fn begin_with_token(&self, token: Option<&RefreshTokenRecord>) -> Result<Transaction, StoreError> {
        match token {
            Some(token) => self.begin(Hold::UsersStay(&[token.user])).await,
            None => self.begin_beside().await,
        }
    }

    /// Uses up the code with this digest by `use_up`, a statement that changes its row if it was not used before, and adds the refresh token that it leads
    /// to, if any, in one transaction. Returns false, and writes nothing, if the statement changed nothing.
    pub(super) async fn redeem(&self, use_up: &'static str, digest: &str, token: Option<&RefreshTokenRecord>) -> Result<bool, StoreError> {
        again(|| async move {
            let mut transaction = self.begin_with_token(token).await?;
            if execute(&mut transaction, sqlx::query(use_up).bind(digest.to_owned())).await? != 1 {
                return Ok(false);
            }
            insert(&mut transaction, token.as_slice(), false).await?;
            self.record_change(&mut transaction).await?;
            transaction.commit().await?;
            self.grown.note(token);
            Ok(true)
        })
        .await
    }

    /// Removes the least recently used tokens of sign-ins that got tokens since the last call and that have too many. Until then there may be more,
    /// since counting them at each grant would make grants slow.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn trim_refresh_tokens(&self) -> Result<u64, StoreError> {
        let grown = self.grown.take();
        let mut users: Vec<Uuid> = grown.values().copied().collect();
        users.sort_unstable();
        users.dedup();
        let families: Vec<Uuid> = grown.into_keys().collect();
        let (mut connection, skip_locked) = (self.pool.acquire().await?, self.dialect.skip_locked());
        let mut removed = 0;
        for (of, each, kept, ids) in
            [("family_id", "family_id", KEPT_PER_SIGN_IN, families), ("user_id", "user_id, application_id", KEPT_PER_USER, users)]
        {
            for some in in_powers_of_two(&ids) {
                let listed = placeholders(1, some.len());
                let text = format!(
                    "DELETE FROM refresh_tokens WHERE digest IN (SELECT digest FROM refresh_tokens WHERE digest IN (SELECT digest FROM
                         (SELECT digest, ROW_NUMBER() OVER (PARTITION BY {each} ORDER BY touched DESC, digest) AS place
                          FROM refresh_tokens WHERE {of} IN ({listed})) AS ranked
                     WHERE place > $1) {skip_locked})"
                );
                let query = sqlx::query(AssertSqlSafe(text)).bind(i64::from(kept));
                removed += execute(&mut connection, some.iter().fold(query, |query, id| query.bind(id.to_string()))).await?;
            }
        }
        Ok(removed)
    }
}

/// Marks the tokens used for the first time. Returns the digests of those that were not used before.
pub(crate) async fn use_up(
    dialect: Dialect,
    connection: &mut Connection,
    digests: &[&str],
    now: DateTime<Utc>,
) -> Result<Vec<String>, StoreError> {
    let mut used = Vec::new();
    for some in in_powers_of_two(digests) {
        let listed = placeholders(1, some.len());
        let held = by_digest(dialect, &format!("digest IN ({listed})"));
        let text = format!(
            "UPDATE refresh_tokens SET used = 1, used_at = $1, touched = $1 WHERE used = 0 AND revoked = 0 AND {held} RETURNING digest"
        );
        let query = sqlx::query(AssertSqlSafe(text)).bind(millis(now));
        let query = some.iter().fold(query, |query, digest| query.bind((*digest).to_owned()));
        for row in query.fetch_all(&mut *connection).await? {
            used.push(row.text("digest")?);
        }
    }
    Ok(used)
}

/// Revokes the tokens whose column has the bound value.
pub(crate) fn revoke(dialect: Dialect, column: &str) -> Query<'static, Any, AnyArguments> {
    let held = by_digest(dialect, &format!("{column} = $1 AND revoked = 0"));
    sqlx::query(AssertSqlSafe(format!("UPDATE refresh_tokens SET revoked = 1 WHERE revoked = 0 AND {held}")))
}

/// A condition for changing several tokens, by which all transactions that do so lock them in the same order.
fn by_digest(dialect: Dialect, condition: &str) -> String {
    match dialect.for_update() {
        "" => condition.to_owned(),
        for_update => format!("digest IN (SELECT digest FROM refresh_tokens WHERE {condition} ORDER BY digest {for_update})"),
    }
}

/// Uses a token again. Returns false if it is not valid for that.
pub(crate) async fn use_again(connection: &mut Connection, used: &UsedToken) -> Result<bool, StoreError> {
    let Some(since) = used.good_since else { return Ok(false) };
    let query =
        sqlx::query("UPDATE refresh_tokens SET touched = $1 WHERE digest = $2 AND used = 1 AND revoked = 0 AND COALESCE(used_at, 0) >= $3");
    let query = query.bind(millis(used.now)).bind(used.digest.clone()).bind(millis(since));
    Ok(execute(connection, query).await? == 1)
}

/// Inserts tokens. With `again`, some of them may already be there.
pub(crate) async fn insert(connection: &mut Connection, tokens: &[&RefreshTokenRecord], again: bool) -> Result<(), StoreError> {
    let into = "refresh_tokens (digest, family_id, tenant_id, application_id, user_id, resource, amr, expires, used, revoked, touched)";
    let end = if again { "ON CONFLICT (digest) DO NOTHING" } else { "" };
    insert_rows(connection, (into, end), 11, tokens, |query, token| {
        query
            .bind(token.digest.clone())
            .bind(token.family.to_string())
            .bind(token.tenant.to_string())
            .bind(token.application.to_string())
            .bind(token.user.to_string())
            .bind(token.resource.clone())
            .bind(token.amr.clone())
            .bind(millis(token.expires))
            .bind(0_i64)
            .bind(0_i64)
            // The time when the token was issued.
            .bind(millis(token.expires - LIFETIME))
    })
    .await
}
