//! A report: a query that is executed once or on a schedule, and every rule about creating and changing one.
//!
//! The fields of a request go in, and a report or all broken rules come out. Whether the query exists, and whether the quotas have room, is checked
//! elsewhere.

use std::collections::BTreeMap;
use strum::{EnumString, IntoStaticStr};

use chrono::{DateTime, TimeDelta, Utc};
use insightgate_identity::program::Program;
use serde::{Deserialize, Serialize};
use thiserror::Error;
use uuid::Uuid;

use crate::callback::{Callback, CallbackMethod, CallbackUrlFault, check_callback_url};
use crate::instant;
use crate::schedule::{MAXIMUM_INTERVAL_HOURS, MINIMUM_INTERVAL_HOURS, Schedule};
use insightgate_query::format::Format;

/// The most active reports of one owner. Source: the documented quotas, as for the next two.
pub const ACTIVE_QUOTA: u64 = 50;
pub const EXECUTE_NOW_QUOTA: u64 = 5;
pub const EXECUTE_NOW_WINDOW_MINUTES: i64 = 60;
/// The most characters of a name or a description.
pub const NAME_LIMIT: usize = 256;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScheduledReport {
    pub id: Uuid,
    pub tenant: Uuid,
    pub owner: Uuid,
    /// The application that created it. An execution checks owner and application together.
    pub application: Uuid,
    pub program: Program,
    pub name: String,
    pub description: Option<String>,
    /// The id of the query, which is the owner's own or a system query.
    pub query_id: String,
    /// The text of the query when the report was created. This text is executed.
    pub query: String,
    /// The owner's name as answers show it.
    pub user: String,
    pub created: DateTime<Utc>,
    pub modified: Option<DateTime<Utc>>,
    pub timing: Timing,
    pub status: ReportStatus,
    pub callback: Option<Callback>,
    pub format: Format,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Timing {
    /// ExecuteNow: one execution at once, over this time range if one was given (the end is exclusive).
    Once {
        query_start: Option<DateTime<Utc>>,
        query_end: Option<DateTime<Utc>>,
    },
    Recurring(Schedule),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, IntoStaticStr, EnumString)]
pub enum ReportStatus {
    Active,
    /// Paused by its owner, or because the owner may not read the data any more.
    Paused,
    /// There are no further executions: the count is exhausted, or the only execution is over.
    Inactive,
}

impl ReportStatus {
    pub const ALL: [ReportStatus; 3] = [ReportStatus::Active, ReportStatus::Paused, ReportStatus::Inactive];

    pub fn name(self) -> &'static str {
        self.into()
    }

    pub fn from_name(name: &str) -> Option<ReportStatus> {
        name.parse().ok()
    }
}

/// The fields of a creation or an update as they were sent, with texts trimmed. An empty or null field is absent.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct ReportInput {
    pub report_name: Option<String>,
    pub description: Option<String>,
    pub query_id: Option<String>,
    pub start_time: Option<String>,
    pub execute_now: Option<bool>,
    pub query_start_time: Option<String>,
    pub query_end_time: Option<String>,
    pub recurrence_interval: Option<i64>,
    pub recurrence_count: Option<i64>,
    pub format: Option<String>,
    pub callback_url: Option<String>,
    pub callback_method: Option<String>,
    /// Not documented: whether failed executions cause a callback too.
    pub callback_on_failure: Option<bool>,
    /// `None` in a version of the API whose schedules have no end.
    pub end_time: Option<String>,
    /// Whether the version of the API requires schedules that end.
    #[serde(skip)]
    pub finite: bool,
}

/// The rules that a deployment can set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReportRules {
    /// How far ahead StartTime must be, in hours.
    pub start_lead_hours: u32,
    /// Whether the minimum interval of a dataset is enforced, beside the documented one of all reports.
    pub dataset_minimum_interval: bool,
    /// Whether callbacks may go to https addresses only.
    pub https_callbacks: bool,
    /// The largest count of a finite schedule, by the shortest interval (in hours) that it applies to. If empty, there is no limit.
    pub most_runs: BTreeMap<u32, u32>,
}

