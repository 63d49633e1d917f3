//! Application registrations with their secrets, permissions and consents.

use chrono::{DateTime, Utc};
use insightgate_identity::application::{Application, ClientSecret, Permission};
use sqlx::any::{AnyArguments, AnyRow};
use sqlx::query::Query;
use sqlx::{Any, Row as _};
use uuid::Uuid;

use crate::database::again::again;
use crate::database::dialect::by_bytes;
use crate::database::locks::Hold;
use crate::database::row::{Read, millis};
use crate::room;
use crate::sign_in::refresh_tokens::revoke;
use crate::{Store, StoreError, execute};

/// A consent to one of an application's permissions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Consent {
    pub permission: Permission,
    /// The user who consented; `None` for the consent of the whole tenant.
    pub user: Option<Uuid>,
    pub granted: DateTime<Utc>,
}

/// How many applications of a tenant are prepared how far for delegated access: each number counts those that the one before counts, and fewer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Prepared {
    /// Enabled.
    pub registered: u64,
    /// With a secret that has not expired, or public.
    pub with_secret: u64,
    /// With the permission.
    pub permitted: u64,
    /// With consent to it, by the tenant or the user.
    pub consented: u64,
}

impl Store {
    /// Counts the tenant's applications by how far they are prepared to read data for the user. The application `except` and operators' are left out.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn prepared_applications(
        &self,
        tenant: Uuid,
        except: Uuid,
        user: Option<Uuid>,
        now: DateTime<Utc>,
    ) -> Result<Prepared, StoreError> {
        let query = sqlx::query(
            "WITH enabled AS (
                 SELECT id, public FROM applications WHERE tenant_id = $1 AND id <> $2 AND enabled = 1 AND operator = 0),
             with_secret AS (
                 SELECT id FROM enabled WHERE public = 1 OR EXISTS
                     (SELECT 1 FROM client_secrets WHERE application_id = enabled.id AND expires > $3)),
             permitted AS (
                 SELECT id FROM with_secret WHERE EXISTS
                     (SELECT 1 FROM permissions WHERE application_id = with_secret.id AND permission = $4)),
             consented AS (
                 SELECT id FROM permitted WHERE EXISTS
                     (SELECT 1 FROM consents WHERE application_id = permitted.id AND permission = $4 AND user_id IN ('', $5)))
             SELECT (SELECT COUNT(*) FROM enabled), (SELECT COUNT(*) FROM with_secret), (SELECT COUNT(*) FROM permitted),
                    (SELECT COUNT(*) FROM consented)",
        );
        let row = query
            .bind(tenant.to_string())
            .bind(except.to_string())
            .bind(millis(now))
            .bind(Permission::PartnerApi.name())
            .bind(written_user(user))
            .fetch_one(&self.pool)
            .await?;
        let count = |place: usize| row.try_get::<i64, _>(place).map(i64::unsigned_abs);
        Ok(Prepared { registered: count(0)?, with_secret: count(1)?, permitted: count(2)?, consented: count(3)? })
    }

    /// # Errors
    /// When there is no room for another, or the database does not answer.
    pub async fn add_application(&self, application: &Application, created: DateTime<Utc>) -> Result<(), StoreError> {
        let mut transaction = self.begin(Hold::Tenant(application.tenant)).await?;
        room::APPLICATIONS.check(&mut transaction, application.tenant).await?;
        execute(&mut transaction, add_application(application, created)).await?;
        self.record_change(&mut transaction).await?;
        self.commit_identities(transaction).await
    }

    /// Registers the application with a secret, permissions and the tenant's consent to them, in one transaction. Existing rows are left unchanged.
    ///
    /// # Errors
    /// When there is no room for another, or the database does not answer.
    pub async fn register_application(
        &self,
        application: &Application,
        is_new: bool,
        secret: Option<&ClientSecret>,
        permissions: &[Permission],
        now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        let mut transaction = self.begin_beside().await?;
        let mut changed = 0;
        if is_new {
            changed += execute(&mut transaction, add_application(application, now)).await?;
        }
        if let Some(secret) = secret {
            changed += execute(&mut transaction, add_client_secret(application.id, secret)).await?;
        }
        for permission in permissions {
            changed += execute(&mut transaction, add_permission(application.id, *permission)).await?;
            changed += execute(&mut transaction, grant_consent(application.id, *permission, None, now)).await?;
        }
        if changed > 0 {
            self.record_change(&mut transaction).await?;
        }
        self.commit_identities(transaction).await
    }

    /// Changes the name, the redirect URIs and whether the application is enabled, but not its kind. Disabling ends the sign-ins through it; enabling
    /// also ends those whose tokens were written at the moment when it was disabled. Returns false if there is no such application, or it is not as it was
    /// `known`: what somebody else changed meanwhile is not undone.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn change_application(&self, application: &Application, known: Option<&Application>) -> Result<bool, StoreError> {
        again(|| async move {
            let mut transaction = self.begin(Hold::Application(application.id)).await?;
            let query = sqlx::query("SELECT enabled FROM applications WHERE id = $1").bind(application.id.to_string());
            let was_enabled = query.fetch_optional(&mut *transaction).await?.as_ref().map(|row| row.flag("enabled")).transpose()?;
            let text = "UPDATE applications SET name = $1, enabled = $2, redirect_uris = $3 WHERE tenant_id = $4 AND id = $5
                AND name = COALESCE($6, name) AND enabled = COALESCE($7, enabled) AND redirect_uris = COALESCE($8, redirect_uris)";
            let query = sqlx::query(text)
                .bind(application.name.clone())
                .bind(i64::from(application.enabled))
                .bind(written_uris(application))
                .bind(application.tenant.to_string())
                .bind(application.id.to_string())
                .bind(known.map(|known| known.name.clone()))
                .bind(known.map(|known| i64::from(known.enabled)))
                .bind(known.map(written_uris));
            let changed = execute(&mut transaction, query).await? == 1;
            if changed && !(application.enabled && was_enabled == Some(true)) {
                execute(&mut transaction, revoke(self.dialect, "application_id").bind(application.id.to_string())).await?;
                let query = sqlx::query("DELETE FROM console_sessions WHERE application_id = $1").bind(application.id.to_string());
                execute(&mut transaction, query).await?;
            }
            if changed {
                self.record_change(&mut transaction).await?;
            }
            self.commit_identities(transaction).await?;
            Ok(changed)
        })
        .await
    }

    /// Returns the application; one of another tenant is not found.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn application(&self, tenant: Uuid, id: Uuid) -> Result<Option<Application>, StoreError> {
        let query = sqlx::query("SELECT * FROM applications WHERE tenant_id = $1 AND id = $2");
        let row = query.bind(tenant.to_string()).bind(id.to_string()).fetch_optional(&self.pool).await?;
        row.as_ref().map(read_application).transpose()
    }

    /// Returns an application for requests that name no tenant, since each application belongs to one.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn application_of_any_tenant(&self, id: Uuid) -> Result<Option<Application>, StoreError> {
        let query = sqlx::query("SELECT * FROM applications WHERE id = $1").bind(id.to_string());
        query.fetch_optional(&self.pool).await?.as_ref().map(read_application).transpose()
    }

    /// Returns the tenant's applications, ordered by name.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn applications(&self, tenant: Uuid) -> Result<Vec<Application>, StoreError> {
        let query = sqlx::query(by_bytes(self.dialect, "SELECT * FROM applications WHERE tenant_id = $1 ORDER BY name {}, id"))
            .bind(tenant.to_string());
        query.fetch_all(&self.pool).await?.iter().map(read_application).collect()
    }

    /// Adds a secret; an existing one is left unchanged. If very many have expired, the oldest are removed.
    ///
    /// # Errors
    /// When there is no room for another, or the database does not answer.
    pub async fn add_client_secret(&self, application: Uuid, secret: &ClientSecret) -> Result<(), StoreError> {
        let mut transaction = self.begin(Hold::Application(application)).await?;
        if execute(&mut transaction, add_client_secret(application, secret)).await? == 1 {
            // The newest are kept: of the existing ones, those that expire last.
            let surplus = "DELETE FROM client_secrets WHERE application_id = $1 AND expires <= $2 AND id NOT IN
                 (SELECT id FROM client_secrets WHERE application_id = $1 ORDER BY expires DESC, id LIMIT $3)";
            let query = sqlx::query(surplus).bind(application.to_string()).bind(millis(secret.created)).bind(room::SECRETS);
            execute(&mut transaction, query).await?;
            self.record_change(&mut transaction).await?;
        }
        self.commit_identities(transaction).await
    }

    /// Returns the application's secrets, the latest first.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn client_secrets(&self, application: Uuid) -> Result<Vec<ClientSecret>, StoreError> {
        let query = sqlx::query("SELECT * FROM client_secrets WHERE application_id = $1 ORDER BY created DESC, id DESC");
        let rows = query.bind(application.to_string()).fetch_all(&self.pool).await?;
        rows.iter()
            .map(|row| {
                Ok(ClientSecret {
                    id: row.id("id")?,
                    digest: row.text("digest")?,
                    hint: row.text("hint")?,
                    description: row.text("description")?,
                    created: row.instant("created")?,
                    expires: row.instant("expires")?,
                })
            })
            .collect()
    }

    /// Returns false if the application has no such secret.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn remove_client_secret(&self, application: Uuid, secret: Uuid) -> Result<bool, StoreError> {
        let mut transaction = self.begin(Hold::Application(application)).await?;
        let query = sqlx::query("DELETE FROM client_secrets WHERE application_id = $1 AND id = $2");
        let removed = execute(&mut transaction, query.bind(application.to_string()).bind(secret.to_string())).await? == 1;
        if removed {
            // Which of the secrets opened them is not known.
            let query =
                sqlx::query("DELETE FROM console_sessions WHERE application_id = $1 AND user_id IS NULL").bind(application.to_string());
            execute(&mut transaction, query).await?;
            self.record_change(&mut transaction).await?;
        }
        self.commit_identities(transaction).await?;
        Ok(removed)
    }

    /// Adds a permission; an existing one is left unchanged.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn add_permission(&self, application: Uuid, permission: Permission) -> Result<(), StoreError> {
        self.change_identity(add_permission(application, permission)).await.map(drop)
    }

    /// # Errors
    /// When the database does not answer.
    pub async fn permissions(&self, application: Uuid) -> Result<Vec<Permission>, StoreError> {
        let query =
            sqlx::query(by_bytes(self.dialect, "SELECT permission FROM permissions WHERE application_id = $1 ORDER BY permission {}"));
        let rows = query.bind(application.to_string()).fetch_all(&self.pool).await?;
        rows.iter().map(|row| row.named("permission", Permission::from_name)).collect()
    }

    /// Removes a permission together with its consents, so that a permission that is added again needs a new consent.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn remove_permission(&self, application: Uuid, permission: Permission) -> Result<bool, StoreError> {
        let mut transaction = self.begin(Hold::Application(application)).await?;
        let mut removed = 0;
        for statement in [
            "DELETE FROM consents WHERE application_id = $1 AND permission = $2",
            "DELETE FROM permissions WHERE application_id = $1 AND permission = $2",
        ] {
            let query = sqlx::query(statement).bind(application.to_string()).bind(permission.name());
            removed = execute(&mut transaction, query).await?;
        }
        if removed == 1 {
            self.record_change(&mut transaction).await?;
        }
        self.commit_identities(transaction).await?;
        Ok(removed == 1)
    }

    /// Adds the consent of one user, or of the whole tenant. An existing one is left unchanged; none is added for a permission that the application
    /// does not have.
    ///
    /// # Errors
    /// When there is no room for another, or the database does not answer.
    pub async fn grant_consent(
        &self,
        application: Uuid,
        permission: Permission,
        user: Option<Uuid>,
        granted: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        self.change_identity_of(Some(Hold::Application(application)), grant_consent(application, permission, user, granted)).await.map(drop)
    }

    /// Returns false if there was no such consent.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn revoke_consent(&self, application: Uuid, permission: Permission, user: Option<Uuid>) -> Result<bool, StoreError> {
        let query = sqlx::query("DELETE FROM consents WHERE application_id = $1 AND permission = $2 AND user_id = $3");
        let query = query.bind(application.to_string()).bind(permission.name()).bind(written_user(user));
        Ok(self.change_identity(query).await? == 1)
    }

    /// Returns the consents to each permission, the whole tenant's first.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn consents(&self, application: Uuid) -> Result<Vec<Consent>, StoreError> {
        let query = sqlx::query(by_bytes(self.dialect, "SELECT * FROM consents WHERE application_id = $1 ORDER BY permission {}, user_id"));
        let rows = query.bind(application.to_string()).fetch_all(&self.pool).await?;
        rows.iter()
            .map(|row| {
                let user = row.text("user_id")?;
                let user = if user.is_empty() { None } else { Some(row.id("user_id")?) };
                Ok(Consent { permission: row.named("permission", Permission::from_name)?, user, granted: row.instant("granted")? })
            })
            .collect()
    }
}

