//! Reads and checks authorization requests, and answers them with a code. Until the redirect URI is known to be registered, a refusal is shown on a
//! page and not sent to the redirect URI, which may be an attacker's.

use chrono::TimeDelta;
use insightgate_identity::application::Application;
use insightgate_identity::tokens::grant::GrantRefusal;
use insightgate_identity::tokens::redirect::redirect_matches;
use insightgate_identity::tokens::token::TokenVersion;
use insightgate_store::AuthorizationCode;
use uuid::Uuid;

use super::session::Current;
use super::{Goal, Subject};
use crate::context::Context;
use crate::credentials::password::secret_digest;
use crate::issue_token::client::{find_application, reference, tenant_of};
use crate::issue_token::resource::Requested;
use crate::token_failure::TokenFailure;

/// Source: the documented lifetime.
const CODE_LIFETIME: TimeDelta = TimeDelta::minutes(10);

/// The parameters, as text. Absent and empty ones are `None`.
#[derive(Clone, Default)]
pub struct AuthorizationRequest {
    /// The tenant segment of the path.
    pub tenant: String,
    pub version: TokenVersion,
    pub client_id: Option<String>,
    pub redirect_uri: Option<String>,
    pub response_type: Option<String>,
    pub response_mode: Option<String>,
    pub scope: Option<String>,
    pub resource: Option<String>,
    pub state: Option<String>,
    pub nonce: Option<String>,
    pub prompt: Option<String>,
    pub login_hint: Option<String>,
    pub code_challenge: Option<String>,
    pub code_challenge_method: Option<String>,
}

/// How the answer travels through the browser.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ResponseMode {
    Query,
    Fragment,
    FormPost,
}

/// The answer for the application.
pub struct AuthorizationAnswer {
    /// One that is registered with the application.
    pub redirect_uri: String,
    pub mode: ResponseMode,
    pub state: Option<String>,
    pub outcome: Outcome,
}

pub enum Outcome {
    /// The code.
    Code(String),
    Refused(GrantRefusal),
}

pub(super) enum CheckFault {
    Page(TokenFailure),
    Back(Back, GrantRefusal),
}

impl From<GrantRefusal> for CheckFault {
    fn from(refusal: GrantRefusal) -> Self {
        CheckFault::Page(refusal.into())
    }
}

impl From<TokenFailure> for CheckFault {
    fn from(failure: TokenFailure) -> Self {
        CheckFault::Page(failure)
    }
}

/// The way back to the application.
#[derive(Clone)]
pub(super) struct Back {
    pub redirect_uri: String,
    mode: ResponseMode,
    state: Option<String>,
}

impl Back {
    fn answer(&self, outcome: Outcome) -> AuthorizationAnswer {
        AuthorizationAnswer { redirect_uri: self.redirect_uri.clone(), mode: self.mode, state: self.state.clone(), outcome }
    }

    pub(super) fn refused(&self, refusal: GrantRefusal) -> AuthorizationAnswer {
        self.answer(Outcome::Refused(refusal))
    }
}

/// What the code is bound to.
pub(super) struct CodeGoal {
    pub back: Back,
    challenge: Option<(String, String)>,
    nonce: Option<String>,
}

/// Which pages the request allows.
#[derive(Clone, Copy, Default)]
pub(super) struct Prompt {
    pub none: bool,
    pub login: bool,
    pub select_account: bool,
    pub consent: bool,
}

