//! The query of a preview or an explanation: a text or a saved query, and optionally a start and an end time.

use std::time::Duration;

use chrono::{DateTime, Utc};
use insightgate_engine::EngineError;
use insightgate_query::diagnostic;
use insightgate_query::plan::{Plan, WindowSource};
use insightgate_query::timespan::Window;
use insightgate_report::instant;
use serde::Deserialize;

use crate::callers::caller::Caller;
use crate::context::Context;
use crate::failure::Failure;
use crate::queries::known::find_query;
use crate::usage;
use crate::usage::event::{Access, Event};

/// The fields as they were sent. Exactly one of `text` and `query_id` is required.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct AskedQuery {
    #[serde(rename = "exportQuery")]
    pub text: Option<String>,
    pub query_id: Option<String>,
    pub start_time: Option<String>,
    pub end_time: Option<String>,
}

/// A checked query, with the time window that an execution would have now.
pub(crate) struct Question {
    pub plan: Plan,
    pub window: Window,
    pub source: WindowSource,
}

impl AskedQuery {
    pub(crate) async fn read(self, context: &Context, caller: &Caller) -> Result<Question, Failure> {
        let text = match (self.text, self.query_id) {
            (Some(text), None) => text,
            (None, Some(id)) => find_query(context, caller, &id).await?.ok_or(Failure::NotFound)?.text().to_owned(),
            _ => return Err(Failure::Invalid("Give exactly one of exportQuery and queryId.".to_owned())),
        };
        let (start, end) = (time(self.start_time, "startTime")?, time(self.end_time, "endTime")?);
        if start.zip(end).is_some_and(|(start, end)| end <= start) {
            return Err(Failure::Invalid("endTime should be greater than startTime".to_owned()));
        }
        let mut plan = insightgate_query::plan(&text, &context.catalogs.of(caller.program))
            .map_err(|all| Failure::Invalid(diagnostic::message(&all)))?;
        if plan.dataset.date_column.is_none() && (start.is_some() || end.is_some()) {
            plan.notes.push(format!("{} has no date column, so startTime and endTime do not apply", plan.dataset.name));
        }
        context.readiness.rows_can_be_read(&context.engine).await?;
        Ok(Question { window: plan.window(context.clock.now(), start, end), source: plan.window_source(start, end), plan })
    }
}

/// Waits for the engine's answer, for at most the timeout of previews. If the engine refuses the dataset, that is audited.
pub(crate) async fn answered<T>(
    context: &Context,
    caller: &Caller,
    plan: &Plan,
    (what, correlation): (&'static str, &str),
    answer: impl Future<Output = Result<T, EngineError>>,
) -> Result<T, Failure> {
    let error = match within(context.settings.preview_timeout, what, answer).await? {
        Ok(answer) => return Ok(answer),
        Err(error) => error,
    };
    if error.is_refusal() {
        let subject = format!("dataset {}", plan.dataset.name);
        let access = Access {
            dataset: Some(plan.dataset.name.clone()),
            correlation: Some(correlation.to_owned()),
            ..usage::asked(Event::Refused, caller.program, &caller.origin)
        };
        usage::refuse(context, &caller.principal, (&subject, &error.caller_message()), access).await;
    }
    Err(error.into())
}

async fn within<T>(limit: Duration, what: &'static str, answer: impl Future<Output = T>) -> Result<T, Failure> {
    tokio::time::timeout(limit, answer).await.map_err(|_| Failure::QueryTimeout { what, seconds: limit.as_secs() })
}

fn time(text: Option<String>, field: &str) -> Result<Option<DateTime<Utc>>, Failure> {
    let message = || Failure::Invalid(format!("{field} should follow format: {}", instant::PATTERN));
    text.map(|text| instant::parse(&text).ok_or_else(message)).transpose()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[tokio::test]
    async fn what_takes_too_long_is_given_up() {
        for what in ["preview", "explanation"] {
            let failed = within(Duration::ZERO, what, std::future::pending::<()>()).await.unwrap_err();
            assert!(matches!(failed, Failure::QueryTimeout { what: told, seconds: 0 } if told == what), "{failed:?}");
        }
        assert_eq!(within(Duration::ZERO, "preview", async { 7 }).await.unwrap(), 7);
    }
}
