//! `/sandbox/v1/faults`: decodes orders, and shows what is ordered. What happens then is `injection`'s, and of executions and callbacks the operations'.

use axum::http::StatusCode;
use insightgate_operations::failure::Failure;
use insightgate_operations::sandbox::fault::{CallbackFault, Effect, ExecutionFault, Often, OrderedAnswer, RequestFault};
use insightgate_operations::sandbox::faults::Ordered;
use insightgate_operations::sandbox::order::{FaultInput, OUT_OF_ORDER, clear, order};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::durations::{delay, duration, iso, real_seconds};
use super::{Call, Given, sandbox, unread};
use crate::manage::object::{BODY_LIMIT, Object};
use crate::state::ApiState;

/// As a fault is sent.
#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Fault {
    kind: Option<String>,
    r#match: Option<Match>,
    times: Option<i64>,
    share: Option<f64>,
    status: Option<i64>,
    body: Option<Value>,
    content_type: Option<String>,
    retry_after: Option<i64>,
    delay: Option<String>,
    r#for: Option<String>,
    cut_after: Option<i64>,
    error: Option<i64>,
    reason: Option<String>,
    count: Option<i64>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Match {
    method: Option<String>,
    path: Option<String>,
    tenant: Option<String>,
    dataset: Option<String>,
    report: Option<String>,
}

pub(super) async fn add(call: Call) -> Given {
    call.is_json()?;
    let bytes = call.body.read(BODY_LIMIT).await.map_err(unread)?;
    let input = decoded(Object::parse(&bytes)?.read_all()?)?;
    let ordered = order(&call.state.context, sandbox(&call.state)?, input).await?;
    Ok((StatusCode::CREATED, shown(&ordered)))
}

pub(super) async fn list(call: Call) -> Given {
    let faults: Vec<Value> = sandbox(&call.state)?.faults.list().iter().map(shown).collect();
    Ok((StatusCode::OK, json!({ "faults": faults })))
}

pub(super) async fn clear_all(call: Call) -> Given {
    cleared(&call.state, None).await
}

pub(super) async fn clear_one(call: Call) -> Given {
    cleared(&call.state, Some(call.last_segment())).await
}

async fn cleared(state: &ApiState, id: Option<&str>) -> Given {
    let cleared = clear(&state.context, sandbox(state)?, id).await?;
    Ok((StatusCode::OK, json!({ "cleared": cleared })))
}

fn decoded(sent: Fault) -> Result<FaultInput, Failure> {
    let Match { method, path, tenant, dataset, report } = sent.r#match.unwrap_or_default();
    let body = sent.body.map(|body| match body {
        Value::String(text) => text,
        other => other.to_string(),
    });
    Ok(FaultInput {
        kind: sent.kind,
        method,
        path,
        tenant,
        dataset,
        report,
        times: sent.times,
        share: sent.share,
        status: sent.status,
        body,
        content_type: sent.content_type,
        retry_after: sent.retry_after,
        delay: sent.delay.map(|text| delay(&text).ok_or_else(|| not_a_duration("delay"))).transpose()?,
        hold: sent.r#for.map(|text| duration(&text).ok_or_else(|| not_a_duration("for"))).transpose()?,
        cut_after: sent.cut_after,
        error: sent.error,
        reason: sent.reason,
        count: sent.count,
    })
}

fn not_a_duration(name: &str) -> Failure {
    Failure::Invalid(format!("'{name}' should be an ISO 8601 duration such as PT2S or PT1H30M."))
}

/// As it could be ordered again, with its id and what came of it.
fn shown(ordered: &Ordered) -> Value {
    let fault = &ordered.fault;
    let mut shown = Map::new();
    let mut set = |name: &str, value: Option<Value>| {
        if let Some(value) = value {
            shown.insert(name.to_owned(), value);
        }
    };
    let matching = &fault.matching;
    let matching = [
        ("method", matching.method.clone()),
        ("path", matching.path.clone()),
        ("tenant", matching.tenant.as_ref().map(|tenant| tenant.id.to_string())),
        ("dataset", matching.dataset.clone()),
        ("report", matching.report.map(|report| report.to_string())),
    ];
    let matching: Map<String, Value> = matching.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?.into()))).collect();
    set("id", Some(ordered.id.to_string().into()));
    set("match", Some(matching.into()));
    match fault.often {
        Often::Always => {}
        Often::Times(times) => set("times", Some(times.into())),
        Often::Share(share) => set("share", Some(share.into())),
    }
    for (name, value) in effect(&fault.effect) {
        set(name, Some(value));
    }
    set("met", Some(ordered.met.into()));
    set("happened", Some(ordered.happened.into()));
    Value::Object(shown)
}

fn effect(effect: &Effect) -> Vec<(&'static str, Value)> {
    let kind = |kind: &str| ("kind", Value::from(kind));
    match effect {
        Effect::Request(fault) => of_request(fault),
        Effect::Execution(ExecutionFault::Pending(hold)) => vec![kind("executionPending"), ("for", iso(*hold).into())],
        Effect::Execution(ExecutionFault::Running(hold)) => vec![kind("executionRunning"), ("for", iso(*hold).into())],
        Effect::Execution(ExecutionFault::Slow(delay)) => vec![kind("executionSlow"), ("delay", real_seconds(*delay).into())],
        Effect::Execution(ExecutionFault::Failed { reason }) => vec![kind("executionFailed"), ("reason", reason.clone().into())],
        Effect::Callback(CallbackFault::Dropped) => vec![kind("callbackDropped")],
        Effect::Callback(CallbackFault::Doubled) => vec![kind("callbackDoubled")],
        Effect::Callback(CallbackFault::Delayed(hold)) => vec![kind("callbackDelayed"), ("for", iso(*hold).into())],
        Effect::Callback(CallbackFault::Reversed(count)) => vec![kind(OUT_OF_ORDER), ("count", (*count).into())],
    }
}

fn of_request(RequestFault { delay, answer }: &RequestFault) -> Vec<(&'static str, Value)> {
    let kind = |kind: &str| ("kind", Value::from(kind));
    let mut shown = match answer {
        OrderedAnswer::Own => vec![kind("request")],
        OrderedAnswer::Status { status, body, content_type, retry_after } => {
            let mut shown = vec![kind("request"), ("status", Value::from(*status))];
            shown.extend(body.as_ref().map(|body| ("body", Value::from(body.as_str()))));
            shown.extend(content_type.as_ref().map(|kind| ("contentType", Value::from(kind.as_str()))));
            shown.extend(retry_after.map(|seconds| ("retryAfter", Value::from(seconds))));
            shown
        }
        OrderedAnswer::ExpiredToken => vec![kind("expiredToken")],
        OrderedAnswer::ExpiredLink => vec![kind("expiredLink")],
        OrderedAnswer::Refusal(refusals) => {
            let [first, _] = refusals.as_ref();
            vec![kind("authority"), ("error", first.code.into())]
        }
        OrderedAnswer::Cut(after) => {
            let mut shown = vec![kind("cut")];
            shown.extend(after.map(|after| ("cutAfter", Value::from(after))));
            shown
        }
    };
    if !delay.is_zero() {
        shown.push(("delay", real_seconds(*delay).into()));
    }
    shown
}
