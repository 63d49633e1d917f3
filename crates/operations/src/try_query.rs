//! A preview: the first rows of a query, without keeping anything.

use insightgate_engine::Preview;
use insightgate_query::diagnostic;
use insightgate_report::instant;

use crate::absent_values::{absent_values, joined};
use crate::audit;
use crate::caller::Caller;
use crate::context::Context;
use crate::failure::Failure;
use crate::known_query::find_query;

/// Rows of a preview, in both programs.
pub const PREVIEW_ROWS: usize = 100;

/// As sent; exactly one of `text` and `query_id`.
#[derive(Debug, Clone, Default)]
pub struct TryInput {
    pub text: Option<String>,
    pub query_id: Option<String>,
    pub start_time: Option<String>,
    pub end_time: Option<String>,
}

/// The rows, and what the caller should know about them.
pub struct TriedQuery {
    pub preview: Preview,
    pub message: Option<String>,
}

/// A refusal of the dataset is audited.
pub async fn try_query(context: &Context, caller: &Caller, input: TryInput, correlation: &str) -> Result<TriedQuery, Failure> {
    let text = match (input.text, input.query_id) {
        (Some(text), None) => text,
        (None, Some(id)) => find_query(context, caller, &id).await?.ok_or(Failure::NotFound)?.text().to_owned(),
        _ => return Err(Failure::Invalid("Give exactly one of exportQuery and queryId.".to_owned())),
    };
    let read = |text: Option<String>, field: &str| {
        let message = || Failure::Invalid(format!("{field} should follow format: {}", instant::PATTERN));
        text.map(|text| instant::parse(&text).ok_or_else(message)).transpose()
    };
    let (start, end) = (read(input.start_time, "startTime")?, read(input.end_time, "endTime")?);
    if start.zip(end).is_some_and(|(start, end)| end <= start) {
        return Err(Failure::Invalid("endTime should be greater than startTime".to_owned()));
    }
    let plan =
        insightgate_query::plan(&text, &context.catalogs.of(caller.program)).map_err(|all| Failure::Invalid(diagnostic::message(&all)))?;
    let window = plan.window(context.clock.now(), start, end);
    let limit = context.settings.preview_timeout;
    let running = context.engine.preview(&caller.scope, &plan, window, PREVIEW_ROWS);
    let preview = match tokio::time::timeout(limit, running).await.map_err(|_| Failure::PreviewTimeout(limit.as_secs()))? {
        Ok(preview) => preview,
        Err(error) => {
            if error.is_refusal() {
                let subject = format!("dataset {}", plan.dataset.name);
                audit::record_refusal(context, &caller.principal, &subject, &error.caller_message(), correlation).await;
            }
            return Err(error.into());
        }
    };
    let mut notes = plan.notes.clone();
    if plan.dataset.date_column.is_none() && (start.is_some() || end.is_some()) {
        notes.push(format!("{} has no date column, so startTime and endTime do not apply", plan.dataset.name));
    }
    if preview.no_files {
        notes.push(no_files_note(&plan.dataset.name));
    } else if preview.rows.is_empty() {
        notes.extend(absent_values(&context.engine, &caller.scope, &plan).await);
    }
    Ok(TriedQuery { preview, message: joined(&notes) })
}

pub(crate) fn no_files_note(dataset: &str) -> String {
    format!("{dataset} holds no data of your organisation yet")
}
