//! The only SQL of the project, with one file for each family of tables. Every statement runs on SQLite and on Postgres; the differences are in `dialect`.
//!
//! Statements are short and committed at once: no transaction is held while an execution runs. Rules are in the pure crates; only what must be atomic is here.

mod access_log;
mod audit;
mod callbacks;
mod database;
mod error;
mod group_commit;
mod identities;
mod keys;
mod mails;
mod opening;
mod outbox;
mod reports;
mod room;
mod sign_in;
mod snapshot;
mod telemetry;

use std::borrow::Cow;
use std::sync::Arc;

use prometheus_client::registry::Registry;
use sqlx::migrate::{Migration, MigrationType, Migrator};
use sqlx::{Any, Row, SqlSafeStr};

pub use access_log::{AccessDay, AccessRow};
pub use audit::AuditEvent;
pub use audit::named::{Named, Thing};
pub use audit::trail::AuditFilter;
pub use callbacks::secrets::CallbackSecret;
pub use callbacks::{Callback, CallbackAttempt, CallbackFilter, ClaimedCallback, NewCallback};
pub use database::outage::Outage;
pub use database::page::{Page, PagePlace};
pub use error::StoreError;
pub use identities::applications::{Consent, Prepared};
pub use identities::enrollment_changes::Reviewed;
pub use identities::removals::Removal;
pub use identities::tenants::TenantFilter;
pub use identities::users::UserCredentials;
pub use keys::StoredKey;
pub use keys::sealed::{Sealed, SealedPlace};
pub use mails::expiring::ExpiringSecret;
pub use mails::{Mail, MailKind, NewMail, Recipient, Summary};
pub use opening::inspection::Inspection;
pub use opening::sqlite_url;
pub use outbox::{Delivery, Due, SendOutcome};
pub use reports::artifact_blocks::BLOCKS_PER_ROW;
pub use reports::executions::{ClaimedExecution, ExecutionFilter, ExecutionRecord, Lease, NewExecution, Outcome};
pub use reports::held_back::NEVER_DUE;
pub use reports::idempotency::{Creation, CreationKey, KEYS_KEPT, KEYS_OF_AN_OWNER};
pub use reports::overview::ReportOverview;
pub use reports::pages::{ManagedExecution, ManagedReport, PageFilter};
pub use reports::queue::Queue;
pub use reports::retention::FileEpochs;
pub use reports::run_control::{TenantRuns, Unchanged};
pub use reports::scheduled_reports::{QuotaUse, ReportFilter, ReportQuotas};
pub use sign_in::authorization_codes::AuthorizationCode;
pub use sign_in::console_sessions::ConsoleSession;
pub use sign_in::counts::{SignInCount, Subject, is_news};
pub use sign_in::device_codes::{AddedDeviceCode, DeviceCode, DeviceState};
pub use sign_in::refresh_tokens::{RefreshTokenRecord, RefreshTokenState, UsedToken};
pub use sign_in::sessions::{MissingStep, SignInSession};
pub use snapshot::Snapshot;

use database::dialect::Dialect;
use database::lanes::Pool;
use database::lanes::connection::{Connection, Transaction};
use group_commit::GroupCommit;
use identities::version::IdentityVersion;
use opening::moved::OpenedFile;
use sign_in::refresh_tokens::Grown;
use telemetry::StoreTelemetry;

/// A database. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Store {
    /// The connections for what every request needs: identities, tokens, keys. Their statements are small and never wait behind those of reports.
    pool: Pool,
    /// The connections for reports, their executions and their lists, and for transactions.
    reports: Pool,
    dialect: Dialect,
    group_commit: GroupCommit,
    grown: Grown,
    identities: IdentityVersion,
    telemetry: StoreTelemetry,
    /// The event to write with the next change.
    recorded: Option<Arc<AuditEvent>>,
    /// The file of a SQLite database.
    file: Option<Arc<OpenedFile>>,
    /// The mail to write with the next change.
    told: Option<Arc<NewMail>>,
}

impl Store {
    /// The database's own time in milliseconds, by which leases expire.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn lease_time(&self) -> Result<i64, StoreError> {
        let row = sqlx::query(self.dialect.now_milliseconds()).fetch_one(&self.pool).await?;
        Ok(row.try_get(0)?)
    }

    /// Checks whether the database accepts writes, by committing one.
    ///
    /// # Errors
    /// When the database does not accept the write.
    pub async fn check_writes(&self) -> Result<(), StoreError> {
        let now = self.lease_time().await?;
        self.put_setting("last_write_check", &now.to_string()).await
    }

    /// Checks whether the file of a SQLite database still lies where it was opened. A Postgres always passes.
    ///
    /// # Errors
    /// When it was moved, deleted or replaced.
    pub async fn check_place(&self) -> Result<(), StoreError> {
        let Some(file) = self.file.clone() else { return Ok(()) };
        tokio::task::spawn_blocking(move || file.check()).await.map_err(|_| StoreError::Interrupted)?
    }

    /// Waits at most a few seconds for all connections to close, so that the last writes are on disk.
    pub async fn close(&self) {
        if tokio::time::timeout(LAST_WRITES, self.group_commit.finish()).await.is_err() {
            tracing::warn!("the last writes did not end in time");
        }
        futures::future::join(self.pool.close(), self.reports.close()).await;
    }

    /// Adds how long the database takes to what a process tells about itself.
    pub fn register(&self, registry: &mut Registry) {
        self.telemetry.register(registry);
    }

    /// Whether other processes may use the database too.
    pub fn is_shared(&self) -> bool {
        self.dialect.is_shared()
    }
}

/// How long closing the store waits for writes that callers still wait for.
const LAST_WRITES: std::time::Duration = std::time::Duration::from_secs(3);

/// Each migration is applied once, in order. Never change one that was released: add another one.
fn migrations() -> Migrator {
    let all = [
        ("first tables", include_str!("../migrations/0001_first_tables.sql")),
        ("delivery", include_str!("../migrations/0002_delivery.sql")),
        ("block hashes", include_str!("../migrations/0003_block_hashes.sql")),
        ("record", include_str!("../migrations/0004_record.sql")),
        ("sign in", include_str!("../migrations/0005_sign_in.sql")),
        ("room", include_str!("../migrations/0006_room.sql")),
        ("next runs", include_str!("../migrations/0007_next_runs.sql")),
        ("run control", include_str!("../migrations/0008_run_control.sql")),
        ("usage", include_str!("../migrations/0009_usage.sql")),
        ("console", include_str!("../migrations/0010_console.sql")),
        ("mail", include_str!("../migrations/0011_mail.sql")),
        ("data version", include_str!("../migrations/0012_data_version.sql")),
    ];
    let migration = |(version, (name, text)): (i64, (&'static str, &'static str))| {
        Migration::new(version, Cow::Borrowed(name), MigrationType::Simple, text.into_sql_str(), false)
    };
    Migrator { migrations: Cow::Owned((1..).zip(all).map(migration).collect()), ..Migrator::DEFAULT }
}

/// Returns how many rows a statement changed. Takes a connection and not a pool, so that it can be part of a transaction.
async fn execute(connection: &mut Connection, query: sqlx::query::Query<'_, Any, sqlx::any::AnyArguments>) -> Result<u64, StoreError> {
    Ok(query.execute(connection).await?.rows_affected())
}

#[cfg(test)]
mod tests;
