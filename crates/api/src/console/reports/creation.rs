//! The form that creates a report, with a look at when it would run.

use askama::Template;
use insightgate_identity::program::Program;
use insightgate_operations::failure::Failure;
use insightgate_operations::reports::create::{create_report, draft_report};

use super::fields::{Choice, Fields, queries};
use super::form::{ReportForm, is_preview, settled};
use crate::console::endpoint::{Endpoint, Given, Needs};
use crate::console::page::{self, Frame, Place};
use crate::console::visit::Visit;

pub(super) fn endpoints() -> Vec<Endpoint> {
    vec![
        Endpoint::get("/console/{program}/reports/new", Needs::Data, new),
        Endpoint::post("/console/{program}/reports", Needs::Data, create),
    ]
}

#[derive(Template)]
#[template(path = "console/reports/new.html")]
struct NewPage<'a> {
    frame: Frame,
    program: &'a str,
    form: ReportForm,
    own: Vec<Choice>,
    documented: Vec<Choice>,
}

async fn new(visit: Visit) -> Given {
    let program = visit.program()?;
    let mut fields = Fields::empty(&visit);
    let caller = visit.caller(program).await?;
    let (own, documented) = queries(&visit, &caller).await?;
    if let Some(chosen) = own.iter().chain(&documented).find(|choice| choice.value.eq_ignore_ascii_case(&fields.query)) {
        fields.query.clone_from(&chosen.value);
        fields.name = chosen.title.replace(';', ",");
    }
    show(&visit, program, ReportForm::of(&visit, program, fields), (own, documented), None)
}

async fn create(visit: Visit) -> Given {
    let program = visit.program()?;
    let caller = visit.caller(program).await?;
    let fields = Fields::typed(visit.form());
    let made = match fields.input(program) {
        Ok(input) if is_preview(&visit) => draft_report(visit.context(), &caller, &input).await,
        Ok(input) => create_report(visit.context(), &caller, &input).await,
        Err(failure) => Err(failure),
    };
    let known = queries(&visit, &caller).await?;
    let form = ReportForm::of(&visit, program, fields);
    settled(&visit, form, made, "created", |form, failure| show(&visit, program, form, known, failure))
}

/// `known` are the queries to choose from: the caller's own, and the documented ones.
fn show(visit: &Visit, program: Program, form: ReportForm, known: (Vec<Choice>, Vec<Choice>), failure: Option<&Failure>) -> Given {
    let (own, documented) = known;
    let frame = Frame::new(visit, Place::Reports(program), "New report");
    Ok(page::show(visit, failure, &NewPage { frame, program: program.name(), form, own, documented }))
}
