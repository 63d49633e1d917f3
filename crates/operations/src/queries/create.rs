//! Saves a query after checking it against the datasets.

use insightgate_query::diagnostic;
use insightgate_report::report_query::{QUERY_QUOTA, QUOTA_MESSAGE, ReportQuery};
use insightgate_report::scheduled_report::NAME_LIMIT;
use serde::Deserialize;

use crate::callers::caller::Caller;
use crate::context::Context;
use crate::failure::Failure;

/// The fields as they were sent, with texts trimmed. An empty or null field is absent.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct QueryInput {
    pub name: Option<String>,
    pub description: Option<String>,
    pub query: Option<String>,
}

/// # Errors
/// When a field is missing or too long, the query is wrong, the quota is used up, or the database does not answer.
pub async fn create_query(context: &Context, caller: &Caller, input: QueryInput) -> Result<ReportQuery, Failure> {
    let (Some(name), Some(text)) = (&input.name, &input.query) else {
        let missing: Vec<_> = [("Name", &input.name), ("Query", &input.query)]
            .into_iter()
            .filter(|(_, value)| value.is_none())
            .map(|(field, _)| field)
            .collect();
        return Err(Failure::Invalid(format!("Null or missing value: {}", missing.join(", "))));
    };
    if name.chars().count() > NAME_LIMIT || input.description.as_ref().is_some_and(|text| text.chars().count() > NAME_LIMIT) {
        return Err(Failure::Invalid(format!("Limit Name and Description length to {NAME_LIMIT} characters or less")));
    }
    insightgate_query::plan(text, &context.catalogs.of(caller.program)).map_err(|all| Failure::Invalid(diagnostic::message(&all)))?;
    let query = ReportQuery {
        id: context.random.uuid()?,
        tenant: caller.scope.tenant(),
        owner: caller.owner(),
        program: caller.program,
        name: name.clone(),
        description: input.description,
        text: text.clone(),
        user: caller.principal.display_name(),
        created: context.clock.now(),
    };
    let quota = context.settings.quotas.then_some(QUERY_QUOTA);
    if !context.store.add_report_query(&query, quota).await? {
        return Err(Failure::quota_used(QUOTA_MESSAGE, "A place is free once a query is deleted."));
    }
    Ok(query)
}
