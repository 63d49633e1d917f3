//! A request whose caller meets every prerequisite. Each handler of the Insights API gets one, and all are answered in the same way.

use std::collections::HashMap;
use std::pin::Pin;

use axum::RequestExt as _;
use axum::extract::{Path, Request, State};
use axum::http::{HeaderMap, HeaderName, header};
use axum::response::Response;
use insightgate_operations::callers::authenticate::{authenticate, count_refusal};
use insightgate_operations::callers::caller::Caller;
use insightgate_operations::context::Context;
use insightgate_operations::failure::Failure;
use insightgate_report::scheduled_report::ReportFault;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::envelope::{self, Asked};
use crate::http::challenge;
use crate::http::client_address::ClientAddress;
use crate::http::fields::{self, BODY_LIMIT};
use crate::http::json_body::{BodyFault, JsonBody};
use crate::http::parameters::Parameters;
use crate::state::ApiState;

use super::second_factor::Compliance;

/// The other header for the token, which clients in the wild send instead.
const USER_TICKET: HeaderName = HeaderName::from_static("x-aaduserticket");

pub(super) struct Call {
    pub(super) caller: Caller,
    pub(super) asked: Asked,
    pub(super) parameters: Parameters,
    state: ApiState,
    path: HashMap<String, String>,
    /// The body, which is read when a handler needs it.
    body: JsonBody,
}

impl Call {
    /// Reads and admits a request. The token is checked first, so that a caller without one learns nothing else.
    async fn read(state: ApiState, asked: Asked, mut request: Request) -> Result<Call, Failure> {
        let path = request.extract_parts::<Path<HashMap<String, String>>>().await;
        let Path(path) = path.map_err(|_| Failure::Invalid("The address is not encoded as UTF-8.".to_owned()))?;
        let accepted = match token(request.headers()) {
            Ok(token) => authenticate(&state.context, token).await,
            Err(failure) => Err(failure),
        };
        let Ok(ClientAddress(address)) = request.extract_parts_with_state(&state).await;
        let principal = match accepted {
            Ok(principal) => principal,
            Err(failure) => {
                count_refusal(&state.context, &failure, address, &asked.correlation);
                return Err(failure);
            }
        };
        asked.proven.found();
        if let Some(compliance) = request.extensions().get::<Compliance>() {
            compliance.found(principal.is_mfa_compliant());
        }
        let program = asked.program.ok_or(Failure::NotFound)?;
        let caller = Caller::admit(&state.context, principal, program, asked.origin(address)).await?;
        let parameters = Parameters::parse(request.uri().query().unwrap_or_default().as_bytes());
        Ok(Call { caller, asked, parameters, state, path, body: JsonBody::of(request) })
    }

    pub(super) fn context(&self) -> &Context {
        &self.state.context
    }

    pub(super) fn base_url(&self) -> &str {
        &self.state.base_url
    }

    /// Reads the fields of the body into a type. Those named in `skipped` are ignored.
    ///
    /// # Errors
    /// When the body is too large or not a JSON object, or a field has the wrong type.
    pub(super) async fn body<T: DeserializeOwned>(&mut self, skipped: &[&str]) -> Result<T, BodyFault> {
        fields::read(std::mem::take(&mut self.body), skipped).await
    }

    /// A variable part of the path, decoded and trimmed.
    pub(super) fn path(&self, name: &str) -> &str {
        self.path.get(name).map(|value| value.trim()).unwrap_or_default()
    }

    /// The report or reports that the path names. If it names none, the parameter `reportId`, as some pages of the documents show.
    pub(super) fn report_id(&self) -> Result<String, Failure> {
        let in_path = self.path("report_id");
        if !in_path.is_empty() || self.path.contains_key("report_id") {
            return Ok(in_path.to_owned());
        }
        self.parameters.text("reportId").ok_or_else(|| Failure::Invalid(ReportFault::Missing("reportId").to_string()))
    }

    /// The answer of a success, which says whether this caller sees redacted data.
    pub(super) fn success<Item: Serialize>(&self, value: &[Item], message: Option<&str>) -> Response {
        self.success_with(value, message, &[])
    }

    /// The same, with notes beside the documented message.
    pub(super) fn success_with<Item: Serialize>(&self, value: &[Item], message: Option<&str>, notes: &[String]) -> Response {
        envelope::success(value, message, notes, self.caller.scope.is_redacted())
    }
}

/// How a request is answered: by a handler's answer, or by a refusal in the envelope of this API.
pub(super) type Given = Result<Response, Refused>;

/// Why a handler gives no answer.
pub(super) enum Refused {
    Failure(Failure),
    /// The body has more bytes than are read.
    TooLarge,
}

impl From<Failure> for Refused {
    fn from(failure: Failure) -> Refused {
        Refused::Failure(failure)
    }
}

impl From<BodyFault> for Refused {
    fn from(fault: BodyFault) -> Refused {
        match fault {
            BodyFault::TooLarge => Refused::TooLarge,
            BodyFault::Invalid(message) => Refused::Failure(Failure::Invalid(message)),
        }
    }
}

/// Makes an endpoint from a handler: it admits the caller, runs the handler, and encodes the outcome.
pub(super) fn serve<R>(run: fn(Call) -> R) -> impl Fn(State<ApiState>, Asked, Request) -> Serving + Clone + Send + Sync + 'static
where
    R: Future<Output = Given> + Send + 'static,
{
    move |State(state), asked, request| {
        Box::pin(async move {
            let given = match Call::read(state, asked.clone(), request).await {
                Ok(call) => run(call).await,
                Err(failure) => Err(failure.into()),
            };
            match given {
                Ok(response) => response,
                Err(Refused::Failure(failure)) => asked.refuse(&failure),
                Err(Refused::TooLarge) => envelope::too_large(BODY_LIMIT),
            }
        })
    }
}

type Serving = Pin<Box<dyn Future<Output = Response> + Send>>;

/// The token from either header. Two different tokens are refused, since it is unclear which one is meant.
fn token(headers: &HeaderMap) -> Result<&str, Failure> {
    let bearer = headers.get(header::AUTHORIZATION).map(|value| {
        let (scheme, token) = value.to_str().ok()?.trim().split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
    });
    let ticket = headers.get(USER_TICKET).map(|value| value.to_str().ok().map(str::trim));
    match (bearer, ticket) {
        (Some(None), _) => Err(challenge::bad_request("the Authorization header is not 'Bearer <token>'")),
        (_, Some(None)) => Err(challenge::bad_request("the X-AadUserTicket header is not a token")),
        (Some(Some(bearer)), Some(Some(ticket))) if bearer != ticket => {
            Err(challenge::bad_request("Authorization and X-AadUserTicket hold different tokens"))
        }
        (Some(Some(token)), _) | (None, Some(Some(token))) => Ok(token),
        (None, None) => Err(challenge::no_token()),
    }
}