/// Checks the request. `known` is set to the tenant as soon as it is found.
pub(super) async fn check(context: &Context, request: &AuthorizationRequest, known: &mut Option<Uuid>) -> Result<Subject, CheckFault> {
    let client = request.client_id.as_deref();
    let directory = &context.directory.view();
    let tenant = tenant_of(context, directory, reference(&request.tenant)?, client).await?;
    *known = Some(tenant.id);
    let application = find_application(directory, &tenant, client).await?;
    let redirect_uri = request.redirect_uri.clone().ok_or_else(|| GrantRefusal::missing_field("redirect_uri"))?;
    if !application.redirect_uris.iter().any(|registered| redirect_matches(registered, &redirect_uri)) {
        return Err(GrantRefusal::unregistered_redirect(&redirect_uri).into());
    }
    let mode = response_mode(request.response_mode.as_deref());
    let back = Back { redirect_uri, mode: mode.clone().unwrap_or(ResponseMode::Query), state: request.state.clone() };
    let returned = |refusal: GrantRefusal| CheckFault::Back(back.clone(), refusal);
    mode.map_err(returned)?;
    match request.response_type.as_deref() {
        None => return Err(returned(GrantRefusal::missing_field("response_type"))),
        Some("code") => {}
        Some(other) => return Err(returned(GrantRefusal::unsupported_response_type(other))),
    }
    let prompt = read_prompt(request.prompt.as_deref()).map_err(returned)?;
    let challenge = read_challenge(request, &application).map_err(returned)?;
    let requested = Requested::read(request.version, request.resource.as_deref(), request.scope.as_deref(), None).map_err(returned)?;
    let permission = requested.permission(context).map_err(returned)?;
    let goal = CodeGoal { back, challenge, nonce: request.nonce.clone() };
    let login_hint = request.login_hint.clone();
    Ok(Subject { tenant, application, permission, requested, login_hint, prompt, goal: Goal::Code(goal) })
}

fn response_mode(asked: Option<&str>) -> Result<ResponseMode, GrantRefusal> {
    match asked {
        None | Some("query") => Ok(ResponseMode::Query),
        Some("fragment") => Ok(ResponseMode::Fragment),
        Some("form_post") => Ok(ResponseMode::FormPost),
        Some(other) => Err(GrantRefusal::unsupported_response_mode(other)),
    }
}

fn read_prompt(asked: Option<&str>) -> Result<Prompt, GrantRefusal> {
    let mut prompt = Prompt::default();
    let asked = asked.unwrap_or_default();
    for word in asked.split_whitespace() {
        match word {
            "none" => prompt.none = true,
            "login" => prompt.login = true,
            "select_account" => prompt.select_account = true,
            "consent" => prompt.consent = true,
            other => return Err(GrantRefusal::unsupported_prompt(other)),
        }
    }
    let asks = prompt.login || prompt.select_account || prompt.consent;
    if prompt.none && asks { Err(GrantRefusal::unsupported_prompt(asked)) } else { Ok(prompt) }
}

fn read_challenge(request: &AuthorizationRequest, application: &Application) -> Result<Option<(String, String)>, GrantRefusal> {
    let Some(challenge) = &request.code_challenge else {
        return match (application.public, &request.code_challenge_method) {
            (true, _) => Err(GrantRefusal::proof_key_missing()),
            (false, Some(_)) => Err(GrantRefusal::bad_challenge()),
            (false, None) => Ok(None),
        };
    };
    let method = request.code_challenge_method.as_deref().unwrap_or("plain");
    let shaped = (43..=128).contains(&challenge.len())
        && challenge.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~'));
    if shaped && matches!(method, "S256" | "plain") {
        Ok(Some((challenge.clone(), method.to_owned())))
    } else {
        Err(GrantRefusal::bad_challenge())
    }
}

pub(super) async fn issue(
    context: &Context,
    subject: &Subject,
    goal: &CodeGoal,
    current: &Current,
) -> Result<AuthorizationAnswer, TokenFailure> {
    let code = context.random.secret().map_err(TokenFailure::internal)?;
    let now = context.clock.now();
    let record = AuthorizationCode {
        digest: secret_digest(&code),
        family: context.random.uuid().map_err(TokenFailure::internal)?,
        tenant: subject.tenant.id,
        application: subject.application.id,
        user: current.user.id,
        redirect_uri: goal.back.redirect_uri.clone(),
        challenge: goal.challenge.clone(),
        nonce: goal.nonce.clone(),
        resource: subject.requested.resource.clone(),
        openid: subject.requested.id_token,
        offline: subject.requested.refresh_token,
        amr: current.record.amr.clone(),
        expires: now + CODE_LIFETIME,
        used: false,
    };
    if !context.store.add_authorization_code(&record, &current.record.digest).await? {
        return Err(GrantRefusal::revoked_refresh_token().into());
    }
    Ok(goal.back.answer(Outcome::Code(code)))
}
