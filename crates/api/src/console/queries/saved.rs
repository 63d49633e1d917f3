//! Saved queries: the visitor's own, and the documented ones that everybody has.

use askama::Template;
use insightgate_operations::callers::caller::Caller;
use insightgate_operations::failure::Failure;
use insightgate_operations::queries::delete::delete_query;
use insightgate_operations::queries::known::KnownQuery;
use insightgate_operations::queries::list::{QueryFilter, list_queries};

use super::encoded;
use super::faults::cut;
use crate::console::endpoint::Given;
use crate::console::page::{self, Frame, Place, Shown};
use crate::console::visit::Visit;

/// The most characters of a text in the list.
const BEGIN: usize = 200;

/// A line of the list.
pub(super) struct Saved {
    pub(super) id: String,
    /// The id as a field of an address.
    pub(super) in_address: String,
    pub(super) name: String,
    pub(super) description: String,
    pub(super) text: String,
    /// The begin of the text.
    pub(super) shortened: String,
    pub(super) created: Option<Shown>,
}

#[derive(Template)]
#[template(path = "console/queries/remove.html")]
struct RemovePage {
    frame: Frame,
    action: String,
    back: String,
    query: Saved,
}

/// The visitor's own queries, the newest first, and the documented ones.
pub(super) async fn known(visit: &Visit, caller: &Caller) -> Result<(Vec<Saved>, Vec<Saved>), Failure> {
    let filter = QueryFilter { id: None, name: None, include_system: true, only_system: false };
    let known = match list_queries(visit.context(), caller, &filter).await {
        Err(Failure::NotFound) => Vec::new(),
        known => known?,
    };
    let (mut own, documented): (Vec<KnownQuery>, Vec<KnownQuery>) =
        known.into_iter().partition(|query| matches!(query, KnownQuery::Own(_)));
    own.sort_by_key(|query| match query {
        KnownQuery::Own(query) => std::cmp::Reverse(Some(query.created)),
        KnownQuery::System(_) => std::cmp::Reverse(None),
    });
    Ok((own.iter().map(saved).collect(), documented.iter().map(saved).collect()))
}

/// # Errors
/// When the visitor knows no such query, or the database does not answer.
pub(super) async fn found(visit: &Visit, caller: &Caller, id: &str) -> Result<KnownQuery, Failure> {
    let filter = QueryFilter { id: Some(id.to_owned()), name: None, include_system: true, only_system: false };
    list_queries(visit.context(), caller, &filter).await?.into_iter().next().ok_or(Failure::NotFound)
}

/// Asks whether a query is to be removed.
pub(super) async fn ask(visit: Visit) -> Given {
    let program = visit.program()?;
    let caller = visit.caller(program).await?;
    let query = found(&visit, &caller, visit.form().raw("query")).await?;
    let at = format!("/console/{}/queries", program.name());
    let page = RemovePage {
        frame: Frame::new(&visit, Place::Queries(program), "Remove a query"),
        action: format!("{at}/remove"),
        back: at,
        query: saved(&query),
    };
    Ok(page::show(&visit, None, &page))
}

pub(super) async fn remove(visit: Visit) -> Given {
    let program = visit.program()?;
    let caller = visit.caller(program).await?;
    delete_query(visit.context(), &caller, visit.form().raw("query")).await?;
    Ok(page::go_to(&format!("/console/{}/queries?done=removed", program.name())))
}

fn saved(query: &KnownQuery) -> Saved {
    let (description, created) = match query {
        KnownQuery::Own(query) => (query.description.clone(), Some(Shown(query.created))),
        KnownQuery::System(_) => (None, None),
    };
    Saved {
        id: query.id(),
        in_address: encoded(&query.id()),
        name: query.name().to_owned(),
        description: description.unwrap_or_default(),
        text: query.text().to_owned(),
        shortened: cut(query.text(), BEGIN),
        created,
    }
}
