//! `insightgate export`: a query's rows in a file, by way of a report that is made, waited for, downloaded and taken away again.

pub(crate) mod fetch;
mod made;
pub(crate) mod quota;
pub(crate) mod same_query;
pub(crate) mod target;
pub(crate) mod waiting;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use clap::Args;
use insightgate_client::{Client, Execution, ExecutionFilter, NewQuery, NewReport, QueryFilter};
use insightgate_operations::random::Random;
use insightgate_query::format::Format;

use crate::command_error::CommandError;
use crate::commands::query::refused;
use crate::commands::query::text::{QueryText, time};
use crate::commands::{file_format, named};
use crate::interrupt::{ended_or_interrupted, signalled};
use crate::session::insights;
use crate::terminal::progress::Progress;
use crate::terminal::table::plain;
use fetch::fetch;
use made::Made;
use target::Target;

#[derive(Debug, Args)]
pub struct ExportArguments {
    #[command(flatten)]
    source: QueryText,
    /// A saved query of yours or of the system's, by its id or name
    #[arg(long, value_name = "ID|NAME", conflicts_with_all = ["text", "file"])]
    query: Option<String>,
    /// The newest file of a report that is there, by its id or name: nothing is run
    #[arg(long, value_name = "ID|NAME", conflicts_with_all = ["text", "file", "query", "from", "to", "format", "wait"])]
    last: Option<String>,
    /// The file to write; a pipe, a device, or - for stdout, where the rows go too if no file is named
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Replace the file if it is there already
    #[arg(long)]
    force: bool,
    /// The file's format; as its name ends if not given (x.xlsx), or csv; csv-excel is CSV that Excel opens. Microsoft's service knows csv and tsv
    #[arg(long, value_name = "FORMAT")]
    format: Option<String>,
    /// Rows from this time on, whatever TIMESPAN says: 2026-01-31 or 2026-01-31T12:00:00Z
    #[arg(long, value_name = "TIME", value_parser = time)]
    from: Option<DateTime<Utc>>,
    /// Rows before this time
    #[arg(long, value_name = "TIME", value_parser = time)]
    to: Option<DateTime<Utc>>,
    /// How long to wait for the report, such as 90s, 15m or 2h
    #[arg(long, value_name = "TIME", value_parser = duration, default_value = "1h")]
    timeout: Duration,
    /// Wait for a free place where a quota is used up
    #[arg(long)]
    wait: bool,
    /// Print what was written as JSON (to stderr when the rows go to stdout)
    #[arg(long)]
    json: bool,
}

pub async fn run(profile: Option<&str>, arguments: ExportArguments) -> Result<(), CommandError> {
    let target = Target::new(arguments.output.as_deref(), arguments.force)?;
    let subject = Subject::of(&arguments)?;
    let format = match subject {
        Subject::Last(_) => None,
        _ => Some(file_format::said(arguments.format.as_deref(), target.path())?.unwrap_or(Format::Csv)),
    };
    let client = Arc::new(insights(profile)?);
    let (made, progress) = (Made::default(), Progress::new());
    let export = Export { client: Arc::clone(&client), made: made.clone(), progress: progress.clone(), format, arguments };
    let outcome = ended_or_interrupted(tokio::spawn(export.run(subject, target))).await;
    progress.say("taking away what was made");
    let removed = tokio::select! {
        removed = made.remove(&client) => removed,
        () = signalled() => Err(CommandError::failed("interrupted while the report was taken away").hint("`insightgate report list` shows whether it is there")),
    };
    progress.end();
    match (outcome, removed) {
        (Err(error), Err(left)) => {
            left.show();
            Err(error)
        }
        (outcome, removed) => outcome.and(removed),
    }
}

enum Subject {
    Text(String),
    Saved(String),
    Last(String),
}

impl Subject {
    fn of(arguments: &ExportArguments) -> Result<Subject, CommandError> {
        Ok(match (&arguments.last, &arguments.query) {
            (Some(report), _) => Subject::Last(report.clone()),
            (None, Some(query)) => Subject::Saved(query.clone()),
            (None, None) => {
                Subject::Text(arguments.source.needed_or("give it in quotes, with --file, as - on stdin, or a saved one with --query")?)
            }
        })
    }
}

struct Export {
    client: Arc<Client>,
    made: Made,
    progress: Progress,
    /// None for a report that is there.
    format: Option<Format>,
    arguments: ExportArguments,
}

