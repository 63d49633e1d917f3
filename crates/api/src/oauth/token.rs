//! The token endpoints of both versions, which take a form and answer in JSON.

use axum::http::{HeaderMap, StatusCode, header};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use insightgate_identity::tokens::grant::GrantRefusal;
use insightgate_identity::tokens::token::{LIFETIME_SECONDS, TokenVersion};
use insightgate_operations::issue_token::{TokenAnswer, TokenRequest, issue_token};
use serde_json::{Value, json};
use url::form_urlencoded;

use super::call::{Call, Given};
use super::refusal::private_json;
use crate::http::parameters::Parameters;
use crate::http::refusals::Who;

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
    let client_secret = form.raw("client_secret").or_else(|| basic.as_ref().map(|(_, secret)| secret.clone()));
    // Without this, the client would be told about its secret, although it sent an assertion instead of one.
    if client_secret.is_none() && (form.raw("client_assertion").is_some() || form.raw("client_assertion_type").is_some()) {
        return Err(GrantRefusal::assertion_not_taken().into());
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
        // Version 1 calls the field `code`.
        device_code: form.text("device_code").or_else(|| form.text("code")),
        resource: form.text("resource"),
        scope: form.text("scope"),
        client_info: form.text("client_info").is_some_and(|value| value == "1"),
        address: address.0,
    };
    let answer = issue_token(&state.context, &request, &state.base_url, &asked.correlation).await?;
    let TokenAnswer { tenant, user, application, .. } = answer;
    asked.proven.found(Who { tenant, user, application });
    Ok(private_json(StatusCode::OK, &granted(&answer, version)))
}

/// The answer with the tokens. Version 1 writes numbers as text and repeats the resource.
fn granted(answer: &TokenAnswer, version: TokenVersion) -> Value {
    // One second less than the lifetime, as in the documents.
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
