//! The calls of the Insights API, one function each.

use std::collections::BTreeSet;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use reqwest::Method;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::answer::{Answer, Envelope, PreviewRow};
use crate::connection::{Connection, Reply, refused};
use crate::error::ClientError;
use crate::exchange::retries::Retries;
use crate::http::{body, link_parameters};
use crate::settings::{ClientSettings, Clock};
use crate::token::Token;
use crate::token::kept::TokenStore;
use crate::wire::{
    Dataset, Execution, ExecutionFilter, ExplainedQuery, NewQuery, NewReport, Query, QueryFilter, Report, ReportFilter, ReportUpdate,
    Subject, instant_text,
};

const DATASETS: &str = "ScheduledDataset";
const QUERIES: &str = "ScheduledQueries";
const REPORTS: &str = "ScheduledReport";

/// A call without parameters.
const NOTHING: [(&str, &str); 0] = [];

/// A client of the Insights API, which uses one application.
pub struct Client(Connection);

impl Client {
    /// # Errors
    /// When a certificate cannot be read, or the client cannot be made.
    pub fn new(settings: ClientSettings, clock: Clock) -> Result<Client, ClientError> {
        Connection::new(settings, clock).map(Client)
    }

    /// Replaces the default retries.
    pub fn with_retries(mut self, retries: Retries) -> Client {
        self.0.set_retries(retries);
        self
    }

    pub(crate) fn connection(&self) -> &Connection {
        &self.0
    }

    /// Returns the token in use, or gets a new one: by the refresh token if there is one, otherwise by signing in.
    ///
    /// # Errors
    /// When no token is granted.
    pub async fn token(&self) -> Result<Token, ClientError> {
        self.0.tokens().token().await
    }

    /// A token that the authority issues now: by the refresh token when there is one, else by signing in.
    ///
    /// # Errors
    /// When no token is granted.
    pub async fn new_token(&self) -> Result<Token, ClientError> {
        self.0.tokens().new_token().await
    }

    /// Keeps tokens there between executions, and uses those that are kept.
    #[must_use]
    pub fn keeping_tokens(mut self, store: Arc<dyn TokenStore>) -> Client {
        self.0.keep_tokens_in(store);
        self
    }

    /// Starts with a token from an earlier run of the program, or with none.
    pub async fn keep_token(&self, token: Option<Token>) {
        self.0.tokens().keep_token(token).await;
    }

    /// Returns all datasets, or the one of that name.
    ///
    /// # Errors
    /// When the request cannot be sent, its answer cannot be read, or the server refuses it.
    pub async fn datasets(&self, name: Option<&str>) -> Result<Answer<Dataset>, ClientError> {
        let filter: Vec<_> = name.map(|name| ("datasetName", name)).into_iter().collect();
        self.listed(&[DATASETS], &filter).await
    }

    /// # Errors
    /// When the request cannot be sent, its answer cannot be read, or the server refuses it.
    pub async fn create_query(&self, query: &NewQuery) -> Result<Answer<Query>, ClientError> {
        self.call(Method::POST, &[QUERIES], &NOTHING, Some(body(query)?)).await
    }

    /// # Errors
    /// When the request cannot be sent, its answer cannot be read, or the server refuses it.
    pub async fn queries(&self, filter: &QueryFilter) -> Result<Answer<Query>, ClientError> {
        self.listed(&[QUERIES], filter).await
    }

    /// # Errors
    /// When the request cannot be sent, its answer cannot be read, or the server refuses it.
    pub async fn delete_query(&self, query_id: &str) -> Result<Answer<Query>, ClientError> {
        self.call(Method::DELETE, &[QUERIES, query_id], &NOTHING, None).await
    }

    /// Returns the first 100 rows. `start` (inclusive) and `end` (exclusive) override the query's TIMESPAN.
    ///
    /// # Errors
    /// When the request cannot be sent, its answer cannot be read, or the server refuses it.
    pub async fn try_query(
        &self,
        subject: Subject<'_>,
        start: Option<DateTime<Utc>>,
        end: Option<DateTime<Utc>>,
    ) -> Result<Answer<PreviewRow>, ClientError> {
        self.call(Method::GET, &[QUERIES, "testQueryResult"], &preview_parameters(subject, start, end), None).await
    }

    /// Explains what the query would do, without executing it. Only this server has this endpoint.
    ///
    /// # Errors
    /// When the request cannot be sent, its answer cannot be read, or the server refuses it.
    pub async fn explain_query(
        &self,
        subject: Subject<'_>,
        start: Option<DateTime<Utc>>,
        end: Option<DateTime<Utc>>,
    ) -> Result<Answer<ExplainedQuery>, ClientError> {
        self.call(Method::GET, &[QUERIES, "explainQuery"], &preview_parameters(subject, start, end), None).await
    }

