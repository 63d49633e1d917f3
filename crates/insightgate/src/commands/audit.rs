//! `insightgate audit`: who was granted, lost or was refused what, with the newest first. Frequent events appear once a minute, with their number.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use insightgate_client::manage::{AuditEvent, AuditQuery};
use insightgate_operations::manage::audit_export::AuditFormat;

use crate::command_error::CommandError;
use crate::commands::export::target::Target;
use crate::session::{InTenant, Output, Session, show_list, text};
use crate::terminal::words::counted;

#[derive(Debug, Args)]
pub struct AuditArguments {
    #[command(flatten)]
    tenant: InTenant,
    #[command(flatten)]
    output: Output,
    /// Who did it: an application's or a user's id
    #[arg(long, global = true, value_name = "ACTOR")]
    actor: Option<String>,
    /// What was done, such as role.assign
    #[arg(long, global = true, value_name = "ACTION")]
    action: Option<String>,
    /// To whom or what
    #[arg(long, global = true, value_name = "SUBJECT")]
    subject: Option<String>,
    /// The request, by the id that its answer named
    #[arg(long, global = true, value_name = "ID")]
    correlation_id: Option<String>,
    /// Not before, as 2026-11-22T12:00:00Z
    #[arg(long, global = true, value_name = "TIME")]
    from: Option<String>,
    /// Before, as 2026-11-22T12:00:00Z
    #[arg(long, global = true, value_name = "TIME")]
    to: Option<String>,
    /// How many events at the most; 100 in a list, all in an export if not given
    #[arg(long, global = true, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    limit: Option<u32>,
    #[command(subcommand)]
    command: Option<AuditCommand>,
}

#[derive(Debug, Subcommand)]
enum AuditCommand {
    /// The newest events; `audit` alone does the same
    #[command(after_help = "Example:\n  insightgate audit list --tenant contoso.example --action run.cancel")]
    List,
    /// Every event that fits, page by page, as lines of JSON or as CSV
    #[command(
        after_help = "Examples:\n  insightgate audit export --from 2026-11-01T00:00:00Z --to 2026-12-01T00:00:00Z -o november.jsonl\n  \
        insightgate audit export --tenant contoso.example --format csv | head"
    )]
    Export {
        /// The file to write; a pipe, a device, or - for stdout, where they go too if no file is named
        #[arg(short = 'o', long = "output", value_name = "FILE")]
        file: Option<PathBuf>,
        /// Replace the file if it is there already
        #[arg(long)]
        force: bool,
        #[arg(long, value_enum, default_value_t = Format::Jsonl)]
        format: Format,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    Jsonl,
    Csv,
}

const LISTED: u32 = 100;

pub async fn run(session: &Session, arguments: AuditArguments) -> Result<(), CommandError> {
    let AuditArguments { tenant, output, actor, action, subject, correlation_id, from, to, limit, command } = arguments;
    let filter = AuditQuery { actor, action, subject, correlation_id, from, to, ..AuditQuery::default() };
    let tenant = session.own_or(&tenant);
    if let Some(AuditCommand::Export { file, force, format }) = command {
        return export(session, tenant.as_deref(), &filter, limit, (Target::new(file.as_deref(), force)?, format)).await;
    }
    let limit = usize::try_from(limit.unwrap_or(LISTED)).unwrap_or(usize::MAX);
    let events = session.client.audit(tenant.as_deref(), &filter, limit).await?;
    let row = |event: &AuditEvent| {
        let AuditEvent { at, action, actor, subject, detail, occurrences, address, correlation_id, .. } = event.clone();
        [at, action, actor, subject, detail, occurrences.to_string(), text(&address), text(&correlation_id)]
    };
    show_list(output, &events, ["time", "action", "actor", "subject", "detail", "times", "from", "correlation"], row)
}

/// Writes each page as it comes.
async fn export(
    session: &Session,
    tenant: Option<&str>,
    filter: &AuditQuery,
    limit: Option<u32>,
    (mut target, format): (Target, Format),
) -> Result<(), CommandError> {
    let mut left = limit.map_or(usize::MAX, |limit| usize::try_from(limit).unwrap_or(usize::MAX));
    let mut written = 0;
    let failed = |error: csv::Error| CommandError::failed(format!("an event cannot be written: {error}"));
    let format = match format {
        Format::Jsonl => AuditFormat::Jsonl,
        Format::Csv => AuditFormat::Csv,
    };
    let heading = format.heading().map_err(failed)?;
    if !heading.is_empty() {
        target.write(&heading)?;
    }
    let take = |mut events: Vec<AuditEvent>| {
        events.truncate(left);
        left -= events.len();
        let mut bytes = Vec::new();
        for event in &events {
            bytes.extend(format.line(event).map_err(failed)?);
        }
        written += events.len() as u64;
        Ok::<_, CommandError>(target.write(&bytes)? && left > 0)
    };
    session.client.each_audit_page(tenant, filter, take).await?;
    let name = target.name();
    target.finish()?;
    eprintln!("{} to {name}", counted(written, "event"));
    Ok(())
}
