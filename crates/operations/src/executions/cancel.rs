//! Cancels an execution, for its owner or for somebody who manages it, and queues one again that failed or was cancelled.
//!
//! A running attempt ends at once in this process, and at its next heartbeat in another one. It leaves no artifact.

use insightgate_report::execution::ExecutionStatus;
use insightgate_store::{ExecutionRecord, Store, Unchanged};
use uuid::Uuid;

use crate::audit::{self, Happening};
use crate::callers::caller::Caller;
use crate::context::Context;
use crate::failure::Failure;

/// Cancels an execution of the caller's that has begun or waits for its turn.
///
/// # Errors
/// When the caller has no such execution, it is over or waits for its slot, or the database does not answer.
pub async fn cancel_own_execution(context: &Context, caller: &Caller, id: &str, correlation: &str) -> Result<ExecutionRecord, Failure> {
    let id = Uuid::try_parse(id).map_err(|_| Failure::NotFound)?;
    let (owner, program) = (caller.owner(), caller.program);
    if context.store.report_of_next_execution(owner, program, id).await?.is_some() {
        return Err(Failure::Conflict("The run waits for its time: pause or delete its report instead.".to_owned()));
    }
    let record = own(context, caller, id).await?;
    let happening = Happening {
        tenant: Some(record.report.tenant),
        actor: owner.to_string(),
        action: CANCEL,
        subject: subject(id),
        detail: detail(&record),
        correlation: Some(correlation.to_owned()),
    };
    let store = audit::recording(context, happening)?;
    cancel(context, &store, id, "The run was cancelled by its owner.").await?;
    own(context, caller, id).await
}

async fn own(context: &Context, caller: &Caller, id: Uuid) -> Result<ExecutionRecord, Failure> {
    let record = context.store.execution(id).await?;
    let is_own = |record: &ExecutionRecord| record.report.owner == caller.owner() && record.report.program == caller.program;
    record.filter(is_own).ok_or(Failure::NotFound)
}

/// The actions of the audit events.
pub(crate) const CANCEL: &str = "run.cancel";
pub(crate) const RETRY: &str = "run.retry";

/// As the audit events name the execution.
pub(crate) fn subject(execution: Uuid) -> String {
    format!("execution {execution}")
}

pub(crate) fn detail(record: &ExecutionRecord) -> String {
    format!("of report {}, was {}", record.report.id, record.execution.status.name())
}

/// `store` writes the event with the change; `reason` is for the owner.
pub(crate) async fn cancel(context: &Context, store: &Store, id: Uuid, reason: &str) -> Result<(), Failure> {
    store.cancel_execution(id, reason, context.clock.now()).await?.map_err(|unchanged| match unchanged {
        Unchanged::Is(status) => Failure::Conflict(format!("The run is over: {}.", status.name())),
        _ => Failure::NotFound,
    })?;
    context.signals.deleted.notify_waiters();
    context.signals.finished.notify_waiters();
    Ok(())
}

/// `store` writes the event with the change.
pub(crate) async fn retry(context: &Context, store: &Store, id: Uuid) -> Result<(), Failure> {
    store.retry_execution(id, context.clock.now()).await?.map_err(|unchanged| match unchanged {
        Unchanged::NotFound => Failure::NotFound,
        Unchanged::ReportIsPaused => {
            Failure::Conflict("The report is paused, so that the run would not begin: resume the report first.".to_owned())
        }
        Unchanged::Is(ExecutionStatus::Completed) => Failure::Conflict("The run has completed.".to_owned()),
        Unchanged::Is(status) => Failure::Conflict(format!("The run is not over: {}.", status.name())),
    })?;
    context.signals.queued.notify_one();
    Ok(())
}
