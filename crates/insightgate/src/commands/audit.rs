//! `insightgate audit`: who was granted, lost or was refused what, with the newest first. Frequent events appear once a minute, with their number.

use clap::Args;
use insightgate_client::manage::{AuditEvent, AuditQuery};

use crate::command_error::CommandError;
use crate::session::{InTenant, Output, Session, show_list, text};

#[derive(Debug, Args)]
pub struct AuditArguments {
    #[command(flatten)]
    tenant: InTenant,
    #[command(flatten)]
    output: Output,
    /// Who did it: an application's or a user's id
    #[arg(long, value_name = "ACTOR")]
    actor: Option<String>,
    /// What was done, such as role.assign
    #[arg(long, value_name = "ACTION")]
    action: Option<String>,
    /// To whom or what
    #[arg(long, value_name = "SUBJECT")]
    subject: Option<String>,
    /// The request, by the id that its answer named
    #[arg(long, value_name = "ID")]
    correlation_id: Option<String>,
    /// Not before, as 2026-11-22T12:00:00Z
    #[arg(long, value_name = "TIME")]
    from: Option<String>,
    /// Before, as 2026-11-22T12:00:00Z
    #[arg(long, value_name = "TIME")]
    to: Option<String>,
    /// How many events at the most
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    limit: u32,
}

pub async fn run(session: &Session, arguments: AuditArguments) -> Result<(), CommandError> {
    let AuditArguments { tenant, output, actor, action, subject, correlation_id, from, to, limit } = arguments;
    let filter = AuditQuery { actor, action, subject, correlation_id, from, to, ..AuditQuery::default() };
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let events = session.client.audit(session.own_or(&tenant).as_deref(), &filter, limit).await?;
    let row = |event: &AuditEvent| {
        let AuditEvent { at, action, actor, subject, detail, occurrences, address, correlation_id, .. } = event.clone();
        [at, action, actor, subject, detail, occurrences.to_string(), text(&address), text(&correlation_id)]
    };
    show_list(output, &events, ["time", "action", "actor", "subject", "detail", "times", "from", "correlation"], row)
}
