//! Sign-in for a device: the endpoint that issues its codes, and the page where its user types one.

use axum::http::StatusCode;
use insightgate_identity::tokens::grant::GrantRefusal;
use insightgate_identity::tokens::token::TokenVersion;
use insightgate_operations::issue_token::TokenFailure;
use insightgate_operations::sign_in::{Ask, DeviceAnswer, DeviceRequest, Party, Purpose, SessionChange, Step, start_device_sign_in};
use schemars::JsonSchema;
use serde::Serialize;

use super::authorize::stale_form;
use super::call::{Call, Given};
use super::caller::Caller;
use super::pages::{self, Form};
use super::refusal::private_json;
use crate::openapi::parameter_set::{Needed, ParameterSet as _, parameter_set};
use crate::state::ApiState;

parameter_set! {
    DeviceForm {
        client_id: Needed = "client_id", "The application.";
        resource: Option<String> = "resource", "Version 1: what the token will be for.";
        scope: Option<String> = "scope", "Version 2: what the token will be for.";
    }
}

pub(super) async fn start_v1(call: Call) -> Given {
    start(call, TokenVersion::V1).await
}

pub(super) async fn start_v2(call: Call) -> Given {
    start(call, TokenVersion::V2).await
}

async fn start(mut call: Call, version: TokenVersion) -> Given {
    let tenant = call.tenant()?;
    let form = DeviceForm::read(&call.form().await?).map_err(|fault| GrantRefusal::malformed(&fault.to_string()))?;
    let request =
        DeviceRequest { tenant, version, client_id: form.client_id.0, resource: form.resource, scope: form.scope, address: call.address.0 };
    let answer = start_device_sign_in(&call.state.context, &request, &call.asked.correlation).await?;
    let started = started(&call.state, answer, version).map_err(|error| TokenFailure::Internal(error.into()))?;
    Ok(private_json(StatusCode::OK, &started))
}

/// The answer with the codes. Version 1 writes numbers as text, and calls the address a URL.
#[derive(Serialize, JsonSchema)]
#[schemars(inline, extend("additionalProperties" = false))]
pub(super) struct Started<Number> {
    device_code: String,
    user_code: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    verification_url: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    verification_uri: Option<String>,
    expires_in: Number,
    interval: Number,
    /// What to tell the user.
    message: String,
}

fn started(state: &ApiState, answer: DeviceAnswer, version: TokenVersion) -> Result<serde_json::Value, serde_json::Error> {
    let DeviceAnswer { device_code, user_code, expires_in, interval } = answer;
    let address = format!("{}/common/oauth2/deviceauth", state.base_url);
    let message = format!("To sign in, use a web browser to open the page {address} and enter the code {user_code} to authenticate.");
    match version {
        TokenVersion::V1 => serde_json::to_value(Started {
            device_code,
            user_code,
            verification_url: Some(address),
            verification_uri: None,
            expires_in: expires_in.to_string(),
            interval: interval.to_string(),
            message,
        }),
        TokenVersion::V2 => serde_json::to_value(Started {
            device_code,
            user_code,
            verification_url: None,
            verification_uri: Some(address),
            expires_in,
            interval: i64::from(interval),
            message,
        }),
    }
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
