//! The caller's reports for people: page by page with what each did last, and across programs what ran last and what is due next.

use chrono::{DateTime, Utc};
use insightgate_report::scheduled_report::ScheduledReport;
use insightgate_store::Page;
pub use insightgate_store::ReportOverview;

use crate::callers::caller::Caller;
use crate::context::Context;
use crate::executions::list::{ListedExecution, link_of, note_links};
use crate::failure::Failure;
use crate::manage::page::place;

/// Reports of one page.
const PER_PAGE: u32 = 50;
/// Executions and reports that an overview of everything shows.
const LATEST: u32 = 5;
const NEXT: u32 = 3;

/// A report, and when it runs next.
#[derive(Debug, Clone)]
pub struct Upcoming {
    pub report: ScheduledReport,
    pub at: DateTime<Utc>,
}

/// What the caller's reports did last and do next, in every program that the caller may read.
#[derive(Debug, Clone, Default)]
pub struct Overview {
    /// The newest first.
    pub latest: Vec<ListedExecution>,
    /// The soonest first.
    pub next: Vec<Upcoming>,
}

/// The caller's reports, the newest first, after the position of a page before.
///
/// # Errors
/// When the position is not one of this server's, or the database does not answer.
pub async fn page_reports(context: &Context, caller: &Caller, skip_token: Option<&str>) -> Result<Page<ReportOverview>, Failure> {
    let after = place(skip_token)?;
    Ok(context.store.report_overviews(caller.owner(), caller.program, after, PER_PAGE).await?)
}

/// The report of the caller's with this id.
///
/// # Errors
/// When the caller has no such report, or the database does not answer.
pub async fn show_report(context: &Context, caller: &Caller, id: &str) -> Result<ScheduledReport, Failure> {
    let id = uuid::Uuid::try_parse(id.trim()).map_err(|_| Failure::NotFound)?;
    context.store.report(caller.owner(), caller.program, id).await?.ok_or(Failure::NotFound)
}

/// `callers` are the same caller, once for each program.
///
/// # Errors
/// When the database does not answer.
pub async fn overview(context: &Context, callers: &[Caller]) -> Result<Overview, Failure> {
    let Some(first) = callers.first() else { return Ok(Overview::default()) };
    let (owner, now) = (first.owner(), context.clock.now());
    let programs: Vec<_> = callers.iter().map(|caller| caller.program).collect();
    let mut latest = Vec::new();
    for record in context.store.latest_executions(owner, &programs, LATEST).await? {
        let caller = callers.iter().find(|caller| caller.program == record.report.program).unwrap_or(first);
        let link = link_of(context, caller, &record).await;
        latest.push(ListedExecution { record, link });
    }
    for caller in callers {
        let of_program = latest.iter().filter(|listed| listed.record.report.program == caller.program && listed.link.is_some());
        note_links(context, caller, &of_program.map(|listed| &listed.record).collect::<Vec<_>>());
    }
    let next = context.store.next_reports(owner, &programs, NEXT).await?;
    let upcoming = |report: ScheduledReport| report.next_slot(now).map(|at| Upcoming { report, at });
    Ok(Overview { latest, next: next.into_iter().filter_map(upcoming).collect() })
}
