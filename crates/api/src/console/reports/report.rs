//! The page of one report, and what is done with the whole report.

use askama::Template;
use insightgate_operations::callers::caller::Caller;
use insightgate_operations::failure::Failure;
use insightgate_operations::manage::callbacks::without_query;
use insightgate_operations::reports::change::{delete_report, pause_report, resume_report};
use insightgate_operations::reports::create::create_report;
use insightgate_operations::reports::history::page_executions;
use insightgate_operations::reports::overview::show_report;
use insightgate_report::instant;
use insightgate_report::scheduled_report::{NAME_LIMIT, ReportInput, ReportStatus, ScheduledReport, Timing};

use super::executions::Executions;
use super::form::NEXT_TIMES;
use super::look::{Badge, of_report, schedule};
use crate::console::endpoint::{Endpoint, Given, Needs};
use crate::console::page::grouped::Grouped;
use crate::console::page::{self, Frame, Place, Shown};
use crate::console::visit::Visit;

/// As the command `report run` names what it makes.
const RUN: &str = "-run";
const RUN_OF: &str = "One run of the report ";

pub(super) fn endpoints() -> Vec<Endpoint> {
    vec![
        Endpoint::get("/console/{program}/reports/{report}", Needs::Data, show),
        Endpoint::post("/console/{program}/reports/{report}/pause", Needs::Data, pause),
        Endpoint::post("/console/{program}/reports/{report}/resume", Needs::Data, resume),
        Endpoint::post("/console/{program}/reports/{report}/run", Needs::Data, run),
        Endpoint::get("/console/{program}/reports/{report}/remove", Needs::Data, ask_to_remove),
        Endpoint::post("/console/{program}/reports/{report}/remove", Needs::Data, remove),
    ]
}

const TOLD: &[(&str, &str)] = &[
    ("created", "The report was created."),
    ("changed", "The report was changed."),
    ("paused", "The report is paused: nothing runs until it is resumed."),
    ("resumed", "The report is resumed. What fell due meanwhile is left out."),
    ("running", "A report that runs once was made for this run."),
    ("cancelled", "The run was cancelled."),
    ("retried", "The run was queued again."),
];

#[derive(Template)]
#[template(path = "console/reports/report.html")]
struct ReportPage<'a> {
    frame: Frame,
    program: &'a str,
    id: String,
    report: &'a ScheduledReport,
    status: Badge,
    schedule: String,
    starts: Option<Shown>,
    ends: Option<Shown>,
    /// The time that is read in place of the query's own span, of which each end may be the query's.
    reads: Option<(Option<Shown>, Option<Shown>)>,
    created: Shown,
    modified: Option<Shown>,
    callback: Option<String>,
    times: Vec<Shown>,
    is_active: bool,
    is_paused: bool,
    is_recurring: bool,
    list: Executions,
    fault: Option<String>,
}

#[derive(Template)]
#[template(path = "console/reports/remove.html")]
struct RemovePage {
    frame: Frame,
    action: String,
    back: String,
    name: String,
}

async fn show(visit: Visit) -> Given {
    let caller = visit.caller(visit.program()?).await?;
    show_report_page(&visit, &caller, None).await
}

async fn show_report_page(visit: &Visit, caller: &Caller, failure: Option<&Failure>) -> Given {
    let after = visit.form().text("after");
    let history = page_executions(visit.context(), caller, visit.path("report"), after.as_deref()).await?;
    let report = history.report.clone();
    let (program, now) = (caller.program, visit.context().clock.now());
    let (starts, ends, reads) = match &report.timing {
        Timing::Recurring(schedule) => (Some(Shown(schedule.start)), schedule.end.map(Shown), None),
        Timing::Once { query_start, query_end } if query_start.is_some() || query_end.is_some() => {
            (None, None, Some((query_start.map(Shown), query_end.map(Shown))))
        }
        Timing::Once { .. } => (None, None, None),
    };
    let page = ReportPage {
        frame: Frame::new(visit, Place::Reports(program), report.name.clone()).telling(visit, TOLD),
        program: program.name(),
        id: report.id.to_string(),
        status: of_report(report.status),
        schedule: schedule(&report),
        starts,
        ends,
        reads,
        created: Shown(report.created),
        modified: report.modified.map(Shown),
        callback: report.callback.as_ref().map(|callback| format!("{} {}", callback.method.name(), without_query(&callback.url))),
        times: report.next_slots(now, NEXT_TIMES).into_iter().map(Shown).collect(),
        is_active: report.status == ReportStatus::Active,
        is_paused: report.status == ReportStatus::Paused,
        is_recurring: matches!(report.timing, Timing::Recurring(_)),
        list: Executions::of(visit, history, after),
        fault: failure.map(|failure| page::told(visit, failure)),
        report: &report,
    };
    Ok(page::show(visit, failure, &page))
}

