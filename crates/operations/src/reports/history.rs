//! The executions of one report as its owner looks through them: page by page, the newest first, each with what it waits for, how long it took, and a new
//! link to its artifact.

use chrono::{DateTime, TimeDelta, Utc};
use insightgate_report::execution::ExecutionStatus;
use insightgate_report::scheduled_report::ScheduledReport;
use insightgate_store::{ManagedExecution, PageFilter};
use uuid::Uuid;

use crate::callers::caller::Caller;
use crate::context::Context;
use crate::executions::list::{ArtifactLink, link_of, note_links};
use crate::failure::Failure;
use crate::manage::page::{place, skip_token};
use crate::manage::runs::executions::{SeenExecution, seen};
use crate::reports::overview::show_report;

/// Executions of one page.
const PER_PAGE: u32 = 25;

/// An execution as its owner sees it.
#[derive(Debug, Clone)]
pub struct OwnExecution {
    pub seen: SeenExecution,
    /// When the last attempt began, by the product's clock.
    pub began: Option<DateTime<Utc>>,
    pub link: Option<ArtifactLink>,
}

/// A page of a report's executions.
#[derive(Debug, Clone)]
pub struct History {
    pub report: ScheduledReport,
    pub executions: Vec<OwnExecution>,
    /// On all pages.
    pub total: u64,
    /// Where the next page begins; `None` on the last page.
    pub next: Option<String>,
}

impl History {
    /// Whether something on the page goes on by itself.
    pub fn is_in_flight(&self) -> bool {
        self.executions.iter().any(|execution| is_in_flight(&execution.seen.found))
    }
}

/// The executions of the report after the position of a page before.
///
/// # Errors
/// When the caller has no such report, the position is not one of this server's, or the database does not answer.
pub async fn page_executions(context: &Context, caller: &Caller, report: &str, after: Option<&str>) -> Result<History, Failure> {
    let after = place(after)?;
    let report = show_report(context, caller, report).await?;
    let page = context.store.executions_of_report(report.id, after, PER_PAGE).await?;
    let executions = own(context, caller, page.items).await?;
    Ok(History { report, executions, total: page.total, next: page.next.as_ref().map(skip_token) })
}

/// One execution of a report of the caller's.
///
/// # Errors
/// When the caller has no such execution, or the database does not answer.
pub async fn show_execution(context: &Context, caller: &Caller, execution: &str) -> Result<OwnExecution, Failure> {
    let id = Uuid::try_parse(execution.trim()).map_err(|_| Failure::NotFound)?;
    let filter =
        PageFilter { tenant: Some(caller.scope.tenant()), owner: Some(caller.owner()), execution: Some(id), ..PageFilter::default() };
    let mut found = context.store.execution_page(&filter, None, 1).await?.items;
    found.retain(|found| found.record.report.program == caller.program);
    own(context, caller, found).await?.pop().ok_or(Failure::NotFound)
}

async fn own(context: &Context, caller: &Caller, found: Vec<ManagedExecution>) -> Result<Vec<OwnExecution>, Failure> {
    let now = context.clock.now();
    // The database's time is only needed for what goes on.
    let lease_now = if found.iter().any(is_in_flight) { context.store.lease_time().await? } else { 0 };
    let mut executions = Vec::with_capacity(found.len());
    for found in found {
        let link = link_of(context, caller, &found.record).await;
        executions.push(OwnExecution { began: began(&found, now, lease_now), seen: seen(found, now, lease_now), link });
    }
    let linked: Vec<_> = executions.iter().filter(|own| own.link.is_some()).map(|own| &own.seen.found.record).collect();
    note_links(context, caller, &linked);
    Ok(executions)
}

fn is_in_flight(found: &ManagedExecution) -> bool {
    matches!(found.record.execution.status, ExecutionStatus::Pending | ExecutionStatus::Running)
}

/// The database's clock and the product's may differ, so that only a length of time is taken from the database.
fn began(found: &ManagedExecution, now: DateTime<Utc>, lease_now: i64) -> Option<DateTime<Utc>> {
    let before = |at: DateTime<Utc>, milliseconds: i64| at.checked_sub_signed(TimeDelta::try_milliseconds(milliseconds.max(0))?);
    match (found.record.execution.status, found.begun, found.finished) {
        (ExecutionStatus::Running, Some(begun), _) => before(now, lease_now.saturating_sub(begun)),
        (_, Some(_), Some(finished)) => before(finished, found.took?),
        _ => None,
    }
}
