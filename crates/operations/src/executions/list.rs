//! The executions of a report, with a new link to each artifact.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use insightgate_report::execution::{Artifact, ExecutionStatus};
use insightgate_report::file_name;
use insightgate_report::scheduled_report::ScheduledReport;
use insightgate_store::ExecutionFilter;
pub use insightgate_store::ExecutionRecord;
use tokio::time::Instant;
use uuid::Uuid;

use crate::callers::caller::Caller;
use crate::context::Context;
use crate::executions::artifact_key;
use crate::executions::download::may_read;
use crate::executions::link::LinkQuery;
use crate::executions::named_executions::Named;
use crate::failure::Failure;
use crate::usage;
use crate::usage::event::{Access, Event};

/// As sent; lists are split already.
#[derive(Debug, Clone, Default)]
pub struct ExecutionInput {
    /// Ids of reports or of executions. An execution that is named here is shown whatever its status is, unless a status is requested.
    pub report_ids: Vec<String>,
    pub execution_ids: Vec<String>,
    pub statuses: Vec<String>,
    pub latest_only: Option<bool>,
}

/// An execution as the API shows it.
#[derive(Debug, Clone)]
pub struct ListedExecution {
    pub record: ExecutionRecord,
    /// The link of a completed execution, if its owner may still see everything that it was made from.
    pub link: Option<ArtifactLink>,
}

/// The parts of a link; the API adds the server's address.
#[derive(Debug, Clone)]
pub struct ArtifactLink {
    pub execution: Uuid,
    /// Unencoded.
    pub file: String,
    pub opens: OpeningLink,
    pub expires: DateTime<Utc>,
}

/// What opens the artifact.
#[derive(Debug, Clone)]
pub enum OpeningLink {
    /// This query at the server's own address.
    Server(LinkQuery),
    /// An address of the store's own, which cannot be revoked.
    Store(String),
}

/// The most that an address which cannot be revoked may live.
const LONGEST_STORE_LINK: TimeDelta = TimeDelta::hours(1);

/// As many as one owner may keep active.
const REPORTS_PER_REQUEST: usize = 50;

/// The most seconds between two polls for an execution that is pending or running.
const LONGEST_PAUSE: i64 = 30;
/// The same for one that waits for its time.
const LONGEST_WAIT: i64 = 3600;

/// How often a held poll looks for what other processes did.
const LOOK_AGAIN: Duration = Duration::from_millis(200);

/// # Errors
/// When a status is unknown, the caller has no such report, no execution matches, or the database does not answer.
pub async fn list_executions(context: &Context, caller: &Caller, input: &ExecutionInput) -> Result<Vec<ListedExecution>, Failure> {
    let mut reports: Vec<Uuid> = Vec::new();
    for id in input.report_ids.iter().filter_map(|id| Uuid::try_parse(id).ok()) {
        if !reports.contains(&id) {
            if reports.len() == REPORTS_PER_REQUEST {
                return Err(Failure::Invalid(format!("Ask for the executions of at most {REPORTS_PER_REQUEST} reports at once.")));
            }
            reports.push(id);
        }
    }
    let mut named = Vec::new();
    for id in &reports {
        named.extend(Named::find(context, caller, *id).await?);
    }
    if named.is_empty() {
        return Err(Failure::NotFound);
    }
    let filter = filter(context, input)?;
    let mut records = Vec::new();
    for named in &named {
        records.extend(named.executions(context, caller, &filter, input.statuses.is_empty()).await?);
    }
    let reports: Vec<Uuid> = named.iter().filter(|named| named.execution.is_none()).map(|named| named.report.id).collect();
    if records.is_empty() && input.statuses.is_empty() && !reports.is_empty() {
        records = wait_for_first_execution(context, caller, &reports, &filter).await?;
    }
    if records.is_empty() {
        let ended = vec![ExecutionStatus::Failed, ExecutionStatus::Cancelled];
        let failed = ExecutionFilter { statuses: ended, latest_only: true, ..filter };
        for named in &named {
            if let Some(record) = named.executions(context, caller, &failed, false).await?.first() {
                return Err(Failure::OnlyFailedExecutions { latest: record.execution.status });
            }
        }
        let open = in_flight(context, caller, &reports).await?;
        return Err(Failure::NoExecutions { wait_seconds: ask_again_after(&open, context.clock.now()) });
    }
    let mut executions = Vec::with_capacity(records.len());
    for record in records {
        executions.push(listed(context, caller, record).await);
    }
    let linked: Vec<_> = executions.iter().filter(|listed| listed.link.is_some()).map(|listed| &listed.record).collect();
    note_links(context, caller, &linked);
    Ok(executions)
}

