//! Claims executions and carries them out: plan → artifact, under a lease, fenced by the epoch.
//!
//! An execution that dies with its process is claimed again when its lease ends; the epoch in the artifact's key separates the two attempts.

use std::panic::AssertUnwindSafe;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use chrono::{DateTime, Utc};
use futures::FutureExt as _;
use insightgate_engine::{About, ArtifactKey, EngineError, ExportedAs, HowFar};
use insightgate_identity::scope::TenantScope;
use insightgate_query::diagnostic;
use insightgate_report::execution::{AfterFailure, Artifact, Epoch, Execution, FailureKind, MAXIMUM_DEATHS, after_failure};
use insightgate_report::scheduled_report::Timing;
use insightgate_store::{ClaimedExecution, Lease, NewCallback, NewMail, Outcome, Store};
use tokio::time::Instant;
use tracing::Instrument as _;

use super::places::Places;
use crate::audit::{self, Happening};
use crate::background::turn::Turn;
use crate::callbacks::message;
use crate::context::Context;
use crate::executions::artifact_key;
use crate::failure::Failure;
use crate::mail::{self, letters};
use crate::queries::absent_values::{absent_values, joined};
use crate::queries::left_out_rows::left_out_rows;
use crate::queries::preview::no_files_note;
use crate::sandbox::executions::Met;
use crate::telemetry::{End, SPANS};
use crate::usage;
use crate::usage::event::{Access, Event, Status};

/// Milliseconds of the database's time.
const LEASE_MILLISECONDS: i64 = 30_000;
const HEARTBEAT: Duration = Duration::from_secs(8);
/// How often the attempt says how far it is, if that has changed.
const PROGRESS: Duration = Duration::from_secs(2);
/// How long the end of an execution is told to a database that does not answer.
const TELL_WAIT: Duration = Duration::from_millis(500);
const TELL_TIMES: u32 = 40;
/// Artifacts of earlier holders that are looked for.
const EARLIER_EPOCHS: usize = 30;

/// Runs the execution whose turn it is. False when none waits.
///
/// # Errors
/// The database is away, so that none could be claimed, or the end of the execution was not written down.
pub async fn execute_next(context: &Context) -> Result<bool, Failure> {
    execute_next_beside(context, &Places::new(usize::MAX), &Turn::alone()).await
}

