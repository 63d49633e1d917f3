//! The tokens of a granted request.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, Utc};
use insightgate_identity::application::{Application, Permission};
use insightgate_identity::tokens::grant::GrantRefusal;
use insightgate_identity::tokens::refresh::LIFETIME;
use insightgate_identity::tokens::token::{AccessClaims, BACKDATED_SECONDS, LIFETIME_SECONDS, TokenVersion};
use insightgate_store::{RefreshTokenRecord, Store};
use serde_json::json;
use uuid::Uuid;

use super::resource::Requested;
use super::{ISSUED, SignIn, Spent, TokenFailure, TokenRequest, Trail};
use crate::audit;
use crate::context::Context;
use crate::credentials::check_password::still_holds;
use crate::credentials::password::secret_digest;

/// The answer of the endpoint. The API writes it in the form of the requested version.
#[derive(Clone)]
pub struct TokenAnswer {
    pub access_token: String,
    pub resource: String,
    /// The delegated permissions that were granted; `None` for an application alone.
    pub scope: Option<String>,
    pub refresh_token: Option<String>,
    pub id_token: Option<String>,
    pub client_info: Option<String>,
    pub not_before: DateTime<Utc>,
    pub expires: DateTime<Utc>,
    /// Whom the tokens stand for, by their ids.
    pub tenant: Uuid,
    /// `None` for an application alone.
    pub user: Option<Uuid>,
    pub application: Uuid,
}

pub(super) async fn for_user(
    context: &Context,
    request: &TokenRequest,
    authority: &str,
    application: &Application,
    (permission, requested): (Permission, Requested),
    sign_in: SignIn,
    trail: &mut Trail,
) -> Result<TokenAnswer, TokenFailure> {
    let permission = permission.name();
    let mut claims = claims(context, request.version, authority, application, &requested)?;
    let user = &sign_in.user;
    claims.oid = user.id;
    claims.sub = user.id.to_string();
    claims.upn = Some(user.username.clone());
    claims.scp = Some(permission.to_owned());
    claims.amr = sign_in.amr.split_whitespace().map(str::to_owned).collect();
    let refresh = if requested.refresh_token { Some(refresh_token(context, application, &sign_in, &requested)?) } else { None };
    let id_token = requested.id_token.then(|| id_token(context, application, &claims, &sign_in)).transpose()?;
    let client_info = request.client_info.then(|| {
        let info = json!({"uid": user.id, "utid": user.tenant});
        URL_SAFE_NO_PAD.encode(info.to_string())
    });
    let scope = match request.version {
        TokenVersion::V1 => permission.to_owned(),
        TokenVersion::V2 => requested.answered_scope(permission),
    };
    let answer = signed(context, &claims, requested)?;
    let (refresh_token, record) = refresh.unzip();
    // This comes last, since a request that is refused must not cost the client its session.
    use_up(context, sign_in.spent, record, trail, &answer.resource).await?;
    Ok(TokenAnswer { scope: Some(scope), refresh_token, id_token, client_info, ..answer })
}

/// A new refresh token with its record. It belongs to the family of the token or code that led to it.
fn refresh_token(
    context: &Context,
    application: &Application,
    sign_in: &SignIn,
    requested: &Requested,
) -> Result<(String, RefreshTokenRecord), TokenFailure> {
    let token = context.random.secret().map_err(TokenFailure::internal)?;
    let family = match &sign_in.spent {
        Spent::Refresh { family, .. } | Spent::Code { family, .. } => *family,
        Spent::Device { .. } | Spent::Password(_) => context.random.uuid().map_err(TokenFailure::internal)?,
    };
    let record = RefreshTokenRecord {
        digest: secret_digest(&token),
        family,
        tenant: sign_in.user.tenant,
        application: application.id,
        user: sign_in.user.id,
        resource: requested.resource.clone(),
        amr: sign_in.amr.clone(),
        expires: context.clock.now() + LIFETIME,
    };
    Ok((token, record))
}

