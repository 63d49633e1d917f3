//! Removes expired data of sign-ins in batches, so that no statement waits for a large deletion.

use chrono::{DateTime, TimeDelta, Utc};
use sqlx::{AssertSqlSafe, Row};

use crate::database::row::millis;
use crate::sign_in::counts::known_since;
use crate::{Store, StoreError, execute};

/// The most rows that one statement removes.
const BATCH: i64 = 500;
/// For this long, a device that still polls is told that its code has expired.
const DEVICE_CODES_KEPT: TimeDelta = TimeDelta::minutes(15);
/// For this long, a code that is presented again ends the tokens that it gave.
const AUTHORIZATION_CODES_KEPT: TimeDelta = TimeDelta::hours(1);
/// For this long, a client is told that its token has expired or was revoked. After that the token is unknown.
const REFRESH_TOKENS_KEPT: TimeDelta = TimeDelta::days(7);
/// Longer than any failure counts.
const FAILURES_KEPT: TimeDelta = TimeDelta::days(1);
/// The most names without a user whose failures are counted. The oldest are removed; counts of users never are.
const NAMES_OF_NOBODY: i64 = 100_000;

impl Store {
    /// Removes a batch of expired rows of each kind. Returns the number of removed rows; there may be more until it is 0. Rows that are valid for
    /// months are removed only with `long`, since a clock that is wrong for a moment must not remove them.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn forget_ended_sign_ins(&self, now: DateTime<Utc>, long: bool) -> Result<u64, StoreError> {
        let short_lived = [
            ("device_codes", "digest", "expires < $1", now - DEVICE_CODES_KEPT),
            ("authorization_codes", "digest", "expires < $1", now - AUTHORIZATION_CODES_KEPT),
            ("sign_in_sessions", "digest", "expires < $1", now),
            ("console_sessions", "digest", "expires < $1", now),
            ("sign_in_counts", "subject, network", "last_success = 0 AND network = '' AND last_failure < $1", now - FAILURES_KEPT),
        ];
        let long_lived = [
            ("refresh_tokens", "digest", "expires < $1", now - REFRESH_TOKENS_KEPT),
            ("sign_in_counts", "subject, network", "last_success > 0 AND network <> '' AND last_success < $1", known_since(now)),
        ];
        let mut connection = self.pool.acquire().await?;
        let mut removed = 0;
        if long {
            // A revoked token is made to expire now.
            let ended = self.batch(("refresh_tokens", "digest"), "revoked = 1 AND expires > $1", "UPDATE refresh_tokens SET expires = $1");
            removed += execute(&mut connection, sqlx::query(ended).bind(millis(now)).bind(BATCH)).await?;
        }
        for (table, key, ended, instant) in short_lived.into_iter().chain(long_lived.into_iter().filter(|_| long)) {
            let statement = self.batch((table, key), ended, &format!("DELETE FROM {table}"));
            removed += execute(&mut connection, sqlx::query(statement).bind(millis(instant)).bind(BATCH)).await?;
        }
        let names: i64 =
            sqlx::query("SELECT COUNT(*) FROM sign_in_counts WHERE nobody = 1").fetch_one(&mut connection).await?.try_get(0)?;
        if names > NAMES_OF_NOBODY {
            let oldest = "nobody = $1 ORDER BY last_failure, subject";
            let statement = self.batch(("sign_in_counts", "subject, network"), oldest, "DELETE FROM sign_in_counts");
            let surplus = (names - NAMES_OF_NOBODY).min(BATCH);
            removed += execute(&mut connection, sqlx::query(statement).bind(1_i64).bind(surplus)).await?;
        }
        Ok(removed)
    }

    /// A statement that applies `change` to a batch of rows that meet the condition. Rows that another transaction uses are left for the next time.
    fn batch(&self, (table, key): (&str, &str), condition: &str, change: &str) -> AssertSqlSafe<String> {
        let skip_locked = self.dialect.skip_locked();
        let chosen = format!("SELECT {key} FROM {table} WHERE {condition} LIMIT $2 {skip_locked}");
        AssertSqlSafe(format!("WITH batch AS MATERIALIZED ({chosen}) {change} WHERE ({key}) IN (SELECT {key} FROM batch)"))
    }
}
