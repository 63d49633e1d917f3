//! Orders faults, and takes them back: what is asked for is checked, and a mistake names its field.

use std::time::Duration;

use chrono::TimeDelta;
use insightgate_identity::tokens::grant::GrantRefusal;
use insightgate_identity::tokens::token::TokenVersion;
use uuid::Uuid;

use crate::context::Context;
use crate::failure::Failure;
use crate::sandbox::Sandbox;
use crate::sandbox::fault::{
    CallbackFault, Effect, ExecutionFault, Fault, LONGEST_BODY, LONGEST_DELAY, LONGEST_HOLD, LONGEST_REASON, LONGEST_RETRY_AFTER,
    MOST_REVERSED, MOST_TIMES, Matching, Often, OrderedAnswer, RequestFault,
};
use crate::sandbox::faults::Ordered;

/// As sent.
#[derive(Debug, Default)]
pub struct FaultInput {
    /// None: a request.
    pub kind: Option<String>,
    pub method: Option<String>,
    pub path: Option<String>,
    /// Id or domain.
    pub tenant: Option<String>,
    pub dataset: Option<String>,
    pub report: Option<String>,
    pub times: Option<i64>,
    pub share: Option<f64>,
    pub status: Option<i64>,
    pub body: Option<String>,
    pub content_type: Option<String>,
    pub retry_after: Option<i64>,
    pub delay: Option<Duration>,
    /// `for`.
    pub hold: Option<TimeDelta>,
    pub cut_after: Option<i64>,
    /// A number of the token endpoint.
    pub error: Option<i64>,
    pub reason: Option<String>,
    pub count: Option<i64>,
}

/// The kinds, as they are written.
pub const KINDS: [&str; 14] = [
    "request",
    "throttled",
    "expiredToken",
    "expiredLink",
    "cut",
    "authority",
    "executionPending",
    "executionRunning",
    "executionSlow",
    "executionFailed",
    "callbackDropped",
    "callbackDoubled",
    "callbackDelayed",
    OUT_OF_ORDER,
];
pub const OUT_OF_ORDER: &str = "callbackOutOfOrder";

/// What a throttled caller is told to wait, in seconds, unless the order says something else.
const THROTTLED_FOR: u32 = 30;

fn invalid<T>(message: impl Into<String>) -> Result<T, Failure> {
    Err(Failure::Invalid(message.into()))
}

/// # Errors
/// When a field is wrong, or there are too many faults, or the database does not answer.
pub async fn order(context: &Context, sandbox: &Sandbox, input: FaultInput) -> Result<Ordered, Failure> {
    let effect = effect(&input)?;
    let matching = matching(context, &input, &effect).await?;
    let fault = Fault { matching, often: often(&input)?, effect };
    let _walked = sandbox.walk.lock().await;
    let _claimed = sandbox.claim.lock().await;
    sandbox.faults.add(context.random.uuid()?, fault)
}

/// Takes one back, or all of them: what they hold back goes on. How many there were.
///
/// # Errors
/// When there is none with this id, or the database does not answer.
pub async fn clear(context: &Context, sandbox: &Sandbox, id: Option<&str>) -> Result<usize, Failure> {
    let cleared = match id {
        None => sandbox.faults.clear_all(),
        Some(id) if Uuid::try_parse(id).is_ok_and(|id| sandbox.faults.clear(id)) => 1,
        Some(_) => return Err(Failure::NotFound),
    };
    sandbox.let_callbacks_go(context).await?;
    context.signals.queued.notify_one();
    Ok(cleared)
}

/// The tenant whose execution this is, as a text. None: there is no such execution.
pub async fn tenant_of_execution(context: &Context, id: &str) -> Option<String> {
    let record = context.store.execution(Uuid::try_parse(id).ok()?).await.ok()??;
    Some(record.report.tenant.to_string())
}

fn often(input: &FaultInput) -> Result<Often, Failure> {
    match (input.times, input.share) {
        (None, None) => Ok(Often::Always),
        (Some(times), None) => Ok(Often::Times(within("times", times, 1, MOST_TIMES)?)),
        (None, Some(share)) if share > 0.0 && share <= 1.0 => Ok(Often::Share(share)),
        (None, Some(_)) => invalid("'share' should be above 0 and at most 1."),
        (Some(_), Some(_)) => invalid("Give one of 'times' and 'share', not both."),
    }
}

