//! Tenants, their enrollments and locations.

use insightgate_identity::enrollment::Enrollment;
use insightgate_identity::tenant::{Location, Tenant};
use sqlx::any::AnyRow;
use uuid::Uuid;

use crate::row::Read;
use crate::{Store, StoreError};

impl Store {
    pub async fn add_tenant(&self, tenant: &Tenant) -> Result<(), StoreError> {
        sqlx::query("INSERT INTO tenants (id, domain, name, global_account) VALUES ($1, $2, $3, $4)")
            .bind(tenant.id.to_string())
            .bind(tenant.domain.clone())
            .bind(tenant.name.clone())
            .bind(tenant.global_account.clone())
            .execute(&self.pool)
            .await?;
        Ok(())
    }

    pub async fn tenant(&self, id: Uuid) -> Result<Option<Tenant>, StoreError> {
        let query = sqlx::query("SELECT * FROM tenants WHERE id = $1").bind(id.to_string());
        query.fetch_optional(&self.pool).await?.as_ref().map(read_tenant).transpose()
    }

    /// `domain` in lower case.
    pub async fn tenant_by_domain(&self, domain: &str) -> Result<Option<Tenant>, StoreError> {
        let query = sqlx::query("SELECT * FROM tenants WHERE domain = $1").bind(domain.to_owned());
        query.fetch_optional(&self.pool).await?.as_ref().map(read_tenant).transpose()
    }

    pub async fn put_enrollment(&self, tenant: Uuid, enrollment: &Enrollment) -> Result<(), StoreError> {
        sqlx::query(
            "INSERT INTO enrollments (tenant_id, program, status) VALUES ($1, $2, $3)
             ON CONFLICT (tenant_id, program) DO UPDATE SET status = excluded.status",
        )
        .bind(tenant.to_string())
        .bind(enrollment.program.name())
        .bind(enrollment.status.name())
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    /// Adds the location, or changes its name and country.
    pub async fn put_location(&self, tenant: Uuid, location: &Location) -> Result<(), StoreError> {
        sqlx::query(
            "INSERT INTO locations (tenant_id, mpn_id, name, country) VALUES ($1, $2, $3, $4)
             ON CONFLICT (tenant_id, mpn_id) DO UPDATE SET name = excluded.name, country = excluded.country",
        )
        .bind(tenant.to_string())
        .bind(location.mpn_id.clone())
        .bind(location.name.clone())
        .bind(location.country.clone())
        .execute(&self.pool)
        .await?;
        Ok(())
    }
}

pub(crate) fn read_tenant(row: &AnyRow) -> Result<Tenant, StoreError> {
    Ok(Tenant {
        id: row.id("id")?,
        domain: row.text("domain")?,
        name: row.text("name")?,
        global_account: row.optional_text("global_account")?,
    })
}
