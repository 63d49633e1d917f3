//! A user's own executions, through the Insights API: those of all reports, with the failed and the cancelled ones.

use insightgate_client::{Client, Execution, ExecutionFilter, Report, ReportFilter};
use serde_json::json;

use super::{ExecutionCommand, ListArguments, name, state};
use crate::command_error::CommandError;
use crate::commands::export::waiting::EVERY;
use crate::commands::named::or_none;
use crate::session::{Output, show_one, text};
use crate::terminal::table::Table;
use crate::terminal::{print, print_json};

/// What the API takes in one request.
const REPORTS_AT_ONCE: usize = 50;

pub async fn run(client: &Client, output: Output, command: ExecutionCommand) -> Result<(), CommandError> {
    match command {
        ExecutionCommand::List(arguments) => list(client, output, arguments).await,
        ExecutionCommand::Show { id } => match or_none(client.executions(&id.to_string(), &ExecutionFilter::default()).await)?.pop() {
            Some(execution) => show(output, &execution),
            None => Err(CommandError::not_found(format!("you have no execution {id}"))),
        },
        ExecutionCommand::Cancel { id } => {
            let answer = client.cancel_execution(&id.to_string()).await?;
            let cancelled = answer.first().ok_or_else(|| CommandError::failed("the server's answer holds nothing"))?;
            show(output, cancelled)
        }
        ExecutionCommand::Retry { .. } => {
            let failed = CommandError::usage("executions are queued again by operators and administrators: say --tenant");
            Err(failed.hint("`insightgate report run` runs the query of a report of yours again"))
        }
    }
}

async fn list(client: &Client, output: Output, arguments: ListArguments) -> Result<(), CommandError> {
    let ListArguments { status, report, owner, from, to, limit } = arguments;
    if owner.is_some() || from.is_some() || to.is_some() {
        return Err(CommandError::usage("--owner, --from and --to are for operators and administrators: say --tenant"));
    }
    let reports: Vec<Report> = or_none(client.reports(&ReportFilter::default()).await)?;
    let wanted = |listed: &&Report| report.is_none_or(|id| listed.report_id.eq_ignore_ascii_case(&id.to_string()));
    let ids: Vec<&str> = reports.iter().filter(wanted).map(|report| report.report_id.as_str()).collect();
    let [every, _] = EVERY;
    let filter = ExecutionFilter {
        execution_status: Some(name(status).unwrap_or_else(|| every.to_owned())),
        get_latest_execution: Some(false),
        ..ExecutionFilter::default()
    };
    let mut executions: Vec<Execution> = Vec::new();
    for some in ids.chunks(REPORTS_AT_ONCE) {
        executions.extend(or_none(client.executions(&some.join(";"), &filter).await)?);
    }
    executions.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
    if output.json {
        return print_json(&json!({"value": executions}));
    }
    if executions.is_empty() {
        eprintln!("there are none");
        return Ok(());
    }
    let mut table = Table::new(&["status", "generated", "attempts", "rows", "bytes", "report", "id", "why"]);
    for execution in &executions {
        let named = reports.iter().find(|report| report.report_id.eq_ignore_ascii_case(&execution.report_id));
        table.row([
            state(&execution.execution_status, execution.progress()),
            text(&execution.report_generated_time),
            number(execution.attempts()),
            number(execution.row_count()),
            number(execution.byte_count()),
            named.map(|report| report.report_name.clone()).unwrap_or_default(),
            execution.execution_id.clone(),
            execution.failure_reason().or(execution.message()).unwrap_or_default().to_owned(),
        ]);
    }
    print(&table.text())
}

fn show(output: Output, execution: &Execution) -> Result<(), CommandError> {
    let shown = [
        ("id", execution.execution_id.clone()),
        ("status", state(&execution.execution_status, execution.progress())),
        ("why", execution.failure_reason().unwrap_or_default().to_owned()),
        ("attempts", number(execution.attempts())),
        ("report", execution.report_id.clone()),
        ("format", text(&execution.format)),
        ("generated", text(&execution.report_generated_time)),
        ("rows", number(execution.row_count())),
        ("bytes", number(execution.byte_count())),
        ("SHA-256", execution.sha256().unwrap_or_default().to_owned()),
        ("version of the table", number(execution.data_version())),
        ("message", execution.message().unwrap_or_default().to_owned()),
    ];
    show_one(output, execution, &shown)
}

fn number(count: Option<u64>) -> String {
    count.map(|count| count.to_string()).unwrap_or_default()
}
