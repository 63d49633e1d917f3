//! `insightgate export`: a query's rows in a file, by way of a report that is made, waited for, downloaded and taken away again.

pub(crate) mod fetch;
mod made;
pub(crate) mod quota;
pub(crate) mod same_query;
pub(crate) mod target;
mod view;
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
use crate::terminal::words::{duration, lasting};
use fetch::fetch;
use made::Made;
use target::Target;
use view::{View, ViewArguments};

/// How long a report is waited for, if nothing else is said.
pub const LONGEST: Duration = Duration::from_secs(3600);

#[derive(Debug, Args)]
pub struct ExportArguments {
    #[command(flatten)]
    source: QueryText,
    /// A saved query of yours or of the system's, by its id or name
    #[arg(long, value_name = "ID|NAME", conflicts_with_all = ["text", "file"])]
    query: Option<String>,
    /// The newest file of a report that is there, by its id or name: nothing is run
    #[arg(long, value_name = "ID|NAME", conflicts_with_all = ["text", "file", "query", "from", "to", "wait"])]
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
    /// How long to wait for the report, such as 90s, 15m or 2h; an hour if not given
    #[arg(long, value_name = "TIME", value_parser = duration)]
    timeout: Option<Duration>,
    /// Wait for a free place where a quota is used up
    #[arg(long)]
    wait: bool,
    #[command(flatten)]
    view: ViewArguments,
    /// Print what was written as JSON (to stderr when the rows go to stdout)
    #[arg(long)]
    json: bool,
}

pub async fn run(profile: Option<&str>, arguments: ExportArguments) -> Result<(), CommandError> {
    let view = arguments.view.view(arguments.output.as_deref(), arguments.force)?;
    let target = match (&view, &arguments.output) {
        (Some(_), None) => Target::nowhere(),
        _ => Target::new(arguments.output.as_deref(), arguments.force)?,
    };
    let subject = Subject::of(&arguments)?;
    let format = match subject {
        Subject::Last(_) => None,
        _ => Some(file_format::said(arguments.format.as_deref(), target.path())?.unwrap_or(Format::Csv)),
    };
    if let (true, Some(format)) = (target.is_nowhere(), format.filter(|format| view::delimiter(Some(format.name())).is_none())) {
        let message = format!("there is no file to write as {}", format.name());
        return Err(CommandError::usage(message).hint("name one with -o, or leave --format away"));
    }
    let client = Arc::new(insights(profile)?);
    let (made, progress) = (Made::default(), Progress::new());
    let export = Export { client: Arc::clone(&client), made: made.clone(), progress: progress.clone(), format, arguments };
    let outcome = ended_or_interrupted(tokio::spawn(export.run(subject, target, view))).await;
    progress.say("taking away what was made");
    let removed = tokio::select! {
        removed = made.remove(&client) => removed,
        signal = signalled() => Err(CommandError { message: "interrupted while the report was taken away".to_owned(), ..CommandError::interrupted(signal) }
            .hint("`insightgate report list` shows whether it is there")),
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
    async fn run(mut self, subject: Subject, target: Target, view: Option<View>) -> Result<(), CommandError> {
        self.progress.say("signing in");
        self.within(async { Ok(self.client.token().await?) }).await?;
        let (query, execution) = self.execution(&subject, self.format).await?;
        if matches!(subject, Subject::Last(_)) {
            file_format::fits(execution.format.as_deref(), self.arguments.format.as_deref(), target.path())?;
        }
        let view = view.map(|view| view.of(query, self.arguments.from, self.arguments.to));
        let as_json = self.arguments.json;
        let unreadable = execution.format.as_deref().filter(|format| view.is_some() && view::delimiter(Some(format)).is_none());
        let Some(format) = unreadable else {
            return fetch(&self.client, &execution, target, view, &self.progress, as_json).await;
        };
        if matches!(subject, Subject::Last(_)) {
            return Err(view::other_format(format));
        }
        // The file is what was asked for, and the chart is of a second report, in a format that is read here.
        fetch(&self.client, &execution, target, None, &self.progress, as_json).await?;
        self.made.remove(&self.client).await?;
        self.progress = Progress::new();
        let (_, execution) = self.execution(&subject, Some(Format::Csv)).await?;
        fetch(&self.client, &execution, Target::nowhere(), view, &self.progress, false).await
    }

    /// A completed execution, with the text of its query.
    async fn execution(&self, subject: &Subject, format: Option<Format>) -> Result<(String, Execution), CommandError> {
        Ok(match subject {
            Subject::Last(report) => {
                let found = async {
                    let report = named::report(&self.client, report).await?;
                    let newest = newest(&self.client, &report.report_id).await?;
                    Ok((report.query.unwrap_or(report.report_name), newest))
                };
                self.within(found).await?
            }
            Subject::Saved(query) => {
                let query = self.within(named::query(&self.client, query)).await?;
                let executed = self.executed(query.query_id, format).await?;
                (query.query, executed)
            }
            Subject::Text(text) => (text.clone(), self.executed(self.query(text).await?, format).await?),
        })
    }

    fn timeout(&self) -> Duration {
        self.arguments.timeout.unwrap_or(LONGEST)
    }

    /// What is only asked for, and makes nothing: it can be dropped wherever it is.
    async fn within<T>(&self, asking: impl Future<Output = Result<T, CommandError>>) -> Result<T, CommandError> {
        let asked = tokio::time::timeout(self.timeout(), asking).await;
        asked.unwrap_or_else(|_| {
            let message = format!("the server did not answer within {}", lasting(self.timeout()));
            Err(CommandError { code: 5, ..CommandError::failed(message) }.hint("try again, or wait longer with --timeout"))
        })
    }

    /// The id of a saved query with this text, or of a new one.
    async fn query(&self, text: &str) -> Result<String, CommandError> {
        self.progress.say("looking for the query");
        let saved = self.within(async { Ok(named::or_none(self.client.queries(&QueryFilter::default()).await)?) }).await?;
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
    async fn executed(&self, query: String, format: Option<Format>) -> Result<Execution, CommandError> {
        self.progress.say("making the report");
        let report = NewReport {
            report_name: own_name()?,
            query_id: query,
            execute_now: true,
            query_start_time: self.arguments.from,
            query_end_time: self.arguments.to,
            format: format.map(|format| format.name().to_owned()),
            ..NewReport::default()
        };
        let id = loop {
            match self.made.report(&self.client, report.clone()).await {
                Ok(id) => break id,
                Err(error) => quota::wait_or_tell(error, self.arguments.wait, &self.progress).await?,
            }
        };
        let timeout = self.timeout();
        let waited = tokio::time::timeout(timeout, waiting::completed(&self.client, &id, &self.progress)).await;
        waited.unwrap_or_else(|_| Err(timed_out(timeout)))
    }
}

pub fn timed_out(timeout: Duration) -> CommandError {
    let message = format!("the report did not finish within {}", lasting(timeout));
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
