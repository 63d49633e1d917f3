//! Queries that a caller can refer to by id: the caller's own and the documented system queries.

use std::sync::OnceLock;

use insightgate_identity::program::Program;
use insightgate_query::system_queries::{SystemQuery, system_queries};
use insightgate_report::report_query::ReportQuery;
use uuid::Uuid;

use crate::callers::caller::Caller;
use crate::context::Context;
use crate::failure::Failure;

#[derive(Debug, Clone)]
pub enum KnownQuery {
    Own(ReportQuery),
    System(&'static SystemQuery),
}

impl KnownQuery {
    pub fn id(&self) -> String {
        match self {
            KnownQuery::Own(query) => query.id.to_string(),
            KnownQuery::System(query) => query.id.clone(),
        }
    }

    pub fn text(&self) -> &str {
        match self {
            KnownQuery::Own(query) => &query.text,
            KnownQuery::System(query) => &query.text,
        }
    }

    pub fn name(&self) -> &str {
        match self {
            KnownQuery::Own(query) => &query.name,
            KnownQuery::System(query) => &query.name,
        }
    }
}

/// The system queries of one program.
pub(crate) fn system_queries_of(program: Program) -> impl Iterator<Item = &'static SystemQuery> {
    static ALL: OnceLock<Vec<SystemQuery>> = OnceLock::new();
    ALL.get_or_init(system_queries).iter().filter(move |query| query.program == program.name())
}

/// The system query with this id. Ids are opaque, and are compared without regard to case.
pub(crate) fn system_query(program: Program, id: &str) -> Option<&'static SystemQuery> {
    system_queries_of(program).find(|query| query.id.eq_ignore_ascii_case(id))
}

pub(crate) async fn find_query(context: &Context, caller: &Caller, id: &str) -> Result<Option<KnownQuery>, Failure> {
    if let Some(query) = system_query(caller.program, id) {
        return Ok(Some(KnownQuery::System(query)));
    }
    let Ok(id) = Uuid::try_parse(id) else { return Ok(None) };
    Ok(context.store.report_query(caller.owner(), caller.program, id).await?.map(KnownQuery::Own))
}