async fn pause(visit: Visit) -> Given {
    let caller = visit.caller(visit.program()?).await?;
    let done = pause_report(visit.context(), &caller, visit.path("report")).await;
    finished(&visit, &caller, done, "paused").await
}

async fn resume(visit: Visit) -> Given {
    let caller = visit.caller(visit.program()?).await?;
    let done = resume_report(visit.context(), &caller, visit.path("report")).await;
    finished(&visit, &caller, done, "resumed").await
}

/// The API runs no report before its time: another report of the same query is made, which runs once.
async fn run(visit: Visit) -> Given {
    let caller = visit.caller(visit.program()?).await?;
    let report = show_report(visit.context(), &caller, visit.path("report")).await?;
    let made = create_report(visit.context(), &caller, &once(&report)).await;
    finished(&visit, &caller, made, "running").await
}

fn once(report: &ScheduledReport) -> ReportInput {
    let (query_start, query_end, is_run) = match &report.timing {
        Timing::Once { query_start, query_end } => {
            (*query_start, *query_end, report.description.as_ref().is_some_and(|text| text.starts_with(RUN_OF)))
        }
        Timing::Recurring(_) => (None, None, false),
    };
    let name: String = report.name.chars().take(NAME_LIMIT - RUN.len()).collect();
    let (name, description) = match (&report.description, is_run) {
        // The run of a run has the name of the first.
        (Some(description), true) => (report.name.clone(), description.clone()),
        _ => (format!("{name}{RUN}"), format!("{RUN_OF}{}", report.id)),
    };
    ReportInput {
        report_name: Some(name),
        description: Some(description),
        query_id: Some(report.query_id.clone()),
        execute_now: Some(true),
        query_start_time: query_start.map(instant::format),
        query_end_time: query_end.map(instant::format),
        format: Some(report.format.name().to_owned()),
        ..ReportInput::default()
    }
}

/// Goes to the page of the report, or shows it again with why nothing was done.
pub(super) async fn finished(visit: &Visit, caller: &Caller, done: Result<ScheduledReport, Failure>, word: &str) -> Given {
    match done {
        Ok(report) => Ok(page::go_to(&format!("/console/{}/reports/{}?done={word}", report.program.name(), report.id))),
        Err(failure) if page::belongs_to_form(&failure) => show_report_page(visit, caller, Some(&failure)).await,
        Err(failure) => Err(failure),
    }
}

async fn ask_to_remove(visit: Visit) -> Given {
    let program = visit.program()?;
    let caller = visit.caller(program).await?;
    let report = show_report(visit.context(), &caller, visit.path("report")).await?;
    let at = format!("/console/{}/reports/{}", program.name(), report.id);
    let page = RemovePage {
        frame: Frame::new(&visit, Place::Reports(program), "Remove the report"),
        action: format!("{at}/remove"),
        back: at,
        name: report.name,
    };
    Ok(page::show(&visit, None, &page))
}

async fn remove(visit: Visit) -> Given {
    let program = visit.program()?;
    let caller = visit.caller(program).await?;
    delete_report(visit.context(), &caller, visit.path("report")).await?;
    Ok(page::go_to(&format!("/console/{}/reports?done=removed", program.name())))
}
