//! Removes users, applications and locations with what depends on them: sign-ins end, roles and consents go. Reports go only if that is asked for.
//!
//! The events of the audit trail stay. Callbacks that were sent stay until they are old.

use chrono::{DateTime, Utc};
use insightgate_identity::role::Locations;
use sqlx::AssertSqlSafe;
use uuid::Uuid;

use crate::database::again::again;
use crate::database::locks::Hold;
use crate::database::row::{Read, millis, read_locations};
use crate::{Connection, Store, StoreError, execute};

/// What became of a removal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Removal {
    NotFound,
    /// So many reports depend on it, and were to stay.
    HasReports(u64),
    /// So many role assignments name the location.
    HasRoles(u64),
    /// With these reports, whose files are still there.
    Done {
        reports: Vec<Uuid>,
    },
}

/// How often a removal is tried while others add what refers to it.
const ATTEMPTS: usize = 5;

/// A user, or an application.
struct Kind {
    table: &'static str,
    /// The reports that depend on it.
    reports: &'static str,
    /// In an order that violates no reference.
    statements: &'static [&'static str],
}

const USER: Kind = Kind {
    table: "users",
    reports: "owner_id = $1",
    statements: &[
        "DELETE FROM refresh_tokens WHERE user_id = $1",
        "DELETE FROM sign_in_sessions WHERE user_id = $1",
        "DELETE FROM console_sessions WHERE user_id = $1",
        "DELETE FROM authorization_codes WHERE user_id = $1",
        "DELETE FROM device_codes WHERE user_id = $1",
        "DELETE FROM sign_in_counts WHERE subject = $1",
        "DELETE FROM consents WHERE user_id = $1",
        "DELETE FROM mails WHERE recipient IN (SELECT username FROM users WHERE id = $1)",
    ],
};

const APPLICATION: Kind = Kind {
    table: "applications",
    reports: "(owner_id = $1 OR application_id = $1)",
    statements: &[
        "DELETE FROM refresh_tokens WHERE application_id = $1",
        "DELETE FROM console_sessions WHERE application_id = $1",
        "DELETE FROM authorization_codes WHERE application_id = $1",
        "DELETE FROM device_codes WHERE application_id = $1",
        "DELETE FROM consents WHERE application_id = $1",
        "DELETE FROM permissions WHERE application_id = $1",
        "DELETE FROM client_secrets WHERE application_id = $1",
    ],
};

/// What users and applications have.
const OF_BOTH: [&str; 6] = [
    "DELETE FROM role_assignments WHERE assignee_id = $1",
    "DELETE FROM external_identities WHERE local_id = $1",
    "DELETE FROM callback_secrets WHERE owner_id = $1",
    "DELETE FROM report_queries WHERE owner_id = $1",
    "DELETE FROM execute_now_creations WHERE owner_id = $1",
    "DELETE FROM idempotency_keys WHERE owner_id = $1",
];