impl Export {
    async fn run(self, subject: Subject, target: Target) -> Result<(), CommandError> {
        self.progress.say("signing in");
        self.client.token().await?;
        let execution = match subject {
            Subject::Last(report) => newest(&self.client, &named::report(&self.client, &report).await?.report_id).await?,
            Subject::Saved(query) => {
                let query = named::query(&self.client, &query).await?;
                self.executed(query.query_id).await?
            }
            Subject::Text(text) => {
                let query = self.query(&text).await?;
                self.executed(query).await?
            }
        };
        fetch(&self.client, &execution, target, &self.progress, self.arguments.json).await
    }

    /// The id of a saved query with this text, or of a new one.
    async fn query(&self, text: &str) -> Result<String, CommandError> {
        self.progress.say("looking for the query");
        let saved = named::or_none(self.client.queries(&QueryFilter::default()).await)?;
        if let Some(same) = saved.iter().find(|query| same_query::same(&query.query, text)) {
            return Ok(same.query_id.clone());
        }
        let name = own_name()?;
        loop {
            let query = NewQuery { name: name.clone(), description: None, query: text.to_owned() };
            match self.made.query(&self.client, query).await {
                Ok(id) => return Ok(id),
                Err(error) if quota::is(&error) => quota::wait_or_tell(error, self.arguments.wait, &self.progress).await?,
                Err(error) => return Err(refused(error, Some(text))),
            }
        }
    }

    /// The completed execution of a new report.
    async fn executed(&self, query: String) -> Result<Execution, CommandError> {
        self.progress.say("making the report");
        let report = NewReport {
            report_name: own_name()?,
            query_id: query,
            execute_now: true,
            query_start_time: self.arguments.from,
            query_end_time: self.arguments.to,
            format: self.format.map(|format| format.name().to_owned()),
            ..NewReport::default()
        };
        let id = loop {
            match self.made.report(&self.client, report.clone()).await {
                Ok(id) => break id,
                Err(error) => quota::wait_or_tell(error, self.arguments.wait, &self.progress).await?,
            }
        };
        let waited = tokio::time::timeout(self.arguments.timeout, waiting::completed(&self.client, &id, &self.progress)).await;
        waited.unwrap_or_else(|_| Err(timed_out(self.arguments.timeout)))
    }
}

pub fn timed_out(timeout: Duration) -> CommandError {
    let message = format!("the report did not finish within {} s", timeout.as_secs());
    CommandError { code: 5, ..CommandError::failed(message) }.hint("wait longer with --timeout, or ask for less")
}

/// The newest completed execution of a report.
pub async fn newest(client: &Client, report: &str) -> Result<Execution, CommandError> {
    let completed = named::or_none(client.executions(report, &ExecutionFilter::default()).await)?;
    completed.into_iter().find(|execution| execution.link().is_some()).ok_or_else(|| {
        let message = format!("the report {} has no file yet", plain(report));
        CommandError::not_found(message)
            .hint("`insightgate report watch` waits for one, `insightgate report executions` says how it stands")
    })
}

/// Of one export alone, without a blank: some of Microsoft's clients stumble over one.
fn own_name() -> Result<String, CommandError> {
    let id = Random::default().uuid().map_err(|error| CommandError::failed(error.to_string()))?;
    Ok(format!("insightgate-export-{}", id.simple()))
}

/// A number of seconds, or one with s, m, h or d behind it.
pub fn duration(text: &str) -> Result<Duration, String> {
    let wrong = || "write it as a number with s, m, h or d: 90s, 15m, 2h or 1d".to_owned();
    let text = text.trim();
    let (number, unit) = match text.char_indices().next_back() {
        Some((at, unit)) if unit.is_ascii_alphabetic() => (text.get(..at).unwrap_or_default(), unit.to_ascii_lowercase()),
        _ => (text, 's'),
    };
    let seconds = match unit {
        's' => 1,
        'm' => 60,
        'h' => 3600,
        'd' => 86_400,
        _ => return Err(wrong()),
    };
    let number: u64 = number.trim().parse().map_err(|_| wrong())?;
    number.checked_mul(seconds).filter(|seconds| *seconds > 0).map(Duration::from_secs).ok_or_else(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_a_unit_or_are_seconds() {
        let seconds = |text: &str| duration(text).ok().map(|duration| duration.as_secs());
        assert_eq!(
            ["90", "90s", "15m", "2h", "1D", " 3 m "].map(seconds),
            [Some(90), Some(90), Some(900), Some(7200), Some(86_400), Some(180)]
        );
        for text in ["", "0", "m", "1w", "-1s", "1.5h", "99999999999999999999", "99999999999999999d", "1ü"] {
            assert_eq!(seconds(text), None, "{text}");
        }
    }
}
