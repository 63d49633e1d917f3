//! A request whose caller meets every prerequisite. Each handler of the Insights API gets one, and all are answered in the same way.

use std::collections::HashMap;
use std::marker::PhantomData;
use std::pin::Pin;

use axum::RequestExt as _;
use axum::extract::{Path, Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::Response;
use insightgate_operations::callers::authenticate::{authenticate, count_refusal};
use insightgate_operations::callers::caller::Caller;
use insightgate_operations::context::Context;
use insightgate_operations::failure::Failure;
use insightgate_operations::limits::current::count;
use insightgate_operations::limits::{Allowance, Counted};
use insightgate_report::scheduled_report::ReportFault;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::envelope::{self, Asked};
use crate::http::challenge;
use crate::http::client_address::ClientAddress;
use crate::http::fields::{self, BODY_LIMIT};
use crate::http::json_body::{BodyFault, JsonBody};
use crate::http::parameters::Parameters;
use crate::http::rate_limit;
use crate::openapi::body_fields::Json;
use crate::openapi::parameter_set::{Needed, ParameterSet};
use crate::state::ApiState;

use super::nothing_at;
use super::second_factor::Compliance;

/// The other header for the token, which clients in the wild send instead.
const USER_TICKET: HeaderName = HeaderName::from_static("x-aaduserticket");

/// Names a creation, so that it takes place once.
const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// `Query` is the type of its parameters, and `Body` says what is read from its body: the document is made of both.
pub(super) struct Call<Query = (), Body = ()> {
    pub(super) caller: Caller,
    pub(super) asked: Asked,
    pub(super) query: Query,
    /// The whole path, as it was routed.
    pub(super) address: String,
    state: ApiState,
    path: HashMap<String, String>,
    /// The body, which is read when a handler needs it.
    body: JsonBody,
    /// As it was sent.
    idempotency_key: Option<HeaderValue>,
    takes: PhantomData<fn() -> Body>,
}

impl<Query: ParameterSet, Body> Call<Query, Body> {
    /// Reads and admits a request. The token is checked first, so that a caller without one learns nothing else.
    /// What is counted against the caller's limits is added to `seen`.
    async fn read(
        state: ApiState,
        asked: Asked,
        mut request: Request,
        counted: &[Counted],
        seen: &mut Vec<Allowance>,
    ) -> Result<Self, Failure> {
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
        asked.proven.found(&*principal);
        if let Some(compliance) = request.extensions().get::<Compliance>() {
            compliance.found(principal.is_mfa_compliant());
        }
        let program = asked.program.ok_or(Failure::NotFound)?;
        let caller = Caller::admit(&state.context, principal, program, asked.origin(address)).await?;
        count(&state.context, &caller, counted, seen)?;
        let query = Query::read(&Parameters::parse(request.uri().query().unwrap_or_default().as_bytes()))?;
        let mut keys = request.headers().get_all(IDEMPOTENCY_KEY).iter();
        let first = keys.next();
        // With two it is unclear which one is meant: none of them counts, which is refused.
        let idempotency_key = if keys.all(|key| Some(key) == first) { first.cloned() } else { Some(HeaderValue::from_static("")) };
        let address = request.uri().path().to_owned();
        Ok(Call { caller, asked, query, address, state, path, body: JsonBody::of(request), idempotency_key, takes: PhantomData })
    }
}

impl<Query, Body> Call<Query, Body> {
    pub(super) fn context(&self) -> &Context {
        &self.state.context
    }

    pub(super) fn base_url(&self) -> &str {
        &self.state.base_url
    }

    /// The key that makes a creation happen once, if one was sent. One that is no text is refused like one with wrong characters.
    pub(super) fn idempotency_key(&self) -> Option<&str> {
        self.idempotency_key.as_ref().map(|key| key.to_str().unwrap_or_default())
    }

    /// A variable part of the path, decoded and trimmed.
    pub(super) fn path(&self, name: &str) -> &str {
        self.path.get(name).map(|value| value.trim()).unwrap_or_default()
    }

    /// The report or reports that the path names. If it names none, the parameter `reportId`, as some pages of the documents show.
    pub(super) fn report_id(&self, parameter: &Needed) -> Result<String, Failure> {
        let in_path = self.path("reportid");
        if !in_path.is_empty() || self.path.contains_key("reportid") {
            return Ok(in_path.to_owned());
        }
        parameter.0.clone().ok_or_else(|| Failure::Invalid(ReportFault::Missing("reportId").to_string()))
    }

    /// The answer of a success, which says whether this caller sees redacted data.
    pub(super) fn success<Item: Serialize>(&self, value: &[Item], message: Option<&str>) -> Answered<Item> {
        self.success_with(value, message, &[])
    }

    /// The same, with notes beside the documented message.
    pub(super) fn success_with<Item: Serialize>(&self, value: &[Item], message: Option<&str>, notes: &[String]) -> Answered<Item> {
        Answered { response: envelope::success(value, message, notes, self.caller.scope.is_redacted()), of: PhantomData }
    }
}

impl<Query, Body: DeserializeOwned> Call<Query, Json<Body>> {
    /// Reads the fields of the body into its type. Those named in `skipped` are ignored.
    ///
    /// # Errors
    /// When the body is too large or not a JSON object, or a field has the wrong type.
    pub(super) async fn body(&mut self, skipped: &[&str]) -> Result<Body, BodyFault> {
        fields::read(std::mem::take(&mut self.body), skipped).await
    }
}

/// The answer of a success, whose envelope holds such items.
pub(super) struct Answered<Item> {
    response: Response,
    of: PhantomData<fn() -> Item>,
}

impl<Item> Answered<Item> {
    /// The same, with the seconds after which it may be asked for again.
    pub(super) fn ask_again_after(self, seconds: Option<u32>) -> Self {
        Answered { response: envelope::retry_after(self.response, seconds), ..self }
    }
}

/// How a request is answered: by a handler's answer, or by a refusal in the envelope of this API.
pub(super) type Given<Item> = Result<Answered<Item>, Refused>;

/// Why a handler gives no answer.
pub(super) enum Refused {
    Failure(Failure),
    /// The body has more bytes than are read.
    TooLarge,
    /// The path names no endpoint, although its form is one's.
    NoSuchPath(String),
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
pub(super) fn serve<Query, Body, Item, Running>(
    run: fn(Call<Query, Body>) -> Running,
    counted: &'static [Counted],
) -> impl Fn(State<ApiState>, Asked, Request) -> Serving + Clone + Send + Sync + 'static
where
    Query: ParameterSet + Send + 'static,
    Body: 'static,
    Item: 'static,
    Running: Future<Output = Given<Item>> + Send + 'static,
{
    move |State(state), asked, request| {
        Box::pin(async move {
            let mut seen = Vec::new();
            let given = match Call::read(state, asked.clone(), request, counted, &mut seen).await {
                Ok(call) => run(call).await,
                Err(failure) => Err(failure.into()),
            };
            let response = match given {
                Ok(answered) => answered.response,
                Err(Refused::Failure(failure)) => asked.refuse(&failure),
                Err(Refused::TooLarge) => envelope::too_large(BODY_LIMIT),
                Err(Refused::NoSuchPath(path)) => envelope::refusal(StatusCode::NOT_FOUND, &nothing_at(&path)),
            };
            rate_limit::tell(response, &seen)
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
