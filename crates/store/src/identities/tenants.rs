//! Tenants, their enrollments and locations.

use chrono::{DateTime, Utc};
use insightgate_identity::enrollment::{Enrollment, EnrollmentStage, VerificationCode};
use insightgate_identity::profile::LegalProfile;
use insightgate_identity::program::Program;
use insightgate_identity::tenant::{Location, Tenant};
use sqlx::Any;
use sqlx::any::{AnyArguments, AnyRow};
use sqlx::query::Query;
use uuid::Uuid;

use crate::database::again::{ATTEMPTS, again};
use crate::database::dialect::{by_bytes, containing};
use crate::database::locks::Hold;
use crate::database::profile::{profile_query, read_profile, written_profile};
use crate::database::row::{Read, millis};
use crate::room;
use crate::{Store, StoreError, execute};

/// Which tenants to list. Each field narrows the list.
#[derive(Debug, Clone, Default)]
pub struct TenantFilter {
    /// A part of the domain, the name or the id. Letter case does not matter, except beyond ASCII.
    pub text: Option<String>,
    /// Those with an enrollment in this stage.
    pub stage: Option<EnrollmentStage>,
    /// Those whose runs are paused.
    pub paused: bool,
    /// Those whose domain comes after this one.
    pub after: Option<String>,
}

impl Store {
    /// # Errors
    /// When the domain is taken, or the database does not answer.
    pub async fn add_tenant(&self, tenant: &Tenant, profile: Option<&LegalProfile>, created: DateTime<Utc>) -> Result<(), StoreError> {
        self.change_identity(add_tenant(tenant, profile, created)).await.map(drop)
    }

    /// # Errors
    /// When the database does not answer.
    pub async fn tenant(&self, id: Uuid) -> Result<Option<Tenant>, StoreError> {
        let query = sqlx::query("SELECT * FROM tenants WHERE id = $1").bind(id.to_string());
        query.fetch_optional(&self.pool).await?.as_ref().map(read_tenant).transpose()
    }

