//! Discovery: what clients and the platform's authentication libraries request before a token.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::{HeaderName, Uri, header};
use axum::response::{IntoResponse, Response};
use insightgate_identity::tenant::TenantReference;
use insightgate_identity::tokens::grant::GrantRefusal;
use insightgate_identity::tokens::token::TokenVersion;
use insightgate_identity::user::domain_of;
use serde_json::json;

use super::call::{Call, Given};
use crate::http::parameters::Parameters;
use crate::state::ApiState;

/// The headers of public answers. They may be cached for a shorter time than a new key is published before it signs.
const PUBLIC: [(HeaderName, &str); 1] = [(header::CACHE_CONTROL, "public, max-age=60")];

pub(super) async fn configuration_v1(call: Call) -> Given {
    configuration(call, TokenVersion::V1).await
}

pub(super) async fn configuration_v2(call: Call) -> Given {
    configuration(call, TokenVersion::V2).await
}

/// The provider's metadata (OpenID Connect Discovery).
async fn configuration(call: Call, version: TokenVersion) -> Given {
    let tenant = call.tenant()?;
    let (store, base) = (&call.state.context.store, &call.state.base_url);
    let found = match TenantReference::parse(&tenant) {
        None => return Err(GrantRefusal::malformed_tenant().into()),
        // The issuer depends on who signs in, so the platform writes a placeholder.
        Some(TenantReference::Organizations | TenantReference::Common) => Ok(Some("{tenantid}".to_owned())),
        Some(TenantReference::Id(id)) => store.tenant(id).await.map(|tenant| tenant.map(|tenant| tenant.id.to_string())),
        Some(TenantReference::Domain(domain)) => {
            store.tenant_by_domain(&domain).await.map(|tenant| tenant.map(|tenant| tenant.id.to_string()))
        }
    };
    let found = found.map_err(|cause| {
        tracing::error!(%cause, correlation = call.asked.correlation, "a tenant could not be read");
        GrantRefusal::transient()
    })?;
    let id = found.ok_or_else(|| GrantRefusal { error: "invalid_tenant", ..GrantRefusal::unknown_tenant() })?;
    let (issuer, path, keys) = match version {
        TokenVersion::V1 => (format!("{base}/{id}/"), "oauth2", "discovery/keys"),
        TokenVersion::V2 => (format!("{base}/{id}/v2.0"), "oauth2/v2.0", "discovery/v2.0/keys"),
    };
    let at = |name: &str| format!("{base}/{tenant}/{path}/{name}");
    let document = Json(json!({
        "issuer": issuer,
        "token_endpoint": at("token"),
        "authorization_endpoint": at("authorize"),
        "device_authorization_endpoint": at("devicecode"),
        "end_session_endpoint": at("logout"),
        "jwks_uri": format!("{base}/{tenant}/{keys}"),
        "token_endpoint_auth_methods_supported": ["client_secret_post", "client_secret_basic", "none"],
        "grant_types_supported": [
            "password", "refresh_token", "authorization_code", "urn:ietf:params:oauth:grant-type:device_code", "client_credentials",
        ],
        "response_types_supported": ["code"],
        "response_modes_supported": ["query", "fragment", "form_post"],
        "code_challenge_methods_supported": ["S256", "plain"],
        "prompt_values_supported": ["none", "login", "select_account", "consent"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["RS256"],
        "scopes_supported": ["openid", "profile", "email", "offline_access"],
        "claims_supported": [
            "aud", "iss", "iat", "nbf", "exp", "tid", "oid", "sub", "upn", "preferred_username", "name", "nonce", "amr", "ver",
        ],
        "request_parameter_supported": false,
        "request_uri_parameter_supported": false,
        "claims_parameter_supported": false,
    }));
    Ok((PUBLIC, document).into_response())
}

pub(super) async fn keys(State(state): State<ApiState>) -> Response {
    (PUBLIC, Json(json!({"keys": state.context.signing.public()}))).into_response()
}

/// Confirms that this authority is valid. The platform's libraries request that for authorities that they do not know.
pub(super) async fn instance(State(state): State<ApiState>, uri: Uri) -> Response {
    let base = &state.base_url;
    let host = base.split("://").nth(1).unwrap_or_default();
    let asked = Parameters::parse(uri.query().unwrap_or_default().as_bytes()).text("authorization_endpoint");
    let tenant = asked.and_then(|endpoint| {
        endpoint.split('/').nth(3).and_then(TenantReference::parse).map(|_| endpoint.split('/').nth(3).map(str::to_owned))
    });
    let tenant = tenant.flatten().unwrap_or_else(|| "common".to_owned());
    Json(json!({
        "tenant_discovery_endpoint": format!("{base}/{tenant}/v2.0/.well-known/openid-configuration"),
        "api-version": "1.1",
        "metadata": [{"preferred_network": host, "preferred_cache": host, "aliases": [host]}],
    }))
    .into_response()
}

/// Says that every user is managed here, and none is federated. The answer does not reveal whether the user exists.
pub(super) async fn user_realm(Path(user): Path<String>) -> Response {
    Json(json!({
        "ver": "1.0",
        "account_type": "Managed",
        "domain_name": domain_of(&user).unwrap_or_default(),
        "cloud_instance_name": "insightgate",
        "cloud_audience_urn": "urn:insightgate",
    }))
    .into_response()
}
