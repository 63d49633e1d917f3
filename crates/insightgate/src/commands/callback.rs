//! `insightgate callback`: what was sent to the receivers of callbacks, and the secrets that sign it.

mod secret;

use clap::{Args, Subcommand, ValueEnum};
use insightgate_client::manage::{Callback, CallbackAttempt, CallbackQuery};
use uuid::Uuid;

use crate::command_error::CommandError;
use crate::session::{InTenant, Output, Session, show_list, show_one, text};
use crate::terminal::print;
use crate::terminal::table::Table;

#[derive(Debug, Args)]
pub struct CallbackArguments {
    #[command(flatten)]
    tenant: InTenant,
    #[command(flatten)]
    output: Output,
    #[command(subcommand)]
    command: CallbackCommand,
}

#[derive(Debug, Subcommand)]
enum CallbackCommand {
    /// Callbacks, the newest first
    #[command(
        after_help = "Examples:\n  insightgate callback list --tenant contoso.example\n  insightgate callback list --state failed --json"
    )]
    List(ListArguments),
    /// One callback, with what each attempt met
    #[command(after_help = "Example:\n  insightgate callback show 3f1c…")]
    Show {
        /// The callback's id, as `list` shows it
        id: String,
    },
    /// Sends a callback anew, a delivered one too
    #[command(after_help = "Example:\n  insightgate callback replay 3f1c…")]
    Replay {
        /// The callback's id, as `list` shows it
        id: String,
    },
    /// Secrets that callbacks are signed with
    Secret {
        #[command(subcommand)]
        command: secret::SecretCommand,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum State {
    Pending,
    Delivered,
    Failed,
    Cancelled,
}

#[derive(Debug, Args)]
struct ListArguments {
    /// Only this report's
    #[arg(long, value_name = "UUID")]
    report: Option<Uuid>,
    /// Only this execution's
    #[arg(long, value_name = "UUID")]
    execution: Option<Uuid>,
    /// Only those that are so
    #[arg(long, value_enum)]
    state: Option<State>,
    /// How many callbacks at the most
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    limit: u32,
}

pub async fn run(session: &Session, arguments: CallbackArguments) -> Result<(), CommandError> {
    let CallbackArguments { tenant, output, command } = arguments;
    match command {
        CallbackCommand::List(arguments) => list(session, &tenant, output, arguments).await,
        CallbackCommand::Show { id } => {
            let callback = session.client.callback(&id).await?;
            show(output, &callback)?;
            match &callback.attempts {
                Some(attempts) if !output.json && !attempts.is_empty() => print(&format!("\n{}", table(attempts))),
                _ => Ok(()),
            }
        }
        CallbackCommand::Replay { id } => show(output, &session.client.replay_callback(&id).await?),
        CallbackCommand::Secret { command } => secret::run(session, &session.tenant(&tenant)?, output, command).await,
    }
}

async fn list(session: &Session, tenant: &InTenant, output: Output, arguments: ListArguments) -> Result<(), CommandError> {
    let ListArguments { report, execution, state, limit } = arguments;
    let state = state.and_then(|state| state.to_possible_value()).map(|value| value.get_name().to_owned());
    let id = |id: Option<Uuid>| id.map(|id| id.to_string());
    let filter = CallbackQuery {
        tenant: session.own_or(tenant),
        report_id: id(report),
        execution_id: id(execution),
        state,
        ..CallbackQuery::default()
    };
    let callbacks = session.client.callbacks(&filter, usize::try_from(limit).unwrap_or(usize::MAX)).await?;
    let row = |callback: &Callback| {
        let Callback { created, state, event, attempt_count, method, url, id, .. } = callback.clone();
        [created, state, event, attempt_count.to_string(), method, url, id]
    };
    show_list(output, &callbacks, ["time", "state", "event", "attempts", "method", "address", "id"], row)
}

fn show(output: Output, callback: &Callback) -> Result<(), CommandError> {
    let pending = callback.state == "pending";
    let shown = [
        ("id", callback.id.clone()),
        ("state", callback.state.clone()),
        ("event", callback.event.clone()),
        ("method", callback.method.clone()),
        ("address", callback.url.clone()),
        ("report", callback.report_id.clone()),
        ("execution", callback.execution_id.clone()),
        ("created", callback.created.clone()),
        ("attempts", callback.attempt_count.to_string()),
        ("next attempt", if pending { callback.due.clone() } else { String::new() }),
        ("finished", text(&callback.finished)),
    ];
    show_one(output, callback, &shown)
}

fn table(attempts: &[CallbackAttempt]) -> String {
    let mut table = Table::new(&["attempt", "time", "milliseconds", "status", "error"]);
    for CallbackAttempt { number, at, milliseconds, http_status, error, .. } in attempts {
        let number_of = |value: Option<u64>| value.map(|value| value.to_string()).unwrap_or_default();
        table.row([number.to_string(), at.clone(), number_of(*milliseconds), number_of(http_status.map(u64::from)), text(error)]);
    }
    table.text()
}