impl Default for ReportRules {
    fn default() -> Self {
        ReportRules { start_lead_hours: 4, dataset_minimum_interval: false, https_callbacks: false, most_runs: BTreeMap::new() }
    }
}

/// A rule that a creation or an update breaks. The texts are the documented ones where they exist.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ReportFault {
    #[error("Null or missing value: {0}")]
    Missing(&'static str),
    #[error("Recurrence Interval must be between 4 and 2160")]
    Interval,
    /// The minimum interval, in hours, of the dataset that the report reads.
    #[error("Recurrence Interval must be between {0} and 2160")]
    DatasetInterval(u32),
    #[error("Invalid report parameters for creation - Start time of report should at least be {0} hours from current UTC time")]
    StartLead(u32),
    #[error("Invalid report parameters for creation - StartTime should follow format: {pattern}", pattern = instant::PATTERN)]
    StartFormat,
    #[error("Invalid report parameters for creation - QueryStartTime should follow format: {pattern}", pattern = instant::PATTERN)]
    QueryStartFormat,
    #[error("Invalid report parameters for creation - EndTime should follow format: {pattern}", pattern = instant::PATTERN)]
    EndFormat,
    #[error("Invalid report parameters for creation - EndTime should be greater than StartTime")]
    EndBeforeStart,
    #[error("Invalid report parameters for creation - Report format should be csv/tsv")]
    Format,
    #[error("Invalid report parameters for creation - Invalid character (;) in ReportName")]
    NameCharacter,
    #[error("Invalid report parameters for creation - Limit ReportName and Description length to 256 characters or less")]
    NameLength,
    #[error("Invalid report parameters for creation - CallbackMethod can only be GET or POST")]
    CallbackMethod,
    #[error("Invalid report parameters for creation - {0}")]
    CallbackUrl(CallbackUrlFault),
    /// The address is a literal IP address, so that it is refused before anything is sent.
    #[error("Invalid report parameters for creation - CallbackUrl leads to {0}, an address that this server does not connect to")]
    CallbackAddress(String),
    #[error("Invalid report parameters for creation - Recurrence count has to be a positive integer value")]
    Count,
    /// The largest count, and the interval that it applies to.
    #[error("Invalid report parameters for creation - Recurrence count can be at most {0} for a Recurrence Interval of {1}")]
    TooManyRuns(u32, u32),
    /// The placeholder of the documents' examples was sent unchanged.
    #[error("Requested value '{0}' not found")]
    Placeholder(String),
    #[error("Invalid QueryId")]
    UnknownQuery,
    #[error("User has exceeded its report creation quota of {0} active reports")]
    ActiveQuota(u64),
    #[error("User has exceeded its ExecuteNow report creation quota of {0} reports/60 mins")]
    ExecuteNowQuota(u64),
    #[error("Invalid report parameters - A report created with ExecuteNow runs once and cannot be updated")]
    OnceUpdated,
    #[error("Invalid report parameters - The report is Inactive: it has no further runs that could be {0}")]
    NoFurtherRuns(&'static str),
}

/// All broken rules, in the order of the fields. Joined, they are one message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReportFaults(pub Vec<ReportFault>);

impl ReportFaults {
    pub fn message(&self) -> String {
        self.0.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
    }
}

impl From<ReportFault> for ReportFaults {
    fn from(fault: ReportFault) -> Self {
        ReportFaults(vec![fault])
    }
}

/// A creation that breaks no rule. What remains is to find the query and to store the report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewReport {
    pub name: String,
    pub description: Option<String>,
    pub query_id: String,
    pub timing: Timing,
    pub format: Format,
    pub callback: Option<Callback>,
}

impl NewReport {
    /// Checks every rule of a creation that needs only the input and the time.
    ///
    /// # Errors
    /// When fields break rules: all broken rules.
    pub fn check(input: &ReportInput, now: DateTime<Utc>, rules: &ReportRules) -> Result<NewReport, ReportFaults> {
        let mut faults = Vec::new();
        let name = required(&input.report_name, "ReportName", &mut faults);
        check_names(input, &mut faults);
        let query_id = required(&input.query_id, "QueryId", &mut faults);
        let timing = if input.execute_now.unwrap_or(false) { once(input, &mut faults) } else { recurring(input, now, rules, &mut faults) };
        let format = format(input, &mut faults).unwrap_or_default();
        let callback = callback(input, None, rules, &mut faults);
        match (name, query_id, timing, faults.is_empty()) {
            (Some(name), Some(query_id), Some(timing), true) => {
                Ok(NewReport { name, description: input.description.clone(), query_id, timing, format, callback })
            }
            _ => Err(ReportFaults(faults)),
        }
    }
}

