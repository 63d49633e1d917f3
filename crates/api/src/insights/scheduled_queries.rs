//! `ScheduledQueries`: create, list, delete, preview; and `explainQuery`, which is not documented by the platform.

use insightgate_operations::queries::asked::AskedQuery;
use insightgate_operations::queries::create::{QueryInput, create_query_once};
use insightgate_operations::queries::delete::delete_query;
use insightgate_operations::queries::explain::explain_query;
use insightgate_operations::queries::known::KnownQuery;
use insightgate_operations::queries::list::{QueryFilter, list_queries};
use insightgate_operations::queries::preview::try_query;
use insightgate_report::instant;
use insightgate_report::report_query::ReportQuery;
use serde::Serialize;

use super::call::{Call, Given};

/// The owner of system queries, which belong to nobody. The documents show them as made by the service.
const SYSTEM_USER: &str = "System";
/// The day on which the system queries were first documented.
const SYSTEM_CREATED: &str = "2021-01-06T00:00:00Z";

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ShownQuery {
    query_id: String,
    name: String,
    description: Option<String>,
    query: String,
    #[serde(rename = "type")]
    kind: &'static str,
    user: String,
    created_time: String,
    modified_time: Option<String>,
}

pub(super) async fn create(mut call: Call) -> Given {
    let input: QueryInput = call.body(&[]).await?;
    let query = create_query_once(call.context(), &call.caller, input, call.idempotency_key()).await?;
    Ok(call.success(&[show_own(query)], Some("Query created successfully")))
}

pub(super) async fn list(call: Call) -> Given {
    let parameters = &call.parameters;
    let filter = QueryFilter {
        id: parameters.text("queryId"),
        name: parameters.text("queryName"),
        include_system: parameters.flag("includeSystemQueries")?.unwrap_or(true),
        only_system: parameters.flag("includeOnlySystemQueries")?.unwrap_or(false),
    };
    let queries = list_queries(call.context(), &call.caller, &filter).await?;
    let shown: Vec<_> = queries.into_iter().map(show).collect();
    Ok(call.success(&shown, Some("Query fetched successfully")))
}

pub(super) async fn delete(call: Call) -> Given {
    let query = delete_query(call.context(), &call.caller, call.path("query_id")).await?;
    Ok(call.success(&[show_own(query)], Some("Query deleted successfully")))
}

pub(super) async fn preview(call: Call) -> Given {
    let query = asked(&call);
    tried(call, query).await
}

/// A preview with its parameters in a body, which may be longer than an address. Parameters that the body omits are taken from the address.
pub(super) async fn preview_of_body(mut call: Call) -> Given {
    let (sent, address): (AskedQuery, _) = (call.body(&[]).await?, asked(&call));
    let query = AskedQuery {
        text: sent.text.or(address.text),
        query_id: sent.query_id.or(address.query_id),
        start_time: sent.start_time.or(address.start_time),
        end_time: sent.end_time.or(address.end_time),
    };
    tried(call, query).await
}

async fn tried(call: Call, query: AskedQuery) -> Given {
    let tried = try_query(call.context(), &call.caller, query, &call.asked.correlation).await?;
    Ok(call.success_with(&tried.preview.rows, tried.message.as_deref(), &tried.notes))
}

pub(super) async fn explain(call: Call) -> Given {
    let explained = explain_query(call.context(), &call.caller, asked(&call), &call.asked.correlation).await?;
    Ok(call.success(&[explained], None))
}

fn asked(call: &Call) -> AskedQuery {
    let parameters = &call.parameters;
    AskedQuery {
        text: parameters.text("exportQuery"),
        query_id: parameters.text("queryId"),
        start_time: parameters.text("startTime"),
        end_time: parameters.text("endTime"),
    }
}

fn show(query: KnownQuery) -> ShownQuery {
    match query {
        KnownQuery::Own(query) => show_own(query),
        KnownQuery::System(query) => ShownQuery {
            query_id: query.id.clone(),
            name: query.name.clone(),
            description: None,
            query: query.text.clone(),
            kind: "system",
            user: SYSTEM_USER.to_owned(),
            created_time: SYSTEM_CREATED.to_owned(),
            modified_time: None,
        },
    }
}

fn show_own(query: ReportQuery) -> ShownQuery {
    ShownQuery {
        query_id: query.id.to_string(),
        name: query.name,
        description: query.description,
        query: query.text,
        kind: "userDefined",
        user: query.user,
        created_time: instant::format(query.created),
        modified_time: None,
    }
}
