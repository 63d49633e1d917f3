//! Waits for an execution to be over: the one that is in flight, or else the next one of a report that has one.

use std::time::Duration;

use insightgate_client::{Client, Execution, Report};

use crate::command_error::CommandError;
use crate::commands::export::timed_out;
use crate::commands::export::waiting::{Watch, failure, is_in_flight, is_paused, state};
use crate::commands::report::executions::runs_once;
use crate::interrupt::ended_or_interrupted;
use crate::session::{Output, show_one, text};
use crate::terminal::progress::Progress;
use crate::terminal::table::plain;

pub async fn until_over(client: Client, report: Report, output: Output, timeout: Option<Duration>) -> Result<(), CommandError> {
    let progress = Progress::new();
    let shown = progress.clone();
    let work = tokio::spawn(async move {
        match timeout {
            None => over(&client, &report, &progress).await,
            Some(timeout) => {
                let waited = tokio::time::timeout(timeout, over(&client, &report, &progress)).await;
                waited.unwrap_or_else(|_| Err(timed_out(timeout)))
            }
        }
    });
    let outcome = ended_or_interrupted(work).await;
    shown.end();
    let execution = outcome?;
    let number = |count: Option<u64>| count.map(|count| count.to_string()).unwrap_or_default();
    let fields = [
        ("execution", execution.execution_id.clone()),
        ("status", execution.execution_status.clone()),
        ("generated", text(&execution.report_generated_time)),
        ("rows", number(execution.row_count())),
        ("bytes", number(execution.byte_count())),
        ("expires", text(&execution.report_expiry_time)),
    ];
    show_one(output, &execution, &fields)
}

/// The execution that was over first of those that were not when the watch began; the newest of a report that runs no more.
async fn over(client: &Client, report: &Report, progress: &Progress) -> Result<Execution, CommandError> {
    let mut watch = Watch::new(client, &report.report_id);
    let mut before: Option<Vec<String>> = None;
    loop {
        let executions = watch.executions().await?;
        let is_over = |execution: &Execution| execution.is_completed() || execution.is_failed();
        let no_more = report.report_status.eq_ignore_ascii_case("Inactive") && !executions.iter().any(is_in_flight);
        let known = before.get_or_insert_with(|| {
            if no_more {
                Vec::new()
            } else {
                executions.iter().filter(|execution| is_over(execution)).map(|old| old.execution_id.clone()).collect()
            }
        });
        // Of one that runs once, the one execution is what is waited for, even if it is over.
        let once = runs_once(report);
        let found =
            executions.iter().filter(|execution| is_over(execution)).find(|execution| once || !known.contains(&execution.execution_id));
        if let Some(found) = found {
            return if found.is_failed() { Err(failure(found)) } else { Ok(found.clone()) };
        }
        let open: Vec<Execution> = executions.iter().filter(|execution| !is_over(execution)).cloned().collect();
        // Somebody may pause or delete it meanwhile.
        if !open.iter().any(is_in_flight)
            && let Some(now) = watch.report().await?
        {
            goes_on(&now, once)?;
        }
        progress.say(&state(&open));
        watch.pause().await;
    }
}

/// An error if nothing will run. The one run of a report that runs once may not be seen yet.
fn goes_on(report: &Report, once: bool) -> Result<(), CommandError> {
    let name = plain(&report.report_name);
    if is_paused(report) {
        let paused = CommandError::failed(format!("the report {name} is paused: nothing runs"));
        return Err(paused.hint("`insightgate report resume` lets it run again, `insightgate report run` runs it at once"));
    }
    if !once && report.report_status.eq_ignore_ascii_case("Inactive") {
        let ended = CommandError::not_found(format!("the report {name} has no further run to wait for"));
        return Err(ended.hint("`insightgate report executions` shows what it has run, `insightgate report run` runs it once more"));
    }
    Ok(())
}
