//! Sessions of browsers that have signed in, or are signing in.

use chrono::{DateTime, Utc};
use strum::{EnumString, IntoStaticStr};
use uuid::Uuid;

use crate::database::locks::Hold;
use crate::database::row::{Read, millis};
use crate::sign_in::by_digest::ByDigest;
use crate::sign_in::refresh_tokens::revoke;
use crate::{Connection, Dialect, Store, StoreError, execute};

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignInSession {
    /// The SHA-256 of the browser's cookie, in hexadecimal.
    pub digest: String,
    pub tenant: Uuid,
    pub user: Uuid,
    /// The step that is missing; `None` once the browser is signed in.
    pub missing: Option<MissingStep>,
    /// The sealed secret of a second factor that was offered to the user.
    pub offered_secret: Option<String>,
    /// How the user signed in, separated by spaces.
    pub amr: String,
    pub signed_in: DateTime<Utc>,
    pub expires: DateTime<Utc>,
}

/// The steps that may follow the right password.
#[derive(Debug, Clone, Copy, PartialEq, Eq, IntoStaticStr, EnumString)]
#[strum(serialize_all = "lowercase")]
pub enum MissingStep {
    /// A code of the second factor.
    Code,
    /// Setting up a second factor.
    Enrolment,
    /// A new password.
    Password,
}

impl MissingStep {
    fn name(self) -> &'static str {
        self.into()
    }

    fn from_name(name: &str) -> Option<MissingStep> {
        name.parse().ok()
    }
}

const SIGN_IN_SESSIONS: ByDigest = ByDigest { table: "sign_in_sessions", owner: "user_id", age: "signed_in" };

impl Store {
    /// Adds the session. `replaced` is the digest of the session that it replaces. Returns false, and writes nothing, if that session has ended.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn put_sign_in_session(
        &self,
        session: &SignInSession,
        replaced: Option<&str>,
        must_be_there: bool,
    ) -> Result<bool, StoreError> {
        let mut transaction = self.begin(Hold::User(session.user)).await?;
        let query = sqlx::query("DELETE FROM sign_in_sessions WHERE digest = $1").bind(replaced.unwrap_or_default().to_owned());
        if execute(&mut transaction, query).await? != 1 && must_be_there {
            return Ok(false);
        }
        SIGN_IN_SESSIONS.make_room(&mut transaction, session.user).await?;
        sqlx::query(
            "INSERT INTO sign_in_sessions (digest, tenant_id, user_id, missing, offered_secret, amr, signed_in, expires)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        )
        .bind(session.digest.clone())
        .bind(session.tenant.to_string())
        .bind(session.user.to_string())
        .bind(session.missing.map(|step| step.name().to_owned()))
        .bind(session.offered_secret.clone())
        .bind(session.amr.clone())
        .bind(millis(session.signed_in))
        .bind(millis(session.expires))
        .execute(&mut *transaction)
        .await?;
        self.record_change(&mut transaction).await?;
        transaction.commit().await?;
        Ok(true)
    }

    /// # Errors
    /// When the database does not answer.
    pub async fn sign_in_session(&self, digest: &str) -> Result<Option<SignInSession>, StoreError> {
        let Some(row) = SIGN_IN_SESSIONS.find(self, digest).await? else { return Ok(None) };
        let missing = match row.optional_text("missing")? {
            None => None,
            Some(_) => Some(row.named("missing", MissingStep::from_name)?),
        };
        Ok(Some(SignInSession {
            digest: row.text("digest")?,
            tenant: row.id("tenant_id")?,
            user: row.id("user_id")?,
            missing,
            offered_secret: row.optional_text("offered_secret")?,
            amr: row.text("amr")?,
            signed_in: row.instant("signed_in")?,
            expires: row.instant("expires")?,
        }))
    }

    /// # Errors
    /// When the database does not answer.
    pub async fn delete_sign_in_session(&self, digest: &str) -> Result<(), StoreError> {
        SIGN_IN_SESSIONS.delete(self, digest).await
    }
}

/// Whether the session exists; it then stays until the transaction ends.
pub(crate) async fn hold_session(connection: &mut Connection, digest: &str) -> Result<bool, StoreError> {
    let query = sqlx::query("UPDATE sign_in_sessions SET signed_in = signed_in WHERE digest = $1").bind(digest.to_owned());
    Ok(execute(connection, query).await? == 1)
}

/// Ends everything that the user's sign-ins led to: sessions, codes and refresh tokens. Runs in a transaction that has locked the user.
pub(crate) async fn end_sign_ins(dialect: Dialect, connection: &mut Connection, user: Uuid) -> Result<(), StoreError> {
    for statement in [
        "DELETE FROM sign_in_sessions WHERE user_id = $1",
        "DELETE FROM console_sessions WHERE user_id = $1",
        "DELETE FROM authorization_codes WHERE user_id = $1",
        "DELETE FROM device_codes WHERE user_id = $1",
    ] {
        execute(&mut *connection, sqlx::query(statement).bind(user.to_string())).await?;
    }
    execute(connection, revoke(dialect, "user_id").bind(user.to_string())).await.map(drop)
}
