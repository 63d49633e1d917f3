//! The locks that a transaction holds until its end, so that what it has read is still true when it writes. There is no lock of the whole database.
//!
//! SQLite has one writer at a time and needs none of this. In Postgres each transaction first locks what it counts or reads before it writes, and
//! waits only for others that hold the same lock. A row that one statement changes under a condition, and what a constraint keeps unique, need none.
//!
//! | transaction | holds |
//! | --- | --- |
//! | `add_mail`, and the mail of a change: its bounds need not be exact | no lock of its own |
//! | events alone: audit, counted events, the group commit of grants without refresh tokens | no lock |
//! | group commit with refresh tokens | its users (shared), then the tokens, by digest |
//! | `redeem_authorization_code`, `redeem_device_code`, `add_refresh_token` | the user (shared), then the code's row |
//! | `add_report`, `add_report_query`, `add_callback_secret` | the owner, since quotas, numbers and room are counted by owner |
//! | `change_report` | the owner, then the report |
//! | `finish_execution`, `release_execution`, `cancel_execution`, `retry_execution`, `delete_report`, `announce_next_execution` | the report |
//! | `queue_due_reports` | the queue of due reports, then each due report that no other transaction holds |
//! | `claim_execution`, `forget_*`, `trim_refresh_tokens`, `replan` | rows that no other transaction holds; the others are left for the next time |
//! | `renew_block_sums` | the execution's row |
//! | `note_damage`, `claim_callback`, `finish_callback`, `claim_mail`, `finish_mail`, `replay_callback`, `decide_device_code`, `pause_runs` | the one row that they change under a condition |
//! | `add_user`, `add_application`, `put_location`, `add_external_identity`, `remove_external_identity`, `put_role` | the tenant and its counted room |
//! | `set_tenant_limits` | the tenant |
//! | `change_enrollment`, `move_enrollment`, `change_tenant` | the tenant, then the reports that are paused, by id |
//! | `put_sign_in_session`, `add_authorization_code` | the user, whose sessions and codes are counted |
//! | `change_user`, `set_user_password`, `set_totp`, `revoke_refresh_family` | the user: no session, code or token is added that would outlive the end |
//! | `set_user_password`, `change_sign_in_count`, `know_address` | the subject whose wrong passwords are counted |
//! | `add_client_secret`, `add_device_code`, `change_application`, `remove_permission`, `grant_consent` | the application: counts, and its permissions |
//! | `delete_user`, `delete_application` | the owner, the user, the application, and their reports, by id |
//! | `delete_location` | the tenant, whose role assignments are read |
//! | `add_first_key` | the purpose of the key |
//! | `delete_tenant` | the tenant, its users, applications, reports and callbacks, by id; at its end nothing more can be added to the tenant |
//! | each change of identities | as the last lock, the row of the identities' version |
//!
//! The turn of an execution is not a limit and needs no lock: two executions that are queued for one tenant at the same moment may share a turn.
//!
//! Locks are taken in this order, and those of one kind by id, so that no two transactions wait for each other: the queue of due reports, tenant,
//! owner, user, application, subject, report, execution, callback, session, code, token, the version of identities. If the database still finds a
//! deadlock, it ends one of the two transactions, which [`crate::database::again::again`] retries.

use sqlx::AssertSqlSafe;
use uuid::Uuid;

use crate::database::again::again;
use crate::database::dialect::placeholders;
use crate::{Pool, Store, StoreError, Transaction, execute};