impl ScheduledReport {
    /// The report after an update. An omitted field is kept; QueryId and ExecuteNow cannot change. Another start or interval restarts the schedule and its
    /// count.
    ///
    /// # Errors
    /// When fields break rules, or the report is executed only once: all broken rules.
    pub fn updated(&self, input: &ReportInput, now: DateTime<Utc>, rules: &ReportRules) -> Result<ScheduledReport, ReportFaults> {
        let Timing::Recurring(schedule) = &self.timing else {
            return Err(ReportFault::OnceUpdated.into());
        };
        let mut faults = Vec::new();
        check_names(input, &mut faults);
        let start = match &input.start_time {
            None => Some(schedule.start),
            Some(text) => start_time(text, Some(schedule.start), now, rules, &mut faults),
        };
        let interval = match input.recurrence_interval {
            None => Some(schedule.interval_hours),
            Some(hours) => interval(hours, &mut faults),
        };
        let count = match input.recurrence_count {
            None => schedule.count,
            Some(_) => count(input, &mut faults),
        };
        let end = match &input.end_time {
            None => schedule.end,
            Some(text) => end_time(text, &mut faults),
        };
        check_stretch(start, end, &mut faults);
        if input.recurrence_count.is_some() || input.recurrence_interval.is_some() {
            check_count(input, interval, count, rules, &mut faults);
        }
        let format = format(input, &mut faults).unwrap_or(self.format);
        let callback = callback(input, self.callback.as_ref(), rules, &mut faults);
        let (Some(start), Some(interval), true) = (start, interval, faults.is_empty()) else {
            return Err(ReportFaults(faults));
        };
        let mut updated = self.clone();
        if let Some(name) = &input.report_name {
            updated.name.clone_from(name);
        }
        if input.description.is_some() {
            updated.description.clone_from(&input.description);
        }
        updated.format = format;
        updated.callback = callback;
        updated.modified = Some(now);
        if start != schedule.start || interval != schedule.interval_hours {
            let anew = Schedule::new(start, interval, count, schedule.revision.saturating_add(1)).ending(end);
            let mut restarted = Schedule { next_execution: schedule.next_execution, ..anew };
            if start <= now {
                restarted = after_now(restarted, now);
            }
            updated.timing = Timing::Recurring(restarted);
        } else if count != schedule.count || end != schedule.end {
            updated.timing = Timing::Recurring(bounded(schedule, count, end, now));
        }
        if let Timing::Recurring(Schedule { next, .. }) = &updated.timing {
            updated.status = match (self.status, next.is_some()) {
                (ReportStatus::Inactive, true) => ReportStatus::Active,
                (status, _) => status,
            };
        }
        Ok(updated)
    }

    /// `None` for a report that is executed only once.
    pub fn interval_hours(&self) -> Option<u32> {
        match &self.timing {
            Timing::Once { .. } => None,
            Timing::Recurring(schedule) => Some(schedule.interval_hours),
        }
    }

    /// Checks whether a report on the dataset may be executed as often as this one. `minimum_hours` is the dataset's minimum interval.
    ///
    /// # Errors
    /// When the dataset's minimum interval is longer.
    pub fn fits_dataset(&self, minimum_hours: u32, rules: &ReportRules) -> Result<(), ReportFault> {
        let too_often = self.interval_hours().is_some_and(|hours| hours < minimum_hours);
        if rules.dataset_minimum_interval && too_often { Err(ReportFault::DatasetInterval(minimum_hours)) } else { Ok(()) }
    }

