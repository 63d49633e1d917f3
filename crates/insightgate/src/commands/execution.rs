//! `insightgate execution`: what runs, waits or failed, for how long and why; ending one, and trying one again.
//!
//! With `--tenant`, or for an operator, it goes through the management API and shows every owner's. Without it, a user sees their own.

mod own;

use std::time::Duration;

use clap::{Args, Subcommand, ValueEnum};
use insightgate_client::manage::{Execution, ExecutionQuery};
use uuid::Uuid;

use crate::command_error::CommandError;
use crate::session::{Output, Session, insights, is_of_a_user, show_list, show_one, text};
use crate::terminal::words::lasting;

#[derive(Debug, Args)]
pub struct ExecutionArguments {
    /// The executions of every owner in this organisation: its id or domain. Without it operators see all organisations, and others see their own executions
    #[arg(long, global = true, value_name = "TENANT")]
    tenant: Option<String>,
    #[command(flatten)]
    output: Output,
    #[command(subcommand)]
    command: ExecutionCommand,
}

#[derive(Debug, Subcommand)]
enum ExecutionCommand {
    /// Executions, those that fell due last first
    #[command(
        after_help = "Examples:\n  insightgate execution list\n  insightgate execution list --tenant contoso.example --status failed\n  \
        insightgate execution list --tenant contoso.example --from 2026-11-01T00:00:00Z --json"
    )]
    List(ListArguments),
    /// One execution: how far it is, what it waits for, why it failed
    #[command(after_help = "Example:\n  insightgate execution show 3f1c… --tenant contoso.example")]
    Show {
        #[arg(value_name = "ID", help = ID)]
        id: Uuid,
    },
    /// Ends an execution that is not over; a running one leaves no file
    #[command(after_help = "Example:\n  insightgate execution cancel 3f1c… --tenant contoso.example")]
    Cancel {
        #[arg(value_name = "ID", help = ID)]
        id: Uuid,
    },
    /// Queues an execution again that failed or was cancelled
    #[command(after_help = "Example:\n  insightgate execution retry 3f1c… --tenant contoso.example")]
    Retry {
        #[arg(value_name = "ID", help = ID)]
        id: Uuid,
    },
}

const ID: &str = "The execution's id, as `list` shows it";

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Status {
    Pending,
    Running,
    Paused,
    Completed,
    Failed,
    Cancelled,
}

#[derive(Debug, Args)]
struct ListArguments {
    /// Only those that are so
    #[arg(long, value_enum, ignore_case = true)]
    status: Option<Status>,
    /// Only this report's
    #[arg(long, value_name = "UUID")]
    report: Option<Uuid>,
    /// Only this user's or application's; for operators and administrators
    #[arg(long, value_name = "UUID")]
    owner: Option<Uuid>,
    /// Due not before, as 2026-11-22T12:00:00Z; for operators and administrators
    #[arg(long, value_name = "TIME")]
    from: Option<String>,
    /// Due before, as 2026-11-22T12:00:00Z; for operators and administrators
    #[arg(long, value_name = "TIME")]
    to: Option<String>,
    /// How many executions at the most
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    limit: u32,
}

pub async fn run(profile: Option<&str>, arguments: ExecutionArguments) -> Result<(), CommandError> {
    let ExecutionArguments { tenant, output, command } = arguments;
    if tenant.is_none() && is_of_a_user(profile)? {
        return own::run(&insights(profile)?, output, command).await;
    }
    let session = Session::open(profile)?;
    let tenant = tenant.as_deref();
    match command {
        ExecutionCommand::List(arguments) => list(&session, tenant, output, arguments).await,
        ExecutionCommand::Show { id } => {
            let (tenant, id) = place(&session, tenant, id).await?;
            show(output, &session.client.execution(&tenant, &id).await?)
        }
        ExecutionCommand::Cancel { id } => {
            let (tenant, id) = place(&session, tenant, id).await?;
            show(output, &session.client.cancel_execution(&tenant, &id).await?)
        }
        ExecutionCommand::Retry { id } => {
            let (tenant, id) = place(&session, tenant, id).await?;
            show(output, &session.client.retry_execution(&tenant, &id).await?)
        }
    }
}

