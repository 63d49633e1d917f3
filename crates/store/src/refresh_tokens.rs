//! Refresh tokens: rotated at each use, revoked by family when an old one comes back.

use chrono::{DateTime, Utc};
use sqlx::AssertSqlSafe;
use uuid::Uuid;

use crate::audit::AuditEvent;
use crate::row::{Read, millis};
use crate::together::{Write, in_powers_of_two, insert_rows, placeholders};
use crate::{Connection, Store, StoreError};

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
    /// A new sign-in's.
    pub async fn add_refresh_token(&self, token: &RefreshTokenRecord) -> Result<(), StoreError> {
        let mut connection = self.pool.acquire().await?;
        insert(&mut connection, &[token]).await
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

    /// Marks the token used, adds the one that replaces it, if any, and records the event, in one transaction. False, with nothing written, when
    /// somebody else was first: one token is never good for two answers.
    pub async fn replace_refresh_token(
        &self,
        used: String,
        by: Option<RefreshTokenRecord>,
        event: Option<AuditEvent>,
    ) -> Result<bool, StoreError> {
        self.write_together(Write::Replace { used, by, event }).await
    }

    pub async fn revoke_refresh_family(&self, family: Uuid) -> Result<(), StoreError> {
        let query = sqlx::query("UPDATE refresh_tokens SET revoked = 1 WHERE family_id = $1").bind(family.to_string());
        query.execute(&self.pool).await?;
        Ok(())
    }
}

/// Marks the tokens used. The digests of those that were good until now.
pub(crate) async fn use_up(connection: &mut Connection, digests: &[&str]) -> Result<Vec<String>, StoreError> {
    let mut used = Vec::new();
    for some in in_powers_of_two(digests) {
        let listed = placeholders(0, some.len());
        let text = format!("UPDATE refresh_tokens SET used = 1 WHERE used = 0 AND revoked = 0 AND digest IN ({listed}) RETURNING digest");
        let query = some.iter().fold(sqlx::query(AssertSqlSafe(text)), |query, digest| query.bind((*digest).to_owned()));
        for row in query.fetch_all(&mut *connection).await? {
            used.push(row.text("digest")?);
        }
    }
    Ok(used)
}

pub(crate) async fn insert(connection: &mut Connection, tokens: &[&RefreshTokenRecord]) -> Result<(), StoreError> {
    let into = "refresh_tokens (digest, family_id, tenant_id, application_id, user_id, resource, amr, expires, used, revoked)";
    insert_rows(connection, into, 10, tokens, |query, token| {
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
    })
    .await
}
