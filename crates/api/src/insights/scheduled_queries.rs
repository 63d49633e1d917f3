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
use insightgate_wire::explained::ExplainedQuery;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Serialize;
use serde_json::value::RawValue;

use super::call::{Call, Given};
use crate::openapi::body_fields::Json;
use crate::openapi::document::{About, Like, about, needed};
use crate::openapi::parameter_set::parameter_set;

/// The owner of system queries, which belong to nobody. The documents show them as made by the service.
const SYSTEM_USER: &str = "System";
/// The day on which the system queries were first documented.
const SYSTEM_CREATED: &str = "2021-01-06T00:00:00Z";

parameter_set! {
    QueryParameters {
        query_id: Option<String> = "queryId", "Only this query.";
        query_name: Option<String> = "queryName", "Only queries of this name.";
        include_system: Option<bool> = "includeSystemQueries", "Whether the program's system queries are listed too; true if left out.";
        only_system: Option<bool> = "includeOnlySystemQueries", "Whether only system queries are listed; false if left out.";
    }
}

parameter_set! {
    AskedParameters {
        export_query: Option<String> = "exportQuery", "A query's text. Exactly one of exportQuery and queryId is needed.";
        query_id: Option<String> = "queryId", "A saved query.";
        start_time: Option<String> = "startTime", "The begin of the time that is read, in place of the query's TIMESPAN: yyyy-MM-ddTHH:mm:ssZ.";
        end_time: Option<String> = "endTime", "The end of that time, which is left out.";
    }
}

pub(super) const QUERY_FIELDS: &[About] = &[
    needed("Name", "At most 256 characters.").like(Like::Short),
    about("Description", "At most 256 characters.").like(Like::Short),
    needed("Query", "A text of the query language."),
];

pub(super) const ASKED_FIELDS: &[About] = &[
    about("exportQuery", "A query's text. Exactly one of exportQuery and queryId is needed."),
    about("queryId", "A saved query."),
    about("startTime", "The begin of the time that is read, in place of the query's TIMESPAN: yyyy-MM-ddTHH:mm:ssZ.").like(Like::Time),
    about("endTime", "The end of that time, which is left out.").like(Like::Time),
];

pub(super) const QUERY_NAMED: &[About] = &[about("queryId", "The query.")];

/// A row of a preview: the columns and metrics that the query selects, by name.
#[derive(Serialize)]
#[serde(transparent)]
pub(super) struct PreviewRow(Box<RawValue>);

impl JsonSchema for PreviewRow {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "PreviewRow".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "object",
            "description": "The columns and metrics that the query selects, by name.",
            "additionalProperties": {"type": ["string", "number", "boolean", "null"]},
        })
    }
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "Query", extend("additionalProperties" = false))]
pub(super) struct ShownQuery {
    query_id: String,
    name: String,
    description: Option<String>,
    query: String,
    /// `userDefined` or `system`.
    #[serde(rename = "type")]
    kind: &'static str,
    user: String,
    created_time: String,
    modified_time: Option<String>,
}

pub(super) async fn create(mut call: Call<(), Json<QueryInput>>) -> Given<ShownQuery> {
    let input = call.body(&[]).await?;
    let query = create_query_once(call.context(), &call.caller, input, call.idempotency_key()).await?;
    Ok(call.success(&[show_own(query)], Some("Query created successfully")))
}

pub(super) async fn list(mut call: Call<QueryParameters>) -> Given<ShownQuery> {
    let sent = std::mem::take(&mut call.query);
    let filter = QueryFilter {
        id: sent.query_id,
        name: sent.query_name,
        include_system: sent.include_system.unwrap_or(true),
        only_system: sent.only_system.unwrap_or(false),
    };
    let queries = list_queries(call.context(), &call.caller, &filter).await?;
    let shown: Vec<_> = queries.into_iter().map(show).collect();
    Ok(call.success(&shown, Some("Query fetched successfully")))
}

pub(super) async fn delete(call: Call) -> Given<ShownQuery> {
    let query = delete_query(call.context(), &call.caller, call.path("queryid")).await?;
    Ok(call.success(&[show_own(query)], Some("Query deleted successfully")))
}

pub(super) async fn preview(mut call: Call<AskedParameters>) -> Given<PreviewRow> {
    let query = asked(std::mem::take(&mut call.query));
    tried(call, query).await
}

/// A preview with its parameters in a body, which may be longer than an address. Parameters that the body omits are taken from the address.
pub(super) async fn preview_of_body(mut call: Call<AskedParameters, Json<AskedQuery>>) -> Given<PreviewRow> {
    let (sent, address) = (call.body(&[]).await?, asked(std::mem::take(&mut call.query)));
    let query = AskedQuery {
        text: sent.text.or(address.text),
        query_id: sent.query_id.or(address.query_id),
        start_time: sent.start_time.or(address.start_time),
        end_time: sent.end_time.or(address.end_time),
    };
    tried(call, query).await
}

async fn tried<Body>(call: Call<AskedParameters, Body>, query: AskedQuery) -> Given<PreviewRow> {
    let tried = try_query(call.context(), &call.caller, query, &call.asked.correlation).await?;
    let rows: Vec<_> = tried.preview.rows.into_iter().map(PreviewRow).collect();
    Ok(call.success_with(&rows, tried.message.as_deref(), &tried.notes))
}

pub(super) async fn explain(mut call: Call<AskedParameters>) -> Given<ExplainedQuery> {
    let query = asked(std::mem::take(&mut call.query));
    let explained = explain_query(call.context(), &call.caller, query, &call.asked.correlation).await?;
    Ok(call.success(&[explained], None))
}

fn asked(sent: AskedParameters) -> AskedQuery {
    AskedQuery { text: sent.export_query, query_id: sent.query_id, start_time: sent.start_time, end_time: sent.end_time }
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