/// Without a status: completed executions, the documented default. The latest of each report, unless executions are named, or all of the last 90 days
/// are asked for, and those with the failed and the cancelled ones among them.
fn filter(context: &Context, input: &ExecutionInput) -> Result<ExecutionFilter, Failure> {
    let latest_only = input.latest_only.unwrap_or(input.execution_ids.is_empty());
    let history = input.latest_only == Some(false);
    let unknown = |name: &String| Failure::Invalid(format!("Requested value '{name}' not found"));
    let named = |name: &String| ExecutionStatus::from_name(name).ok_or_else(|| unknown(name));
    let mut statuses = input.statuses.iter().map(named).collect::<Result<Vec<_>, _>>()?;
    if statuses.is_empty() {
        statuses.push(ExecutionStatus::Completed);
        if history {
            statuses.extend([ExecutionStatus::Failed, ExecutionStatus::Cancelled]);
        }
    }
    let ids: Vec<Uuid> = input.execution_ids.iter().filter_map(|id| Uuid::try_parse(id).ok()).collect();
    if ids.is_empty() && !input.execution_ids.is_empty() {
        return Err(Failure::NoExecutions { wait_seconds: None });
    }
    let queued_since = history.then(|| context.clock.now() - TimeDelta::days(i64::from(context.settings.history_days)));
    Ok(ExecutionFilter { ids, statuses, queued_since, latest_only })
}

/// A client that polls too early sees its result: while an execution is in flight the answer is held back for a moment.
///
/// An execution that ends in this process is heard of at once; of one that another process holds, only the database tells.
async fn wait_for_first_execution(
    context: &Context,
    caller: &Caller,
    reports: &[Uuid],
    filter: &ExecutionFilter,
) -> Result<Vec<ExecutionRecord>, Failure> {
    let hold = context.settings.hold_poll;
    if hold == Duration::ZERO {
        return Ok(Vec::new());
    }
    let Some(_held) = context.held_polls.hold(caller.scope.tenant()) else { return Ok(Vec::new()) };
    let begun = Instant::now();
    loop {
        // Registered before looking, so that an end between the look and the wait is not missed.
        let finished = context.signals.finished.notified();
        let left = hold.saturating_sub(begun.elapsed());
        // What is in flight is looked at first: an execution that ends between the two looks is then seen by the second.
        let open = in_flight(context, caller, reports).await?;
        let records = context.store.executions(caller.owner(), caller.program, reports, filter).await?;
        if !records.is_empty() || open.is_empty() || left.is_zero() {
            return Ok(records);
        }
        // However it ends, the next thing is another look.
        let _ = tokio::time::timeout(left.min(LOOK_AGAIN), finished).await;
    }
}

/// The execution of each report that is pending or running, if there is one.
async fn in_flight(context: &Context, caller: &Caller, reports: &[Uuid]) -> Result<Vec<ExecutionRecord>, Failure> {
    let statuses = vec![ExecutionStatus::Pending, ExecutionStatus::Running];
    let filter = ExecutionFilter { statuses, latest_only: true, ..ExecutionFilter::default() };
    Ok(context.store.executions(caller.owner(), caller.program, reports, &filter).await?)
}

