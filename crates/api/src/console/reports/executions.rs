//! The executions of a report: the list, which a script asks for again while something runs, one execution, and what is done to it.

use askama::Template;
use insightgate_operations::executions::cancel::cancel_own_execution;
use insightgate_operations::failure::Failure;
use insightgate_operations::manage::administrator::Duty;
use insightgate_operations::manage::callbacks::{
    Callback, CallbackAttempt, CallbackQuery, list_callbacks, replay_callback, show_callback, without_query,
};
use insightgate_operations::manage::runs::executions::retry_managed_execution;
use insightgate_operations::reports::history::{History, page_executions, show_execution};
use insightgate_report::callback::CallbackState;
use uuid::Uuid;

use super::look::{Badge, Count, Row, of_report};
use crate::console::endpoint::{Endpoint, Given, Needs};
use crate::console::page::grouped::Grouped;
use crate::console::page::{self, Frame, Place, Shown};
use crate::console::visit::Visit;

pub(super) fn endpoints() -> Vec<Endpoint> {
    vec![
        Endpoint::get("/console/{program}/reports/{report}/executions", Needs::Data, list),
        Endpoint::get("/console/{program}/reports/{report}/executions/{execution}", Needs::Data, show),
        Endpoint::post("/console/{program}/reports/{report}/executions/{execution}/cancel", Needs::Data, cancel),
        Endpoint::post("/console/{program}/reports/{report}/executions/{execution}/retry", Needs::Duty(Duty::Directory), retry),
        Endpoint::post(
            "/console/{program}/reports/{report}/executions/{execution}/callbacks/{callback}/replay",
            Needs::Duty(Duty::Directory),
            replay,
        ),
    ]
}

/// The part of a report's page that changes while something runs.
#[derive(Template)]
#[template(path = "console/reports/executions.html")]
pub(super) struct Executions {
    csrf: String,
    program: &'static str,
    report: String,
    /// The report's own status, which the page shows elsewhere, if only this part is sent.
    status: Option<Badge>,
    rows: Vec<Row>,
    total: Count,
    /// Where this page begins, and the next one.
    after: Option<String>,
    next: Option<String>,
    /// Whether it is worth to look again soon.
    is_live: bool,
    /// Whether the visitor may have one tried again.
    may_retry: bool,
}

/// Its own template has escaped what it shows.
impl askama::filters::HtmlSafe for Executions {}

impl Executions {
    /// The executions of a page, with what the visitor may do to them.
    pub(super) fn of(visit: &Visit, history: History, after: Option<String>) -> Executions {
        let is_live = history.is_in_flight();
        let History { report, executions, total, next } = history;
        Executions {
            csrf: visit.arrival.browser.form_token(),
            program: report.program.name(),
            report: report.id.to_string(),
            status: None,
            rows: executions.into_iter().map(|execution| Row::of(execution, &visit.arrival.state.base_url)).collect(),
            total: Count(total),
            after,
            next,
            is_live,
            may_retry: visit.has(Duty::Directory),
        }
    }
}

/// The part alone for a script; a browser without scripts is sent to the whole page.
async fn list(visit: Visit) -> Given {
    let caller = visit.caller(visit.program()?).await?;
    let after = visit.form().text("after");
    let history = page_executions(visit.context(), &caller, visit.path("report"), after.as_deref()).await?;
    if !visit.arrival.is_partial() {
        return Ok(page::go_to(&format!("/console/{}/reports/{}", caller.program.name(), history.report.id)));
    }
    let status = of_report(history.report.status);
    let part = Executions { status: Some(status), ..Executions::of(&visit, history, after) };
    Ok(page::show(&visit, None, &part))
}

#[derive(Template)]
#[template(path = "console/reports/execution.html")]
struct ExecutionPage<'a> {
    frame: Frame,
    program: &'a str,
    report: String,
    name: String,
    row: Row,
    may_retry: bool,
    /// `None` for somebody who may not see them.
    callbacks: Option<Vec<ShownCallback>>,
    may_replay: bool,
    fault: Option<String>,
}

struct ShownCallback {
    id: String,
    event: &'static str,
    method: &'static str,
    url: String,
    state: Badge,
    due: Shown,
    finished: Option<Shown>,
    attempts: Vec<Attempt>,
}

struct Attempt {
    number: u32,
    at: Shown,
    milliseconds: u32,
    answer: String,
}

async fn show(visit: Visit) -> Given {
    show_page(&visit, None).await
}

