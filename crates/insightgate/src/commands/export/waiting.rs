//! Waits for an execution of a report, by the documented calls alone. Microsoft's service lists one status at a time; this server lists them all.

use std::time::Duration;

use insightgate_client::{Client, ClientError, Execution, ExecutionFilter, Report, ReportFilter};

use crate::command_error::CommandError;
use crate::commands::named::or_none;
use crate::terminal::progress::Progress;
use crate::terminal::table::plain;

const FIRST_WAIT: Duration = Duration::from_millis(250);
const LONGEST_WAIT: Duration = Duration::from_secs(15);
/// Answers in a row without a trace of the report before it counts as deleted: a new one may not be seen everywhere at once.
const MISSES: u32 = 2;

/// Every status, with those that only this server has, and as a server took them that cancels none.
pub const EVERY: [&str; 2] = ["Pending;Running;Paused;Completed;Failed;Cancelled", "Pending;Running;Paused;Completed;Failed"];
/// The documented ones, each asked for alone, in the order in which an execution has them: one that goes on meanwhile is seen all the same.
const DOCUMENTED: [&str; 4] = ["Pending", "Paused", "Running", "Completed"];

/// Asks how a report's executions stand.
pub struct Watch<'a> {
    client: &'a Client,
    report: String,
    /// The first of `EVERY` that the server may take.
    together: usize,
    misses: u32,
    wait: Duration,
}

impl<'a> Watch<'a> {
    pub fn new(client: &'a Client, report: &str) -> Watch<'a> {
        Watch { client, report: report.to_owned(), together: 0, misses: 0, wait: FIRST_WAIT }
    }

    /// The executions of the last 90 days, as far as their statuses can be asked for.
    pub async fn executions(&mut self) -> Result<Vec<Execution>, ClientError> {
        while let Some(every) = EVERY.get(self.together) {
            match self.of_status(every).await {
                Err(ClientError::Refused(refusal)) if refusal.status == 400 => self.together += 1,
                listed => return listed,
            }
        }
        let mut all: Vec<Execution> = Vec::new();
        for status in DOCUMENTED {
            let found = self.of_status(status).await?;
            all.retain(|before| !found.iter().any(|now| now.execution_id == before.execution_id));
            all.extend(found);
        }
        Ok(all)
    }

    async fn of_status(&self, status: &str) -> Result<Vec<Execution>, ClientError> {
        let filter =
            ExecutionFilter { execution_status: Some(status.to_owned()), get_latest_execution: Some(false), ..ExecutionFilter::default() };
        or_none(self.client.executions(&self.report, &filter).await)
    }

    /// The report as it is now; None if there was no trace of it, which may pass. An error if it is not there any more.
    pub async fn report(&mut self) -> Result<Option<Report>, CommandError> {
        let filter = ReportFilter { report_id: Some(self.report.clone()), ..ReportFilter::default() };
        if let Some(found) = or_none(self.client.reports(&filter).await)?.pop() {
            self.misses = 0;
            return Ok(Some(found));
        }
        self.misses += 1;
        if self.misses < MISSES {
            return Ok(None);
        }
        let message = format!("the report {} is not there any more: it was deleted", plain(&self.report));
        Err(CommandError::not_found(message).hint("`insightgate report list` shows what there is"))
    }

    /// Longer each time.
    pub async fn pause(&mut self) {
        tokio::time::sleep(self.wait).await;
        self.wait = self.wait.saturating_mul(3).checked_div(2).unwrap_or(LONGEST_WAIT).min(LONGEST_WAIT);
    }
}

/// The completed execution of a report that runs once.
pub async fn completed(client: &Client, report: &str, progress: &Progress) -> Result<Execution, CommandError> {
    let mut watch = Watch::new(client, report);
    loop {
        let executions = watch.executions().await?;
        if let Some(failed) = executions.iter().find(|execution| execution.is_failed()) {
            return Err(failure(failed));
        }
        if let Some(done) = executions.iter().find(|execution| execution.is_completed()) {
            // The link may come a moment later than the status.
            if done.link().is_some() {
                return Ok(done.clone());
            }
        }
        if executions.is_empty() {
            watch.report().await?;
        }
        progress.say(&state(&executions));
        watch.pause().await;
    }
}

pub fn failure(failed: &Execution) -> CommandError {
    CommandError::failed(format!("the report failed: {}", plain(failed.failure_reason().unwrap_or("no reason was given"))))
}

/// In words.
pub fn state(executions: &[Execution]) -> String {
    if executions.iter().any(Execution::is_completed) {
        "the report is ready, its link is not"
    } else if let Some(running) = executions.iter().find(|execution| has(execution, "Running")) {
        return match running.progress() {
            Some(percent @ 1..) => format!("the report is running: {percent} %"),
            _ => "the report is running".to_owned(),
        };
    } else if executions.iter().any(|execution| has(execution, "Paused")) {
        "the report is paused"
    } else if executions.is_empty() || executions.iter().any(is_in_flight) {
        "the report is queued"
    } else {
        "the report waits for its next run"
    }
    .to_owned()
}

pub fn is_paused(report: &Report) -> bool {
    report.report_status.eq_ignore_ascii_case("Paused")
}

pub fn is_in_flight(execution: &Execution) -> bool {
    has(execution, "Running") || (has(execution, "Pending") && !waits_for_its_time(execution))
}

fn has(execution: &Execution, status: &str) -> bool {
    execution.execution_status.eq_ignore_ascii_case(status)
}

/// This server lists the next slot of a schedule as a pending execution, and says so.
fn waits_for_its_time(execution: &Execution) -> bool {
    execution.message().is_some_and(|message| message.starts_with("The run waits"))
}
