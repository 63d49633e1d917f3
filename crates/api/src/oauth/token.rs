//! The token endpoints of both versions, which take a form and answer in JSON.

use axum::http::{HeaderMap, StatusCode, header};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use insightgate_identity::tokens::grant::GrantRefusal;
use insightgate_identity::tokens::token::{LIFETIME_SECONDS, TokenVersion};
use insightgate_operations::issue_token::{TokenAnswer, TokenFailure, TokenRequest, issue_token};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;
use url::form_urlencoded;

use super::call::{Call, Given};
use super::refusal::private_json;
use crate::http::parameters::Parameters;
use crate::http::refusals::Who;
use crate::openapi::parameter_set::{Needed, ParameterSet as _, Raw, parameter_set};

parameter_set! {
    /// What the token endpoints read. Which fields a grant needs, the operation says.
    TokenForm {
        grant_type: Needed = "grant_type", "password, refresh_token, authorization_code, client_credentials or urn:ietf:params:oauth:grant-type:device_code.";
        client_id: Option<String> = "client_id", "The application; HTTP Basic does as well.";
        client_secret: Raw = "client_secret", "Its secret, which a public application does not have.";
        client_assertion: Raw = "client_assertion", "Not taken: an application shows a secret.";
        client_assertion_type: Raw = "client_assertion_type", "Not taken.";
        username: Option<String> = "username", "The user, for the grant password.";
        password: Raw = "password", "The user's password.";
        refresh_token: Option<String> = "refresh_token", "The refresh token of the answer before.";
        code: Option<String> = "code", "The code that a sign-in gave; in version 1 also a device's.";
        redirect_uri: Option<String> = "redirect_uri", "The address that the code came to.";
        code_verifier: Option<String> = "code_verifier", "The proof key of PKCE.";
        device_code: Option<String> = "device_code", "The device's own code.";
        resource: Option<String> = "resource", "Version 1: what the token is for.";
        scope: Option<String> = "scope", "Version 2: what the token is for.";
        client_info: Option<String> = "client_info", "1 adds client_info to the answer.";
    }
}

pub(super) async fn issue_v1(mut call: Call) -> Given {
    let form = call.form().await;
    issue(call, form, TokenVersion::V1).await
}

pub(super) async fn issue_v2(mut call: Call) -> Given {
    let form = call.form().await;
    issue(call, form, TokenVersion::V2).await
}

/// One client (the Azure runtime for Ruby) sends the form as the body of a GET, which the older endpoint accepts. A GET without a body is refused as the
/// wrong verb. The query string is never read, since secrets do not belong there.
pub(super) async fn issue_by_get(mut call: Call) -> Given {
    let form = call.form().await;
    if form.as_ref().is_ok_and(Parameters::is_empty) {
        return Err(GrantRefusal::wrong_verb().into());
    }
    issue(call, form, TokenVersion::V1).await
}

/// The endpoint's address without a tenant.
pub(super) async fn no_tenant(_: Call) -> Given {
    Err(GrantRefusal::tenant_missing().into())
}

pub(super) async fn wrong_verb(_: Call) -> Given {
    Err(GrantRefusal::wrong_verb().into())
}

async fn issue(call: Call, form: Result<Parameters, GrantRefusal>, version: TokenVersion) -> Given {
    let (tenant, form) = (call.tenant()?, form?);
    let Call { state, asked, address, headers, .. } = call;
    let basic = basic_credentials(&headers);
    let form = TokenForm::read(&form).map_err(|fault| GrantRefusal::malformed(&fault.to_string()))?;
    let client_secret = form.client_secret.0.or_else(|| basic.as_ref().map(|(_, secret)| secret.clone()));
    // Without this, the client would be told about its secret, although it sent an assertion instead of one.
    if client_secret.is_none() && (form.client_assertion.0.is_some() || form.client_assertion_type.0.is_some()) {
        return Err(GrantRefusal::assertion_not_taken().into());
    }
    let request = TokenRequest {
        tenant,
        version,
        grant_type: form.grant_type.0,
        client_id: form.client_id.or_else(|| basic.as_ref().map(|(id, _)| id.clone())),
        client_secret,
        username: form.username,
        password: form.password.0,
        refresh_token: form.refresh_token,
        // Version 1 calls the field `code`.
        device_code: form.device_code.or_else(|| form.code.clone()),
        code: form.code,
        redirect_uri: form.redirect_uri,
        code_verifier: form.code_verifier,
        resource: form.resource,
        scope: form.scope,
        client_info: form.client_info.is_some_and(|value| value == "1"),
        address: address.0,
        of_console: false,
    };
    let answer = issue_token(&state.context, &request, &state.base_url, &asked.correlation).await?;
    let TokenAnswer { tenant, user, application, .. } = answer;
    asked.proven.found(Who { tenant, user, application });
    let granted = granted(answer, version).map_err(|error| TokenFailure::Internal(error.into()))?;
    Ok(private_json(StatusCode::OK, &granted))
}

/// The answer with the tokens. Version 1 writes numbers as text and repeats the resource.
#[derive(Serialize, JsonSchema)]
#[schemars(inline, extend("additionalProperties" = false))]
pub(super) struct Granted<Number> {
    /// `Bearer`.
    token_type: &'static str,
    expires_in: Number,
    ext_expires_in: Number,
    #[serde(flatten)]
    of_first: Option<OfFirst>,
    access_token: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    scope: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    refresh_token: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    id_token: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    client_info: Option<String>,
}

/// What only version 1 says.
#[derive(Serialize, JsonSchema)]
struct OfFirst {
    expires_on: String,
    not_before: String,
    resource: String,
}

fn granted(answer: TokenAnswer, version: TokenVersion) -> Result<Value, serde_json::Error> {
    // One second less than the lifetime, as in the documents.
    let seconds = LIFETIME_SECONDS - 1;
    match version {
        TokenVersion::V1 => {
            let of_first = OfFirst {
                expires_on: answer.expires.timestamp().to_string(),
                not_before: answer.not_before.timestamp().to_string(),
                resource: answer.resource.clone(),
            };
            serde_json::to_value(with_tokens(answer, seconds.to_string(), Some(of_first)))
        }
        TokenVersion::V2 => serde_json::to_value(with_tokens(answer, seconds, None)),
    }
}

fn with_tokens<Number: Clone>(answer: TokenAnswer, seconds: Number, of_first: Option<OfFirst>) -> Granted<Number> {
    Granted {
        token_type: "Bearer",
        expires_in: seconds.clone(),
        ext_expires_in: seconds,
        of_first,
        access_token: answer.access_token,
        scope: answer.scope,
        refresh_token: answer.refresh_token,
        id_token: answer.id_token,
        client_info: answer.client_info,
    }
}

/// The client id and secret from HTTP Basic, where both are form-encoded first (RFC 6749, 2.3.1).
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
