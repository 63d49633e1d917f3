//! `ScheduledQueries`: create, list, delete, preview; and `explainQuery`, which the documents do not have.

use axum::extract::State;
use axum::response::Response;
use insightgate_operations::failure::Failure;
use insightgate_operations::queries::asked::AskedQuery;
use insightgate_operations::queries::create::{QueryInput, create_query};
use insightgate_operations::queries::delete::delete_query;
use insightgate_operations::queries::explain::explain_query;
use insightgate_operations::queries::known::KnownQuery;
use insightgate_operations::queries::list::{QueryFilter, list_queries};
use insightgate_operations::queries::preview::try_query;
use insightgate_report::instant;
use insightgate_report::report_query::ReportQuery;
use serde::Serialize;

use super::admitted::Admitted;
use super::scheduled_report::fields_of;
use crate::http::json_body::JsonBody;
use crate::state::ApiState;

/// System queries are nobody's; the documents show them as made by the service.
const SYSTEM_USER: &str = "System";
/// The day the system queries were first documented.
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

pub(crate) async fn create(State(state): State<ApiState>, admitted: Admitted, body: JsonBody) -> Response {
    let fields = match fields_of(body, &admitted.asked).await {
        Ok(fields) => fields,
        Err(response) => return response,
    };
    let input = || -> Result<QueryInput, Failure> {
        Ok(QueryInput { name: fields.text("Name")?, description: fields.text("Description")?, query: fields.text("Query")? })
    };
    let created = match input() {
        Ok(input) => create_query(&state.context, &admitted.caller, input).await,
        Err(failure) => Err(failure),
    };
    match created {
        Ok(query) => admitted.success(&[show_own(query)], Some("Query created successfully")),
        Err(failure) => admitted.asked.refuse(&failure),
    }
}

pub(crate) async fn list(State(state): State<ApiState>, admitted: Admitted) -> Response {
    let parameters = &admitted.parameters;
    let filter = || -> Result<QueryFilter, Failure> {
        Ok(QueryFilter {
            id: parameters.text("queryId"),
            name: parameters.text("queryName"),
            include_system: parameters.flag("includeSystemQueries")?.unwrap_or(true),
            only_system: parameters.flag("includeOnlySystemQueries")?.unwrap_or(false),
        })
    };
    let listed = match filter() {
        Ok(filter) => list_queries(&state.context, &admitted.caller, &filter).await,
        Err(failure) => Err(failure),
    };
    match listed {
        Ok(queries) => {
            let shown: Vec<_> = queries.into_iter().map(show).collect();
            admitted.success(&shown, Some("Query fetched successfully"))
        }
        Err(failure) => admitted.asked.refuse(&failure),
    }
}

pub(crate) async fn delete(State(state): State<ApiState>, admitted: Admitted) -> Response {
    match delete_query(&state.context, &admitted.caller, admitted.path("query_id")).await {
        Ok(query) => admitted.success(&[show_own(query)], Some("Query deleted successfully")),
        Err(failure) => admitted.asked.refuse(&failure),
    }
}

pub(crate) async fn preview(State(state): State<ApiState>, admitted: Admitted) -> Response {
    let query = asked(&admitted);
    tried(&state, &admitted, query).await
}

/// The same parameters in a body, which may be longer than an address.
pub(crate) async fn preview_of_body(State(state): State<ApiState>, admitted: Admitted, body: JsonBody) -> Response {
    match asked_in(body, &admitted).await {
        Ok(query) => tried(&state, &admitted, query).await,
        Err(response) => response,
    }
}

async fn tried(state: &ApiState, admitted: &Admitted, query: AskedQuery) -> Response {
    match try_query(&state.context, &admitted.caller, query, &admitted.asked.correlation).await {
        Ok(tried) => admitted.success_with(&tried.preview.rows, tried.message.as_deref(), &tried.notes),
        Err(failure) => admitted.asked.refuse(&failure),
    }
}

pub(crate) async fn explain(State(state): State<ApiState>, admitted: Admitted) -> Response {
    match explain_query(&state.context, &admitted.caller, asked(&admitted), &admitted.asked.correlation).await {
        Ok(explained) => admitted.success(&[explained], None),
        Err(failure) => admitted.asked.refuse(&failure),
    }
}

fn asked(admitted: &Admitted) -> AskedQuery {
    let parameters = &admitted.parameters;
    AskedQuery {
        text: parameters.text("exportQuery"),
        query_id: parameters.text("queryId"),
        start_time: parameters.text("startTime"),
        end_time: parameters.text("endTime"),
    }
}

/// What the body does not say, the address may.
async fn asked_in(body: JsonBody, admitted: &Admitted) -> Result<AskedQuery, Response> {
    let fields = fields_of(body, &admitted.asked).await?;
    let read = || -> Result<AskedQuery, Failure> {
        let or_address = |name: &str| Ok::<_, Failure>(fields.text(name)?.or_else(|| admitted.parameters.text(name)));
        Ok(AskedQuery {
            text: or_address("exportQuery")?,
            query_id: or_address("queryId")?,
            start_time: or_address("startTime")?,
            end_time: or_address("endTime")?,
        })
    };
    read().map_err(|failure| admitted.asked.refuse(&failure))
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