/// The tenant of the execution: the one that is named, or the one that has it.
async fn place(session: &Session, tenant: Option<&str>, id: Uuid) -> Result<(String, String), CommandError> {
    let id = id.to_string();
    if let Some(tenant) = tenant {
        return Ok((tenant.to_owned(), id));
    }
    let filter = ExecutionQuery { execution_id: Some(id.clone()), ..ExecutionQuery::default() };
    match session.client.executions(None, &filter, 1).await?.value.pop() {
        Some(found) => Ok((found.tenant, id)),
        None => Err(CommandError::not_found(format!("there is no execution {id}"))),
    }
}

async fn list(session: &Session, tenant: Option<&str>, output: Output, arguments: ListArguments) -> Result<(), CommandError> {
    let ListArguments { status, report, owner, from, to, limit } = arguments;
    let id = |id: Option<Uuid>| id.map(|id| id.to_string());
    let filter = ExecutionQuery { report_id: id(report), owner: id(owner), status: name(status), from, to, ..ExecutionQuery::default() };
    let executions = session.client.executions(tenant, &filter, usize::try_from(limit).unwrap_or(usize::MAX)).await?;
    let row = |execution: &Execution| {
        let number = |count: Option<u64>| count.map(|count| count.to_string()).unwrap_or_default();
        [
            execution.queued.clone(),
            state(&execution.status, execution.progress.map(u64::from)),
            seconds(execution.waiting_seconds),
            seconds(execution.running_seconds),
            execution.attempts.to_string(),
            number(execution.row_count),
            number(execution.byte_count),
            execution.user.clone(),
            execution.report_name.clone(),
            execution.id.clone(),
            why(execution),
        ]
    };
    let names = ["due", "status", "waits", "ran", "attempts", "rows", "bytes", "owner", "report", "id", "why"];
    show_list(output, &executions, names, row)
}

fn show(output: Output, execution: &Execution) -> Result<(), CommandError> {
    let number = |count: Option<u64>| count.map(|count| count.to_string()).unwrap_or_default();
    let shown = [
        ("id", execution.id.clone()),
        ("status", state(&execution.status, execution.progress.map(u64::from))),
        ("why", text(&execution.failure_reason)),
        ("waits for", text(&execution.waits_for)),
        ("waits", seconds(execution.waiting_seconds)),
        ("ran", seconds(execution.running_seconds)),
        ("attempts", execution.attempts.to_string()),
        ("of them failed", execution.failures.to_string()),
        ("report", format!("{} ({})", execution.report_name, execution.report_id)),
        ("owner", format!("{} ({})", execution.user, execution.owner)),
        ("organisation", execution.tenant.clone()),
        ("program", execution.program.clone()),
        ("due", execution.queued.clone()),
        ("finished", text(&execution.finished)),
        ("format", execution.format.clone()),
        ("rows", number(execution.row_count)),
        ("bytes", number(execution.byte_count)),
        ("SHA-256", text(&execution.sha256)),
        ("version of the table", number(execution.data_version)),
        ("file removed", text(&execution.file_removed)),
        ("message", text(&execution.message)),
    ];
    show_one(output, execution, &shown)
}

fn why(execution: &Execution) -> String {
    execution.failure_reason.clone().or_else(|| execution.waits_for.as_ref().map(|what| format!("waits for {what}"))).unwrap_or_default()
}

/// With how far it is, while it runs.
fn state(status: &str, progress: Option<u64>) -> String {
    match progress {
        Some(percent) if status.eq_ignore_ascii_case("Running") => format!("{status} {percent} %"),
        _ => status.to_owned(),
    }
}

fn seconds(seconds: Option<u64>) -> String {
    seconds.map(|seconds| lasting(Duration::from_secs(seconds))).unwrap_or_default()
}

/// As the API writes it.
fn name(status: Option<Status>) -> Option<String> {
    status.map(|status| format!("{status:?}"))
}