    /// # Errors
    /// When the request cannot be sent, its answer cannot be read, or the server refuses it.
    pub async fn create_report(&self, report: &NewReport) -> Result<Answer<Report>, ClientError> {
        self.call(Method::POST, &[REPORTS], &NOTHING, Some(body(report)?)).await
    }

    /// # Errors
    /// When the request cannot be sent, its answer cannot be read, or the server refuses it.
    pub async fn reports(&self, filter: &ReportFilter) -> Result<Answer<Report>, ClientError> {
        self.listed(&[REPORTS], filter).await
    }

    /// # Errors
    /// When the request cannot be sent, its answer cannot be read, or the server refuses it.
    pub async fn update_report(&self, report_id: &str, update: &ReportUpdate) -> Result<Answer<Report>, ClientError> {
        self.call(Method::PUT, &[REPORTS, report_id], &NOTHING, Some(body(update)?)).await
    }

    /// # Errors
    /// When the request cannot be sent, its answer cannot be read, or the server refuses it.
    pub async fn pause(&self, report_id: &str) -> Result<Answer<Report>, ClientError> {
        self.call(Method::PUT, &[REPORTS, "pause", report_id], &NOTHING, None).await
    }

    /// # Errors
    /// When the request cannot be sent, its answer cannot be read, or the server refuses it.
    pub async fn resume(&self, report_id: &str) -> Result<Answer<Report>, ClientError> {
        self.call(Method::PUT, &[REPORTS, "resume", report_id], &NOTHING, None).await
    }

    /// # Errors
    /// When the request cannot be sent, its answer cannot be read, or the server refuses it.
    pub async fn delete_report(&self, report_id: &str) -> Result<Answer<Report>, ClientError> {
        self.call(Method::DELETE, &[REPORTS, report_id], &NOTHING, None).await
    }

    /// Returns the executions of a report. While none matches, the API refuses with 404 ([`crate::Refusal::is_not_found`]).
    ///
    /// # Errors
    /// When the request cannot be sent, its answer cannot be read, or the server refuses it.
    pub async fn executions(&self, report_id: &str, filter: &ExecutionFilter) -> Result<Answer<Execution>, ClientError> {
        self.listed(&[REPORTS, "execution", report_id], filter).await
    }

    /// Cancels an execution that is not over. Only this server has this call.
    ///
    /// # Errors
    /// When the request cannot be sent, its answer cannot be read, or the server refuses it.
    pub async fn cancel_execution(&self, execution_id: &str) -> Result<Answer<Execution>, ClientError> {
        self.call(Method::DELETE, &[REPORTS, "execution", execution_id], &NOTHING, None).await
    }

    /// All pages of a list as one. Only the parameters of a `nextLink` are taken: a token never goes where an answer says.
    async fn listed<T: DeserializeOwned>(&self, segments: &[&str], query: &impl Serialize) -> Result<Answer<T>, ClientError> {
        let mut all: Answer<T> = self.call(Method::GET, segments, query, None).await?;
        let mut asked = BTreeSet::new();
        while let Some(next) = all.envelope.next_link.take().filter(|next| !next.is_empty()) {
            let further = link_parameters(&next);
            // A link to a page that was there already would go on for ever.
            if further.is_empty() || !asked.insert(further.clone()) {
                break;
            }
            let page: Answer<T> = self.call(Method::GET, segments, &further, None).await?;
            all.envelope.value.extend(page.envelope.value);
            all.envelope.next_link = page.envelope.next_link;
        }
        all.envelope.total_count = all.envelope.total_count.max(all.envelope.value.len() as u64);
        Ok(all)
    }

    pub(crate) async fn look(&self, segments: &[&str], token: Option<&str>) -> Result<Reply, ClientError> {
        self.0.look(segments, token).await
    }

    async fn call<T: DeserializeOwned>(
        &self,
        method: Method,
        segments: &[&str],
        query: &impl Serialize,
        body: Option<Value>,
    ) -> Result<Answer<T>, ClientError> {
        let reply = self.0.send(method, segments, query, body, refused).await?;
        let envelope: Envelope<T> = reply.read()?;
        Ok(Answer { status: reply.status, headers: reply.headers, envelope })
    }
}

fn preview_parameters(subject: Subject<'_>, start: Option<DateTime<Utc>>, end: Option<DateTime<Utc>>) -> Vec<(&'static str, String)> {
    let mut parameters = vec![match subject {
        Subject::Text(text) => ("exportQuery", text.to_owned()),
        Subject::Id(id) => ("queryId", id.to_owned()),
    }];
    parameters.extend(start.map(|start| ("startTime", instant_text(start))));
    parameters.extend(end.map(|end| ("endTime", instant_text(end))));
    parameters
}

#[cfg(test)]
#[path = "calls/tests.rs"]
mod tests;
