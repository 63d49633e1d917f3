//! The caller's reports.

use insightgate_report::scheduled_report::ScheduledReport;
use insightgate_store::ReportFilter;
use uuid::Uuid;

use crate::callers::caller::Caller;
use crate::context::Context;
use crate::failure::Failure;

/// The filters as they were sent.
#[derive(Debug, Clone, Default)]
pub struct ReportListInput {
    /// If empty, any report matches.
    pub report_ids: Vec<String>,
    pub report_name: Option<String>,
    pub query_id: Option<String>,
}

/// Lists the reports. Without filters an empty list is a valid answer; with filters it is the documented 404.
///
/// # Errors
/// When a filter finds nothing, or the database does not answer.
pub async fn list_reports(context: &Context, caller: &Caller, input: ReportListInput) -> Result<Vec<ScheduledReport>, Failure> {
    let filtered = !input.report_ids.is_empty() || input.report_name.is_some() || input.query_id.is_some();
    let ids: Vec<Uuid> = input.report_ids.iter().filter_map(|id| Uuid::try_parse(id).ok()).collect();
    if ids.is_empty() && !input.report_ids.is_empty() {
        return Err(Failure::NotFound);
    }
    let filter = ReportFilter { ids, name: input.report_name, query_id: input.query_id };
    let reports = context.store.reports(caller.owner(), caller.program, &filter).await?;
    if filtered && reports.is_empty() { Err(Failure::NotFound) } else { Ok(reports) }
}