/// Runs the execution whose turn it is, unless its tenant has all of its places taken. False when there is none.
///
/// When the process ends, the execution is given some time to finish, after which it is given back.
pub(crate) async fn execute_next_beside(context: &Context, places: &Places, turn: &Turn) -> Result<bool, Failure> {
    let claiming = places.claiming().await;
    let looked = match &context.sandbox {
        Some(sandbox) => Some(sandbox.before_claim(context).await?),
        None => None,
    };
    let among = looked.as_ref().and_then(|looked| looked.among.as_deref());
    let claimed = context.store.claim_execution_beside(Lease::of(LEASE_MILLISECONDS), &claiming.full(), among).await?;
    drop(looked);
    let Some(claimed) = claimed else { return Ok(false) };
    let _place = claiming.taken_by(claimed.report.tenant);
    let begun = Instant::now();
    let count = |end| context.telemetry.execution(claimed.report.tenant, end, begun.elapsed());
    let Execution { id, attempts, failures, .. } = claimed.execution;
    if let Some(deaths @ 1..) = attempts.checked_sub(failures + 1) {
        tracing::warn!(execution = %id, report = %claimed.report.id, deaths, "an execution is tried again whose process ended before it");
    }
    // Others may wait behind this one.
    context.signals.queued.notify_one();
    // The attempt has limits of its own: of the whole, and of each wait for the database.
    turn.may_take(longest(context));
    let span = tracing::info_span!(
        target: SPANS, parent: None, "execution", execution = %id, report = %claimed.report.id, tenant = %claimed.report.tenant, attempts
    );
    let attempted = tokio::select! {
        attempted = attempt_under_lease(context, &claimed, turn).instrument(span) => attempted,
        () = drained(context, turn) => {
            turn.goes_on();
            context.store.release_execution(claimed.execution.id, claimed.execution.epoch).await?;
            tracing::info!(execution = %claimed.execution.id, "an execution was given back: the process ends");
            count(End::GivenBack);
            return Ok(true);
        }
    };
    turn.goes_on();
    let Some(outcome) = attempted else {
        tracing::warn!(execution = %claimed.execution.id, epoch = %claimed.execution.epoch, "an execution was cancelled, or its lease was lost");
        count(End::Lost);
        context.signals.finished.notify_waiters();
        remove(context, &key(&claimed, claimed.execution.epoch)).await;
        return Ok(true);
    };
    let outcome = match outcome {
        Ok(outcome) => outcome,
        Err(fault) => after(context, &claimed, fault).await?,
    };
    let ended = ended(context, &claimed, &outcome);
    let callback = message::of_execution(context, &claimed, &outcome, ended)?;
    let mail = letters::of_execution(context, &claimed, &outcome, ended)?;
    let held = finish(context, &claimed, (&outcome, ended), (callback.as_ref(), mail.as_ref()), turn).await?;
    count(end(&outcome, held));
    if held {
        note(context, &claimed, &outcome);
    }
    if held && callback.is_some() {
        context.signals.callbacks.notify_one();
    }
    if held && mail.is_some() {
        context.signals.mails.notify_one();
    }
    match &outcome {
        Outcome::Completed { artifact, .. } if !held => remove(context, &key(&claimed, artifact.epoch)).await,
        Outcome::Completed { .. } => remove_older(context, &claimed, turn).await,
        // It was recorded with the end of the execution, which pauses the schedule.
        Outcome::Refused { .. } => {}
        Outcome::Retry { reason, .. } | Outcome::Postponed { reason, .. } | Outcome::Failed { reason } => {
            tracing::warn!(execution = %claimed.execution.id, attempts = claimed.execution.attempts, reason, "an execution failed");
        }
    }
    context.signals.finished.notify_waiters();
    Ok(true)
}

fn end(outcome: &Outcome, held: bool) -> End {
    match outcome {
        _ if !held => End::Lost,
        Outcome::Completed { artifact, .. } => End::Completed { rows: artifact.rows, bytes: artifact.bytes },
        Outcome::Retry { .. } | Outcome::Postponed { .. } => End::Retried,
        Outcome::Failed { .. } => End::Failed,
        Outcome::Refused { .. } => End::Refused,
    }
}

/// The event of an execution that has ended.
fn note(context: &Context, claimed: &ClaimedExecution, outcome: &Outcome) {
    let (report, execution) = (&claimed.report, Some(claimed.execution.id.to_string()));
    let dataset = usage::dataset_of(context, report.program, &report.query);
    let ended =
        Access { execution_id: execution, ..Access::new(Event::Run, report.program) }.by_owner_of(report).of_report(report, dataset);
    let access = match outcome {
        Outcome::Completed { artifact, .. } => Access { rows: Some(artifact.rows), bytes: Some(artifact.bytes), ..ended },
        Outcome::Failed { reason } => Access { status: Status::Failed, detail: Some(reason.clone()), ..ended },
        Outcome::Refused { reason } => Access { status: Status::Refused, detail: Some(reason.clone()), ..ended },
        Outcome::Retry { .. } | Outcome::Postponed { .. } => return,
    };
    usage::record(context, report.tenant, access);
}

/// An attempt with what comes after it.
fn longest(context: &Context) -> Duration {
    context.settings.run_limit + context.settings.drain + context.background.limit()
}

/// When it ended, by the product's clock: as its file says, where there is one.
fn ended(context: &Context, claimed: &ClaimedExecution, outcome: &Outcome) -> DateTime<Utc> {
    match outcome {
        Outcome::Completed { artifact, .. } => artifact.generated,
        _ => context.clock.of_work(claimed.execution.queued),
    }
}

