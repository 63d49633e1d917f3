//! Sign-in for a device: the endpoint that issues its codes, and the page where its user types one.

use axum::http::StatusCode;
use insightgate_identity::tokens::token::TokenVersion;
use insightgate_operations::sign_in::{Ask, DeviceAnswer, DeviceRequest, Party, Purpose, SessionChange, Step, start_device_sign_in};
use serde_json::json;

use super::authorize::stale_form;
use super::call::{Call, Given};
use super::caller::Caller;
use super::pages::{self, Form};
use super::refusal::private_json;
use crate::state::ApiState;

pub(super) async fn start_v1(call: Call) -> Given {
    start(call, TokenVersion::V1).await
}

pub(super) async fn start_v2(call: Call) -> Given {
    start(call, TokenVersion::V2).await
}

async fn start(mut call: Call, version: TokenVersion) -> Given {
    let tenant = call.tenant()?;
    let form = call.form().await?;
    let request = DeviceRequest {
        tenant,
        version,
        client_id: form.text("client_id"),
        resource: form.text("resource"),
        scope: form.text("scope"),
        address: call.address.0,
    };
    let answer = start_device_sign_in(&call.state.context, &request, &call.asked.correlation).await?;
    Ok(private_json(StatusCode::OK, &started(&call.state, &answer, version)))
}

/// The answer with the codes. Version 1 writes numbers as text, and calls the address a URL.
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

pub(super) async fn show(caller: Caller, _: Call) -> Given {
    let form = Form { csrf: caller.browser.form_token(), name: "user_code", value: String::new() };
    let page = pages::ask(Ask::DeviceCode { fault: None }, Party::default(), form);
    Ok(caller.browser.answered(page, &SessionChange::Keep))
}

pub(super) async fn enter(caller: Caller, mut call: Call) -> Given {
    let form = call.form().await?;
    if !caller.browser.owns(form.raw("csrf").as_deref()) {
        return Err(stale_form().into());
    }
    caller.proceed(&Purpose::Device(form.text("user_code").unwrap_or_default()), Step::Begin).await
}
