//! A browser that signs somebody in or out: what it sends, and how it is answered.

use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use insightgate_identity::tokens::grant::GrantRefusal;
use insightgate_operations::issue_token::TokenFailure;
use insightgate_operations::sign_in::{
    AuthorizationAnswer, AuthorizationRequest, Next, Outcome, Purpose, ResponseMode, SessionChange, Step, Visit, proceed,
};
use url::form_urlencoded::Serializer;

use super::browser::Browser;
use super::pages::{self, Form};
use super::refusal::{asking_again_later, described};
use crate::envelope::Asked;
use crate::http::client_address::ClientAddress;
use crate::state::ApiState;

/// A browser, whatever it requests.
#[derive(Clone)]
pub(super) struct Caller {
    pub state: ApiState,
    pub asked: Asked,
    pub browser: Browser,
    pub address: ClientAddress,
}

impl Caller {
    pub(super) fn of(state: ApiState, asked: Asked, address: ClientAddress, headers: &HeaderMap) -> Caller {
        let browser = Browser::of(&state, headers);
        Caller { state, asked, browser, address }
    }

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

    pub(super) async fn proceed(&self, purpose: &Purpose, step: Step) -> Result<Response, TokenFailure> {
        let reply = proceed(&self.state.context, &self.visit(), purpose, step).await?;
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
        Ok(self.browser.answered(response, &reply.session))
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

fn with_fields(uri: &str, joint: char, fields: &[(&'static str, String)]) -> String {
    format!("{uri}{joint}{}", Serializer::new(String::new()).extend_pairs(fields).finish())
}

/// Redirects the browser with a GET, whatever method it used here.
pub(crate) fn redirect(to: &str) -> Response {
    let headers = [(header::LOCATION, to), (header::CACHE_CONTROL, "no-store"), (header::REFERRER_POLICY, "no-referrer")];
    (StatusCode::SEE_OTHER, headers).into_response()
}

/// Encodes the whole request as one field, which the next form sends again.
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