async fn matching(context: &Context, input: &FaultInput, effect: &Effect) -> Result<Matching, Failure> {
    let is_request = matches!(effect, Effect::Request(_));
    let of_requests = [("match.method", input.method.is_some()), ("match.path", input.path.is_some())];
    let of_reports = [("match.dataset", input.dataset.is_some()), ("match.report", input.report.is_some())];
    let (foreign, whose) = match is_request {
        true => (of_reports, "executions and callbacks"),
        false => (of_requests, "requests"),
    };
    if let Some((name, _)) = foreign.iter().find(|(_, is_given)| *is_given) {
        return invalid(format!("'{name}' is for faults of {whose}."));
    }
    let tenant = match &input.tenant {
        None => None,
        Some(named) => {
            let view = context.directory.view();
            let found = match Uuid::try_parse(named) {
                Ok(id) => view.tenant(id).await?,
                Err(_) => view.tenant_by_domain(&named.to_lowercase()).await?,
            };
            match found {
                Some(tenant) => Some(tenant.as_ref().clone()),
                None => return invalid("'match.tenant' is the id or the domain of no tenant."),
            }
        }
    };
    let report = match input.report.as_deref().map(Uuid::try_parse) {
        None => None,
        Some(Ok(report)) => Some(report),
        Some(Err(_)) => return invalid("'match.report' should be the id of a report."),
    };
    let path = input.path.as_ref().map(|path| path.to_lowercase());
    if path.as_ref().is_some_and(|path| !path.starts_with(['/', '*'])) {
        return invalid("'match.path' should begin with '/' or '*'.");
    }
    let method = input.method.as_ref().map(|method| method.to_uppercase());
    if method.as_ref().is_some_and(|method| !["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"].contains(&method.as_str())) {
        return invalid("'match.method' should be GET, HEAD, POST, PUT, PATCH, DELETE or OPTIONS.");
    }
    Ok(Matching { method, path, tenant, dataset: input.dataset.clone(), report })
}

fn effect(input: &FaultInput) -> Result<Effect, Failure> {
    let kind = input.kind.as_deref().unwrap_or("request");
    let request = |answer| Ok(Effect::Request(RequestFault { delay: delay(input)?, answer }));
    let known = KINDS.iter().find(|known| known.eq_ignore_ascii_case(kind)).copied();
    let Some(kind) = known else {
        return invalid(format!("'kind' should be one of {}.", KINDS.join(", ")));
    };
    takes_only(input, kind)?;
    match kind {
        "request" => request(ordered_answer(input)?),
        "throttled" => request(OrderedAnswer::Status {
            status: 429,
            body: text("body", input.body.as_ref(), LONGEST_BODY)?,
            content_type: content_type(input)?,
            retry_after: Some(retry_after(input)?.unwrap_or(THROTTLED_FOR)),
        }),
        "expiredToken" => request(OrderedAnswer::ExpiredToken),
        "expiredLink" => request(OrderedAnswer::ExpiredLink),
        "cut" => {
            request(OrderedAnswer::Cut(input.cut_after.map(|after| within("cutAfter", after, 0, u32::MAX)).transpose()?.map(u64::from)))
        }
        "authority" => {
            let Some(number) = input.error else { return invalid("'error' should be a number of the token endpoint, such as 50126.") };
            let of = |version| u32::try_from(number).ok().and_then(|code| GrantRefusal::ordered(code, version));
            match (of(TokenVersion::V1), of(TokenVersion::V2)) {
                (Some(first), Some(second)) => request(OrderedAnswer::Refusal(Box::new([first, second]))),
                _ => invalid(format!("'error' should be a number of the token endpoint: {number} is not in the documented table.")),
            }
        }
        "executionPending" => Ok(Effect::Execution(ExecutionFault::Pending(hold(input)?))),
        "executionRunning" => Ok(Effect::Execution(ExecutionFault::Running(hold(input)?))),
        "executionSlow" => match input.delay {
            None => invalid("'delay' should say how long, such as PT5S."),
            Some(_) => Ok(Effect::Execution(ExecutionFault::Slow(delay(input)?))),
        },
        "executionFailed" => {
            let reason = text("reason", input.reason.as_ref(), LONGEST_REASON)?;
            Ok(Effect::Execution(ExecutionFault::Failed {
                reason: reason.unwrap_or_else(|| "The execution failed, as ordered.".to_owned()),
            }))
        }
        "callbackDropped" => Ok(Effect::Callback(CallbackFault::Dropped)),
        "callbackDoubled" => Ok(Effect::Callback(CallbackFault::Doubled)),
        "callbackDelayed" => Ok(Effect::Callback(CallbackFault::Delayed(hold(input)?))),
        _ => Ok(Effect::Callback(CallbackFault::Reversed(within("count", input.count.unwrap_or(2), 2, MOST_REVERSED)?))),
    }
}

