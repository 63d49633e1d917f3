//! Secrets that sign callbacks, stored as sealed text. A secret that is replaced still signs until it expires.

use chrono::{DateTime, Utc};
use sqlx::any::AnyRow;
use uuid::Uuid;

use crate::database::locks::Hold;
use crate::database::row::{Read, millis};
use crate::{Store, StoreError, execute};

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallbackSecret {
    pub id: Uuid,
    pub tenant: Uuid,
    /// The user, or the application that acts without a user.
    pub owner: Uuid,
    /// The encrypted secret; this crate cannot read it.
    pub sealed: String,
    pub created: DateTime<Utc>,
    /// When the secret expires; `None` for the current one.
    pub expires: Option<DateTime<Utc>>,
}

impl Store {
    /// Adds the secret as the owner's current one. The previous one signs until `until`. Returns false, and writes nothing, if the owner already has
    /// the most secrets that have not expired.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn add_callback_secret(&self, secret: &CallbackSecret, until: DateTime<Utc>, most: usize) -> Result<bool, StoreError> {
        let mut transaction = self.begin(Hold::Owner(secret.owner)).await?;
        let owner = secret.owner.to_string();
        let query = sqlx::query("DELETE FROM callback_secrets WHERE owner_id = $1 AND expires <= $2");
        execute(&mut transaction, query.bind(owner.clone()).bind(millis(secret.created))).await?;
        let query = sqlx::query("UPDATE callback_secrets SET expires = $1 WHERE owner_id = $2 AND expires IS NULL");
        execute(&mut transaction, query.bind(millis(until)).bind(owner.clone())).await?;
        let rows = sqlx::query("SELECT id FROM callback_secrets WHERE owner_id = $1").bind(owner.clone()).fetch_all(&mut *transaction);
        if rows.await?.len() >= most {
            return Ok(false);
        }
        let query = sqlx::query("INSERT INTO callback_secrets (id, tenant_id, owner_id, sealed, created) VALUES ($1, $2, $3, $4, $5)")
            .bind(secret.id.to_string())
            .bind(secret.tenant.to_string())
            .bind(owner)
            .bind(secret.sealed.clone())
            .bind(millis(secret.created));
        execute(&mut transaction, query).await?;
        self.record_change(&mut transaction).await?;
        transaction.commit().await?;
        Ok(true)
    }

    /// Returns the secrets that have not expired, the newest first.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn callback_secrets(&self, owner: Uuid, now: DateTime<Utc>) -> Result<Vec<CallbackSecret>, StoreError> {
        let query = sqlx::query(
            "SELECT * FROM callback_secrets WHERE owner_id = $1 AND (expires IS NULL OR expires > $2)
             ORDER BY CASE WHEN expires IS NULL THEN 0 ELSE 1 END, created DESC, id DESC",
        );
        let rows = query.bind(owner.to_string()).bind(millis(now)).fetch_all(&self.pool).await?;
        rows.iter().map(read_secret).collect()
    }

    /// Returns false if the owner has no such secret.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn remove_callback_secret(&self, owner: Uuid, id: Uuid) -> Result<bool, StoreError> {
        let query = sqlx::query("DELETE FROM callback_secrets WHERE owner_id = $1 AND id = $2");
        let mut transaction = self.begin_beside().await?;
        let removed = execute(&mut transaction, query.bind(owner.to_string()).bind(id.to_string())).await? == 1;
        if removed {
            self.record_change(&mut transaction).await?;
        }
        transaction.commit().await?;
        Ok(removed)
    }
}

fn read_secret(row: &AnyRow) -> Result<CallbackSecret, StoreError> {
    Ok(CallbackSecret {
        id: row.id("id")?,
        tenant: row.id("tenant_id")?,
        owner: row.id("owner_id")?,
        sealed: row.text("sealed")?,
        created: row.instant("created")?,
        expires: row.optional_instant("expires")?,
    })
}
