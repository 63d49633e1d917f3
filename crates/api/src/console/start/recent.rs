//! What the visitor's reports did last and do next, and the way to the first report.

use askama::Template;
use insightgate_identity::program::Program;
use insightgate_operations::executions::list::ListedExecution;
use insightgate_operations::failure::Failure;
use insightgate_operations::reports::overview::{Overview, Upcoming, overview};

use crate::console::page::Shown;
use crate::console::reports::look::{Badge, Download, of_execution};
use crate::console::visit::Visit;

#[derive(Template)]
#[template(path = "console/start/recent.html")]
pub(super) struct Recent {
    /// The program of the first report.
    program: &'static str,
    latest: Vec<Run>,
    next: Vec<Next>,
}

/// Its own template has escaped what it shows.
impl askama::filters::HtmlSafe for Recent {}

struct Run {
    id: String,
    program: &'static str,
    report: String,
    name: String,
    status: Badge,
    queued: Shown,
    reason: Option<String>,
    download: Option<Download>,
}

struct Next {
    program: &'static str,
    report: String,
    name: String,
    at: Shown,
}

/// Of every program whose data the visitor may read. `None` if there is no such program, or if the calls are used up.
pub(super) async fn recent(visit: &Visit) -> Result<Option<Recent>, Failure> {
    if visit.principal().user.is_none() {
        return Ok(None);
    }
    let mut callers = Vec::new();
    // Who may not read is not refused here, and nothing is written down: nobody has asked.
    for program in Program::ALL.iter().filter(|program| visit.reads(**program)) {
        match visit.caller(*program).await {
            Ok(caller) => callers.push(caller),
            // The rest of the page is there also for whoever has used up all calls.
            Err(Failure::ShareTaken { .. }) => return Ok(None),
            Err(failure) => return Err(failure),
        }
    }
    let Some(first) = callers.first() else { return Ok(None) };
    let program = first.program.name();
    let Overview { latest, next } = overview(visit.context(), &callers).await?;
    let run = |ListedExecution { record, link }: ListedExecution| Run {
        id: record.execution.id.to_string(),
        program: record.report.program.name(),
        report: record.report.id.to_string(),
        status: of_execution(record.execution.status),
        queued: Shown(record.execution.queued),
        reason: record.execution.failure.clone(),
        download: Download::of(&record, link.as_ref(), &visit.arrival.state.base_url),
        name: record.report.name,
    };
    let due = |Upcoming { report, at }: Upcoming| Next {
        program: report.program.name(),
        report: report.id.to_string(),
        name: report.name,
        at: Shown(at),
    };
    Ok(Some(Recent { program, latest: latest.into_iter().map(run).collect(), next: next.into_iter().map(due).collect() }))
}
