//! App registrations: secrets, permissions, consent.

use insightgate_identity::application::{Application, ClientSecret, Permission};
use sqlx::any::AnyRow;
use uuid::Uuid;

use crate::row::{Read, millis};
use crate::{Store, StoreError};

impl Store {
    pub async fn add_application(&self, application: &Application) -> Result<(), StoreError> {
        sqlx::query("INSERT INTO applications (id, tenant_id, name, enabled, operator) VALUES ($1, $2, $3, $4, $5)")
            .bind(application.id.to_string())
            .bind(application.tenant.to_string())
            .bind(application.name.clone())
            .bind(i64::from(application.enabled))
            .bind(i64::from(application.operator))
            .execute(&self.pool)
            .await?;
        Ok(())
    }

    /// An application of another tenant is not found.
    pub async fn application(&self, tenant: Uuid, id: Uuid) -> Result<Option<Application>, StoreError> {
        let query = sqlx::query("SELECT * FROM applications WHERE tenant_id = $1 AND id = $2");
        let row = query.bind(tenant.to_string()).bind(id.to_string()).fetch_optional(&self.pool).await?;
        row.as_ref().map(read_application).transpose()
    }

    /// A secret that the application has already stays as it is.
    pub async fn add_client_secret(&self, application: Uuid, secret: &ClientSecret) -> Result<(), StoreError> {
        sqlx::query("INSERT INTO client_secrets (application_id, digest, expires) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING")
            .bind(application.to_string())
            .bind(secret.digest.clone())
            .bind(millis(secret.expires))
            .execute(&self.pool)
            .await?;
        Ok(())
    }

    pub async fn client_secrets(&self, application: Uuid) -> Result<Vec<ClientSecret>, StoreError> {
        let query = sqlx::query("SELECT digest, expires FROM client_secrets WHERE application_id = $1").bind(application.to_string());
        let rows = query.fetch_all(&self.pool).await?;
        rows.iter().map(|row| Ok(ClientSecret { digest: row.text("digest")?, expires: row.instant("expires")? })).collect()
    }

    /// Adds the permission, or changes whether the tenant has consented to it.
    pub async fn put_permission(&self, application: Uuid, permission: Permission, consented: bool) -> Result<(), StoreError> {
        sqlx::query(
            "INSERT INTO permissions (application_id, permission, consented) VALUES ($1, $2, $3)
             ON CONFLICT (application_id, permission) DO UPDATE SET consented = excluded.consented",
        )
        .bind(application.to_string())
        .bind(permission.name())
        .bind(i64::from(consented))
        .execute(&self.pool)
        .await?;
        Ok(())
    }
}

pub(crate) fn read_application(row: &AnyRow) -> Result<Application, StoreError> {
    Ok(Application {
        id: row.id("id")?,
        tenant: row.id("tenant_id")?,
        name: row.text("name")?,
        enabled: row.flag("enabled")?,
        operator: row.flag("operator")?,
    })
}
