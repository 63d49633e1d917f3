//! The authorization endpoints of both versions, and the address that all pages send their forms to.

use std::convert::Infallible;

use axum::body::Body;
use axum::extract::rejection::PathRejection;
use axum::extract::{FromRequestParts, Path};
use axum::http::request::Parts;
use axum::http::{Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use insightgate_identity::tokens::grant::GrantRefusal;
use insightgate_identity::tokens::token::TokenVersion;
use insightgate_operations::issue_token::TokenFailure;
use insightgate_operations::sign_in::{
    AuthorizationAnswer, AuthorizationRequest, Next, Outcome, Purpose, ResponseMode, SessionChange, Step, Visit, proceed,
};
use url::form_urlencoded::Serializer;

use super::browser::Browser;
use super::form::{read_form, read_parameters};
use super::pages::{self, Form};
use super::token::{asking_again_later, described};
use crate::envelope::Asked;
use crate::http::client_address::ClientAddress;
use crate::http::fields::Parameters;
use crate::state::ApiState;

/// A browser, whatever it asks for.
pub(super) struct Caller {
    pub state: ApiState,
    pub asked: Asked,
    pub browser: Browser,
    pub address: ClientAddress,
}

impl Caller {
    pub(super) fn visit(&self) -> Visit {
        Visit { session: self.browser.session(), address: self.address.0, correlation: self.asked.correlation.clone() }
    }

    pub(super) fn refuse(&self, refusal: &GrantRefusal) -> Response {
        let time = self.state.context.clock.now().format("%Y-%m-%d %H:%M:%SZ").to_string();
        let page = asking_again_later(pages::error(refusal, &self.asked.correlation, time), refusal);
        self.browser.answered(page, &SessionChange::Keep)
    }

    pub(super) fn fail(&self, failure: &TokenFailure) -> Response {
        match failure {
            TokenFailure::Refused(refusal) => self.refuse(refusal),
            TokenFailure::Internal(cause) => {
                tracing::error!(%cause, correlation = self.asked.correlation, "a sign-in failed");
                self.refuse(&GrantRefusal::transient())
            }
        }
    }

    pub(super) async fn proceed(&self, purpose: &Purpose, step: Step) -> Response {
        let reply = match proceed(&self.state.context, &self.visit(), purpose, step).await {
            Ok(reply) => reply,
            Err(failure) => return self.fail(&failure),
        };
        let response = match reply.next {
            Next::Ask(ask, party) => pages::ask(ask, party, self.form(purpose)),
            Next::Answer(answer) => self.answer(answer),
            Next::DeviceDecided { approved: true, application } => {
                pages::done("You are signed in", format!("{application} goes on on your device. You may close this page."))
            }
            Next::DeviceDecided { approved: false, application } => {
                pages::done("Cancelled", format!("{application} was not signed in. You may close this page."))
            }
        };
        self.browser.answered(response, &reply.session)
    }

    fn form(&self, purpose: &Purpose) -> Form {
        let csrf = self.browser.form_token();
        match purpose {
            Purpose::Authorization(request) => Form { csrf, name: "request", value: packed(request) },
            Purpose::Device(user_code) => Form { csrf, name: "user_code", value: user_code.clone() },
        }
    }

    /// Sends the browser back to the application.
    fn answer(&self, answer: AuthorizationAnswer) -> Response {
        let mut fields = Vec::new();
        match answer.outcome {
            Outcome::Code(code) => fields.push(("code", code)),
            Outcome::Refused(refusal) => {
                let described = described(&self.state, &self.asked, &refusal);
                fields.push(("error", refusal.error.to_owned()));
                fields.push(("error_description", described.text));
                fields.push(("error_uri", described.uri));
            }
        }
        fields.extend(answer.state.map(|state| ("state", state)));
        match answer.mode {
            ResponseMode::FormPost => pages::form_post(&answer.redirect_uri, fields),
            ResponseMode::Query => {
                let joint = if answer.redirect_uri.contains('?') { '&' } else { '?' };
                redirect(&with_fields(&answer.redirect_uri, joint, &fields))
            }
            ResponseMode::Fragment => redirect(&with_fields(&answer.redirect_uri, '#', &fields)),
        }
    }
}

impl FromRequestParts<ApiState> for Caller {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, state: &ApiState) -> Result<Self, Infallible> {
        let address = ClientAddress::from_request_parts(parts, state).await?;
        let browser = Browser::of(state, &parts.headers);
        Ok(Caller { state: state.clone(), asked: Asked::of(parts), browser, address })
    }
}