type Change = Query<'static, Any, AnyArguments>;

fn add_application(application: &Application, created: DateTime<Utc>) -> Change {
    sqlx::query(
        "INSERT INTO applications (id, tenant_id, name, enabled, operator, public, redirect_uris, created)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
    )
    .bind(application.id.to_string())
    .bind(application.tenant.to_string())
    .bind(application.name.clone())
    .bind(i64::from(application.enabled))
    .bind(i64::from(application.operator))
    .bind(i64::from(application.public))
    .bind(written_uris(application))
    .bind(millis(created))
}

fn add_client_secret(application: Uuid, secret: &ClientSecret) -> Change {
    sqlx::query(
        "INSERT INTO client_secrets (id, application_id, digest, hint, description, created, expires)
         VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT DO NOTHING",
    )
    .bind(secret.id.to_string())
    .bind(application.to_string())
    .bind(secret.digest.clone())
    .bind(secret.hint.clone())
    .bind(secret.description.clone())
    .bind(millis(secret.created))
    .bind(millis(secret.expires))
}

fn add_permission(application: Uuid, permission: Permission) -> Change {
    let query = sqlx::query("INSERT INTO permissions (application_id, permission) VALUES ($1, $2) ON CONFLICT DO NOTHING");
    query.bind(application.to_string()).bind(permission.name())
}