/// A field that the kind has no use for is a mistake.
fn takes_only(input: &FaultInput, kind: &str) -> Result<(), Failure> {
    let taken: &[&str] = match kind {
        "request" => &["status", "body", "contentType", "retryAfter", "delay"],
        "throttled" => &["body", "contentType", "retryAfter", "delay"],
        "expiredToken" | "expiredLink" => &["delay"],
        "cut" => &["cutAfter", "delay"],
        "authority" => &["error", "delay"],
        "executionPending" | "executionRunning" | "callbackDelayed" => &["for"],
        "executionSlow" => &["delay"],
        "executionFailed" => &["reason"],
        OUT_OF_ORDER => &["count"],
        _ => &[],
    };
    let given = [
        ("status", input.status.is_some()),
        ("body", input.body.is_some()),
        ("contentType", input.content_type.is_some()),
        ("retryAfter", input.retry_after.is_some()),
        ("delay", input.delay.is_some()),
        ("for", input.hold.is_some()),
        ("cutAfter", input.cut_after.is_some()),
        ("error", input.error.is_some()),
        ("reason", input.reason.is_some()),
        ("count", input.count.is_some()),
    ];
    match given.iter().find(|(name, is_given)| *is_given && !taken.contains(name)) {
        None => Ok(()),
        Some((name, _)) if taken.is_empty() => invalid(format!("'{name}' is not for the kind {kind}, which takes nothing more.")),
        Some((name, _)) => invalid(format!("'{name}' is not for the kind {kind}, which takes {}.", taken.join(", "))),
    }
}

fn ordered_answer(input: &FaultInput) -> Result<OrderedAnswer, Failure> {
    let (body, content_type, retry_after) = (text("body", input.body.as_ref(), LONGEST_BODY)?, content_type(input)?, retry_after(input)?);
    match input.status {
        Some(status) => {
            let status = within("status", status, 200, 599)?;
            Ok(OrderedAnswer::Status { status: u16::try_from(status).unwrap_or(500), body, content_type, retry_after })
        }
        None if body.is_some() || content_type.is_some() || retry_after.is_some() => {
            invalid("'status' should be given with 'body', 'contentType' and 'retryAfter'.")
        }
        None if input.delay.is_none() => invalid("Say what happens: 'status', 'delay' or a 'kind'."),
        None => Ok(OrderedAnswer::Own),
    }
}

fn within(name: &str, value: i64, least: u32, most: u32) -> Result<u32, Failure> {
    match u32::try_from(value) {
        Ok(value) if (least..=most).contains(&value) => Ok(value),
        _ => invalid(format!("'{name}' should be between {least} and {most}.")),
    }
}

fn text(name: &str, value: Option<&String>, most: usize) -> Result<Option<String>, Failure> {
    match value {
        Some(text) if text.len() > most => invalid(format!("'{name}' should have at most {most} bytes.")),
        other => Ok(other.cloned()),
    }
}

/// A header's value: printable ASCII.
fn content_type(input: &FaultInput) -> Result<Option<String>, Failure> {
    match &input.content_type {
        Some(value) if value.is_empty() || value.len() > 200 || !value.bytes().all(|byte| (b' '..=b'~').contains(&byte)) => {
            invalid("'contentType' should be the value of a Content-Type header.")
        }
        other => Ok(other.clone()),
    }
}

fn retry_after(input: &FaultInput) -> Result<Option<u32>, Failure> {
    input.retry_after.map(|seconds| within("retryAfter", seconds, 0, LONGEST_RETRY_AFTER)).transpose()
}

fn delay(input: &FaultInput) -> Result<Duration, Failure> {
    let delay = input.delay.unwrap_or_default();
    if delay > LONGEST_DELAY {
        return invalid(format!("'delay' should be at most PT{}S: it is waited for in real time.", LONGEST_DELAY.as_secs()));
    }
    Ok(delay)
}

fn hold(input: &FaultInput) -> Result<TimeDelta, Failure> {
    match input.hold {
        Some(hold) if hold > TimeDelta::zero() && hold <= LONGEST_HOLD => Ok(hold),
        Some(_) => invalid("'for' should be more than nothing and at most P365D."),
        None => invalid("'for' should say how long, such as PT2H."),
    }
}
