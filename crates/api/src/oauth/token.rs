//! The token endpoints of both versions: a form in, JSON out.

use std::convert::Infallible;

use axum::extract::rejection::PathRejection;
use axum::extract::{FromRequest, FromRequestParts as _, Path, Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use insightgate_identity::tokens::grant::GrantRefusal;
use insightgate_identity::tokens::token::{LIFETIME_SECONDS, TokenVersion};
use insightgate_operations::issue_token::{TokenAnswer, TokenFailure, TokenRequest, issue_token};
use serde_json::{Value, json};
use url::form_urlencoded;

use super::form::read_form;
use crate::envelope::Asked;
use crate::http::client_address::ClientAddress;
use crate::http::fields::Parameters;
use crate::state::ApiState;

/// What each of the endpoints is handed.
pub(super) struct Sent {
    state: ApiState,
    asked: Asked,
    address: ClientAddress,
    /// A segment may be no UTF-8.
    tenant: Result<Path<String>, PathRejection>,
    headers: HeaderMap,
    form: Result<Parameters, GrantRefusal>,
}

impl FromRequest<ApiState> for Sent {
    type Rejection = Infallible;

    async fn from_request(request: Request, state: &ApiState) -> Result<Self, Infallible> {
        let (mut parts, body) = request.into_parts();
        let address = ClientAddress::from_request_parts(&mut parts, state).await?;
        let tenant = Path::from_request_parts(&mut parts, state).await;
        let (asked, form) = (Asked::of(&parts), read_form(body).await);
        Ok(Sent { state: state.clone(), asked, address, tenant, headers: parts.headers, form })
    }
}

pub(super) async fn issue_v1(sent: Sent) -> Response {
    issue(sent, TokenVersion::V1).await
}

pub(super) async fn issue_v2(sent: Sent) -> Response {
    issue(sent, TokenVersion::V2).await
}

/// One client (the Azure runtime for Ruby) sends the form as the body of a GET, which the older endpoint accepts. A GET without a body is the wrong
/// verb. The query of the address is never read, since secrets do not belong there.
pub(super) async fn issue_by_get(sent: Sent) -> Response {
    match &sent.form {
        Ok(form) if form.is_empty() => refuse(&sent.state, &sent.asked, &GrantRefusal::wrong_verb()),
        _ => issue(sent, TokenVersion::V1).await,
    }
}

/// The endpoint's address without a tenant.
pub(super) async fn no_tenant(State(state): State<ApiState>, asked: Asked) -> Response {
    refuse(&state, &asked, &GrantRefusal::tenant_missing())
}

pub(super) async fn wrong_verb(State(state): State<ApiState>, asked: Asked) -> Response {
    refuse(&state, &asked, &GrantRefusal::wrong_verb())
}

async fn issue(sent: Sent, version: TokenVersion) -> Response {
    let Sent { state, asked, address, tenant, headers, form } = sent;
    let Ok(Path(tenant)) = tenant else { return refuse(&state, &asked, &GrantRefusal::malformed_tenant()) };
    let form = match form {
        Ok(form) => form,
        Err(refusal) => return refuse(&state, &asked, &refusal),
    };
    let basic = basic_credentials(&headers);
    let client_secret = form.raw("client_secret").or_else(|| basic.as_ref().map(|(_, secret)| secret.clone()));
    // Nothing is wrong with a secret that was not sent.
    if client_secret.is_none() && (form.raw("client_assertion").is_some() || form.raw("client_assertion_type").is_some()) {
        return refuse(&state, &asked, &GrantRefusal::assertion_not_taken());
    }
    let request = TokenRequest {
        tenant,
        version,
        grant_type: form.text("grant_type"),
        client_id: form.text("client_id").or_else(|| basic.as_ref().map(|(id, _)| id.clone())),
        client_secret,
        username: form.text("username"),
        password: form.raw("password"),
        refresh_token: form.text("refresh_token"),
        code: form.text("code"),
        redirect_uri: form.text("redirect_uri"),
        code_verifier: form.text("code_verifier"),
        // Version 1 calls it the code.
        device_code: form.text("device_code").or_else(|| form.text("code")),
        resource: form.text("resource"),
        scope: form.text("scope"),
        client_info: form.text("client_info").is_some_and(|value| value == "1"),
        address: address.0,
    };
    match issue_token(&state.context, &request, &state.base_url, &asked.correlation).await {
        Ok(answer) => private_json(StatusCode::OK, &granted(&answer, version)),
        Err(failure) => refuse_failure(&state, &asked, &failure),
    }
}

pub(super) fn refuse_failure(state: &ApiState, asked: &Asked, failure: &TokenFailure) -> Response {
    match failure {
        TokenFailure::Refused(refusal) => refuse(state, asked, refusal),
        TokenFailure::Internal(cause) => {
            tracing::error!(%cause, correlation = asked.correlation, "a token request failed");
            refuse(state, asked, &GrantRefusal::transient())
        }
    }
}

/// Version 1 writes numbers as text and repeats the resource.
fn granted(answer: &TokenAnswer, version: TokenVersion) -> Value {
    // As the documents show it: a second less than the lifetime.
    let seconds = LIFETIME_SECONDS - 1;
    let mut body = match version {
        TokenVersion::V1 => json!({
            "token_type": "Bearer",
            "expires_in": seconds.to_string(),
            "ext_expires_in": seconds.to_string(),
            "expires_on": answer.expires.timestamp().to_string(),
            "not_before": answer.not_before.timestamp().to_string(),
            "resource": answer.resource,
            "access_token": answer.access_token,
        }),
        TokenVersion::V2 => json!({
            "token_type": "Bearer",
            "expires_in": seconds,
            "ext_expires_in": seconds,
            "access_token": answer.access_token,
        }),
    };
    let optional = [
        ("scope", &answer.scope),
        ("refresh_token", &answer.refresh_token),
        ("id_token", &answer.id_token),
        ("client_info", &answer.client_info),
    ];
    if let Value::Object(fields) = &mut body {
        for (name, value) in optional {
            if let Some(value) = value {
                fields.insert(name.to_owned(), Value::from(value.clone()));
            }
        }
    }
    body
}

/// A refusal's text with the ids that identify it in the log.
pub(super) struct Described {
    pub text: String,
    pub uri: String,
    trace: String,
    timestamp: String,
}

pub(super) fn described(state: &ApiState, asked: &Asked, refusal: &GrantRefusal) -> Described {
    let timestamp = state.context.clock.now().format("%Y-%m-%d %H:%M:%SZ").to_string();
    let trace = state.context.random.uuid().map(|id| id.to_string()).unwrap_or_default();
    let text = format!("{refusal} Trace ID: {trace} Correlation ID: {} Timestamp: {timestamp}", asked.correlation);
    let uri = format!("{}/error?code={}", state.base_url, refusal.code);
    Described { text, uri, trace, timestamp }
}

/// The platform's error body.
pub(super) fn refuse(state: &ApiState, asked: &Asked, refusal: &GrantRefusal) -> Response {
    let Described { text, uri, trace, timestamp } = described(state, asked, refusal);
    let mut body = json!({
        "error": refusal.error,
        "error_description": text,
        "error_codes": [refusal.code],
        "timestamp": timestamp,
        "trace_id": trace,
        "correlation_id": asked.correlation,
        "error_uri": uri,
    });
    if let (Value::Object(fields), Some(suberror)) = (&mut body, refusal.suberror) {
        fields.insert("suberror".to_owned(), Value::from(suberror));
    }
    asking_again_later(private_json(StatusCode::from_u16(refusal.status).unwrap_or(StatusCode::BAD_REQUEST), &body), refusal)
}

/// Adds the seconds after which the same request may be granted, if waiting helps.
pub(super) fn asking_again_later(mut response: Response, refusal: &GrantRefusal) -> Response {
    if let Some(seconds) = refusal.retry_after {
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    response
}

/// JSON that nothing on the way may cache, since it has tokens or is about them.
pub(super) fn private_json(status: StatusCode, body: &Value) -> Response {
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static("application/json; charset=utf-8")),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store, no-cache")),
        (header::PRAGMA, HeaderValue::from_static("no-cache")),
    ];
    (status, headers, body.to_string()).into_response()
}

/// Client id and secret from HTTP Basic, where both are form-encoded first (RFC 6749, 2.3.1).
fn basic_credentials(headers: &HeaderMap) -> Option<(String, String)> {
    let (scheme, encoded) = headers.get(header::AUTHORIZATION)?.to_str().ok()?.trim().split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let decoded = String::from_utf8(STANDARD.decode(encoded.trim()).ok()?).ok()?;
    let (id, secret) = decoded.split_once(':')?;
    let plain = |text: &str| {
        let form = format!("value={text}");
        form_urlencoded::parse(form.as_bytes()).next().map(|(_, value)| value.into_owned()).unwrap_or_default()
    };
    Some((plain(id), plain(secret)))
}
