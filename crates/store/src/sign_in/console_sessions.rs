//! Sessions of browsers that are signed in to the console.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::database::locks::Hold;
use crate::database::row::{Read, millis};
use crate::sign_in::by_digest::ByDigest;
use crate::sign_in::sessions::end_sign_ins;
use crate::{Store, StoreError, execute};

/// For whom a browser is signed in to the console.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConsoleSession {
    /// The SHA-256 of the browser's cookie, in hexadecimal.
    pub digest: String,
    pub tenant: Uuid,
    pub application: Uuid,
    /// `None` for an application that signed in alone.
    pub user: Option<Uuid>,
    /// Whether the user gave a second factor.
    pub mfa: bool,
    pub signed_in: DateTime<Utc>,
    pub expires: DateTime<Utc>,
}

impl ConsoleSession {
    fn owner(&self) -> Uuid {
        self.user.unwrap_or(self.application)
    }
}

/// An owner is a user, or an application alone.
const CONSOLE_SESSIONS: ByDigest = ByDigest { table: "console_sessions", owner: "owner_id", age: "signed_in" };

impl Store {
    /// # Errors
    /// When the database does not answer.
    pub async fn add_console_session(&self, session: &ConsoleSession) -> Result<(), StoreError> {
        let owner = session.owner();
        let mut transaction = self.begin(Hold::User(owner)).await?;
        CONSOLE_SESSIONS.make_room(&mut transaction, owner).await?;
        sqlx::query(
            "INSERT INTO console_sessions (digest, tenant_id, application_id, user_id, owner_id, mfa, signed_in, expires)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        )
        .bind(session.digest.clone())
        .bind(session.tenant.to_string())
        .bind(session.application.to_string())
        .bind(session.user.map(|user| user.to_string()))
        .bind(owner.to_string())
        .bind(i64::from(session.mfa))
        .bind(millis(session.signed_in))
        .bind(millis(session.expires))
        .execute(&mut *transaction)
        .await?;
        self.record_change(&mut transaction).await?;
        transaction.commit().await?;
        Ok(())
    }

    /// # Errors
    /// When the database does not answer.
    pub async fn console_session(&self, digest: &str) -> Result<Option<ConsoleSession>, StoreError> {
        let Some(row) = CONSOLE_SESSIONS.find(self, digest).await? else { return Ok(None) };
        Ok(Some(ConsoleSession {
            digest: row.text("digest")?,
            tenant: row.id("tenant_id")?,
            application: row.id("application_id")?,
            user: row.optional_id("user_id")?,
            mfa: row.flag("mfa")?,
            signed_in: row.instant("signed_in")?,
            expires: row.instant("expires")?,
        }))
    }

    /// # Errors
    /// When the database does not answer.
    pub async fn delete_console_session(&self, digest: &str) -> Result<(), StoreError> {
        CONSOLE_SESSIONS.delete(self, digest).await
    }

    /// Signs the owner of the session out everywhere: ends all sessions of the console, and what a user's sign-ins led to: sessions of the sign-in pages,
    /// codes and refresh tokens.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn end_everywhere(&self, session: &ConsoleSession) -> Result<(), StoreError> {
        let owner = session.owner();
        let mut transaction = self.begin(Hold::User(owner)).await?;
        match session.user {
            Some(user) => end_sign_ins(self.dialect, &mut transaction, user).await?,
            None => {
                let query = sqlx::query("DELETE FROM console_sessions WHERE owner_id = $1").bind(owner.to_string());
                execute(&mut transaction, query).await?;
            }
        }
        self.record_change(&mut transaction).await?;
        self.commit_identities(transaction).await
    }
}
