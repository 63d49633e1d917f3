//! Bindings of the identifiers of external issuers.

use insightgate_identity::external_identity::{ExternalBearer, ExternalIdentity, ExternalKind};
use sqlx::any::AnyRow;
use uuid::Uuid;

use crate::database::locks::Hold;
use crate::database::row::{Read, millis};
use crate::room;
use crate::{Store, StoreError, execute};

impl Store {
    /// Adds a binding. It is a conflict if the identifier is already bound, to any tenant.
    ///
    /// # Errors
    /// When the identifier is bound already, there is no room for another, or the database does not answer.
    pub async fn add_external_identity(&self, identity: &ExternalIdentity) -> Result<(), StoreError> {
        let query = sqlx::query(
            "INSERT INTO external_identities (id, tenant_id, issuer, external_tenant, kind, external_id, local_id, created)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        )
        .bind(identity.id.to_string())
        .bind(identity.tenant.to_string())
        .bind(identity.issuer.clone())
        .bind(identity.external_tenant.clone())
        .bind(identity.kind.name())
        .bind(identity.external_id.clone())
        .bind(identity.local.to_string())
        .bind(millis(identity.created));
        let mut transaction = self.begin(Hold::Tenant(identity.tenant)).await?;
        room::EXTERNAL_IDENTITIES.check(&mut transaction, identity.tenant).await?;
        execute(&mut transaction, query).await?;
        self.record_change(&mut transaction).await?;
        transaction.commit().await
    }

    /// Returns all bindings that may apply to a token's bearer.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn identities_of_bearer(&self, issuer: &str, bearer: &ExternalBearer) -> Result<Vec<ExternalIdentity>, StoreError> {
        let query =
            sqlx::query("SELECT * FROM external_identities WHERE issuer = $1 AND external_tenant = $2 AND external_id IN ($3, $4, $5)")
                .bind(issuer.to_owned())
                .bind(bearer.tenant.clone())
                .bind(bearer.tenant.clone())
                .bind(bearer.application.clone())
                .bind(bearer.subject.clone());
        query.fetch_all(&self.pool).await?.iter().map(read_identity).collect()
    }

    /// Returns the local tenant to which an issuer's tenant is bound.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn tenant_of_external(&self, issuer: &str, external_tenant: &str) -> Result<Option<Uuid>, StoreError> {
        let query = sqlx::query("SELECT tenant_id FROM external_identities WHERE issuer = $1 AND external_tenant = $2 AND kind = 'tenant'");
        let row = query.bind(issuer.to_owned()).bind(external_tenant.to_owned()).fetch_optional(&self.pool).await?;
        row.map(|row| row.id("tenant_id")).transpose()
    }

    /// Returns the tenant's bindings, the oldest first.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn external_identities(&self, tenant: Uuid) -> Result<Vec<ExternalIdentity>, StoreError> {
        let query = sqlx::query("SELECT * FROM external_identities WHERE tenant_id = $1 ORDER BY created, id").bind(tenant.to_string());
        query.fetch_all(&self.pool).await?.iter().map(read_identity).collect()
    }

    /// Returns a binding; one of another tenant is not found.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn external_identity(&self, tenant: Uuid, id: Uuid) -> Result<Option<ExternalIdentity>, StoreError> {
        let query = sqlx::query("SELECT * FROM external_identities WHERE tenant_id = $1 AND id = $2");
        let row = query.bind(tenant.to_string()).bind(id.to_string()).fetch_optional(&self.pool).await?;
        row.as_ref().map(read_identity).transpose()
    }

    /// Removing a tenant's binding also removes those of its users and applications, which would have no effect any more. Returns false if there was none.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn remove_external_identity(&self, identity: &ExternalIdentity) -> Result<bool, StoreError> {
        let mut transaction = self.begin(Hold::Tenant(identity.tenant)).await?;
        let query = sqlx::query("DELETE FROM external_identities WHERE tenant_id = $1 AND id = $2");
        let query = query.bind(identity.tenant.to_string()).bind(identity.id.to_string());
        let removed = query.execute(&mut *transaction).await?.rows_affected();
        if removed > 0 && identity.kind == ExternalKind::Tenant {
            let query = sqlx::query("DELETE FROM external_identities WHERE issuer = $1 AND external_tenant = $2");
            query.bind(identity.issuer.clone()).bind(identity.external_tenant.clone()).execute(&mut *transaction).await?;
        }
        if removed > 0 {
            self.record_change(&mut transaction).await?;
        }
        transaction.commit().await?;
        Ok(removed > 0)
    }
}

fn read_identity(row: &AnyRow) -> Result<ExternalIdentity, StoreError> {
    Ok(ExternalIdentity {
        id: row.id("id")?,
        tenant: row.id("tenant_id")?,
        issuer: row.text("issuer")?,
        external_tenant: row.text("external_tenant")?,
        kind: row.named("kind", ExternalKind::from_name)?,
        external_id: row.text("external_id")?,
        local: row.id("local_id")?,
        created: row.instant("created")?,
    })
}
