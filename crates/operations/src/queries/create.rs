//! Saves a query after checking it against the datasets.

use insightgate_query::diagnostic;
use insightgate_report::quotas::Quota;
use insightgate_report::report_query::{QUOTA_MESSAGE, ReportQuery};
use insightgate_report::scheduled_report::NAME_LIMIT;
use serde::{Deserialize, Serialize};

use crate::callers::caller::Caller;
use crate::context::Context;
use crate::creation_key::{creation_key, deleted_since, instead, made_before};
use crate::failure::Failure;

/// The fields as they were sent, with texts trimmed. An empty or null field is absent.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct QueryInput {
    pub name: Option<String>,
    pub description: Option<String>,
    pub query: Option<String>,
}

/// # Errors
/// When a field is missing or too long, the query is wrong, the quota is used up, or the database does not answer.
pub async fn create_query(context: &Context, caller: &Caller, input: QueryInput) -> Result<ReportQuery, Failure> {
    create_query_once(context, caller, input, None).await
}

/// Like [`create_query`]. With a key that created a query before, it returns that query.
///
/// # Errors
/// Also when the key came with other fields before, or its query is deleted.
pub async fn create_query_once(context: &Context, caller: &Caller, input: QueryInput, key: Option<&str>) -> Result<ReportQuery, Failure> {
    let now = context.clock.now();
    let key = creation_key(caller, "query", key, &input, now)?;
    if let Some(id) = made_before(context, key.as_ref()).await? {
        return context.store.report_query(caller.owner(), caller.program, id).await?.ok_or_else(deleted_since);
    }
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
        created: now,
    };
    let quota = match context.settings.quotas {
        true => Some(Quota::Queries.of(&context.store.tenant_limits(query.tenant).await?)),
        false => None,
    };
    match context.store.add_report_query_once(&query, quota, key.as_ref()).await? {
        None => Err(Failure::quota_used(QUOTA_MESSAGE, "A place is free once a query is deleted.")),
        Some(creation) => match instead(creation)? {
            None => Ok(query),
            Some(id) => context.store.report_query(caller.owner(), caller.program, id).await?.ok_or_else(deleted_since),
        },
    }
}
