//! Authorization codes, which are valid for one exchange.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::database::locks::Hold;
use crate::database::row::{Read, millis};
use crate::sign_in::by_digest::ByDigest;
use crate::sign_in::refresh_tokens::RefreshTokenRecord;
use crate::sign_in::sessions::hold_session;
use crate::{Store, StoreError};

const AUTHORIZATION_CODES: ByDigest = ByDigest { table: "authorization_codes", owner: "user_id", age: "expires" };

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuthorizationCode {
    /// The SHA-256 of the code, in hexadecimal.
    pub digest: String,
    /// The family of the refresh tokens that the code leads to.
    pub family: Uuid,
    pub tenant: Uuid,
    pub application: Uuid,
    pub user: Uuid,
    pub redirect_uri: String,
    /// The challenge and the method (`plain` or `S256`) of PKCE.
    pub challenge: Option<(String, String)>,
    pub nonce: Option<String>,
    pub resource: String,
    /// Whether an id token was asked for.
    pub openid: bool,
    /// Whether a refresh token was asked for.
    pub offline: bool,
    pub amr: String,
    pub expires: DateTime<Utc>,
    pub used: bool,
}

impl Store {
    /// Adds a code of the session with this digest. Returns false, and writes nothing, if the session has ended.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn add_authorization_code(&self, code: &AuthorizationCode, session: &str) -> Result<bool, StoreError> {
        let mut transaction = self.begin(Hold::User(code.user)).await?;
        if !hold_session(&mut transaction, session).await? {
            return Ok(false);
        }
        AUTHORIZATION_CODES.make_room(&mut transaction, code.user).await?;
        let (challenge, method) = code.challenge.clone().unzip();
        sqlx::query(
            "INSERT INTO authorization_codes (digest, family_id, tenant_id, application_id, user_id, redirect_uri, challenge,
                 challenge_method, nonce, resource, openid, offline, amr, expires, used)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)",
        )
        .bind(code.digest.clone())
        .bind(code.family.to_string())
        .bind(code.tenant.to_string())
        .bind(code.application.to_string())
        .bind(code.user.to_string())
        .bind(code.redirect_uri.clone())
        .bind(challenge)
        .bind(method)
        .bind(code.nonce.clone())
        .bind(code.resource.clone())
        .bind(i64::from(code.openid))
        .bind(i64::from(code.offline))
        .bind(code.amr.clone())
        .bind(millis(code.expires))
        .bind(i64::from(code.used))
        .execute(&mut *transaction)
        .await?;
        transaction.commit().await?;
        Ok(true)
    }

    /// # Errors
    /// When the database does not answer.
    pub async fn authorization_code(&self, digest: &str) -> Result<Option<AuthorizationCode>, StoreError> {
        let Some(row) = AUTHORIZATION_CODES.find(self, digest).await? else { return Ok(None) };
        Ok(Some(AuthorizationCode {
            digest: row.text("digest")?,
            family: row.id("family_id")?,
            tenant: row.id("tenant_id")?,
            application: row.id("application_id")?,
            user: row.id("user_id")?,
            redirect_uri: row.text("redirect_uri")?,
            challenge: row.optional_text("challenge")?.zip(row.optional_text("challenge_method")?),
            nonce: row.optional_text("nonce")?,
            resource: row.text("resource")?,
            openid: row.flag("openid")?,
            offline: row.flag("offline")?,
            amr: row.text("amr")?,
            expires: row.instant("expires")?,
            used: row.flag("used")?,
        }))
    }

    /// Marks the code used and adds the refresh token that it leads to, if any, in one transaction. Returns false, and writes nothing, if the code
    /// was used before, since one code is never valid for two answers.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn redeem_authorization_code(&self, digest: &str, token: Option<&RefreshTokenRecord>) -> Result<bool, StoreError> {
        self.redeem("UPDATE authorization_codes SET used = 1 WHERE digest = $1 AND used = 0", digest, token).await
    }
}
