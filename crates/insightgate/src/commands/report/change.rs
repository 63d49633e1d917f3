//! `insightgate report update`.

use chrono::{DateTime, Utc};
use clap::Args;
use insightgate_client::{Client, ReportUpdate};

use crate::command_error::CommandError;
use crate::commands::named;
use crate::commands::query::text::time;
use crate::commands::report::interval::hours;
use crate::commands::report::show;
use crate::session::Output;

#[derive(Debug, Args)]
#[command(group = clap::ArgGroup::new("changes").required(true).multiple(true))]
pub struct UpdateArguments {
    #[arg(value_name = "ID|NAME")]
    report: String,
    /// Its new name
    #[arg(long, value_name = "NAME", group = "changes")]
    name: Option<String>,
    /// What it is for
    #[arg(long, value_name = "TEXT", group = "changes")]
    description: Option<String>,
    /// When it runs next, at least four hours from now: 2026-01-31T12:00:00Z
    #[arg(long, value_name = "TIME", value_parser = time, group = "changes")]
    start: Option<DateTime<Utc>>,
    /// The time between two runs, from 4h to 90d
    #[arg(long, value_name = "TIME", value_parser = hours, group = "changes")]
    every: Option<u32>,
    /// How many runs
    #[arg(long, value_name = "N", group = "changes")]
    times: Option<u32>,
    #[arg(long, value_name = "FORMAT", group = "changes")]
    format: Option<String>,
    /// An address that is called when a run is completed
    #[arg(long, value_name = "URL", group = "changes")]
    callback: Option<String>,
    /// How it is called: POST or GET
    #[arg(long, value_name = "METHOD", group = "changes")]
    callback_method: Option<String>,
}

pub async fn run(client: &Client, output: Output, arguments: UpdateArguments) -> Result<(), CommandError> {
    let report = named::report(client, &arguments.report).await?;
    let update = ReportUpdate {
        report_name: arguments.name,
        description: arguments.description,
        start_time: arguments.start,
        recurrence_interval: arguments.every,
        recurrence_count: arguments.times,
        format: arguments.format,
        callback_url: arguments.callback,
        callback_method: arguments.callback_method,
    };
    let updated = client.update_report(&report.report_id, &update).await?;
    show::one(output, updated.first().unwrap_or(&report))
}