/// Each lock is exclusive unless it is called shared.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Hold<'a> {
    /// The queue of due reports.
    DueReports,
    /// What is counted by tenant, and its enrollments. Sign-ins and reports of the tenant continue.
    Tenant(Uuid),
    /// The tenant, so that nothing more can be added to it.
    WholeTenant(Uuid),
    UsersOfTenant(Uuid),
    ApplicationsOfTenant(Uuid),
    ReportsOfTenant(Uuid),
    CallbacksOfTenant(Uuid),
    /// The quotas of a user, or of an application that acts without a user.
    Owner(Uuid),
    /// The user, so that no session, code or token of the user is added at the same time.
    User(Uuid),
    UserOfFamily(Uuid),
    /// Shared: these users, so that their sign-ins are not ended at the same time.
    UsersStay(&'a [Uuid]),
    Application(Uuid),
    /// The subject whose wrong passwords are counted.
    Subject(&'a str),
    Report(Uuid),
    ReportOfExecution(Uuid),
    /// The reports of a user, or those that were created through an application.
    ReportsOf(Uuid),
    KeysOf(&'a str),
}

impl Hold<'_> {
    /// The statement for Postgres, and its parameter.
    fn statement(self) -> (String, Vec<String>) {
        let one = |text: &str, id: Uuid| (text.to_owned(), vec![id.to_string()]);
        match self {
            Hold::DueReports => (keyed(0), vec![String::new()]),
            // Rows that refer to the tenant or the application may still be added.
            Hold::Tenant(id) => one("SELECT 1 FROM tenants WHERE id = $1 FOR NO KEY UPDATE", id),
            Hold::Application(id) => one("SELECT 1 FROM applications WHERE id = $1 FOR NO KEY UPDATE", id),
            Hold::WholeTenant(id) => one("SELECT 1 FROM tenants WHERE id = $1 FOR UPDATE", id),
            Hold::UsersOfTenant(id) => one("SELECT 1 FROM users WHERE tenant_id = $1 ORDER BY id FOR UPDATE", id),
            Hold::ApplicationsOfTenant(id) => one("SELECT 1 FROM applications WHERE tenant_id = $1 ORDER BY id FOR UPDATE", id),
            Hold::ReportsOfTenant(id) => one("SELECT 1 FROM scheduled_reports WHERE tenant_id = $1 ORDER BY id FOR UPDATE", id),
            Hold::CallbacksOfTenant(id) => one("SELECT 1 FROM callbacks WHERE tenant_id = $1 ORDER BY id FOR UPDATE", id),
            Hold::Owner(id) => (keyed(1), vec![id.to_string()]),
            Hold::User(id) => one("SELECT 1 FROM users WHERE id = $1 FOR UPDATE", id),
            Hold::UserOfFamily(id) => {
                one("SELECT 1 FROM users WHERE id IN (SELECT user_id FROM refresh_tokens WHERE family_id = $1) ORDER BY id FOR UPDATE", id)
            }
            Hold::UsersStay(ids) => {
                let listed = placeholders(0, ids.len());
                let text = format!("SELECT 1 FROM users WHERE id IN ({listed}) ORDER BY id FOR KEY SHARE");
                (text, ids.iter().map(Uuid::to_string).collect())
            }
            Hold::Subject(subject) => (keyed(2), vec![subject.to_owned()]),
            Hold::Report(id) => one("SELECT 1 FROM scheduled_reports WHERE id = $1 FOR UPDATE", id),
            Hold::ReportOfExecution(id) => {
                one("SELECT 1 FROM scheduled_reports WHERE id IN (SELECT report_id FROM executions WHERE id = $1) FOR UPDATE", id)
            }
            Hold::ReportsOf(id) => {
                one("SELECT 1 FROM scheduled_reports WHERE owner_id = $1 OR application_id = $1 ORDER BY id FOR UPDATE", id)
            }
            Hold::KeysOf(purpose) => (keyed(3), vec![purpose.to_owned()]),
        }
    }
}

/// For what has no row of its own: an advisory lock by the hash of a text. Two texts with the same hash wait for each other, which does no harm.
fn keyed(kind: u8) -> String {
    format!("SELECT 1 FROM (SELECT pg_advisory_xact_lock(hashtextextended($1, {kind}))) AS held")
}

impl Store {
    /// Begins a serialised write transaction: of all that hold the same lock only one is open at a time, so that what it has read under the lock
    /// still holds when it commits.
    pub(crate) async fn begin(&self, hold: Hold<'_>) -> Result<Transaction, StoreError> {
        self.begin_in(&self.reports, Some(hold)).await
    }

    /// Begins a write transaction that holds no lock: each of its statements must be correct on its own.
    pub(crate) async fn begin_beside(&self) -> Result<Transaction, StoreError> {
        self.begin_in(&self.reports, None).await
    }

    /// Like [`Store::begin_beside`], in the lane of grants, which do not wait for reports.
    pub(crate) async fn begin_grants(&self) -> Result<Transaction, StoreError> {
        self.begin_in(&self.pool, None).await
    }

    /// Begins on another connection if the first one was lost, since nothing has been written yet.
    async fn begin_in(&self, pool: &Pool, hold: Option<Hold<'_>>) -> Result<Transaction, StoreError> {
        again(|| async move {
            let mut transaction = pool.begin(self.dialect.begin()).await?;
            if let Some(hold) = hold {
                self.hold(&mut transaction, hold).await?;
            }
            Ok(transaction)
        })
        .await
    }

    /// Waits for the lock and holds it until the end of the transaction.
    pub(crate) async fn hold(&self, transaction: &mut Transaction, hold: Hold<'_>) -> Result<(), StoreError> {
        if self.dialect.has_one_writer() {
            return Ok(());
        }
        let (text, about) = hold.statement();
        // The text consists only of placeholders and names.
        let query = about.into_iter().fold(sqlx::query(AssertSqlSafe(text)), |query, value| query.bind(value));
        execute(transaction, query).await.map(drop)
    }
}
