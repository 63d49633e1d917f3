//! `insightgate report`: reports that run by a schedule or at once, what they have run, and their files.

mod again;
mod change;
mod create;
mod executions;
mod interval;
mod managed;
mod show;
mod watch;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use clap::{Args, Subcommand};
use insightgate_client::{Client, Report};

use crate::command_error::CommandError;
use crate::commands::export::fetch::fetch;
use crate::commands::export::target::Target;
use crate::commands::export::{LONGEST, newest};
use crate::commands::{file_format, named};
use crate::interrupt::{ended_or_interrupted, unless_interrupted};
use crate::session::{Output, Session, insights};
use crate::terminal::progress::Progress;
use crate::terminal::table::plain;
use crate::terminal::words::duration;
use crate::terminal::{confirm, print_json};

#[derive(Debug, Args)]
pub struct ReportArguments {
    // Before the command it may stand too; only the commands that know it show it.
    #[arg(long, global = true, hide = true, value_name = "TENANT")]
    tenant: Option<String>,
    #[command(flatten)]
    output: Output,
    #[command(subcommand)]
    command: ReportCommand,
}

#[derive(Debug, Args)]
struct OfTenant {
    /// The reports of every owner in this organisation: its id or domain; for operators and administrators
    #[arg(long, value_name = "TENANT")]
    tenant: Option<String>,
}

#[derive(Debug, Subcommand)]
enum ReportCommand {
    /// A report of a saved query or a text: by a schedule, or once at once
    #[command(after_help = "Examples:\n  \
        insightgate report create --name Weekly --query Revenue --start 2026-12-07T06:00:00Z --every 7d\n  \
        insightgate report create --name Once --now 'SELECT CustomerName, TotalRevenue FROM CustomersAndTenants'\n  \
        insightgate report create --name Daily --query Revenue --start 2026-12-07T06:00:00Z --every 24h --times 30 --format tsv --callback https://example.com/done")]
    Create(create::CreateArguments),
    /// Your reports
    #[command(after_help = "Examples:\n  insightgate report list\n  insightgate report list --query Revenue --json")]
    List {
        #[command(flatten)]
        of: OfTenant,
        /// Only those of this query
        #[arg(long, value_name = "ID|NAME")]
        query: Option<String>,
        /// Only those of this name
        #[arg(long, value_name = "NAME")]
        name: Option<String>,
    },
    /// One report with its query
    #[command(after_help = "Example:\n  insightgate report show Weekly")]
    Show {
        #[command(flatten)]
        of: OfTenant,
        #[arg(value_name = "ID|NAME")]
        report: String,
    },
    /// Changes a report; what is not named stays
    #[command(
        after_help = "Examples:\n  insightgate report update Weekly --every 14d\n  insightgate report update Weekly --name Fortnightly --format tsv"
    )]
    Update(change::UpdateArguments),
    /// Lets a report rest: its runs fall out until it is resumed
    #[command(after_help = "Example:\n  insightgate report pause Weekly")]
    Pause {
        #[arg(value_name = "ID|NAME")]
        report: String,
    },
    /// Lets a paused report run again
    #[command(after_help = "Example:\n  insightgate report resume Weekly")]
    Resume {
        #[arg(value_name = "ID|NAME")]
        report: String,
    },
    /// Deletes a report with its files
    #[command(
        after_help = "Examples:\n  insightgate report delete Weekly --yes\n  insightgate report delete 38afb8dd-9975-48d9-87bf-9db7a956d6f9"
    )]
    Delete {
        #[arg(value_name = "ID|NAME")]
        report: String,
        /// Do not ask
        #[arg(long)]
        yes: bool,
    },
    /// Runs a report's query at once, as a report of its own: Weekly-run for Weekly, in place of its run before
    #[command(
        after_help = "Examples:\n  insightgate report run Weekly\n  insightgate report run Weekly --watch && insightgate report download Weekly-run -o weekly.csv"
    )]
    Run {
        #[arg(value_name = "ID|NAME")]
        report: String,
        /// Wait until it is over
        #[arg(long)]
        watch: bool,
        /// How long to wait at most, such as 90s, 15m or 2h; an hour if not given
        #[arg(long, value_name = "TIME", value_parser = duration)]
        timeout: Option<Duration>,
    },
    /// Waits until a report's execution is over: the one that is queued or running, or else the next one
    #[command(after_help = "Example:\n  insightgate report watch Weekly --timeout 2h")]
    Watch {
        #[arg(value_name = "ID|NAME")]
        report: String,
        /// How long to wait at most, such as 90s, 15m or 2h; until it is over if not given
        #[arg(long, value_name = "TIME", value_parser = duration)]
        timeout: Option<Duration>,
    },
    /// What a report has run in the last 90 days, the newest first
    #[command(
        after_help = "Examples:\n  insightgate report executions Weekly\n  insightgate report executions Weekly --follow\n  insightgate report executions Weekly --status Failed --json"
    )]
    Executions {
        #[arg(value_name = "ID|NAME")]
        report: String,
        /// Only those of this status: Pending, Running, Paused, Completed, Failed or Cancelled
        #[arg(long, value_name = "STATUS")]
        status: Option<String>,
        /// Print each change until none is queued or running
        #[arg(long, conflicts_with = "status")]
        follow: bool,
    },
    /// A report's newest file, or that of one execution, as it is
    #[command(
        after_help = "Examples:\n  insightgate report download Weekly -o weekly.csv\n  insightgate report download Weekly --execution 5ef778f3-edf1-40ba-9d2c-e445876d4f47 -o - | head"
    )]
    Download {
        #[arg(value_name = "ID|NAME")]
        report: String,
        /// This execution's file
        #[arg(long, value_name = "ID")]
        execution: Option<String>,
        /// The file to write; a pipe, a device, or - for stdout, where the rows go too if no file is named
        #[arg(short = 'o', long = "output", value_name = "FILE")]
        file: Option<PathBuf>,
        /// Replace the file if it is there already
        #[arg(long)]
        force: bool,
        /// The file's format, where its name says another one
        #[arg(long, value_name = "FORMAT")]
        format: Option<String>,
    },
}