/// Once the process is to end and the time to finish is over.
async fn drained(context: &Context, turn: &Turn) {
    turn.stopped().await;
    tokio::time::sleep(context.settings.drain).await;
}

/// Tells the database how the execution ended: again and again while it is away, since the work is done. Whether the execution was still held.
async fn finish(
    context: &Context,
    claimed: &ClaimedExecution,
    (outcome, ended): (&Outcome, DateTime<Utc>),
    (callback, mail): (Option<&NewCallback>, Option<&NewMail>),
    turn: &Turn,
) -> Result<bool, Failure> {
    let store = match outcome {
        Outcome::Refused { reason } => recording_refusal(context, claimed, reason)?,
        _ => context.store.clone(),
    };
    let store = mail::telling(store, mail);
    let mut told = 0;
    loop {
        // The wait for the database ends before the turn does.
        turn.may_take(2 * context.background.limit());
        match context.background.in_time(store.finish_execution(claimed, outcome, callback, ended)).await {
            Ok(held) => {
                turn.goes_on();
                return Ok(held);
            }
            Err(error) if told < TELL_TIMES => {
                tracing::warn!(?error, execution = %claimed.execution.id, "the end of an execution could not be written: trying again");
                told += 1;
                tokio::time::sleep(TELL_WAIT).await;
            }
            // The artifact stays: whether it is published is not known. If it is not, the sweeper removes it.
            Err(error) => return Err(error),
        }
    }
}

/// An attempt that gave no artifact.
struct Fault {
    /// For the owner.
    reason: String,
    kind: FailureKind,
}

fn panicked() -> Fault {
    tracing::error!("an attempt panicked");
    Fault { reason: "The server could not run the query.".to_owned(), kind: FailureKind::Passing }
}

/// Works while a heartbeat prolongs the lease and writes how far it is. None when the execution is not held any more: it was cancelled, its report was
/// deleted, or somebody else works on it.
async fn attempt_under_lease(context: &Context, claimed: &ClaimedExecution, turn: &Turn) -> Option<Result<Outcome, Fault>> {
    let Execution { id, epoch, attempts, failures, .. } = claimed.execution;
    if attempts.saturating_sub(failures) > MAXIMUM_DEATHS {
        let reason = format!("given up: {MAXIMUM_DEATHS} attempts ended with the process that made them");
        return Some(Ok(Outcome::Failed { reason }));
    }
    // A sandbox may hold an execution Running for longer than a turn takes.
    let held = AtomicBool::new(false);
    let how_far = HowFar::default();
    let beating = async {
        let (mut told, mut prolonged) = (0, Instant::now());
        // Heard from now on, also while the database is asked.
        let mut deleted = Box::pin(context.signals.deleted.notified());
        loop {
            let is_asked = tokio::select! {
                () = tokio::time::sleep(PROGRESS) => false,
                () = deleted.as_mut() => true,
            };
            if is_asked {
                deleted.set(context.signals.deleted.notified());
            }
            let progress = how_far.percent();
            if !is_asked && progress == told && prolonged.elapsed() < HEARTBEAT {
                continue;
            }
            if held.load(Ordering::Relaxed) {
                turn.may_take(longest(context));
            }
            let Ok(now) = context.background.in_time(context.store.lease_time()).await else { continue };
            let prolonging = context.store.extend_lease(id, epoch, now + LEASE_MILLISECONDS, progress);
            match context.background.in_time(prolonging).await {
                Ok(false) => return,
                Ok(true) => (told, prolonged) = (progress, Instant::now()),
                Err(_) => {}
            }
        }
    };
    let limit = context.settings.run_limit;
    let too_long =
        || Fault { reason: format!("The run did not finish within {} minutes.", limit.as_secs() / 60), kind: FailureKind::Lasting };
    let working = async {
        let met = context.sandbox.as_ref().and_then(|sandbox| sandbox.of_attempt(claimed));
        // When the attempt begins, by the product's clock. The limit counts by the real one, from then on.
        let due = match &context.sandbox {
            Some(sandbox) => {
                held.store(true, Ordering::Relaxed);
                let due = sandbox.while_held(context, claimed, met.as_ref()).await;
                held.store(false, Ordering::Relaxed);
                turn.may_take(longest(context));
                due
            }
            None => claimed.execution.queued,
        };
        // A library that panics takes the attempt with it, not the runner.
        let attempt = AssertUnwindSafe(attempt(context, claimed, due, (met.as_ref(), &how_far))).catch_unwind();
        let attempt = attempt.map(|outcome| outcome.unwrap_or_else(|_| Err(panicked())));
        tokio::time::timeout(limit, attempt).await.unwrap_or_else(|_| Err(too_long()))
    };
    tokio::select! {
        outcome = working => Some(outcome),
        () = beating => None,
    }
}