fn with_fields(uri: &str, joint: char, fields: &[(&'static str, String)]) -> String {
    format!("{uri}{joint}{}", Serializer::new(String::new()).extend_pairs(fields).finish())
}

/// Redirects with a GET, whatever method the browser used here.
pub(super) fn redirect(to: &str) -> Response {
    let headers = [(header::LOCATION, to), (header::CACHE_CONTROL, "no-store"), (header::REFERRER_POLICY, "no-referrer")];
    (StatusCode::SEE_OTHER, headers).into_response()
}

type Tenant = Result<Path<String>, PathRejection>;

pub(super) async fn begin_v1(caller: Caller, tenant: Tenant, method: Method, uri: Uri, body: Body) -> Response {
    begin(caller, tenant, TokenVersion::V1, method, uri, body).await
}

pub(super) async fn begin_v2(caller: Caller, tenant: Tenant, method: Method, uri: Uri, body: Body) -> Response {
    begin(caller, tenant, TokenVersion::V2, method, uri, body).await
}

async fn begin(caller: Caller, tenant: Tenant, version: TokenVersion, method: Method, uri: Uri, body: Body) -> Response {
    let Ok(Path(tenant)) = tenant else { return caller.refuse(&GrantRefusal::malformed_tenant()) };
    let parameters = match method {
        Method::POST => read_form(body).await,
        _ => read_parameters(uri.query().unwrap_or_default().as_bytes()),
    };
    match parameters {
        Ok(parameters) => {
            let request = authorization_request(tenant, version, &parameters);
            caller.proceed(&Purpose::Authorization(Box::new(request)), Step::Begin).await
        }
        Err(refusal) => caller.refuse(&refusal),
    }
}

/// A page's form.
pub(super) async fn take_step(caller: Caller, body: Body) -> Response {
    let form = match read_form(body).await {
        Ok(form) => form,
        Err(refusal) => return caller.refuse(&refusal),
    };
    if !caller.browser.owns(form.raw("csrf").as_deref()) {
        return caller.refuse(&stale_form());
    }
    let purpose = match (form.raw("request"), form.text("user_code")) {
        (Some(request), _) => match read_parameters(request.as_bytes()) {
            Ok(packed) => Purpose::Authorization(Box::new(unpacked(&packed))),
            Err(refusal) => return caller.refuse(&refusal),
        },
        (None, Some(user_code)) => Purpose::Device(user_code),
        (None, None) => return caller.refuse(&GrantRefusal::malformed("the form carries no request")),
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
        _ => return caller.refuse(&GrantRefusal::malformed("the form names no step")),
    };
    caller.proceed(&purpose, step).await
}

/// The refusal of a form that belongs to another browser, or to a page from before the browser's cookies were removed.
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

/// The whole request as one field, which the next form sends again.
fn packed(request: &AuthorizationRequest) -> String {
    let mut pairs = Serializer::new(String::new());
    pairs.append_pair("tenant", &request.tenant).append_pair("version", request.version.number());
    for (name, value) in [
        ("client_id", &request.client_id),
        ("redirect_uri", &request.redirect_uri),
        ("response_type", &request.response_type),
        ("response_mode", &request.response_mode),
        ("scope", &request.scope),
        ("resource", &request.resource),
        ("state", &request.state),
        ("nonce", &request.nonce),
        ("prompt", &request.prompt),
        ("login_hint", &request.login_hint),
        ("code_challenge", &request.code_challenge),
        ("code_challenge_method", &request.code_challenge_method),
    ] {
        if let Some(value) = value {
            pairs.append_pair(name, value);
        }
    }
    pairs.finish()
}

fn unpacked(parameters: &Parameters) -> AuthorizationRequest {
    let version = if parameters.text("version").as_deref() == Some("2.0") { TokenVersion::V2 } else { TokenVersion::V1 };
    authorization_request(parameters.text("tenant").unwrap_or_default(), version, parameters)
}
