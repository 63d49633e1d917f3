//! What an export has made on the server, so that it can be taken away again: on success, on failure, and when a signal ends the command.
//!
//! Making is not dropped halfway: what was asked for is known before the answer comes, and removal waits for a creation that is on its way. The names
//! are of one export alone, so that what came of a lost answer is found by its name.

use std::sync::Arc;
use std::time::Duration;

use insightgate_client::{Client, ClientError, NewQuery, NewReport, QueryFilter, ReportFilter};
use tokio::sync::Mutex;

use crate::command_error::CommandError;
use crate::commands::named::or_none;

/// For taking everything away, however slowly the server answers.
const REMOVAL: Duration = Duration::from_secs(20);

#[derive(Clone, Default)]
pub struct Made(Arc<Mutex<Things>>);

#[derive(Default)]
struct Things {
    report: Option<Thing>,
    query: Option<Thing>,
}

enum Thing {
    Id(String),
    /// Whether it was made is not known.
    Perhaps(String),
}

impl Made {
    /// The new query's id.
    pub async fn query(&self, client: &Arc<Client>, query: NewQuery) -> Result<String, ClientError> {
        let mut things = Arc::clone(&self.0).lock_owned().await;
        let client = Arc::clone(client);
        finished(async move {
            things.query = Some(Thing::Perhaps(query.name.clone()));
            let created = match client.create_query(&query).await {
                Ok(answer) => first(answer.first().map(|query| query.query_id.clone())),
                Err(error) if may_be_done(&error) => queries(&client, &query.name).await?.pop().ok_or(error),
                Err(error) => Err(error),
            };
            things.query = known(&created, &query.name);
            created
        })
        .await
    }

    /// The new report's id.
    pub async fn report(&self, client: &Arc<Client>, report: NewReport) -> Result<String, ClientError> {
        let mut things = Arc::clone(&self.0).lock_owned().await;
        let client = Arc::clone(client);
        finished(async move {
            things.report = Some(Thing::Perhaps(report.report_name.clone()));
            let created = match client.create_report(&report).await {
                Ok(answer) => first(answer.first().map(|report| report.report_id.clone())),
                Err(error) if may_be_done(&error) => reports(&client, &report.report_name).await?.pop().ok_or(error),
                Err(error) => Err(error),
            };
            things.report = known(&created, &report.report_name);
            created
        })
        .await
    }

    /// Takes away what there is. What is left is told with the command that takes it away.
    pub async fn remove(&self, client: &Client) -> Result<(), CommandError> {
        match tokio::time::timeout(REMOVAL, self.removed(client)).await {
            Ok(removed) => removed,
            Err(_) => Err(left(
                "the report and the query of this export",
                "`insightgate report list` shows what is left",
                "the server did not answer in time",
            )),
        }
    }

    async fn removed(&self, client: &Client) -> Result<(), CommandError> {
        let mut things = self.0.lock().await;
        let reports = match things.report.take() {
            Some(Thing::Id(id)) => vec![id],
            Some(Thing::Perhaps(name)) => reports(client, &name).await?,
            None => Vec::new(),
        };
        // What cannot be taken away keeps nothing else here.
        let mut removed = Ok(());
        for id in reports {
            let gone = gone(client.delete_report(&id).await.map(drop)).map_err(|error| {
                left(&format!("the report {id}"), &format!("`insightgate report delete {id}` takes it away"), &error.to_string())
            });
            removed = removed.and(gone);
        }
        let queries = match things.query.take() {
            Some(Thing::Id(id)) => vec![id],
            Some(Thing::Perhaps(name)) => queries(client, &name).await?,
            None => Vec::new(),
        };
        for id in queries {
            let gone = gone(client.delete_query(&id).await.map(drop)).map_err(|error| {
                left(&format!("the query {id}"), &format!("`insightgate query delete {id}` takes it away"), &error.to_string())
            });
            removed = removed.and(gone);
        }
        removed
    }
}

/// Goes on where the caller is dropped.
async fn finished(making: impl Future<Output = Result<String, ClientError>> + Send + 'static) -> Result<String, ClientError> {
    let lost = |_| ClientError::Settings("the request was dropped".to_owned());
    tokio::spawn(making).await.map_err(lost)?
}

fn first(id: Option<String>) -> Result<String, ClientError> {
    id.ok_or_else(|| ClientError::Settings("the server's answer holds nothing".to_owned()))
}

/// Whether the server may have done it though no good answer came.
fn may_be_done(error: &ClientError) -> bool {
    match error {
        ClientError::Unreachable { .. } | ClientError::Unexpected { .. } => true,
        ClientError::Refused(refusal) => refusal.status >= 500,
        _ => false,
    }
}

fn known(created: &Result<String, ClientError>, name: &str) -> Option<Thing> {
    match created {
        Ok(id) => Some(Thing::Id(id.clone())),
        Err(error) if may_be_done(error) => Some(Thing::Perhaps(name.to_owned())),
        Err(_) => None,
    }
}

async fn queries(client: &Client, name: &str) -> Result<Vec<String>, ClientError> {
    let filter = QueryFilter { query_name: Some(name.to_owned()), include_system_queries: Some(false), ..QueryFilter::default() };
    let all = or_none(client.queries(&filter).await)?;
    Ok(all.into_iter().filter(|query| query.name == name).map(|query| query.query_id).collect())
}

async fn reports(client: &Client, name: &str) -> Result<Vec<String>, ClientError> {
    let filter = ReportFilter { report_name: Some(name.to_owned()), ..ReportFilter::default() };
    let all = or_none(client.reports(&filter).await)?;
    Ok(all.into_iter().filter(|report| report.report_name == name).map(|report| report.report_id).collect())
}

/// What is not there need not be taken away.
fn gone(deleted: Result<(), ClientError>) -> Result<(), ClientError> {
    match deleted {
        Err(ClientError::Refused(refusal)) if refusal.is_not_found() => Ok(()),
        other => other,
    }
}

fn left(what: &str, hint: &str, reason: &str) -> CommandError {
    CommandError::failed(format!("the server still has {what}: {reason}")).hint(hint)
}
