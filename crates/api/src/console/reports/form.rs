//! What the forms that create and change a report have in common: the fields with what each may be, a look at when it would run, and what follows when it
//! was sent.

use insightgate_identity::program::Program;
use insightgate_operations::failure::Failure;
use insightgate_report::schedule::{MAXIMUM_INTERVAL_HOURS, MINIMUM_INTERVAL_HOURS};
use insightgate_report::scheduled_report::ScheduledReport;

use super::fields::{Choice, Fields, formats, has_end, methods};
use crate::console::endpoint::Given;
use crate::console::page::{self, Shown};
use crate::console::visit::Visit;

/// How many of the next times are shown.
pub(super) const NEXT_TIMES: usize = 5;

pub(super) struct ReportForm {
    pub(super) fields: Fields,
    pub(super) formats: Vec<Choice>,
    pub(super) methods: Vec<&'static str>,
    pub(super) has_end: bool,
    pub(super) lead_hours: u32,
    pub(super) least_hours: u32,
    pub(super) most_hours: u32,
    /// When it would run, if that was asked.
    pub(super) times: Option<Vec<Shown>>,
    pub(super) fault: Option<String>,
}

impl ReportForm {
    pub(super) fn of(visit: &Visit, program: Program, fields: Fields) -> ReportForm {
        ReportForm {
            fields,
            formats: formats(),
            methods: methods(),
            has_end: has_end(program),
            lead_hours: visit.context().settings.report_rules.start_lead_hours,
            least_hours: MINIMUM_INTERVAL_HOURS,
            most_hours: MAXIMUM_INTERVAL_HOURS,
            times: None,
            fault: None,
        }
    }
}

/// Whether the form that was sent asks when its report would run, and nothing is to be saved.
pub(super) fn is_preview(visit: &Visit) -> bool {
    visit.form().raw("step") == "preview"
}

/// Goes to the page of the report that was saved, or shows the form again: with the times of a draft, or with why nothing was saved.
pub(super) fn settled(
    visit: &Visit,
    form: ReportForm,
    made: Result<ScheduledReport, Failure>,
    done: &str,
    show: impl FnOnce(ReportForm, Option<&Failure>) -> Given,
) -> Given {
    match made {
        Ok(draft) if is_preview(visit) => {
            let times = draft.next_slots(visit.context().clock.now(), NEXT_TIMES);
            show(ReportForm { times: Some(times.into_iter().map(Shown).collect()), ..form }, None)
        }
        Ok(report) => Ok(page::go_to(&format!("/console/{}/reports/{}?done={done}", report.program.name(), report.id))),
        Err(failure) if page::belongs_to_form(&failure) => {
            show(ReportForm { fault: Some(page::told(visit, &failure)), ..form }, Some(&failure))
        }
        Err(failure) => Err(failure),
    }
}