impl Store {
    /// Removes a user of the tenant, with the user's queries, and with the user's reports if they need not stay.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn delete_user(&self, tenant: Uuid, user: Uuid, with_reports: bool, now: DateTime<Utc>) -> Result<Removal, StoreError> {
        self.remove(&USER, (tenant, user), with_reports, now).await
    }

    /// Removes an application of the tenant, with what it owns, and with the reports that were created through it if they need not stay.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn delete_application(
        &self,
        tenant: Uuid,
        application: Uuid,
        with_reports: bool,
        now: DateTime<Utc>,
    ) -> Result<Removal, StoreError> {
        self.remove(&APPLICATION, (tenant, application), with_reports, now).await
    }

    /// Removes a location of the tenant, unless a role assignment names it: a role that covers no location would be another role.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn delete_location(&self, tenant: Uuid, mpn_id: &str) -> Result<Removal, StoreError> {
        let mut transaction = self.begin(Hold::Tenant(tenant)).await?;
        let query = sqlx::query("SELECT locations FROM role_assignments WHERE tenant_id = $1").bind(tenant.to_string());
        let mut roles = 0;
        for row in query.fetch_all(&mut *transaction).await? {
            let locations = read_locations(row.optional_text("locations")?)?;
            roles += u64::from(matches!(&locations, Locations::Only(ids) if ids.iter().any(|id| id == mpn_id)));
        }
        if roles > 0 {
            return Ok(Removal::HasRoles(roles));
        }
        let query = sqlx::query("DELETE FROM locations WHERE tenant_id = $1 AND mpn_id = $2");
        if execute(&mut transaction, query.bind(tenant.to_string()).bind(mpn_id.to_owned())).await? == 0 {
            return Ok(Removal::NotFound);
        }
        self.record_change(&mut transaction).await?;
        self.commit_identities(transaction).await?;
        Ok(Removal::Done { reports: Vec::new() })
    }

    async fn remove(&self, kind: &Kind, what: (Uuid, Uuid), with_reports: bool, now: DateTime<Utc>) -> Result<Removal, StoreError> {
        for _ in 1..ATTEMPTS {
            match again(|| self.try_to_remove(kind, what, with_reports, now)).await {
                // Something was added in the meantime that refers to it.
                Err(error) if error.is_still_referred_to() => {}
                outcome => return outcome,
            }
        }
        self.try_to_remove(kind, what, with_reports, now).await
    }

    async fn try_to_remove(
        &self,
        kind: &Kind,
        (tenant, id): (Uuid, Uuid),
        with_reports: bool,
        now: DateTime<Utc>,
    ) -> Result<Removal, StoreError> {
        let mut transaction = self.begin(Hold::Owner(id)).await?;
        for hold in [Hold::User(id), Hold::Application(id), Hold::ReportsOf(id)] {
            self.hold(&mut transaction, hold).await?;
        }
        let there = format!("SELECT id FROM {} WHERE id = $1 AND tenant_id = $2", kind.table);
        let query = sqlx::query(AssertSqlSafe(there)).bind(id.to_string()).bind(tenant.to_string());
        if query.fetch_optional(&mut *transaction).await?.is_none() {
            return Ok(Removal::NotFound);
        }
        let reports = reports(&mut transaction, kind, id).await?;
        if !with_reports && !reports.is_empty() {
            return Ok(Removal::HasReports(reports.len() as u64));
        }
        let of = format!("IN (SELECT id FROM scheduled_reports WHERE {})", kind.reports);
        let callbacks =
            format!("UPDATE callbacks SET state = 'cancelled', finished = $2, lease_until = 0 WHERE state = 'pending' AND report_id {of}");
        execute(&mut transaction, sqlx::query(AssertSqlSafe(callbacks)).bind(id.to_string()).bind(millis(now))).await?;
        let of_reports =
            [format!("DELETE FROM executions WHERE report_id {of}"), format!("DELETE FROM scheduled_reports WHERE {}", kind.reports)];
        for statement in of_reports {
            execute(&mut transaction, sqlx::query(AssertSqlSafe(statement)).bind(id.to_string())).await?;
        }
        for statement in OF_BOTH.iter().chain(kind.statements) {
            execute(&mut transaction, sqlx::query(*statement).bind(id.to_string())).await?;
        }
        let last = format!("DELETE FROM {} WHERE id = $1", kind.table);
        execute(&mut transaction, sqlx::query(AssertSqlSafe(last)).bind(id.to_string())).await?;
        self.record_change(&mut transaction).await?;
        self.commit_identities(transaction).await?;
        Ok(Removal::Done { reports })
    }
}

async fn reports(connection: &mut Connection, kind: &Kind, id: Uuid) -> Result<Vec<Uuid>, StoreError> {
    let listed = format!("SELECT id FROM scheduled_reports WHERE {} ORDER BY id", kind.reports);
    let rows = sqlx::query(AssertSqlSafe(listed)).bind(id.to_string()).fetch_all(connection).await?;
    rows.iter().map(|row| row.id("id")).collect()
}