impl ReportArguments {
    /// Whether it waits, so that its `--timeout` is for all of it.
    pub fn waits(&self) -> bool {
        matches!(self.command, ReportCommand::Run { .. } | ReportCommand::Watch { .. })
    }
}

pub async fn run(profile: Option<&str>, arguments: ReportArguments) -> Result<(), CommandError> {
    let ReportArguments { tenant, output, command } = arguments;
    let tenant = match &command {
        ReportCommand::List { of, .. } | ReportCommand::Show { of, .. } => of.tenant.clone().or(tenant),
        _ => tenant,
    };
    if let Some(tenant) = tenant {
        let session = Session::open(profile)?;
        return match command {
            ReportCommand::List { query: None, name, .. } => managed::list(&session, &tenant, output, name).await,
            ReportCommand::Show { report, .. } => managed::show(&session, &tenant, output, &report).await,
            _ => Err(CommandError::usage("--tenant goes with `report list`, without --query, and with `report show`")
                .hint("`insightgate execution` cancels and retries what a report has run")),
        };
    }
    let client = insights(profile)?;
    match command {
        ReportCommand::Create(new) => create::run(&client, output, new).await,
        ReportCommand::List { query, name, .. } => show::list(&client, output, query, name).await,
        ReportCommand::Show { report, .. } => show::one(output, &named::report(&client, &report).await?),
        ReportCommand::Update(update) => change::run(&client, output, update).await,
        ReportCommand::Pause { report } => {
            let id = named::report(&client, &report).await?.report_id;
            show::state(output, client.pause(&id).await?.first())
        }
        ReportCommand::Resume { report } => {
            let id = named::report(&client, &report).await?.report_id;
            show::state(output, client.resume(&id).await?.first())
        }
        ReportCommand::Delete { report, yes } => delete(&client, output, &report, yes).await,
        ReportCommand::Run { report, watch, timeout } => {
            let made = again::run(&client, &named::report(&client, &report).await?).await?;
            if !watch {
                return show::one(output, &made);
            }
            eprintln!("report {} ({})", plain(&made.report_name), plain(&made.report_id));
            watch::until_over(client, made, output, Some(timeout.unwrap_or(LONGEST))).await
        }
        ReportCommand::Watch { report, timeout } => {
            let report = named::report(&client, &report).await?;
            watch::until_over(client, report, output, timeout).await
        }
        ReportCommand::Executions { report, status, follow } => {
            let report = named::report(&client, &report).await?;
            if follow {
                unless_interrupted(executions::follow(&client, &report, output)).await
            } else {
                executions::list(&client, &report, status, output).await
            }
        }
        ReportCommand::Download { report, execution, file, force, format } => {
            let target = Target::new(file.as_deref(), force)?;
            download(client, report, execution, (target, format), output.json).await
        }
    }
}

async fn delete(client: &Client, output: Output, named: &str, yes: bool) -> Result<(), CommandError> {
    let report = named::report(client, named).await?;
    let Report { report_id, report_name, .. } = &report;
    confirm(&format!("Delete the report '{}' ({}) and its files?", plain(report_name), plain(report_id)), yes)?;
    let deleted = client.delete_report(report_id).await?;
    if output.json {
        return print_json(deleted.first().unwrap_or(&report));
    }
    eprintln!("deleted {} ({})", plain(report_name), plain(report_id));
    Ok(())
}

async fn download(
    client: Client,
    report: String,
    execution: Option<String>,
    (target, format): (Target, Option<String>),
    as_json: bool,
) -> Result<(), CommandError> {
    let (client, progress) = (Arc::new(client), Progress::new());
    let shown = progress.clone();
    let work = tokio::spawn(async move {
        progress.say("looking for the file");
        let report = named::report(&client, &report).await?;
        let found = match execution {
            None => newest(&client, &report.report_id).await?,
            Some(id) => executions::completed(&client, &report, &id).await?,
        };
        file_format::fits(found.format.as_deref(), format.as_deref(), target.path())?;
        fetch(&client, &found, target, None, &progress, as_json).await
    });
    let outcome = ended_or_interrupted(work).await;
    shown.end();
    outcome
}