    /// The report, paused. Pausing is idempotent.
    ///
    /// # Errors
    /// When the report has no further executions.
    pub fn paused(&self) -> Result<ScheduledReport, ReportFaults> {
        match self.status {
            ReportStatus::Inactive => Err(ReportFault::NoFurtherRuns("paused").into()),
            _ => Ok(ScheduledReport { status: ReportStatus::Paused, ..self.clone() }),
        }
    }

    /// The report, resumed. Resuming is idempotent, and slots that passed in the meantime are skipped.
    ///
    /// # Errors
    /// When the report has no further executions.
    pub fn resumed(&self, now: DateTime<Utc>) -> Result<ScheduledReport, ReportFaults> {
        let timing = match (self.status, &self.timing) {
            (ReportStatus::Inactive, _) => return Err(ReportFault::NoFurtherRuns("resumed").into()),
            (ReportStatus::Paused, Timing::Recurring(schedule)) => Timing::Recurring(schedule.skip_to(now)),
            (_, timing) => timing.clone(),
        };
        Ok(ScheduledReport { status: ReportStatus::Active, timing, ..self.clone() })
    }
}

fn bounded(schedule: &Schedule, count: Option<u32>, end: Option<DateTime<Utc>>, now: DateTime<Utc>) -> Schedule {
    let mut changed = Schedule { count, end, ..schedule.clone() };
    if count.is_some_and(|count| changed.fired >= count) {
        changed.next = None;
    } else if changed.next.is_none() {
        changed.next = Some(changed.start);
        changed = after_now(changed, now);
    }
    changed.ending(end)
}

/// The schedule from the next second on. The slot of this second may have been executed already, and must not be executed twice.
fn after_now(schedule: Schedule, now: DateTime<Utc>) -> Schedule {
    schedule.skip_to(now + TimeDelta::seconds(1))
}

fn required(field: &Option<String>, name: &'static str, faults: &mut Vec<ReportFault>) -> Option<String> {
    if field.is_none() {
        faults.push(ReportFault::Missing(name));
    }
    field.clone()
}

fn check_names(input: &ReportInput, faults: &mut Vec<ReportFault>) {
    if input.report_name.as_ref().is_some_and(|name| name.contains(';')) {
        faults.push(ReportFault::NameCharacter);
    }
    let too_long = |text: &Option<String>| text.as_ref().is_some_and(|text| text.chars().count() > NAME_LIMIT);
    if too_long(&input.report_name) || too_long(&input.description) {
        faults.push(ReportFault::NameLength);
    }
}

/// The timing of ExecuteNow, which ignores StartTime, EndTime, RecurrenceInterval and RecurrenceCount.
fn once(input: &ReportInput, faults: &mut Vec<ReportFault>) -> Option<Timing> {
    let mut read = |text: &Option<String>, fault| {
        let parsed = text.as_deref().map(instant::parse);
        if parsed == Some(None) {
            faults.push(fault);
        }
        parsed.flatten()
    };
    let query_start = read(&input.query_start_time, ReportFault::QueryStartFormat);
    let query_end = read(&input.query_end_time, ReportFault::EndFormat);
    if let (Some(start), Some(end)) = (query_start, query_end)
        && end <= start
    {
        faults.push(ReportFault::EndBeforeStart);
    }
    Some(Timing::Once { query_start, query_end })
}

fn recurring(input: &ReportInput, now: DateTime<Utc>, rules: &ReportRules, faults: &mut Vec<ReportFault>) -> Option<Timing> {
    let start = required(&input.start_time, "StartTime", faults);
    let start = start.and_then(|text| start_time(&text, None, now, rules, faults));
    let interval = match input.recurrence_interval {
        Some(hours) => interval(hours, faults),
        None => {
            faults.push(ReportFault::Missing("RecurrenceInterval"));
            None
        }
    };
    let count = count(input, faults);
    let end = input.end_time.as_deref().and_then(|text| end_time(text, faults));
    check_stretch(start, end, faults);
    check_count(input, interval, count, rules, faults);
    if input.finite && input.recurrence_count.is_none() && input.end_time.is_none() {
        faults.push(ReportFault::Missing("RecurrenceCount or EndTime"));
    }
    Some(Timing::Recurring(Schedule::new(start?, interval?, count, 0).ending(end)))
}

