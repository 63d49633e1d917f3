//! Executions of every owner of a tenant: which wait, run or failed, for how long and why; cancelling one, and trying one again.

use chrono::{DateTime, Utc};
use insightgate_report::execution::ExecutionStatus;
use insightgate_store::{ManagedExecution, Page, PageFilter};
pub use insightgate_wire::parameters::ExecutionQuery;
use uuid::Uuid;

use super::page::{Asked, status};
use crate::context::Context;
use crate::executions::cancel::{CANCEL, RETRY, cancel, detail, retry, subject};
use crate::failure::Failure;
use crate::manage::administrator::{Administrator, Duty};

/// An execution with how long it has waited and run.
#[derive(Debug, Clone)]
pub struct SeenExecution {
    pub found: ManagedExecution,
    /// What it waits for, in words.
    pub waits_for: Option<String>,
    pub waiting_seconds: Option<u64>,
    /// Of the last attempt.
    pub running_seconds: Option<u64>,
}

/// Of one tenant, or of all for an operator who names none. Those that fell due last come first.
///
/// # Errors
/// When the caller may not do this, a filter is wrong, or the database does not answer.
pub async fn list_managed_executions(
    context: &Context,
    administrator: &Administrator,
    tenant: Option<&str>,
    query: ExecutionQuery,
) -> Result<Page<SeenExecution>, Failure> {
    let names: Vec<&'static str> = ExecutionStatus::ALL.iter().map(|status| status.name()).collect();
    let asked = Asked {
        status: status(query.status.as_deref(), &names)?,
        report: query.report_id,
        execution: query.execution_id,
        owner: query.owner,
        from: query.from,
        to: query.to,
        page_size: query.page_size,
        skip_token: query.skip_token,
    };
    let (filter, after, limit) = asked.read(context, administrator, tenant).await?;
    let Page { items, total, next } = context.store.execution_page(&filter, after, limit).await?;
    let (now, lease_now) = (context.clock.now(), context.store.lease_time().await?);
    Ok(Page { items: items.into_iter().map(|found| seen(found, now, lease_now)).collect(), total, next })
}

/// # Errors
/// When the caller may not do this, there is no such execution in the tenant, or the database does not answer.
pub async fn show_managed_execution(
    context: &Context,
    administrator: &Administrator,
    tenant: &str,
    execution: &str,
) -> Result<SeenExecution, Failure> {
    let tenant = administrator.tenant_for(context, tenant, Duty::Look).await?;
    find(context, tenant.id, execution).await
}

/// # Errors
/// When the caller may not do this, there is no such execution in the tenant, it is over, or the database does not answer.
pub async fn cancel_managed_execution(
    context: &Context,
    administrator: &Administrator,
    tenant: &str,
    execution: &str,
) -> Result<SeenExecution, Failure> {
    let tenant = administrator.tenant_for(context, tenant, Duty::Directory).await?;
    let record = find(context, tenant.id, execution).await?.found.record;
    let id = record.execution.id;
    let store = administrator.recording(context, Some(tenant.id), CANCEL, subject(id), detail(&record))?;
    let reason = match administrator.is_operator() {
        true => "The run was cancelled by an operator of the server.",
        false => "The run was cancelled by an administrator of the organisation.",
    };
    cancel(context, &store, id, reason).await?;
    find(context, tenant.id, execution).await
}

/// Queues an execution again that failed or was cancelled.
///
/// # Errors
/// When the caller may not do this, there is no such execution in the tenant, it has completed or is not over, its report is paused, or the database
/// does not answer.
pub async fn retry_managed_execution(
    context: &Context,
    administrator: &Administrator,
    tenant: &str,
    execution: &str,
) -> Result<SeenExecution, Failure> {
    let tenant = administrator.tenant_for(context, tenant, Duty::Directory).await?;
    let record = find(context, tenant.id, execution).await?.found.record;
    let id = record.execution.id;
    let store = administrator.recording(context, Some(tenant.id), RETRY, subject(id), detail(&record))?;
    retry(context, &store, id).await?;
    find(context, tenant.id, execution).await
}

async fn find(context: &Context, tenant: Uuid, execution: &str) -> Result<SeenExecution, Failure> {
    let id = Uuid::try_parse(execution.trim()).map_err(|_| Failure::NotFound)?;
    let filter = PageFilter { tenant: Some(tenant), execution: Some(id), ..PageFilter::default() };
    let found = context.store.execution_page(&filter, None, 1).await?.items.pop().ok_or(Failure::NotFound)?;
    Ok(seen(found, context.clock.now(), context.store.lease_time().await?))
}

pub(crate) fn seen(found: ManagedExecution, now: DateTime<Utc>, lease_now: i64) -> SeenExecution {
    let execution = &found.record.execution;
    let seconds = |milliseconds: i64| u64::try_from(milliseconds / 1000).unwrap_or_default();
    let waits_for = match execution.status {
        ExecutionStatus::Pending if found.runs_paused => Some("the organisation's runs, which are paused".to_owned()),
        ExecutionStatus::Pending if found.not_before > lease_now => {
            let wait = seconds(found.not_before.saturating_sub(lease_now));
            // A sandbox holds executions back for ever.
            Some(if wait > LONGEST_WAIT {
                "the sandbox, which holds it back".to_owned()
            } else {
                format!("another attempt, in {wait} seconds")
            })
        }
        ExecutionStatus::Pending => Some("its turn".to_owned()),
        ExecutionStatus::Paused => Some("its report, which is paused".to_owned()),
        _ => None,
    };
    let waiting_seconds = waits_for.is_some().then(|| seconds((now - execution.queued).num_milliseconds()));
    let running = match (execution.status, found.begun) {
        (ExecutionStatus::Running, Some(begun)) => Some(lease_now.saturating_sub(begun)),
        _ => found.took,
    };
    SeenExecution { waits_for, waiting_seconds, running_seconds: running.map(seconds), found }
}

/// In seconds: longer than any wait before another attempt.
const LONGEST_WAIT: u64 = 7 * 24 * 3600;
