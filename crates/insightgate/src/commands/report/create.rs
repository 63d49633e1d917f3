//! New reports: of a saved query, of a text, which is saved first unless a query has it already.

use chrono::{DateTime, Utc};
use clap::Args;
use insightgate_client::{Client, ClientError, NewQuery, NewReport, QueryFilter, Report};

use crate::command_error::CommandError;
use crate::commands::export::{quota, same_query};
use crate::commands::named;
use crate::commands::query::refused;
use crate::commands::query::text::{QueryText, time};
use crate::commands::report::interval::hours;
use crate::commands::report::show;
use crate::session::Output;

#[derive(Debug, Args)]
pub struct CreateArguments {
    #[command(flatten)]
    source: QueryText,
    /// A saved query, by its id or name
    #[arg(long, value_name = "ID|NAME", conflicts_with_all = ["text", "file"])]
    query: Option<String>,
    /// Its name
    #[arg(long, value_name = "NAME")]
    name: String,
    /// What it is for
    #[arg(long, value_name = "TEXT")]
    description: Option<String>,
    /// Run once, at once
    #[arg(long, conflicts_with_all = ["start", "every", "times"])]
    now: bool,
    /// When it runs first, at least four hours from now: 2026-01-31T12:00:00Z
    #[arg(long, value_name = "TIME", value_parser = time, required_unless_present = "now")]
    start: Option<DateTime<Utc>>,
    /// The time between two runs, from 4h to 90d
    #[arg(long, value_name = "TIME", value_parser = hours, required_unless_present = "now")]
    every: Option<u32>,
    /// How many runs; without it they go on
    #[arg(long, value_name = "N")]
    times: Option<u32>,
    /// Rows from this time on, whatever TIMESPAN says: 2026-01-31 or 2026-01-31T12:00:00Z
    #[arg(long, value_name = "TIME", value_parser = time, requires = "now")]
    from: Option<DateTime<Utc>>,
    /// Rows before this time
    #[arg(long, value_name = "TIME", value_parser = time, requires = "now")]
    to: Option<DateTime<Utc>>,
    /// The files' format, csv if not given: xlsx for Excel, csv-excel for CSV that Excel opens. Microsoft's service knows csv and tsv
    #[arg(long, value_name = "FORMAT")]
    format: Option<String>,
    /// An address that is called when a run is completed
    #[arg(long, value_name = "URL")]
    callback: Option<String>,
    /// How it is called: POST or GET
    #[arg(long, value_name = "METHOD", requires = "callback")]
    callback_method: Option<String>,
}

pub async fn run(client: &Client, output: Output, new: CreateArguments) -> Result<(), CommandError> {
    let query_id = match &new.query {
        Some(query) => named::query(client, query).await?.query_id,
        None => {
            let text = new.source.needed_or("give it in quotes, with --file, as - on stdin, or a saved one with --query")?;
            saved(client, &new.name, text).await?
        }
    };
    let report = NewReport {
        report_name: new.name,
        description: new.description,
        query_id,
        start_time: new.start,
        execute_now: new.now,
        query_start_time: new.from,
        query_end_time: new.to,
        recurrence_interval: new.every,
        recurrence_count: new.times,
        format: new.format,
        callback_url: new.callback,
        callback_method: new.callback_method,
    };
    show::one(output, &created(client, &report).await?)
}

pub enum Failed {
    Refused(ClientError),
    Other(CommandError),
}

impl From<Failed> for CommandError {
    fn from(failed: Failed) -> CommandError {
        match failed {
            Failed::Refused(error) => quota::told(error),
            Failed::Other(error) => error,
        }
    }
}

pub async fn created(client: &Client, report: &NewReport) -> Result<Report, Failed> {
    let answer = client.create_report(report).await.map_err(Failed::Refused)?;
    answer.first().cloned().ok_or_else(|| Failed::Other(CommandError::failed("the server's answer holds nothing")))
}

pub fn is_unknown_query(error: &ClientError) -> bool {
    let ClientError::Refused(refusal) = error else { return false };
    refusal.status == 400 && refusal.message.as_deref().is_some_and(|message| message.to_lowercase().contains("invalid queryid"))
}

/// The id of a saved query with this text, or of a new one of the report's name.
pub async fn saved(client: &Client, name: &str, text: String) -> Result<String, CommandError> {
    let all = named::or_none(client.queries(&QueryFilter::default()).await)?;
    if let Some(same) = all.iter().find(|query| same_query::same(&query.query, &text)) {
        return Ok(same.query_id.clone());
    }
    let query = NewQuery { name: name.to_owned(), description: None, query: text };
    let answer = match client.create_query(&query).await {
        Ok(answer) => answer,
        Err(error) if quota::is(&error) => return Err(quota::told(error)),
        Err(error) => return Err(refused(error, Some(&query.query))),
    };
    answer.first().map(|query| query.query_id.clone()).ok_or_else(|| CommandError::failed("the server's answer holds nothing"))
}
