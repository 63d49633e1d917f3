//! What the path of a poll names: reports, or single executions, which may still wait for their slot.

use insightgate_report::execution::ExecutionStatus;
use insightgate_report::scheduled_report::ScheduledReport;
use insightgate_store::{ExecutionFilter, ExecutionRecord};
use uuid::Uuid;

use crate::callers::caller::Caller;
use crate::context::Context;
use crate::failure::Failure;

/// A report of the caller's.
pub(crate) struct Named {
    pub(crate) report: ScheduledReport,
    /// The one execution that was named; None: any.
    pub(crate) execution: Option<Uuid>,
}

impl Named {
    /// None: the caller has nothing with this id.
    pub(crate) async fn find(context: &Context, caller: &Caller, id: Uuid) -> Result<Option<Named>, Failure> {
        let (store, owner, program) = (&context.store, caller.owner(), caller.program);
        if let Some(report) = store.report(owner, program, id).await? {
            return Ok(Some(Named { report, execution: None }));
        }
        // In this order: an execution that begins between the two looks is then seen by the second.
        let report = match store.report_of_next_execution(owner, program, id).await? {
            Some(report) => Some(report),
            None => store.execution(id).await?.map(|record| record.report),
        };
        let own = report.filter(|report| report.owner == owner && report.program == program);
        Ok(own.map(|report| Named { report, execution: Some(id) }))
    }

    /// The executions that match, the latest first. `filter` applies to reports. An execution that was named itself is shown whatever its status is,
    /// unless a status was requested.
    pub(crate) async fn executions(
        &self,
        context: &Context,
        caller: &Caller,
        filter: &ExecutionFilter,
        any_status: bool,
    ) -> Result<Vec<ExecutionRecord>, Failure> {
        let of_execution = self.execution.map(|execution| {
            let statuses = if any_status { Vec::new() } else { filter.statuses.clone() };
            ExecutionFilter { ids: vec![execution], statuses, ..ExecutionFilter::default() }
        });
        let filter = of_execution.as_ref().unwrap_or(filter);
        let mut records = context.store.executions(caller.owner(), caller.program, &[self.report.id], filter).await?;
        if let Some(waiting) = self.waiting(context, filter, &records).await? {
            records.insert(0, waiting);
        }
        Ok(records)
    }

    /// The execution of the next slot, if it is asked for. Where one execution is wanted, those that have begun come before it.
    async fn waiting(
        &self,
        context: &Context,
        filter: &ExecutionFilter,
        begun: &[ExecutionRecord],
    ) -> Result<Option<ExecutionRecord>, Failure> {
        let now = context.clock.now();
        let open = [ExecutionStatus::Pending, ExecutionStatus::Paused];
        let asked = filter.statuses.is_empty() || open.iter().any(|status| filter.statuses.contains(status));
        if !asked || filter.latest_only && !begun.is_empty() || self.report.next_slot(now).is_none() {
            return Ok(None);
        }
        let mut report = self.report.clone();
        if report.waiting_execution(now).is_none() && filter.ids.is_empty() {
            // The first to ask: from now on it has an id.
            let Some(announced) = context.store.announce_next_execution(report.id, context.random.uuid()?).await? else { return Ok(None) };
            report = announced;
        }
        let waiting = report.waiting_execution(now).filter(|execution| {
            let matches = filter.statuses.is_empty() || filter.statuses.contains(&execution.status);
            let wanted = filter.ids.is_empty() || filter.ids.contains(&execution.id);
            // It may have begun between two looks.
            matches && wanted && !begun.iter().any(|record| record.execution.id == execution.id)
        });
        Ok(waiting.map(|execution| ExecutionRecord { execution, report }))
    }
}
