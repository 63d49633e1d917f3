//! The fields of a report's form, and the input of the API that they stand for.

use chrono::{DateTime, DurationRound as _, TimeDelta, Utc};
use insightgate_identity::program::Program;
use insightgate_operations::callers::caller::Caller;
use insightgate_operations::failure::Failure;
use insightgate_operations::queries::known::KnownQuery;
use insightgate_operations::queries::list::{QueryFilter, list_queries};
use insightgate_query::format::Format;
use insightgate_report::callback::CallbackMethod;
use insightgate_report::scheduled_report::{ReportInput, ScheduledReport, Timing};

use crate::console::visit::Visit;
use crate::console::visit::form::Form;

/// What is asked for until somebody chooses something else.
const DAILY: u32 = 24;

/// The fields as they are shown, or were typed.
#[derive(Debug, Clone, Default)]
pub(super) struct Fields {
    pub(super) name: String,
    pub(super) description: String,
    pub(super) query: String,
    pub(super) format: String,
    /// Once and at once, or by a schedule.
    pub(super) is_once: bool,
    pub(super) query_start: String,
    pub(super) query_end: String,
    pub(super) start: String,
    pub(super) interval: String,
    pub(super) count: String,
    /// Only where the program's schedules have one.
    pub(super) end: String,
    pub(super) callback_url: String,
    pub(super) callback_method: String,
    pub(super) callback_on_failure: bool,
}

/// A choice of a list.
pub(super) struct Choice {
    pub(super) value: String,
    pub(super) title: String,
}

impl Fields {
    /// Of an empty form: it runs once, unless its address asks for a schedule, and gives a workbook, which most people open. The schedule begins at the first full hour that the rules allow.
    pub(super) fn empty(visit: &Visit) -> Fields {
        let rules = &visit.context().settings.report_rules;
        let earliest = visit.context().clock.now() + TimeDelta::hours(i64::from(rules.start_lead_hours) + 1);
        Fields {
            query: visit.form().raw("query").to_owned(),
            format: Format::Xlsx.name().to_owned(),
            is_once: visit.form().raw("when") != "schedule",
            start: written(earliest.duration_trunc(TimeDelta::hours(1)).unwrap_or(earliest)),
            interval: DAILY.to_string(),
            callback_method: CallbackMethod::default().name().to_owned(),
            ..Fields::default()
        }
    }

    pub(super) fn typed(form: &Form) -> Fields {
        let text = |name: &str| form.raw(name).to_owned();
        Fields {
            name: text("name"),
            description: text("description"),
            query: text("query"),
            format: text("format"),
            is_once: form.raw("when") == "once",
            query_start: text("query_start"),
            query_end: text("query_end"),
            start: text("start"),
            interval: text("interval"),
            count: text("count"),
            end: text("end"),
            callback_url: text("callback_url"),
            callback_method: text("callback_method"),
            callback_on_failure: form.is_set("callback_on_failure"),
        }
    }

    /// Of a report that is changed.
    pub(super) fn of(report: &ScheduledReport) -> Fields {
        let mut fields = Fields {
            name: report.name.clone(),
            description: report.description.clone().unwrap_or_default(),
            query: report.query_id.clone(),
            format: report.format.name().to_owned(),
            callback_method: CallbackMethod::default().name().to_owned(),
            ..Fields::default()
        };
        if let Timing::Recurring(schedule) = &report.timing {
            fields.start = written(schedule.start);
            fields.interval = schedule.interval_hours.to_string();
            fields.count = schedule.count.map(|count| count.to_string()).unwrap_or_default();
            fields.end = schedule.end.map(written).unwrap_or_default();
        }
        if let Some(callback) = &report.callback {
            fields.callback_url.clone_from(&callback.url);
            callback.method.name().clone_into(&mut fields.callback_method);
            fields.callback_on_failure = callback.on_failure;
        }
        fields
    }

