//! What sign-ins leave behind: removed soon after it has ended, a batch at a time, so that nobody waits for a large one.

use chrono::{DateTime, TimeDelta, Utc};
use sqlx::Row;

use crate::database::row::millis;
use crate::sign_in::counts::known_since;
use crate::{Store, StoreError, execute};

/// Rows that one statement removes at most.
const BATCH: i64 = 500;
/// A device that still asks hears for so long that its code has expired.
const DEVICE_CODES_KEPT: TimeDelta = TimeDelta::minutes(15);
/// A code that comes back for so long ends the tokens that it gave.
const AUTHORIZATION_CODES_KEPT: TimeDelta = TimeDelta::hours(1);
/// A client hears for so long that its token has expired or was revoked. Later it is not known.
const REFRESH_TOKENS_KEPT: TimeDelta = TimeDelta::days(7);
/// Longer than any failure counts.
const FAILURES_KEPT: TimeDelta = TimeDelta::days(1);
/// Names that nobody has whose failures are counted. The oldest go: users' counts never do.
const NAMES_OF_NOBODY: i64 = 100_000;

impl Store {
    /// Removes a batch of each kind that has ended. How many rows; there may be more until it is 0. What lives for months goes only with
    /// `long`: a clock that is wrong for a moment must not end it.
    pub async fn forget_ended_sign_ins(&self, now: DateTime<Utc>, long: bool) -> Result<u64, StoreError> {
        let short_lived = [
            (
                "DELETE FROM device_codes WHERE digest IN (SELECT digest FROM device_codes WHERE expires < $1 LIMIT $2)",
                now - DEVICE_CODES_KEPT,
            ),
            (
                "DELETE FROM authorization_codes WHERE digest IN (SELECT digest FROM authorization_codes WHERE expires < $1 LIMIT $2)",
                now - AUTHORIZATION_CODES_KEPT,
            ),
            ("DELETE FROM sign_in_sessions WHERE digest IN (SELECT digest FROM sign_in_sessions WHERE expires < $1 LIMIT $2)", now),
            (
                "DELETE FROM sign_in_counts WHERE network = '' AND last_failure < $1 AND subject IN
                     (SELECT subject FROM sign_in_counts WHERE last_success = 0 AND last_failure < $1 LIMIT $2)",
                now - FAILURES_KEPT,
            ),
        ];
        let long_lived = [
            (
                "UPDATE refresh_tokens SET expires = $1 WHERE digest IN
                     (SELECT digest FROM refresh_tokens WHERE revoked = 1 AND expires > $1 LIMIT $2)",
                // A revoked token has ended.
                now,
            ),
            (
                "DELETE FROM refresh_tokens WHERE digest IN (SELECT digest FROM refresh_tokens WHERE expires < $1 LIMIT $2)",
                now - REFRESH_TOKENS_KEPT,
            ),
            (
                "DELETE FROM sign_in_counts WHERE network <> '' AND last_success < $1 AND subject IN
                     (SELECT subject FROM sign_in_counts WHERE last_success > 0 AND last_success < $1 LIMIT $2)",
                known_since(now),
            ),
        ];
        let mut connection = self.pool.acquire().await?;
        let mut removed = 0;
        for (statement, instant) in short_lived.into_iter().chain(long_lived.into_iter().filter(|_| long)) {
            removed += execute(&mut connection, sqlx::query(statement).bind(millis(instant)).bind(BATCH)).await?;
        }
        let names: i64 =
            sqlx::query("SELECT COUNT(*) FROM sign_in_counts WHERE nobody = 1").fetch_one(&mut connection).await?.try_get(0)?;
        if names > NAMES_OF_NOBODY {
            let statement = "DELETE FROM sign_in_counts WHERE nobody = 1 AND subject IN
                     (SELECT subject FROM sign_in_counts WHERE nobody = 1 ORDER BY last_failure, subject LIMIT $1)";
            let surplus = (names - NAMES_OF_NOBODY).min(BATCH);
            removed += execute(&mut connection, sqlx::query(statement).bind(surplus)).await?;
        }
        Ok(removed)
    }
}
