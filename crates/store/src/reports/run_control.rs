//! What stops and starts executions from outside: cancelling one, trying one again, and the pause of a whole tenant.
//!
//! An attempt that works on a cancelled execution notices at its next heartbeat, and can publish nothing: only a running execution is finished.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use insightgate_report::execution::ExecutionStatus;
use insightgate_report::scheduled_report::ReportStatus;
use uuid::Uuid;

use crate::database::again::again;
use crate::database::locks::Hold;
use crate::database::row::{Read, millis};
use crate::reports::executions::{end_exhausted_report, took};
use crate::{Connection, Store, StoreError, execute};

/// Why an execution was not cancelled or tried again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unchanged {
    NotFound,
    /// Its status does not allow it.
    Is(ExecutionStatus),
    /// Its report is paused, so that it would not run.
    ReportIsPaused,
}

/// A tenant's executions that are not over.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TenantRuns {
    /// Since when nobody claims them, and why.
    pub paused: Option<(DateTime<Utc>, String)>,
    /// Those that a runner could claim, or that wait for a retry.
    pub pending: u64,
    pub running: u64,
    /// Those whose report is paused.
    pub held: u64,
    /// When the oldest pending one fell due.
    pub oldest: Option<DateTime<Utc>>,
}

impl Store {
    /// Ends an execution that is not over. `reason` is for its owner. No callback is sent for it.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn cancel_execution(&self, id: Uuid, reason: &str, now: DateTime<Utc>) -> Result<Result<(), Unchanged>, StoreError> {
        again(|| async move {
            let mut transaction = self.begin(Hold::ReportOfExecution(id)).await?;
            let cancel = format!(
                "UPDATE executions SET status = 'Cancelled', failure = $2, finished = $3, progress = NULL, {}
                 WHERE id = $1 AND status IN ('Pending', 'Running', 'Paused') RETURNING report_id",
                took(self.dialect)
            );
            let query = sqlx::query(sqlx::AssertSqlSafe(cancel)).bind(id.to_string()).bind(reason.to_owned()).bind(millis(now));
            let Some(row) = query.fetch_optional(&mut *transaction).await? else {
                return status_of(&mut transaction, id).await.map(Err);
            };
            end_exhausted_report(&mut transaction, &row.text("report_id")?).await?;
            self.record_change(&mut transaction).await?;
            transaction.commit().await?;
            Ok(Ok(()))
        })
        .await
    }

    /// Queues an execution again that failed or was cancelled, as if it had not been tried: behind those that wait, with the anchor that it had. A
    /// report that runs once, or whose schedule has ended, is active until it is over.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn retry_execution(&self, id: Uuid, now: DateTime<Utc>) -> Result<Result<(), Unchanged>, StoreError> {
        again(|| async move {
            let mut transaction = self.begin(Hold::ReportOfExecution(id)).await?;
            let query = sqlx::query(
                "SELECT status FROM scheduled_reports WHERE id IN (SELECT report_id FROM executions WHERE id = $1) AND status = $2",
            );
            let query = query.bind(id.to_string()).bind(ReportStatus::Paused.name());
            let is_paused = query.fetch_optional(&mut *transaction).await?.is_some();
            let query = sqlx::query(
                "UPDATE executions SET status = 'Pending', queued = $2, turn = $2, not_before = 0, lease_until = 0, attempts = 0, failures = 0,
                     refusals = 0, failure = NULL, finished = NULL, begun = NULL, took = NULL, progress = NULL
                 WHERE id = $1 AND status IN ('Failed', 'Cancelled') RETURNING report_id",
            );
            let Some(row) = query.bind(id.to_string()).bind(millis(now)).fetch_optional(&mut *transaction).await? else {
                return status_of(&mut transaction, id).await.map(Err);
            };
            if is_paused {
                return Ok(Err(Unchanged::ReportIsPaused));
            }
            let query = sqlx::query("UPDATE scheduled_reports SET status = $1 WHERE id = $2 AND status = $3");
            let query = query.bind(ReportStatus::Active.name()).bind(row.text("report_id")?).bind(ReportStatus::Inactive.name());
            execute(&mut transaction, query).await?;
            self.record_change(&mut transaction).await?;
            transaction.commit().await?;
            Ok(Ok(()))
        })
        .await
    }

    /// Holds the tenant's executions back from now on, with the reason, or lets them go. One that runs goes on.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn pause_runs(&self, tenant: Uuid, reason: Option<&str>, now: DateTime<Utc>) -> Result<(), StoreError> {
        again(|| async move {
            let mut transaction = self.begin_beside().await?;
            let query = sqlx::query("UPDATE tenants SET runs_paused = $2, runs_paused_reason = $3 WHERE id = $1");
            let query = query.bind(tenant.to_string()).bind(reason.map(|_| millis(now))).bind(reason.map(str::to_owned));
            execute(&mut transaction, query).await?;
            self.record_change(&mut transaction).await?;
            transaction.commit().await
        })
        .await
    }

    /// Returns what of the tenant's executions is not over.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn tenant_runs(&self, tenant: Uuid) -> Result<TenantRuns, StoreError> {
        let query = sqlx::query("SELECT runs_paused, runs_paused_reason FROM tenants WHERE id = $1").bind(tenant.to_string());
        let mut runs = TenantRuns::default();
        if let Some(row) = query.fetch_optional(&self.reports).await?
            && let Some(since) = row.optional_instant("runs_paused")?
        {
            runs.paused = Some((since, row.optional_text("runs_paused_reason")?.unwrap_or_default()));
        }
        let query = sqlx::query(
            "SELECT status, COUNT(*) AS number, MIN(queued) AS oldest FROM executions
             WHERE tenant_id = $1 AND status IN ('Pending', 'Running', 'Paused') GROUP BY status",
        );
        for row in query.bind(tenant.to_string()).fetch_all(&self.reports).await? {
            let number = row.count("number")?;
            match row.named("status", ExecutionStatus::from_name)? {
                ExecutionStatus::Pending => (runs.pending, runs.oldest) = (number, row.optional_instant("oldest")?),
                ExecutionStatus::Running => runs.running = number,
                _ => runs.held = number,
            }
        }
        Ok(runs)
    }

    /// Returns what this tenant may have instead of what all may have, by the names of the limits.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn tenant_limits(&self, tenant: Uuid) -> Result<BTreeMap<String, u64>, StoreError> {
        let query = sqlx::query("SELECT name, value FROM tenant_limits WHERE tenant_id = $1").bind(tenant.to_string());
        query.fetch_all(&self.reports).await?.iter().map(|row| Ok((row.text("name")?, row.count("value")?))).collect()
    }

    /// Sets limits of the tenant; `None` removes one, so that what all may have applies.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn set_tenant_limits(&self, tenant: Uuid, limits: &[(&str, Option<u64>)]) -> Result<(), StoreError> {
        again(|| async move {
            let mut transaction = self.begin(Hold::Tenant(tenant)).await?;
            for (name, value) in limits {
                let query = match value {
                    None => sqlx::query("DELETE FROM tenant_limits WHERE tenant_id = $1 AND name = $2"),
                    Some(_) => sqlx::query(
                        "INSERT INTO tenant_limits (tenant_id, name, value) VALUES ($1, $2, $3)
                         ON CONFLICT (tenant_id, name) DO UPDATE SET value = excluded.value",
                    ),
                };
                let query = query.bind(tenant.to_string()).bind((*name).to_owned());
                let query = value.iter().fold(query, |query, value| query.bind(i64::try_from(*value).unwrap_or(i64::MAX)));
                execute(&mut transaction, query).await?;
            }
            self.record_change(&mut transaction).await?;
            transaction.commit().await
        })
        .await
    }
}

/// Why nothing was changed.
async fn status_of(connection: &mut Connection, id: Uuid) -> Result<Unchanged, StoreError> {
    let query = sqlx::query("SELECT status FROM executions WHERE id = $1").bind(id.to_string());
    match query.fetch_optional(connection).await? {
        None => Ok(Unchanged::NotFound),
        Some(row) => Ok(Unchanged::Is(row.named("status", ExecutionStatus::from_name)?)),
    }
}