/// Redeems the credential and stores the new refresh token, both or neither. The second of two requests with the same code is treated as theft, and so
/// is the second use of a refresh token that may not be used again. The audit event is written in the same transaction, so that a refresh costs only one.
async fn use_up(
    context: &Context,
    spent: Spent,
    record: Option<RefreshTokenRecord>,
    trail: &mut Trail,
    resource: &str,
) -> Result<(), TokenFailure> {
    match spent {
        Spent::Password(checked) => {
            if let Some(record) = record {
                context.store.add_refresh_token(&record).await?;
            }
            if !still_holds(context, &checked).await? {
                return Err(GrantRefusal::wrong_credentials().into());
            }
        }
        Spent::Refresh { used, family } => {
            let event = audit::standing_alone(context, trail.happening(ISSUED, resource.to_owned()));
            if !context.store.replace_refresh_token(used, record, event).await? {
                end_stolen(context, family, trail).await?;
                return Err(GrantRefusal::revoked_refresh_token().into());
            }
            trail.recorded = true;
        }
        Spent::Code { digest, family } => {
            if !recording(context, trail, resource).redeem_authorization_code(&digest, record.as_ref()).await? {
                end_stolen(context, family, trail).await?;
                return Err(GrantRefusal::used_code().into());
            }
            trail.recorded = true;
        }
        Spent::Device { digest } => {
            if !recording(context, trail, resource).redeem_device_code(&digest, record.as_ref()).await? {
                return Err(GrantRefusal::unknown_device_code().into());
            }
            trail.recorded = true;
        }
    }
    Ok(())
}

/// The store, whose next change writes the audit event of the grant. If such events come too fast, they are only counted.
fn recording(context: &Context, trail: &Trail, resource: &str) -> Store {
    match audit::standing_alone(context, trail.happening(ISSUED, resource.to_owned())) {
        Some(event) => context.store.recording(event),
        None => context.store.clone(),
    }
}

/// Revokes the family of a token or code that was used again, and records that in the same transaction.
pub(super) async fn end_stolen(context: &Context, family: Uuid, trail: &Trail) -> Result<(), TokenFailure> {
    let happening = trail.happening("sign_in.revoke", "a used token or code came back".to_owned());
    let event = audit::event(context, happening).map_err(TokenFailure::internal)?;
    Ok(context.store.revoke_refresh_family(family, Some(event)).await?)
}

pub(super) fn for_application(
    context: &Context,
    version: TokenVersion,
    authority: &str,
    application: &Application,
    roles: Vec<String>,
    requested: Requested,
) -> Result<TokenAnswer, TokenFailure> {
    let mut claims = claims(context, version, authority, application, &requested)?;
    claims.roles = roles;
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
        tenant: claims.tid,
        user: claims.upn.as_ref().map(|_| claims.oid),
        application: claims.appid.or(claims.azp).unwrap_or(claims.oid),
    })
}

/// The claims for an application alone.
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
        nbf: now - BACKDATED_SECONDS,
        exp: now + LIFETIME_SECONDS,
        tid: application.tenant,
        oid: application.id,
        sub: application.id.to_string(),
        upn: None,
        appid: (version == TokenVersion::V1).then_some(application.id),
        azp: (version == TokenVersion::V2).then_some(application.id),
        scp: None,
        roles: Vec::new(),
        amr: Vec::new(),
        ver: version.number().to_owned(),
        uti: URL_SAFE_NO_PAD.encode(uti.as_bytes()),
    })
}

/// The id token, which tells the application who signed in. It grants no access.
fn id_token(context: &Context, application: &Application, claims: &AccessClaims, sign_in: &SignIn) -> Result<String, TokenFailure> {
    let mut claims = json!({
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
    let name = Some(&sign_in.user.display_name).filter(|name| !name.is_empty());
    if let Some(fields) = claims.as_object_mut() {
        fields.extend(name.map(|name| ("name".to_owned(), json!(name))));
        fields.extend(sign_in.nonce.as_ref().map(|nonce| ("nonce".to_owned(), json!(nonce))));
    }
    context.signing.sign(&claims).map_err(TokenFailure::internal)
}