/// Checks again what was allowed at creation, then exports.
async fn attempt(
    context: &Context,
    claimed: &ClaimedExecution,
    due: DateTime<Utc>,
    (met, how_far): (Option<&Met>, &HowFar),
) -> Result<Outcome, Fault> {
    let (report, execution) = (&claimed.report, &claimed.execution);
    if let (Some(sandbox), Some(met)) = (&context.sandbox, met) {
        sandbox.within_attempt(met).await.map_err(|reason| Fault { reason, kind: FailureKind::Lasting })?;
    }
    let scope = match scope(context, claimed).await? {
        Ok(scope) => scope,
        Err(reason) => return Ok(Outcome::Refused { reason }),
    };
    let plan = insightgate_query::plan(&report.query, &context.catalogs.of(report.program))
        .map_err(|all| Fault { reason: diagnostic::message(&all), kind: FailureKind::Lasting })?;
    let (start, end) = match report.timing {
        Timing::Once { query_start, query_end } => (query_start, query_end),
        Timing::Recurring(_) => (None, None),
    };
    let window = plan.window(execution.anchor, start, end);
    let key = key(claimed, execution.epoch);
    let writing = context.artifact_room.begin(&context.store, &context.settings, report.tenant, claimed.artifact_gib);
    let writing = context.background.in_time(writing).await.map_err(|error| {
        tracing::error!(?error, "what the artifacts of a tenant hold could not be read");
        Fault { reason: "The server could not run the query.".to_owned(), kind: FailureKind::Passing }
    })?;
    let room = |bytes: u64| writing.grow_to(bytes).map_err(EngineError::NoRoom);
    let about = Some(About { query: report.query.clone(), at: execution.anchor });
    let file = ExportedAs { format: report.format, about };
    let exported = context.engine.export_within(&scope, &plan, window, file, (&key, &room, how_far), &|_| {}).await;
    let summary = match exported {
        Ok(summary) => summary,
        Err(error) if error.is_refusal() => return Ok(Outcome::Refused { reason: error.caller_message() }),
        Err(error) => {
            tracing::warn!(%error, execution = %execution.id, report = %report.id, "an export failed");
            return Err(Fault { reason: error.caller_message(), kind: kind(&error) });
        }
    };
    // What was allowed may have been taken away while the artifact was written: it must not be published then.
    match self::scope(context, claimed).await? {
        Ok(now) if now == scope => {}
        Ok(_) => return Err(Fault { reason: "What the owner may see changed during the run.".to_owned(), kind: FailureKind::Passing }),
        Err(reason) => {
            remove(context, &key).await;
            return Ok(Outcome::Refused { reason });
        }
    }
    writing.is_whole();
    let mut notes = plan.notes.clone();
    if summary.no_files {
        notes.push(no_files_note(&plan.dataset.name));
    } else if summary.rows == 0 {
        notes.extend(absent_values(&context.engine, &scope, &plan).await);
    }
    if !summary.no_files {
        let bounds = (window, plan.window_source(start, end));
        notes.extend(left_out_rows(&context.engine, &scope, &plan, bounds, summary.rows == 0).await);
    }
    let artifact = Artifact {
        format: report.format,
        epoch: execution.epoch,
        rows: summary.rows,
        bytes: summary.bytes,
        sha256: summary.sha256,
        generated: context.clock.of_work(due),
        data_as_of: summary.data_as_of,
        data_version: summary.data_version,
        locations: scope.locations().clone(),
        unredacted: scope.unredacted().clone(),
    };
    Ok(Outcome::Completed { artifact, note: joined(&notes), sums: summary.blocks })
}

