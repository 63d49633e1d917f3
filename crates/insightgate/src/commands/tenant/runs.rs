//! The pause of an organisation's runs, and its quotas.

use clap::Args;
use insightgate_client::manage::{LimitsChange, TenantLimits, TenantRuns};

use crate::command_error::CommandError;
use crate::session::{Output, Session, show_one, text};

#[derive(Debug, Args)]
pub struct LimitArguments {
    /// The organisation: its id or domain
    #[arg(value_name = "TENANT")]
    pub tenant: String,
    /// Active reports on a schedule of each owner: a number, or default
    #[arg(long, value_name = "N", value_parser = number)]
    active_reports: Option<Number>,
    /// Reports that run at once, of each owner within an hour: a number, or default
    #[arg(long, value_name = "N", value_parser = number)]
    execute_now_reports: Option<Number>,
    /// Saved queries of each owner: a number, or default
    #[arg(long, value_name = "N", value_parser = number)]
    queries: Option<Number>,
    /// GiB of all files of the organisation together: a number, or default
    #[arg(long, value_name = "N", value_parser = number)]
    artifact_gib: Option<Number>,
}

/// None: what every organisation has.
#[derive(Debug, Clone, Copy)]
struct Number(Option<i64>);

fn number(text: &str) -> Result<Number, String> {
    if text.eq_ignore_ascii_case("default") {
        return Ok(Number(None));
    }
    text.parse().map(|number| Number(Some(number))).map_err(|_| "should be a number, or default".to_owned())
}

pub async fn limits(session: &Session, output: Output, arguments: LimitArguments) -> Result<(), CommandError> {
    let LimitArguments { tenant, active_reports, execute_now_reports, queries, artifact_gib } = arguments;
    let sent = |number: Option<Number>| number.map(|Number(number)| number);
    let change = LimitsChange {
        active_reports: sent(active_reports),
        execute_now_reports: sent(execute_now_reports),
        queries: sent(queries),
        artifact_gib: sent(artifact_gib),
    };
    let limits = match change == LimitsChange::default() {
        true => session.client.limits(&tenant).await?,
        false => session.client.set_limits(&tenant, &change).await?,
    };
    show_limits(output, &limits)
}

fn show_limits(output: Output, limits: &TenantLimits) -> Result<(), CommandError> {
    let shown = |name: &str, number: u64| {
        let whose = if limits.own.iter().any(|own| own == name) { " (this organisation's own)" } else { "" };
        format!("{number}{whose}")
    };
    if !limits.quotas {
        eprintln!("note: this server has no quotas: the numbers of reports and queries do not apply");
    }
    let fields = [
        ("active reports", shown("activeReports", limits.active_reports)),
        ("reports at once, an hour", shown("executeNowReports", limits.execute_now_reports)),
        ("queries", shown("queries", limits.queries)),
        ("GiB of files", shown("artifactGib", limits.artifact_gib)),
    ];
    show_one(output, limits, &fields)
}

pub fn show(output: Output, runs: &TenantRuns) -> Result<(), CommandError> {
    let shown = [
        ("paused", if runs.paused { text(&runs.paused_since) } else { "no".to_owned() }),
        ("why", text(&runs.paused_reason)),
        ("running", runs.running.to_string()),
        ("waiting", runs.pending.to_string()),
        ("the oldest since", text(&runs.oldest_pending)),
        ("with a paused report", runs.held.to_string()),
    ];
    show_one(output, runs, &shown)
}
