//! Steps of enrollments, with their consequences in one transaction: paused reports, and the audit event.

use chrono::{DateTime, Utc};
use insightgate_identity::enrollment::{Enrollment, EnrollmentStage};
use insightgate_identity::profile::LegalProfile;
use insightgate_identity::program::Program;
use insightgate_identity::tenant::Tenant;
use uuid::Uuid;

use crate::audit::AuditEvent;
use crate::audit::recording::record;
use crate::database::again::again;
use crate::database::locks::Hold;
use crate::database::profile::{profile_query, read_profile, written_profile};
use crate::identities::tenants::{add_tenant, put_enrollment, read_enrollment};
use crate::reports::scheduled_reports::pause_reports;
use crate::{Store, StoreError, Transaction, execute};

/// An enrollment that was sent back because the tenant's legal details changed.
#[derive(Debug, Clone)]
pub struct Reviewed {
    pub enrollment: Enrollment,
    /// The number of paused reports; `None` if the enrollment was not Active, since its reports were paused before.
    pub paused: Option<u64>,
}

impl Store {
    /// Adds a tenant together with its first enrollment.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn enroll_tenant(
        &self,
        tenant: &Tenant,
        profile: Option<&LegalProfile>,
        enrollment: &Enrollment,
        created: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        let mut transaction = self.begin_beside().await?;
        execute(&mut transaction, add_tenant(tenant, profile, created)).await?;
        execute(&mut transaction, put_enrollment(tenant.id, enrollment)).await?;
        self.record_change(&mut transaction).await?;
        self.commit_identities(transaction).await
    }

    /// Reads the enrollment, changes it and writes it back. Leaving Active pauses the program's reports.
    ///
    /// `change` returns the enrollment to write, if any, and its own result. `event` makes the audit event from that result and the number of reports
    /// that the step paused; it returns `None` if there is nothing to audit.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn move_enrollment<T>(
        &self,
        tenant: Uuid,
        program: Program,
        change: impl Fn(Option<Enrollment>) -> (Option<Enrollment>, T),
        event: impl Fn(&T, Option<u64>) -> Option<AuditEvent>,
    ) -> Result<T, StoreError> {
        again(|| self.try_to_move(tenant, program, &change, &event)).await
    }

    async fn try_to_move<T>(
        &self,
        tenant: Uuid,
        program: Program,
        change: impl Fn(Option<Enrollment>) -> (Option<Enrollment>, T),
        event: impl Fn(&T, Option<u64>) -> Option<AuditEvent>,
    ) -> Result<T, StoreError> {
        let mut transaction = self.begin(Hold::Tenant(tenant)).await?;
        let query = sqlx::query("SELECT * FROM enrollments WHERE tenant_id = $1 AND program = $2");
        let row = query.bind(tenant.to_string()).bind(program.name()).fetch_optional(&mut *transaction).await?;
        let known = row.as_ref().map(read_enrollment).transpose()?;
        let from = known.as_ref().map(|known| known.stage);
        let (changed, outcome) = change(known);
        let mut paused = None;
        if let Some(changed) = &changed {
            paused = self.write_enrollment(&mut transaction, tenant, from, changed).await?;
            self.write_mail(&mut transaction).await?;
        }
        if let Some(event) = event(&outcome, paused) {
            record(&mut transaction, &event).await?;
        }
        self.commit_identities(transaction).await?;
        Ok(outcome)
    }

    /// Changes the name, the global account and the profile of the tenant, but never its domain, with which users sign in. `review` gets the profile that
    /// is replaced, and each enrollment; those that it changes are written too. Returns false, and writes nothing, if the tenant does not exist.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn change_tenant(
        &self,
        tenant: &Tenant,
        profile: Option<&LegalProfile>,
        review: impl Fn(Option<&LegalProfile>, &Enrollment) -> Option<Enrollment>,
        event: impl Fn(&[Reviewed]) -> Option<AuditEvent>,
    ) -> Result<bool, StoreError> {
        again(|| self.try_to_change_tenant(tenant, profile, &review, &event)).await
    }

    async fn try_to_change_tenant(
        &self,
        tenant: &Tenant,
        profile: Option<&LegalProfile>,
        review: impl Fn(Option<&LegalProfile>, &Enrollment) -> Option<Enrollment>,
        event: impl Fn(&[Reviewed]) -> Option<AuditEvent>,
    ) -> Result<bool, StoreError> {
        let mut transaction = self.begin(Hold::Tenant(tenant.id)).await?;
        let replaced = profile_query(tenant.id).fetch_optional(&mut *transaction).await?.as_ref().map_or(Ok(None), read_profile)?;
        let query = sqlx::query("UPDATE tenants SET name = $1, global_account = $2, profile = $3 WHERE id = $4")
            .bind(tenant.name.clone())
            .bind(tenant.global_account.clone())
            .bind(profile.map(written_profile))
            .bind(tenant.id.to_string());
        if execute(&mut transaction, query).await? != 1 {
            return Ok(false);
        }
        let query = sqlx::query("SELECT * FROM enrollments WHERE tenant_id = $1 ORDER BY program DESC").bind(tenant.id.to_string());
        let mut reviewed = Vec::new();
        for row in query.fetch_all(&mut *transaction).await? {
            let known = read_enrollment(&row)?;
            let Some(changed) = review(replaced.as_ref(), &known) else { continue };
            let paused = self.write_enrollment(&mut transaction, tenant.id, Some(known.stage), &changed).await?;
            if changed.stage != known.stage {
                reviewed.push(Reviewed { enrollment: changed, paused });
            }
        }
        if let Some(event) = event(&reviewed) {
            record(&mut transaction, &event).await?;
        }
        self.commit_identities(transaction).await?;
        Ok(true)
    }

    /// Returns how many reports were paused, if the enrollment was Active and no longer is.
    async fn write_enrollment(
        &self,
        transaction: &mut Transaction,
        tenant: Uuid,
        from: Option<EnrollmentStage>,
        to: &Enrollment,
    ) -> Result<Option<u64>, StoreError> {
        execute(transaction, put_enrollment(tenant, to)).await?;
        if from != Some(EnrollmentStage::Active) || to.stage == EnrollmentStage::Active {
            return Ok(None);
        }
        self.hold(transaction, Hold::ReportsOfTenant(tenant)).await?;
        pause_reports(transaction, tenant, to.program).await.map(Some)
    }
}