    /// What a client of the API would send. The rules are the API's own.
    ///
    /// # Errors
    /// When a field that should be a number is none.
    pub(super) fn input(&self, program: Program) -> Result<ReportInput, Failure> {
        let text = |text: &str| Some(text.trim()).filter(|text| !text.is_empty()).map(str::to_owned);
        let number = |name: &str, typed: &str| {
            let wrong = |_| Failure::Invalid(format!("{name} should be a whole number."));
            text(typed).map(|typed| typed.parse::<i64>().map_err(wrong)).transpose()
        };
        let has_callback = !self.callback_url.trim().is_empty();
        let finite = has_end(program);
        let input = ReportInput {
            report_name: text(&self.name),
            description: text(&self.description),
            query_id: text(&self.query),
            format: text(&self.format),
            execute_now: Some(self.is_once),
            callback_url: text(&self.callback_url),
            callback_method: text(&self.callback_method).filter(|_| has_callback),
            callback_on_failure: has_callback.then_some(self.callback_on_failure),
            finite,
            ..ReportInput::default()
        };
        if self.is_once {
            let (query_start_time, query_end_time) = (text(&self.query_start).map(in_utc), text(&self.query_end).map(in_utc));
            return Ok(ReportInput { query_start_time, query_end_time, ..input });
        }
        Ok(ReportInput {
            start_time: text(&self.start).map(in_utc),
            recurrence_interval: number("RecurrenceInterval", &self.interval)?,
            recurrence_count: number("RecurrenceCount", &self.count)?,
            end_time: text(&self.end).filter(|_| finite).map(in_utc),
            ..input
        })
    }
}

/// Whether the program's schedules have an end beside their count: those of the marketplace's newest version.
pub(super) fn has_end(program: Program) -> bool {
    program == Program::Cmp
}

/// As browsers write a time in a field.
fn written(instant: DateTime<Utc>) -> String {
    // Seconds only where there are some: the schedule of a report that a program has created may have them.
    let pattern = if instant.timestamp() % 60 == 0 { "%Y-%m-%dT%H:%M" } else { "%Y-%m-%dT%H:%M:%S" };
    instant.format(pattern).to_string()
}

/// The time of a field as the API reads it. What is no time stays as it was typed, so that the API says what is wrong with it.
fn in_utc(typed: String) -> String {
    match typed.len() {
        16 => format!("{typed}:00Z"),
        19 => format!("{typed}Z"),
        _ => typed,
    }
}

/// The formats with what each is for.
pub(super) fn formats() -> Vec<Choice> {
    let told = |format: Format| match format {
        Format::Xlsx => "Excel workbook",
        Format::CsvExcel => "CSV that Excel opens as it should",
        Format::Csv => "CSV",
        Format::Tsv => "tab-separated text",
        Format::CsvGz | Format::TsvGz => "compressed with gzip",
        Format::CsvZst | Format::TsvZst => "compressed with Zstandard",
        Format::Jsonl => "a JSON object a line",
        Format::Parquet => "Parquet, for data programs",
        Format::Arrow => "Arrow, for data programs",
    };
    let mut all: Vec<Format> = Format::ALL.to_vec();
    // For people first.
    all.sort_by_key(|format| !matches!(format, Format::Xlsx | Format::CsvExcel));
    all.into_iter()
        .map(|format| Choice { value: format.name().to_owned(), title: format!("{} – {}", format.name(), told(format)) })
        .collect()
}

pub(super) fn methods() -> Vec<&'static str> {
    CallbackMethod::ALL.iter().map(|method| method.name()).collect()
}

/// The caller's own queries, and the documented ones.
pub(super) async fn queries(visit: &Visit, caller: &Caller) -> Result<(Vec<Choice>, Vec<Choice>), Failure> {
    let filter = QueryFilter { id: None, name: None, include_system: true, only_system: false };
    let known = match list_queries(visit.context(), caller, &filter).await {
        Err(Failure::NotFound) => Vec::new(),
        known => known?,
    };
    let (mut own, mut documented) = (Vec::new(), Vec::new());
    for query in known {
        let choice = Choice { value: query.id(), title: query.name().to_owned() };
        match query {
            KnownQuery::Own(_) => own.push(choice),
            KnownQuery::System(_) => documented.push(choice),
        }
    }
    // The last one that was saved is the likeliest.
    own.reverse();
    Ok((own, documented))
}
