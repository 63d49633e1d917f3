//! The form that changes a report.

use askama::Template;
use insightgate_identity::program::Program;
use insightgate_operations::failure::Failure;
use insightgate_operations::reports::change::{draft_update, update_report};
use insightgate_operations::reports::overview::show_report;
use insightgate_report::scheduled_report::ScheduledReport;

use super::fields::Fields;
use super::form::{ReportForm, is_preview, settled};
use crate::console::endpoint::{Endpoint, Given, Needs};
use crate::console::page::{self, Frame, Place};
use crate::console::visit::Visit;

pub(super) fn endpoints() -> Vec<Endpoint> {
    vec![
        Endpoint::get("/console/{program}/reports/{report}/change", Needs::Data, ask),
        Endpoint::post("/console/{program}/reports/{report}/change", Needs::Data, change),
    ]
}

#[derive(Template)]
#[template(path = "console/reports/change.html")]
struct ChangePage<'a> {
    frame: Frame,
    program: &'a str,
    id: String,
    name: &'a str,
    form: ReportForm,
}

async fn ask(visit: Visit) -> Given {
    let program = visit.program()?;
    let caller = visit.caller(program).await?;
    let report = show_report(visit.context(), &caller, visit.path("report")).await?;
    show(&visit, program, &report, ReportForm::of(&visit, program, Fields::of(&report)), None)
}

async fn change(visit: Visit) -> Given {
    let program = visit.program()?;
    let caller = visit.caller(program).await?;
    let report = show_report(visit.context(), &caller, visit.path("report")).await?;
    let fields = Fields::typed(visit.form());
    let made = match fields.input(program) {
        Ok(input) if is_preview(&visit) => draft_update(visit.context(), &caller, visit.path("report"), &input).await,
        Ok(input) => update_report(visit.context(), &caller, visit.path("report"), &input).await,
        Err(failure) => Err(failure),
    };
    let form = ReportForm::of(&visit, program, fields);
    settled(&visit, form, made, "changed", |form, failure| show(&visit, program, &report, form, failure))
}

fn show(visit: &Visit, program: Program, report: &ScheduledReport, form: ReportForm, failure: Option<&Failure>) -> Given {
    let frame = Frame::new(visit, Place::Reports(program), "Change the report");
    let page = ChangePage { frame, program: program.name(), id: report.id.to_string(), name: &report.name, form };
    Ok(page::show(visit, failure, &page))
}