/// After how many seconds a poll may find something new: soon for an execution that has just begun, later the longer it takes, and once its time has
/// come for one that waits for it. `None` if none is pending or running.
pub fn ask_again_after<'a>(records: impl IntoIterator<Item = &'a ExecutionRecord>, now: DateTime<Utc>) -> Option<u32> {
    let is_open = |status| matches!(status, ExecutionStatus::Pending | ExecutionStatus::Running);
    let open = records.into_iter().filter(|record| is_open(record.execution.status));
    let wait = |record: &ExecutionRecord| match (now - record.execution.queued).num_seconds() {
        ahead @ ..0 => (-ahead).min(LONGEST_WAIT),
        age => (age / 10).clamp(1, LONGEST_PAUSE),
    };
    open.map(wait).min().and_then(|seconds| u32::try_from(seconds).ok())
}

/// Notes that the caller got links to these. One event of each report, since clients poll.
pub(crate) fn note_links(context: &Context, caller: &Caller, linked: &[&ExecutionRecord]) {
    let mut reports: Vec<&ScheduledReport> = Vec::new();
    for record in linked {
        if !reports.iter().any(|report| report.id == record.report.id) {
            reports.push(&record.report);
        }
    }
    for report in reports {
        let of_report: Vec<_> = linked.iter().filter(|record| record.report.id == report.id).collect();
        let only = match of_report.as_slice() {
            [only] => Some(only),
            _ => None,
        };
        let artifact = only.and_then(|only| only.execution.artifact.as_ref());
        let dataset = usage::dataset_of(context, report.program, &report.query);
        let access = Access {
            execution_id: only.map(|only| only.execution.id.to_string()),
            rows: artifact.map(|artifact| artifact.rows),
            bytes: artifact.map(|artifact| artifact.bytes),
            occurrences: of_report.len() as u64,
            ..usage::asked(Event::Link, caller.program, &caller.origin).by(&caller.principal).of_report(report, dataset)
        };
        usage::record(context, report.tenant, access);
    }
}

async fn listed(context: &Context, caller: &Caller, record: ExecutionRecord) -> ListedExecution {
    let link = link_of(context, caller, &record).await;
    ListedExecution { record, link }
}

/// A new link to the artifact. `None` if there is none, or the caller may not see everything that it was made from.
pub(crate) async fn link_of(context: &Context, caller: &Caller, record: &ExecutionRecord) -> Option<ArtifactLink> {
    let artifact = record.execution.artifact.as_ref().filter(|artifact| may_read(&caller.scope, &record.report, artifact).is_ok());
    let is_there = record.execution.status == ExecutionStatus::Completed && record.execution.artifact_removed.is_none();
    match artifact.filter(|_| is_there) {
        Some(artifact) => Some(link(context, record, artifact).await),
        None => None,
    }
}

async fn link(context: &Context, record: &ExecutionRecord, artifact: &Artifact) -> ArtifactLink {
    let execution = record.execution.id;
    let file = file_name::in_address(&record.report.name, execution, artifact.format);
    let lifetime = context.settings.link_lifetime;
    if context.settings.store_links {
        let lifetime = lifetime.min(LONGEST_STORE_LINK);
        let key = artifact_key::of(&record.report, execution, artifact.epoch, artifact.format);
        match context.engine.signed_address(&key, lifetime.to_std().unwrap_or_default()).await {
            Ok(Some(address)) => {
                return ArtifactLink { execution, file, opens: OpeningLink::Store(address), expires: context.clock.now() + lifetime };
            }
            Ok(None) => {}
            Err(error) => tracing::warn!(%error, "the store signs no links: the server's own is given"),
        }
    }
    let expires = context.clock.now() + lifetime;
    let query = context.links.sign(execution, &file, expires);
    ArtifactLink { execution, file, opens: OpeningLink::Server(query), expires }
}