fn end_time(text: &str, faults: &mut Vec<ReportFault>) -> Option<DateTime<Utc>> {
    let end = instant::parse(text);
    if end.is_none() {
        faults.push(ReportFault::EndFormat);
    }
    end
}

fn check_stretch(start: Option<DateTime<Utc>>, end: Option<DateTime<Utc>>, faults: &mut Vec<ReportFault>) {
    if start.zip(end).is_some_and(|(start, end)| end <= start) {
        faults.push(ReportFault::EndBeforeStart);
    }
}

/// Checks the count of a finite schedule. Its largest value depends on the interval.
fn check_count(input: &ReportInput, interval: Option<u32>, count: Option<u32>, rules: &ReportRules, faults: &mut Vec<ReportFault>) {
    let Some((interval, count)) = interval.zip(count).filter(|_| input.finite) else { return };
    let most = rules.most_runs.range(..=interval).next_back().map(|(_, most)| *most);
    if let Some(most) = most.filter(|most| count > *most) {
        faults.push(ReportFault::TooManyRuns(most, interval));
    }
}

/// Reads the start. `kept` is the current start, which may be sent again although it has passed.
fn start_time(
    text: &str,
    kept: Option<DateTime<Utc>>,
    now: DateTime<Utc>,
    rules: &ReportRules,
    faults: &mut Vec<ReportFault>,
) -> Option<DateTime<Utc>> {
    let Some(start) = instant::parse(text) else {
        faults.push(ReportFault::StartFormat);
        return None;
    };
    let earliest = now.checked_add_signed(TimeDelta::hours(i64::from(rules.start_lead_hours))).unwrap_or(now);
    if start < earliest && kept != Some(start) {
        faults.push(ReportFault::StartLead(rules.start_lead_hours));
        return None;
    }
    Some(start)
}

fn interval(hours: i64, faults: &mut Vec<ReportFault>) -> Option<u32> {
    let interval = u32::try_from(hours).ok().filter(|hours| (MINIMUM_INTERVAL_HOURS..=MAXIMUM_INTERVAL_HOURS).contains(hours));
    if interval.is_none() {
        faults.push(ReportFault::Interval);
    }
    interval
}

fn count(input: &ReportInput, faults: &mut Vec<ReportFault>) -> Option<u32> {
    let sent = input.recurrence_count?;
    let count = u32::try_from(sent).ok().filter(|count| *count > 0);
    if count.is_none() {
        faults.push(ReportFault::Count);
    }
    count
}

fn format(input: &ReportInput, faults: &mut Vec<ReportFault>) -> Option<Format> {
    let name = input.format.as_deref()?;
    let format = Format::from_name(name);
    if format.is_none() {
        faults.push(placeholder(name).unwrap_or(ReportFault::Format));
    }
    format
}

/// The fault of a field that contains the placeholder of the documents' examples.
fn placeholder(value: &str) -> Option<ReportFault> {
    value.eq_ignore_ascii_case("string").then(|| ReportFault::Placeholder(value.to_owned()))
}

fn callback(input: &ReportInput, kept: Option<&Callback>, rules: &ReportRules, faults: &mut Vec<ReportFault>) -> Option<Callback> {
    let method = input.callback_method.as_deref().map(CallbackMethod::from_name);
    if let Some((name, None)) = input.callback_method.as_deref().zip(method) {
        faults.push(placeholder(name).unwrap_or(ReportFault::CallbackMethod));
    }
    let url = input.callback_url.clone().or_else(|| kept.map(|callback| callback.url.clone()))?;
    // The current address is kept, even if a later rule forbids it.
    if input.callback_url.is_some()
        && let Err(fault) = check_callback_url(&url, rules.https_callbacks)
    {
        faults.push(placeholder(&url).unwrap_or(ReportFault::CallbackUrl(fault)));
    }
    Some(Callback {
        url,
        method: method.flatten().or(kept.map(|callback| callback.method)).unwrap_or_default(),
        on_failure: input.callback_on_failure.or(kept.map(|callback| callback.on_failure)).unwrap_or_default(),
    })
}

#[cfg(test)]
mod tests;
