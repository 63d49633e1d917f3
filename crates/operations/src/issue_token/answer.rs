//! The tokens of a granted request.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, TimeDelta, Utc};
use insightgate_identity::application::{Application, Permission};
use insightgate_identity::token::{AccessClaims, LIFETIME_SECONDS, TokenVersion};
use insightgate_store::RefreshTokenRecord;
use serde_json::json;
use uuid::Uuid;

use super::resource::Requested;
use super::{SignIn, TokenFailure, TokenRequest, Trail, refresh};
use crate::context::Context;
use crate::password::secret_digest;

/// Refresh tokens end after so many days without use. Source: the platform's default.
const REFRESH_DAYS: i64 = 90;

/// What the endpoint answers; the API writes it as the version wants it.
#[derive(Clone)]
pub struct TokenAnswer {
    pub access_token: String,
    pub resource: String,
    /// Granted delegated permissions; None for an application alone.
    pub scope: Option<String>,
    pub refresh_token: Option<String>,
    pub id_token: Option<String>,
    pub client_info: Option<String>,
    pub not_before: DateTime<Utc>,
    pub expires: DateTime<Utc>,
}

pub(super) async fn for_user(
    context: &Context,
    request: &TokenRequest,
    authority: &str,
    application: &Application,
    sign_in: SignIn,
    requested: Requested,
    trail: &mut Trail,
) -> Result<TokenAnswer, TokenFailure> {
    let permission = Permission::PartnerApi.name();
    let mut claims = claims(context, request.version, authority, application, &requested)?;
    let now = context.clock.now();
    let user = &sign_in.user;
    claims.oid = user.id;
    claims.sub = user.id.to_string();
    claims.upn = Some(user.username.clone());
    claims.scp = Some(permission.to_owned());
    claims.amr = sign_in.amr.split_whitespace().map(str::to_owned).collect();
    let refresh_token = if requested.refresh_token {
        let token = context.random.secret().map_err(TokenFailure::internal)?;
        let family = match &sign_in.replaced {
            Some(replaced) => replaced.family,
            None => context.random.uuid().map_err(TokenFailure::internal)?,
        };
        let record = RefreshTokenRecord {
            digest: secret_digest(&token),
            family,
            tenant: user.tenant,
            application: application.id,
            user: user.id,
            resource: requested.resource.clone(),
            amr: sign_in.amr.clone(),
            expires: now + TimeDelta::days(REFRESH_DAYS),
        };
        Some((token, record))
    } else {
        None
    };
    let id_token = requested.id_token.then(|| id_token(context, application, &claims)).transpose()?;
    let client_info = request.client_info.then(|| {
        let info = json!({"uid": user.id, "utid": user.tenant});
        URL_SAFE_NO_PAD.encode(info.to_string())
    });
    let scope = match request.version {
        TokenVersion::V1 => permission.to_owned(),
        TokenVersion::V2 => format!("{}/{permission}", requested.resource.trim_end_matches('/')),
    };
    let answer = signed(context, &claims, requested)?;
    let (refresh_token, record) = refresh_token.unzip();
    // Last: a request that is refused must not cost the client its session.
    refresh::keep(context, sign_in.replaced, record, trail, &answer.resource).await?;
    Ok(TokenAnswer { scope: Some(scope), refresh_token, id_token, client_info, ..answer })
}

pub(super) fn for_application(
    context: &Context,
    version: TokenVersion,
    authority: &str,
    application: &Application,
    requested: Requested,
) -> Result<TokenAnswer, TokenFailure> {
    let claims = claims(context, version, authority, application, &requested)?;
    signed(context, &claims, requested)
}

fn signed(context: &Context, claims: &AccessClaims, requested: Requested) -> Result<TokenAnswer, TokenFailure> {
    let instant = |seconds| DateTime::from_timestamp(seconds, 0).unwrap_or_default();
    Ok(TokenAnswer {
        access_token: context.signing.sign(claims).map_err(TokenFailure::internal)?,
        resource: requested.resource,
        scope: None,
        refresh_token: None,
        id_token: None,
        client_info: None,
        not_before: instant(claims.nbf),
        expires: instant(claims.exp),
    })
}

/// The claims of an application alone.
fn claims(
    context: &Context,
    version: TokenVersion,
    authority: &str,
    application: &Application,
    requested: &Requested,
) -> Result<AccessClaims, TokenFailure> {
    let now = context.clock.now().timestamp();
    let uti: Uuid = context.random.uuid().map_err(TokenFailure::internal)?;
    Ok(AccessClaims {
        aud: requested.resource.clone(),
        iss: version.issuer(authority, application.tenant),
        iat: now,
        nbf: now,
        exp: now + LIFETIME_SECONDS,
        tid: application.tenant,
        oid: application.id,
        sub: application.id.to_string(),
        upn: None,
        appid: (version == TokenVersion::V1).then_some(application.id),
        azp: (version == TokenVersion::V2).then_some(application.id),
        scp: None,
        amr: Vec::new(),
        ver: version.number().to_owned(),
        uti: URL_SAFE_NO_PAD.encode(uti.as_bytes()),
    })
}

/// Tells the application who signed in; it opens nothing.
fn id_token(context: &Context, application: &Application, claims: &AccessClaims) -> Result<String, TokenFailure> {
    let claims = json!({
        "aud": application.id,
        "iss": claims.iss,
        "iat": claims.iat,
        "nbf": claims.nbf,
        "exp": claims.exp,
        "tid": claims.tid,
        "oid": claims.oid,
        "sub": claims.sub,
        "upn": claims.upn,
        "preferred_username": claims.upn,
        "amr": claims.amr,
        "ver": claims.ver,
    });
    context.signing.sign(&claims).map_err(TokenFailure::internal)
}
