//! What a report has run: a list, one of them, or each change as it comes.

use std::collections::HashMap;

use insightgate_client::{Client, Execution, ExecutionFilter, Report};
use serde_json::json;

use crate::command_error::CommandError;
use crate::commands::export::waiting::{Watch, is_in_flight, is_paused};
use crate::commands::named;
use crate::session::{Output, text};
use crate::terminal::table::{Table, plain};
use crate::terminal::{print, print_json};

pub async fn list(client: &Client, report: &Report, status: Option<String>, output: Output) -> Result<(), CommandError> {
    let executions = match status {
        None => Watch::new(client, &report.report_id).executions().await?,
        Some(status) => {
            let filter =
                ExecutionFilter { execution_status: Some(status), get_latest_execution: Some(false), ..ExecutionFilter::default() };
            named::or_none(client.executions(&report.report_id, &filter).await)?
        }
    };
    if output.json {
        return print_json(&json!({"value": executions}));
    }
    if executions.is_empty() {
        eprintln!("there are none");
        return Ok(());
    }
    let mut table = Table::new(&["id", "status", "generated", "rows", "bytes", "expires", "note"]);
    executions.iter().for_each(|execution| table.row(row(execution)));
    print(&table.text())
}

fn row(execution: &Execution) -> [String; 7] {
    let number = |count: Option<u64>| count.map(|count| count.to_string()).unwrap_or_default();
    [
        execution.execution_id.clone(),
        execution.execution_status.clone(),
        text(&execution.report_generated_time),
        number(execution.row_count()),
        number(execution.byte_count()),
        text(&execution.report_expiry_time),
        execution.failure_reason().or(execution.message()).unwrap_or_default().to_owned(),
    ]
}

/// The completed execution of this id.
pub async fn completed(client: &Client, report: &Report, id: &str) -> Result<Execution, CommandError> {
    let filter = ExecutionFilter { execution_id: Some(id.to_owned()), get_latest_execution: Some(false), ..ExecutionFilter::default() };
    let listed = named::or_none(client.executions(&report.report_id, &filter).await)?;
    let found = listed.into_iter().find(|execution| execution.execution_id.eq_ignore_ascii_case(id) && execution.link().is_some());
    found.ok_or_else(|| {
        CommandError::not_found(format!("the report {} has no file of an execution {}", plain(&report.report_name), plain(id)))
            .hint("`insightgate report executions` shows them")
    })
}

/// A line for each execution and each change, until none is queued or running. A run that waits for its time is not queued; a report that runs once
/// has run when that is over, and waits for nothing while it is paused.
pub async fn follow(client: &Client, report: &Report, output: Output) -> Result<(), CommandError> {
    let mut watch = Watch::new(client, &report.report_id);
    let mut told: HashMap<String, String> = HashMap::new();
    loop {
        let executions = watch.executions().await?;
        for execution in executions.iter().rev() {
            let before = told.insert(execution.execution_id.clone(), execution.execution_status.clone());
            if before.as_ref() != Some(&execution.execution_status) {
                line(execution, output)?;
            }
        }
        let once = runs_once(report);
        if once && executions.iter().any(|execution| execution.is_completed() || execution.is_failed()) {
            return Ok(());
        }
        // Somebody may have paused or deleted it.
        if !executions.iter().any(is_in_flight)
            && let Some(now) = watch.report().await?
        {
            if is_paused(&now) {
                eprintln!("note: the report {} is paused: nothing runs until `insightgate report resume`", plain(&now.report_name));
            }
            if !once || is_paused(&now) {
                return Ok(());
            }
        }
        watch.pause().await;
    }
}

fn line(execution: &Execution, output: Output) -> Result<(), CommandError> {
    if output.json {
        return print(&format!("{}\n", json!(execution)));
    }
    let cells: Vec<String> = row(execution).into_iter().filter(|cell| !cell.is_empty()).map(|cell| plain(&cell)).collect();
    print(&format!("{}\n", cells.join("  ")))
}

pub fn runs_once(report: &Report) -> bool {
    report.execute_now == Some(true) || report.recurrence_interval.is_some_and(|hours| hours < 0)
}
