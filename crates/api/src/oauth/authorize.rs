//! The authorization endpoints of both versions, and the address that all pages send their forms to.

use insightgate_identity::tokens::grant::GrantRefusal;
use insightgate_identity::tokens::token::TokenVersion;
use insightgate_operations::sign_in::{AuthorizationRequest, Purpose, Step};

use super::call::{Call, Given};
use super::caller::Caller;
use super::form::read_parameters;
use crate::http::parameters::Parameters;

pub(super) async fn begin_v1(caller: Caller, call: Call) -> Given {
    begin(caller, call, TokenVersion::V1).await
}

pub(super) async fn begin_v2(caller: Caller, call: Call) -> Given {
    begin(caller, call, TokenVersion::V2).await
}

async fn begin(caller: Caller, mut call: Call, version: TokenVersion) -> Given {
    let tenant = call.tenant()?;
    let request = authorization_request(tenant, version, &call.parameters().await?);
    caller.proceed(&Purpose::Authorization(Box::new(request)), Step::Begin).await
}

/// Takes the form of a page.
pub(super) async fn take_step(caller: Caller, mut call: Call) -> Given {
    let form = call.form().await?;
    if !caller.browser.owns(form.raw("csrf").as_deref()) {
        return Err(stale_form().into());
    }
    let purpose = match (form.raw("request"), form.text("user_code")) {
        (Some(request), _) => Purpose::Authorization(Box::new(unpacked(&read_parameters(request.as_bytes())?))),
        (None, Some(user_code)) => Purpose::Device(user_code),
        (None, None) => return Err(GrantRefusal::malformed("the form carries no request").into()),
    };
    let field = |name| form.raw(name).unwrap_or_default();
    let step = match form.text("step").unwrap_or_default().as_str() {
        "password" => Step::Password { username: field("username"), password: field("password") },
        "new-password" => Step::NewPassword { password: field("password"), again: field("again") },
        "code" => Step::Code(field("code")),
        "enrol" => Step::Enrol(field("code")),
        "keep-account" => Step::KeepAccount,
        "other-account" => Step::OtherAccount,
        "accept" => Step::Decide(true),
        "decline" => Step::Decide(false),
        _ => return Err(GrantRefusal::malformed("the form names no step").into()),
    };
    caller.proceed(&purpose, step).await
}

/// The refusal of a form that belongs to another browser, or to a page from before the browser's cookies were deleted.
pub(super) fn stale_form() -> GrantRefusal {
    GrantRefusal::malformed("the page has expired, or the browser keeps no cookies; go back to the application and begin again")
}

fn authorization_request(tenant: String, version: TokenVersion, parameters: &Parameters) -> AuthorizationRequest {
    AuthorizationRequest {
        tenant,
        version,
        client_id: parameters.text("client_id"),
        redirect_uri: parameters.text("redirect_uri"),
        response_type: parameters.text("response_type"),
        response_mode: parameters.text("response_mode"),
        scope: parameters.text("scope"),
        resource: parameters.text("resource"),
        state: parameters.raw("state"),
        nonce: parameters.raw("nonce"),
        prompt: parameters.text("prompt"),
        login_hint: parameters.text("login_hint"),
        code_challenge: parameters.text("code_challenge"),
        code_challenge_method: parameters.text("code_challenge_method"),
    }
}

fn unpacked(parameters: &Parameters) -> AuthorizationRequest {
    let version = if parameters.text("version").as_deref() == Some("2.0") { TokenVersion::V2 } else { TokenVersion::V1 };
    authorization_request(parameters.text("tenant").unwrap_or_default(), version, parameters)
}
