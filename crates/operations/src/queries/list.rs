//! The caller's queries and the system queries.

use crate::callers::caller::Caller;
use crate::context::Context;
use crate::failure::Failure;
use crate::queries::known::{KnownQuery, system_queries_of};

#[derive(Debug, Clone)]
pub struct QueryFilter {
    pub id: Option<String>,
    /// Compared without regard to case.
    pub name: Option<String>,
    pub include_system: bool,
    pub only_system: bool,
}

/// Lists the queries, system queries first. If nothing matches, the result is the documented 404.
///
/// # Errors
/// When nothing matches, or the database does not answer.
pub async fn list_queries(context: &Context, caller: &Caller, filter: &QueryFilter) -> Result<Vec<KnownQuery>, Failure> {
    let mut queries = Vec::new();
    if filter.include_system || filter.only_system {
        queries.extend(system_queries_of(caller.program).map(KnownQuery::System));
    }
    if !filter.only_system {
        let own = context.store.report_queries(caller.owner(), caller.program).await?;
        queries.extend(own.into_iter().map(KnownQuery::Own));
    }
    queries.retain(|query| {
        filter.id.as_ref().is_none_or(|id| query.id().eq_ignore_ascii_case(id))
            && filter.name.as_ref().is_none_or(|name| query.name().to_lowercase() == name.to_lowercase())
    });
    if queries.is_empty() { Err(Failure::NotFound) } else { Ok(queries) }
}