    /// `domain` has to be in lowercase.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn tenant_by_domain(&self, domain: &str) -> Result<Option<Tenant>, StoreError> {
        let query = sqlx::query("SELECT * FROM tenants WHERE domain = $1").bind(domain.to_owned());
        query.fetch_optional(&self.pool).await?.as_ref().map(read_tenant).transpose()
    }

    /// # Errors
    /// When the database does not answer.
    pub async fn tenant_by_global_account(&self, mpn_id: &str) -> Result<Option<Tenant>, StoreError> {
        let query = sqlx::query("SELECT * FROM tenants WHERE global_account = $1 ORDER BY id").bind(mpn_id.to_owned());
        query.fetch_optional(&self.pool).await?.as_ref().map(read_tenant).transpose()
    }

    /// Returns all tenants, ordered by domain.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn tenants(&self) -> Result<Vec<Tenant>, StoreError> {
        let rows = sqlx::query(by_bytes(self.dialect, "SELECT * FROM tenants ORDER BY domain {}")).fetch_all(&self.pool).await?;
        rows.iter().map(read_tenant).collect()
    }

    /// The first tenants by domain that the filter lets through, `limit` at most.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn tenant_page(&self, filter: &TenantFilter, limit: u32) -> Result<Vec<Tenant>, StoreError> {
        let statement = by_bytes(
            self.dialect,
            "SELECT * FROM tenants WHERE domain {} > $1
               AND ($2 = '' OR domain LIKE $2 ESCAPE '!' OR id LIKE $2 ESCAPE '!' OR LOWER(name) LIKE $2 ESCAPE '!' OR LOWER(name) LIKE $6 ESCAPE '!')
               AND ($3 = '' OR EXISTS (SELECT 1 FROM enrollments WHERE tenant_id = tenants.id AND stage = $3))
               AND ($4 = 0 OR runs_paused IS NOT NULL)
             ORDER BY domain {} LIMIT $5",
        );
        let [lower, lower_ascii] = filter.text.as_deref().map(containing).unwrap_or_default();
        let query = sqlx::query(statement)
            .bind(filter.after.clone().unwrap_or_default())
            .bind(lower)
            .bind(filter.stage.map(EnrollmentStage::name).unwrap_or_default())
            .bind(i64::from(filter.paused))
            .bind(i64::from(limit))
            .bind(lower_ascii);
        query.fetch_all(&self.pool).await?.iter().map(read_tenant).collect()
    }

    /// # Errors
    /// When the database does not answer.
    pub async fn tenant_profile(&self, id: Uuid) -> Result<Option<LegalProfile>, StoreError> {
        profile_query(id).fetch_optional(&self.pool).await?.as_ref().map_or(Ok(None), read_profile)
    }

    /// Removes the tenant and everything that belongs to it, except for its audit events.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn delete_tenant(&self, id: Uuid) -> Result<bool, StoreError> {
        for _ in 1..ATTEMPTS {
            match self.try_to_delete_tenant(id).await {
                // A report and its execution may be added between the statement that deletes executions and the one that deletes reports.
                Err(error) if error.is_still_referred_to() => {}
                outcome => return outcome,
            }
        }
        self.try_to_delete_tenant(id).await
    }

    async fn try_to_delete_tenant(&self, id: Uuid) -> Result<bool, StoreError> {
        again(|| async move {
            let mut transaction = self.begin(Hold::Tenant(id)).await?;
            for hold in [Hold::UsersOfTenant(id), Hold::ApplicationsOfTenant(id), Hold::ReportsOfTenant(id), Hold::CallbacksOfTenant(id)] {
                self.hold(&mut transaction, hold).await?;
            }
            // Runs twice: transactions that add something lock the tenant last, and so does this one. The second pass removes what they added until then.
            for _ in 0..2 {
                for statement in OF_A_TENANT {
                    execute(&mut transaction, sqlx::query(*statement).bind(id.to_string())).await?;
                }
                if self.dialect.has_one_writer() {
                    break;
                }
                self.hold(&mut transaction, Hold::WholeTenant(id)).await?;
            }
            let deleted = execute(&mut transaction, sqlx::query("DELETE FROM tenants WHERE id = $1").bind(id.to_string())).await? == 1;
            if deleted {
                self.record_change(&mut transaction).await?;
            }
            self.commit_identities(transaction).await?;
            Ok(deleted)
        })
        .await
    }

    /// # Errors
    /// When the database does not answer.
    pub async fn put_enrollment(&self, tenant: Uuid, enrollment: &Enrollment) -> Result<(), StoreError> {
        self.change_identity(put_enrollment(tenant, enrollment)).await.map(drop)
    }

    /// Returns the tenant's enrollments, ordered by program.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn enrollments(&self, tenant: Uuid) -> Result<Vec<Enrollment>, StoreError> {
        let query = sqlx::query(by_bytes(self.dialect, "SELECT * FROM enrollments WHERE tenant_id = $1 ORDER BY program {} DESC"))
            .bind(tenant.to_string());
        query.fetch_all(&self.pool).await?.iter().map(read_enrollment).collect()
    }

    /// Reads the enrollment, changes it and writes it back in one transaction: of two simultaneous steps, the second one sees the first. `change`
    /// returns the enrollment to write, if any, and its own result.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn change_enrollment<T>(
        &self,
        tenant: Uuid,
        program: Program,
        change: impl FnOnce(Option<Enrollment>) -> (Option<Enrollment>, T),
    ) -> Result<T, StoreError> {
        let mut transaction = self.begin(Hold::Tenant(tenant)).await?;
        let query = sqlx::query("SELECT * FROM enrollments WHERE tenant_id = $1 AND program = $2");
        let row = query.bind(tenant.to_string()).bind(program.name()).fetch_optional(&mut *transaction).await?;
        let (changed, outcome) = change(row.as_ref().map(read_enrollment).transpose()?);
        if let Some(changed) = changed {
            put_enrollment(tenant, &changed).execute(&mut *transaction).await?;
            self.record_change(&mut transaction).await?;
        }
        self.commit_identities(transaction).await?;
        Ok(outcome)
    }

    /// Adds the location, or changes its name and country.
    ///
    /// # Errors
    /// When there is no room for another, or the database does not answer.
    pub async fn put_location(&self, tenant: Uuid, location: &Location) -> Result<(), StoreError> {
        let mut transaction = self.begin(Hold::Tenant(tenant)).await?;
        let query = sqlx::query("SELECT mpn_id FROM locations WHERE tenant_id = $1 AND mpn_id = $2");
        let query = query.bind(tenant.to_string()).bind(location.mpn_id.clone());
        if query.fetch_optional(&mut *transaction).await?.is_none() {
            room::LOCATIONS.check(&mut transaction, tenant).await?;
        }
        let query = sqlx::query(
            "INSERT INTO locations (tenant_id, mpn_id, name, country) VALUES ($1, $2, $3, $4)
             ON CONFLICT (tenant_id, mpn_id) DO UPDATE SET name = excluded.name, country = excluded.country",
        )
        .bind(tenant.to_string())
        .bind(location.mpn_id.clone())
        .bind(location.name.clone())
        .bind(location.country.clone());
        execute(&mut transaction, query).await?;
        self.record_change(&mut transaction).await?;
        self.commit_identities(transaction).await
    }

    /// Returns the tenant's locations, ordered by MPN id.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn locations(&self, tenant: Uuid) -> Result<Vec<Location>, StoreError> {
        let query =
            sqlx::query(by_bytes(self.dialect, "SELECT * FROM locations WHERE tenant_id = $1 ORDER BY mpn_id {}")).bind(tenant.to_string());
        let rows = query.fetch_all(&self.pool).await?;
        rows.iter()
            .map(|row| Ok(Location { mpn_id: row.text("mpn_id")?, name: row.text("name")?, country: row.text("country")? }))
            .collect()
    }
}

