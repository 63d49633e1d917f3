//! Private keys of the deployment, as sealed text.

pub(crate) mod sealed;

use chrono::{DateTime, Utc};

use crate::database::locks::Hold;
use crate::database::row::{Read, millis};
use crate::{Store, StoreError, execute};

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredKey {
    pub id: String,
    /// The purpose, such as `signing` or `link`.
    pub purpose: String,
    /// The encrypted key; this crate cannot read it.
    pub sealed: String,
    pub created: DateTime<Utc>,
}

impl Store {
    /// # Errors
    /// When the database does not answer.
    pub async fn add_key(&self, key: &StoredKey) -> Result<(), StoreError> {
        let query = sqlx::query("INSERT INTO keys (id, purpose, sealed, created) VALUES ($1, $2, $3, $4)")
            .bind(key.id.clone())
            .bind(key.purpose.clone())
            .bind(key.sealed.clone())
            .bind(millis(key.created));
        let mut transaction = self.begin_beside().await?;
        execute(&mut transaction, query).await?;
        self.record_change(&mut transaction).await?;
        transaction.commit().await
    }

    /// Adds the key unless there is one for its purpose, so that of several processes that start together only one adds it.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn add_first_key(&self, key: &StoredKey) -> Result<(), StoreError> {
        let mut transaction = self.begin(Hold::KeysOf(&key.purpose)).await?;
        let query = sqlx::query(
            "INSERT INTO keys (id, purpose, sealed, created)
             SELECT $1, $2, $3, $4 WHERE NOT EXISTS (SELECT 1 FROM keys WHERE purpose = $2)",
        );
        let query = query.bind(key.id.clone()).bind(key.purpose.clone()).bind(key.sealed.clone()).bind(millis(key.created));
        execute(&mut transaction, query).await?;
        transaction.commit().await?;
        Ok(())
    }

    /// # Errors
    /// When the database does not answer.
    pub async fn remove_key(&self, id: &str) -> Result<(), StoreError> {
        sqlx::query("DELETE FROM keys WHERE id = $1").bind(id.to_owned()).execute(&self.pool).await?;
        Ok(())
    }

    /// Returns the keys for a purpose, the newest first.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn keys(&self, purpose: &str) -> Result<Vec<StoredKey>, StoreError> {
        let query = sqlx::query("SELECT * FROM keys WHERE purpose = $1 ORDER BY created DESC, id").bind(purpose.to_owned());
        let rows = query.fetch_all(&self.pool).await?;
        rows.iter()
            .map(|row| {
                Ok(StoredKey {
                    id: row.text("id")?,
                    purpose: row.text("purpose")?,
                    sealed: row.text("sealed")?,
                    created: row.instant("created")?,
                })
            })
            .collect()
    }
}