async fn show_page(visit: &Visit, failure: Option<&Failure>) -> Given {
    let program = visit.program()?;
    let caller = visit.caller(program).await?;
    let own = show_execution(visit.context(), &caller, visit.path("execution")).await?;
    let report = own.seen.found.record.report.clone();
    if report.id.to_string() != visit.path("report") {
        return Err(Failure::NotFound);
    }
    let callbacks = if visit.has(Duty::Look) { Some(callbacks(visit).await?) } else { None };
    let told =
        [("replayed", "The callback is sent again."), ("retried", "The run was queued again."), ("cancelled", "The run was cancelled.")];
    let page = ExecutionPage {
        frame: Frame::new(visit, Place::Reports(program), format!("A run of {}", report.name)).telling(visit, &told),
        program: program.name(),
        report: report.id.to_string(),
        name: report.name,
        row: Row::of(own, &visit.arrival.state.base_url),
        may_retry: visit.has(Duty::Directory),
        callbacks,
        may_replay: visit.has(Duty::Directory),
        fault: failure.map(ToString::to_string),
    };
    Ok(page::show(visit, failure, &page))
}

/// The callbacks of the execution with their attempts. There is at most one of each event.
async fn callbacks(visit: &Visit) -> Result<Vec<ShownCallback>, Failure> {
    let administrator = visit.administrator().await?;
    let tenant = visit.principal().tenant.id.to_string();
    let query = CallbackQuery { tenant: Some(tenant), execution_id: Some(visit.path("execution").to_owned()), ..CallbackQuery::default() };
    let mut shown = Vec::new();
    for callback in list_callbacks(visit.context(), &administrator, query).await?.items {
        let (callback, attempts) = show_callback(visit.context(), &administrator, &callback.id.to_string()).await?;
        shown.push(shown_callback(&callback, attempts));
    }
    Ok(shown)
}

fn shown_callback(callback: &Callback, attempts: Vec<CallbackAttempt>) -> ShownCallback {
    let class = match callback.delivery.state {
        CallbackState::Pending => "warn",
        CallbackState::Delivered => "good",
        CallbackState::Failed => "bad",
        CallbackState::Cancelled => "",
    };
    let attempt = |attempt: CallbackAttempt| Attempt {
        number: attempt.number,
        at: Shown(attempt.at),
        milliseconds: attempt.milliseconds,
        answer: match (attempt.http_status, attempt.error) {
            (Some(status), None) => status.to_string(),
            (Some(status), Some(error)) => format!("{status}: {error}"),
            (None, error) => error.unwrap_or_default(),
        },
    };
    ShownCallback {
        id: callback.id.to_string(),
        event: callback.event.name(),
        method: callback.method.name(),
        url: without_query(&callback.url),
        state: Badge { name: callback.delivery.state.name(), class },
        due: Shown(callback.delivery.due),
        finished: callback.delivery.finished.map(Shown),
        attempts: attempts.into_iter().map(attempt).collect(),
    }
}

async fn cancel(visit: Visit) -> Given {
    let caller = visit.caller(visit.program()?).await?;
    let done = cancel_own_execution(visit.context(), &caller, visit.path("execution"), visit.correlation()).await;
    after(&visit, done.map(drop), "cancelled").await
}

/// As an administrator, since the API lets nobody else.
async fn retry(visit: Visit) -> Given {
    let administrator = visit.administrator().await?;
    let tenant = visit.principal().tenant.id.to_string();
    let done = retry_managed_execution(visit.context(), &administrator, &tenant, visit.path("execution")).await;
    after(&visit, done.map(drop), "retried").await
}

async fn replay(visit: Visit) -> Given {
    let administrator = visit.administrator().await?;
    let done = replay_callback(visit.context(), &administrator, visit.path("callback")).await;
    after(&visit, done.map(drop), "replayed").await
}

/// Goes to the page of the execution, or shows it again with why nothing was done.
async fn after(visit: &Visit, done: Result<(), Failure>, word: &str) -> Given {
    match done {
        Ok(()) => {
            let id = |name| Uuid::try_parse(visit.path(name)).map_err(|_| Failure::NotFound);
            let (program, report, execution) = (visit.program()?.name(), id("report")?, id("execution")?);
            Ok(page::go_to(&format!("/console/{program}/reports/{report}/executions/{execution}?done={word}")))
        }
        Err(failure) if page::belongs_to_form(&failure) => show_page(visit, Some(&failure)).await,
        Err(failure) => Err(failure),
    }
}