fn grant_consent(application: Uuid, permission: Permission, user: Option<Uuid>, granted: DateTime<Utc>) -> Change {
    // Removing a permission removes its consents, so that none may be added after it.
    let text = "INSERT INTO consents (application_id, permission, user_id, granted)
        SELECT $1, $2, $3, $4 WHERE EXISTS (SELECT 1 FROM permissions WHERE application_id = $1 AND permission = $2) ON CONFLICT DO NOTHING";
    sqlx::query(text).bind(application.to_string()).bind(permission.name()).bind(written_user(user)).bind(millis(granted))
}

/// Empty for the whole tenant, since a part of a key cannot be null.
pub(crate) fn written_user(user: Option<Uuid>) -> String {
    user.map(|user| user.to_string()).unwrap_or_default()
}

fn written_uris(application: &Application) -> String {
    serde_json::Value::from(application.redirect_uris.clone()).to_string()
}

pub(crate) fn read_application(row: &AnyRow) -> Result<Application, StoreError> {
    let uris = row.text("redirect_uris")?;
    let redirect_uris = serde_json::from_str(&uris).map_err(|_| StoreError::Corrupt { column: "redirect_uris", value: uris })?;
    Ok(Application {
        id: row.id("id")?,
        tenant: row.id("tenant_id")?,
        name: row.text("name")?,
        enabled: row.flag("enabled")?,
        operator: row.flag("operator")?,
        public: row.flag("public")?,
        redirect_uris,
    })
}
