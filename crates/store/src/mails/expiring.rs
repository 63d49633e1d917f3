//! Secrets of applications whose end is near, or has just been.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::database::row::{Read, millis};
use crate::{Store, StoreError};

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExpiringSecret {
    pub id: Uuid,
    pub tenant: Uuid,
    pub application: Uuid,
    pub application_name: String,
    /// The first characters of the secret.
    pub hint: String,
    pub description: String,
    pub created: DateTime<Utc>,
    pub expires: DateTime<Utc>,
    /// How many secrets of the application work for longer.
    pub longer: u64,
}

impl Store {
    /// Returns secrets of enabled applications that expire in this time, by their ends, from the one after `after` on.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn secrets_that_expire(
        &self,
        from: DateTime<Utc>,
        until: DateTime<Utc>,
        after: Option<&ExpiringSecret>,
        limit: u32,
    ) -> Result<Vec<ExpiringSecret>, StoreError> {
        let (from, after) = after.map_or((from, Uuid::nil()), |last| (last.expires, last.id));
        let query = sqlx::query(
            "SELECT secret.id, application.tenant_id, secret.application_id, application.name, secret.hint, secret.description, secret.created,
                 secret.expires, (SELECT COUNT(*) FROM client_secrets AS other
                                  WHERE other.application_id = secret.application_id AND other.expires > secret.expires) AS longer
             FROM client_secrets AS secret JOIN applications AS application ON application.id = secret.application_id
             WHERE application.enabled = 1 AND secret.expires <= $2 AND (secret.expires > $1 OR (secret.expires = $1 AND secret.id > $3))
             ORDER BY secret.expires, secret.id LIMIT $4",
        );
        let query = query.bind(millis(from)).bind(millis(until)).bind(after.to_string()).bind(i64::from(limit));
        let rows = query.fetch_all(&self.pool).await?;
        rows.iter()
            .map(|row| {
                Ok(ExpiringSecret {
                    id: row.id("id")?,
                    tenant: row.id("tenant_id")?,
                    application: row.id("application_id")?,
                    application_name: row.text("name")?,
                    hint: row.text("hint")?,
                    description: row.text("description")?,
                    created: row.instant("created")?,
                    expires: row.instant("expires")?,
                    longer: row.count("longer")?,
                })
            })
            .collect()
    }
}
