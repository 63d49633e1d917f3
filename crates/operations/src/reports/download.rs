//! The whole answer of a text as a file: a report that runs once, at once. A report needs a saved query, so that the text is saved too, unless it is already.

use insightgate_report::scheduled_report::{ReportInput, ScheduledReport};

use crate::callers::caller::Caller;
use crate::context::Context;
use crate::failure::Failure;
use crate::queries::create::{QueryInput, create_query};
use crate::queries::delete::delete_query;
use crate::queries::known::KnownQuery;
use crate::queries::list::{QueryFilter, list_queries};
use crate::reports::create::create_report;

/// What is to be downloaded. An absent name becomes that of the saved query, or of the dataset.
#[derive(Debug, Clone, Default)]
pub struct DownloadInput {
    pub text: String,
    pub name: Option<String>,
    pub format: Option<String>,
}

/// Makes the report, and saves its query if the caller has none of the same text. If the report is refused, no query is left behind.
///
/// # Errors
/// When the text is wrong, a quota is used up, the format is unknown, or the database does not answer.
pub async fn download(context: &Context, caller: &Caller, input: DownloadInput) -> Result<ScheduledReport, Failure> {
    let (id, name, is_new) = match same(context, caller, &input.text).await? {
        Some(query) => (query.id(), query.name().to_owned(), false),
        None => {
            let name = input.name.clone().unwrap_or_else(|| default_name(context, caller, &input.text));
            let query = QueryInput { name: Some(name.clone()), description: None, query: Some(input.text) };
            (create_query(context, caller, query).await?.id.to_string(), name, true)
        }
    };
    let report = ReportInput {
        // The names of reports have no semicolon.
        report_name: Some(input.name.unwrap_or(name).replace(';', ",")),
        query_id: Some(id.clone()),
        execute_now: Some(true),
        format: input.format,
        ..ReportInput::default()
    };
    match create_report(context, caller, &report).await {
        Err(failure) if is_new => {
            delete_query(context, caller, &id).await?;
            Err(failure)
        }
        made => made,
    }
}

/// A query of this text that the caller knows. The caller's own go first, since these have names that the caller gave.
async fn same(context: &Context, caller: &Caller, text: &str) -> Result<Option<KnownQuery>, Failure> {
    let filter = QueryFilter { id: None, name: None, include_system: true, only_system: false };
    let known = match list_queries(context, caller, &filter).await {
        Err(Failure::NotFound) => Vec::new(),
        known => known?,
    };
    let same = known.into_iter().filter(|query| query.text().trim() == text.trim());
    Ok(same.min_by_key(|query| matches!(query, KnownQuery::System(_))))
}

fn default_name(context: &Context, caller: &Caller, text: &str) -> String {
    let plan = insightgate_query::plan(text, &context.catalogs.of(caller.program));
    plan.map_or_else(|_| "Query".to_owned(), |plan| plan.dataset.name.clone())
}
