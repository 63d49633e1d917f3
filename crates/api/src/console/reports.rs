//! Reports and their executions: the list, and what a report's pages are made of.

mod creation;
mod executions;
mod fields;
mod form;
pub(super) mod look;
mod report;
mod update;

use askama::Template;
use insightgate_operations::manage::page::skip_token;
use insightgate_operations::reports::overview::{ReportOverview, page_reports};

use super::endpoint::{Endpoint, Given, Needs};
use super::page::{self, Frame, Place, Shown};
use super::visit::Visit;
use look::{Badge, Count, of_execution, of_report};

pub(super) fn endpoints() -> Vec<Endpoint> {
    let mut endpoints = vec![Endpoint::get("/console/{program}/reports", Needs::Data, list)];
    endpoints.extend(creation::endpoints());
    endpoints.extend(report::endpoints());
    endpoints.extend(update::endpoints());
    endpoints.extend(executions::endpoints());
    endpoints
}

#[derive(Template)]
#[template(path = "console/reports/list.html")]
struct ListPage<'a> {
    frame: Frame,
    program: &'a str,
    reports: Vec<Row>,
    total: Count,
    /// Where the next page begins.
    next: Option<String>,
    is_first: bool,
}

struct Row {
    id: String,
    name: String,
    status: Badge,
    next: Option<Shown>,
    last: Option<Badge>,
    ended: Option<Shown>,
    format: &'static str,
}

async fn list(visit: Visit) -> Given {
    let program = visit.program()?;
    let caller = visit.caller(program).await?;
    let after = visit.form().text("after");
    let page = page_reports(visit.context(), &caller, after.as_deref()).await?;
    let now = visit.context().clock.now();
    let row = |ReportOverview { report, last_status, last_finished }: ReportOverview| Row {
        id: report.id.to_string(),
        status: of_report(report.status),
        next: report.next_slot(now).map(Shown),
        last: last_status.map(of_execution),
        ended: last_finished.map(Shown),
        format: report.format.name(),
        name: report.name,
    };
    let page = ListPage {
        frame: Frame::new(&visit, Place::Reports(program), "Reports")
            .telling(&visit, &[("removed", "The report and its files were removed.")]),
        program: program.name(),
        reports: page.items.into_iter().map(row).collect(),
        total: Count(page.total),
        next: page.next.as_ref().map(skip_token),
        is_first: after.is_none(),
    };
    Ok(page::show(&visit, None, &page))
}