/// The statements are in an order that violates no reference.
const OF_A_TENANT: &[&str] = &[
    "DELETE FROM callback_attempts WHERE callback_id IN (SELECT id FROM callbacks WHERE tenant_id = $1)",
    "DELETE FROM callbacks WHERE tenant_id = $1",
    "DELETE FROM callback_secrets WHERE tenant_id = $1",
    "DELETE FROM mails WHERE tenant_id = $1",
    "DELETE FROM executions WHERE report_id IN (SELECT id FROM scheduled_reports WHERE tenant_id = $1)",
    "DELETE FROM execute_now_creations WHERE report_id IN (SELECT id FROM scheduled_reports WHERE tenant_id = $1)",
    "DELETE FROM scheduled_reports WHERE tenant_id = $1",
    "DELETE FROM report_queries WHERE tenant_id = $1",
    "DELETE FROM refresh_tokens WHERE tenant_id = $1",
    "DELETE FROM sign_in_sessions WHERE tenant_id = $1",
    "DELETE FROM console_sessions WHERE tenant_id = $1",
    "DELETE FROM authorization_codes WHERE tenant_id = $1",
    "DELETE FROM device_codes WHERE tenant_id = $1",
    "DELETE FROM role_assignments WHERE tenant_id = $1",
    "DELETE FROM external_identities WHERE tenant_id = $1",
    "DELETE FROM consents WHERE application_id IN (SELECT id FROM applications WHERE tenant_id = $1)",
    "DELETE FROM permissions WHERE application_id IN (SELECT id FROM applications WHERE tenant_id = $1)",
    "DELETE FROM client_secrets WHERE application_id IN (SELECT id FROM applications WHERE tenant_id = $1)",
    "DELETE FROM applications WHERE tenant_id = $1",
    "DELETE FROM users WHERE tenant_id = $1",
    "DELETE FROM locations WHERE tenant_id = $1",
    "DELETE FROM enrollments WHERE tenant_id = $1",
];

pub(crate) fn add_tenant(tenant: &Tenant, profile: Option<&LegalProfile>, created: DateTime<Utc>) -> Query<'static, Any, AnyArguments> {
    sqlx::query("INSERT INTO tenants (id, domain, name, global_account, profile, created) VALUES ($1, $2, $3, $4, $5, $6)")
        .bind(tenant.id.to_string())
        .bind(tenant.domain.clone())
        .bind(tenant.name.clone())
        .bind(tenant.global_account.clone())
        .bind(profile.map(written_profile))
        .bind(millis(created))
}

pub(crate) fn put_enrollment(tenant: Uuid, enrollment: &Enrollment) -> Query<'static, Any, AnyArguments> {
    let code = enrollment.code.as_ref();
    sqlx::query(
        "INSERT INTO enrollments (tenant_id, program, stage, reason, appeals, changed, code_digest, code_expires, code_attempts)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
         ON CONFLICT (tenant_id, program) DO UPDATE SET stage = excluded.stage, reason = excluded.reason, appeals = excluded.appeals,
             changed = excluded.changed, code_digest = excluded.code_digest, code_expires = excluded.code_expires,
             code_attempts = excluded.code_attempts",
    )
    .bind(tenant.to_string())
    .bind(enrollment.program.name())
    .bind(enrollment.stage.name())
    .bind(enrollment.reason.clone())
    .bind(i64::from(enrollment.appeals))
    .bind(millis(enrollment.changed))
    .bind(code.map(|code| code.digest.clone()))
    .bind(code.map(|code| millis(code.expires)))
    .bind(code.map(|code| i64::from(code.attempts)))
}

pub(crate) fn read_enrollment(row: &AnyRow) -> Result<Enrollment, StoreError> {
    let code = match (row.optional_text("code_digest")?, row.optional_instant("code_expires")?) {
        (Some(digest), Some(expires)) => {
            Some(VerificationCode { digest, expires, attempts: row.optional_count("code_attempts")?.unwrap_or(0) })
        }
        _ => None,
    };
    Ok(Enrollment {
        program: row.named("program", |name| name.parse::<Program>().ok())?,
        stage: row.named("stage", EnrollmentStage::from_name)?,
        reason: row.optional_text("reason")?,
        appeals: row.count("appeals")?,
        changed: row.instant("changed")?,
        code,
    })
}

pub(crate) fn read_tenant(row: &AnyRow) -> Result<Tenant, StoreError> {
    Ok(Tenant {
        id: row.id("id")?,
        domain: row.text("domain")?,
        name: row.text("name")?,
        global_account: row.optional_text("global_account")?,
    })
}
