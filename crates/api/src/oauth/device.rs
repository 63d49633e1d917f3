//! Sign-in for a device: the endpoint for its codes, and the page where its user types one.

use axum::body::Body;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use insightgate_identity::tokens::grant::GrantRefusal;
use insightgate_identity::tokens::token::TokenVersion;
use insightgate_operations::sign_in::{Ask, DeviceAnswer, DeviceRequest, Party, Purpose, SessionChange, Step, start_device_sign_in};
use serde_json::json;

use super::authorize::{Caller, stale_form};
use super::form::read_form;
use super::pages::{self, Form};
use super::token::{private_json, refuse, refuse_failure};
use crate::envelope::Asked;
use crate::http::client_address::ClientAddress;
use crate::state::ApiState;

type Tenant = Result<Path<String>, PathRejection>;

pub(super) async fn start_v1(state: State<ApiState>, asked: Asked, from: ClientAddress, tenant: Tenant, body: Body) -> Response {
    start(state, (asked, from), tenant, body, TokenVersion::V1).await
}

pub(super) async fn start_v2(state: State<ApiState>, asked: Asked, from: ClientAddress, tenant: Tenant, body: Body) -> Response {
    start(state, (asked, from), tenant, body, TokenVersion::V2).await
}

async fn start(
    State(state): State<ApiState>,
    (asked, from): (Asked, ClientAddress),
    tenant: Tenant,
    body: Body,
    version: TokenVersion,
) -> Response {
    let Ok(Path(tenant)) = tenant else { return refuse(&state, &asked, &GrantRefusal::malformed_tenant()) };
    let form = match read_form(body).await {
        Ok(form) => form,
        Err(refusal) => return refuse(&state, &asked, &refusal),
    };
    let request = DeviceRequest {
        tenant,
        version,
        client_id: form.text("client_id"),
        resource: form.text("resource"),
        scope: form.text("scope"),
        address: from.0,
    };
    match start_device_sign_in(&state.context, &request, &asked.correlation).await {
        Ok(answer) => private_json(StatusCode::OK, &started(&state, &answer, version)),
        Err(failure) => refuse_failure(&state, &asked, &failure),
    }
}

/// Version 1 writes numbers as text, and calls the address a URL.
fn started(state: &ApiState, answer: &DeviceAnswer, version: TokenVersion) -> serde_json::Value {
    let DeviceAnswer { device_code, user_code, expires_in, interval } = answer;
    let address = format!("{}/common/oauth2/deviceauth", state.base_url);
    let message = format!("To sign in, use a web browser to open the page {address} and enter the code {user_code} to authenticate.");
    let mut body = json!({"device_code": device_code, "user_code": user_code, "message": message});
    let (name, lifetime, wait) = match version {
        TokenVersion::V1 => ("verification_url", json!(expires_in.to_string()), json!(interval.to_string())),
        TokenVersion::V2 => ("verification_uri", json!(expires_in), json!(interval)),
    };
    if let Some(fields) = body.as_object_mut() {
        fields.insert(name.to_owned(), json!(address));
        fields.insert("expires_in".to_owned(), lifetime);
        fields.insert("interval".to_owned(), wait);
    }
    body
}

pub(super) async fn show(caller: Caller) -> Response {
    let form = Form { csrf: caller.browser.form_token(), name: "user_code", value: String::new() };
    let page = pages::ask(Ask::DeviceCode { fault: None }, Party::default(), form);
    caller.browser.answered(page, &SessionChange::Keep)
}

pub(super) async fn enter(caller: Caller, body: Body) -> Response {
    match read_form(body).await {
        Err(refusal) => caller.refuse(&refusal),
        Ok(form) if !caller.browser.owns(form.raw("csrf").as_deref()) => caller.refuse(&stale_form()),
        Ok(form) => caller.proceed(&Purpose::Device(form.text("user_code").unwrap_or_default()), Step::Begin).await,
    }
}