/// What the owner may see now, or why nothing. The owner is read anew only if an identity has changed since anybody last read it.
async fn scope(context: &Context, claimed: &ClaimedExecution) -> Result<Result<TenantScope, String>, Fault> {
    let report = &claimed.report;
    let user = (report.owner != report.application).then_some(report.owner);
    let view = context.directory.view();
    let owner = view.principal(report.tenant, report.application, user);
    let owner = context.background.in_time(owner).await.map_err(|error| {
        tracing::error!(?error, "the owner of an execution could not be read");
        Fault { reason: "The server could not read who owns the report.".to_owned(), kind: FailureKind::Passing }
    })?;
    Ok(match owner {
        None => Err("The user or the application of the report is gone.".to_owned()),
        Some(owner) => owner.scope(report.program, &context.settings.access_rules).map_err(|refusal| refusal.to_string()),
    })
}

async fn after(context: &Context, claimed: &ClaimedExecution, fault: Fault) -> Result<Outcome, Failure> {
    remove(context, &key(claimed, claimed.execution.epoch)).await;
    let Fault { reason, kind } = fault;
    let Execution { failures, refusals, .. } = claimed.execution;
    let of_kind = if kind == FailureKind::Refused { refusals } else { failures.saturating_sub(refusals) };
    Ok(match after_failure(of_kind + 1, kind) {
        AfterFailure::GiveUp => Outcome::Failed { reason },
        AfterFailure::Retry { wait_seconds } => {
            let not_before = context.store.lease_time().await? + wait_seconds * 1000;
            match kind {
                FailureKind::Refused => Outcome::Postponed { reason, not_before },
                _ => Outcome::Retry { reason, not_before },
            }
        }
    })
}

fn kind(error: &EngineError) -> FailureKind {
    match error {
        refused if refused.is_refused_by_store() => FailureKind::Refused,
        passing if passing.is_retryable() => FailureKind::Passing,
        _ => FailureKind::Lasting,
    }
}

fn key(claimed: &ClaimedExecution, epoch: Epoch) -> ArtifactKey {
    artifact_key::of(&claimed.report, claimed.execution.id, epoch, claimed.report.format)
}

/// What earlier holders of the execution may have left.
async fn remove_older(context: &Context, claimed: &ClaimedExecution, turn: &Turn) {
    for epoch in (1..claimed.execution.epoch.number()).rev().take(EARLIER_EPOCHS) {
        // A store that hangs takes its time for each.
        turn.goes_on();
        remove(context, &key(claimed, Epoch::new(epoch))).await;
    }
}

async fn remove(context: &Context, key: &ArtifactKey) {
    if let Err(error) = context.engine.delete(key).await {
        tracing::debug!(%error, "no artifact of a dropped execution was removed");
    }
}

/// The store, whose next change writes that the execution was refused.
fn recording_refusal(context: &Context, claimed: &ClaimedExecution, reason: &str) -> Result<Store, Failure> {
    let happening = Happening {
        tenant: Some(claimed.report.tenant),
        actor: claimed.report.owner.to_string(),
        action: "run.refuse",
        subject: format!("report {}", claimed.report.id),
        detail: reason.to_owned(),
        correlation: None,
    };
    Ok(audit::recording(context, happening)?)
}
