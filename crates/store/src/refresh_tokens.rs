//! Refresh tokens: rotated at each use, revoked by family when an old one comes back.

use chrono::{DateTime, Utc};
use sqlx::AnyConnection;
use uuid::Uuid;

use crate::row::{Read, millis};
use crate::{Store, StoreError, execute};

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefreshTokenRecord {
    /// SHA-256 of the token, hexadecimal.
    pub digest: String,
    pub family: Uuid,
    pub tenant: Uuid,
    pub application: Uuid,
    pub user: Uuid,
    pub resource: String,
    /// How the user signed in, separated by blanks.
    pub amr: String,
    pub expires: DateTime<Utc>,
}

/// Whether a token may be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RefreshTokenState {
    Fresh,
    /// It was replaced before.
    Used,
    Revoked,
}

impl Store {
    pub async fn add_refresh_token(&self, token: &RefreshTokenRecord) -> Result<(), StoreError> {
        insert(&mut *self.pool.acquire().await?, &[token]).await
    }

    /// Marks the token used and adds the one that replaces it, if any, in one transaction. False, with nothing written, when somebody else was
    /// first: one token is never good for two answers.
    pub async fn replace_refresh_token(&self, used: String, by: Option<RefreshTokenRecord>) -> Result<bool, StoreError> {
        let mut transaction = self.begin().await?;
        let query = sqlx::query("UPDATE refresh_tokens SET used = 1 WHERE digest = $1 AND used = 0 AND revoked = 0").bind(used);
        if execute(&mut transaction, query).await? != 1 {
            return Ok(false);
        }
        insert(&mut transaction, &by.iter().collect::<Vec<_>>()).await?;
        transaction.commit().await?;
        Ok(true)
    }

    pub async fn refresh_token(&self, digest: &str) -> Result<Option<(RefreshTokenRecord, RefreshTokenState)>, StoreError> {
        let query = sqlx::query("SELECT * FROM refresh_tokens WHERE digest = $1").bind(digest.to_owned());
        let Some(row) = query.fetch_optional(&self.pool).await? else { return Ok(None) };
        let state = match (row.flag("revoked")?, row.flag("used")?) {
            (true, _) => RefreshTokenState::Revoked,
            (false, true) => RefreshTokenState::Used,
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

    pub async fn revoke_refresh_family(&self, family: Uuid) -> Result<(), StoreError> {
        let query = sqlx::query("UPDATE refresh_tokens SET revoked = 1 WHERE family_id = $1").bind(family.to_string());
        query.execute(&self.pool).await?;
        Ok(())
    }
}

pub(crate) async fn insert(connection: &mut AnyConnection, tokens: &[&RefreshTokenRecord]) -> Result<(), StoreError> {
    for token in tokens {
        let query = sqlx::query(
            "INSERT INTO refresh_tokens (digest, family_id, tenant_id, application_id, user_id, resource, amr, expires, used, revoked)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 0, 0)",
        )
        .bind(token.digest.clone())
        .bind(token.family.to_string())
        .bind(token.tenant.to_string())
        .bind(token.application.to_string())
        .bind(token.user.to_string())
        .bind(token.resource.clone())
        .bind(token.amr.clone())
        .bind(millis(token.expires));
        execute(&mut *connection, query).await?;
    }
    Ok(())
}
