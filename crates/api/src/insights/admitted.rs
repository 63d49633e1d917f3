//! A request whose caller meets every prerequisite. Each handler of the Insights API begins with one.

use std::collections::HashMap;

use axum::extract::{FromRequestParts, Path};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, header};
use axum::response::Response;
use insightgate_operations::callers::authenticate::{authenticate, count_refusal};
use insightgate_operations::callers::caller::Caller;
use insightgate_operations::failure::Failure;
use insightgate_report::scheduled_report::ReportFault;
use serde::Serialize;

use crate::envelope::{self, Asked};
use crate::http::challenge;
use crate::http::client_address::ClientAddress;
use crate::http::fields::Parameters;
use crate::state::ApiState;

use super::second_factor::Compliance;

/// The token's other header, which clients in the wild send instead.
const USER_TICKET: HeaderName = HeaderName::from_static("x-aaduserticket");

pub(crate) struct Admitted {
    pub caller: Caller,
    pub asked: Asked,
    pub parameters: Parameters,
    path: HashMap<String, String>,
}

impl Admitted {
    /// A variable part of the path, decoded and trimmed.
    pub(crate) fn path(&self, name: &str) -> &str {
        self.path.get(name).map(|value| value.trim()).unwrap_or_default()
    }

    /// The report, or reports, that the path names; if it names none, the parameter `reportId`, as some pages of the documents show.
    pub(crate) fn report_id(&self) -> Result<String, Failure> {
        let in_path = self.path("report_id");
        if !in_path.is_empty() || self.path.contains_key("report_id") {
            return Ok(in_path.to_owned());
        }
        self.parameters.text("reportId").ok_or_else(|| Failure::Invalid(ReportFault::Missing("reportId").to_string()))
    }

    /// The answer, which says whether this caller sees redacted data.
    pub(crate) fn success<Item: Serialize>(&self, value: &[Item], message: Option<&str>) -> Response {
        self.success_with(value, message, &[])
    }

    /// The same, with notes beside the documented message.
    pub(crate) fn success_with<Item: Serialize>(&self, value: &[Item], message: Option<&str>, notes: &[String]) -> Response {
        envelope::success(value, message, notes, self.caller.scope.is_redacted())
    }
}

impl FromRequestParts<ApiState> for Admitted {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, state: &ApiState) -> Result<Self, Response> {
        let asked = Asked::of(parts);
        let refuse = |failure: Failure| asked.refuse(&failure);
        let path = Path::<HashMap<String, String>>::from_request_parts(parts, state).await;
        let Path(path) = path.map_err(|_| refuse(Failure::Invalid("The address is not encoded as UTF-8.".to_owned())))?;
        let accepted = match token(&parts.headers) {
            Ok(token) => authenticate(&state.context, token).await,
            Err(failure) => Err(failure),
        };
        let principal = match accepted {
            Ok(principal) => principal,
            Err(failure) => {
                let Ok(ClientAddress(address)) = ClientAddress::from_request_parts(parts, state).await;
                count_refusal(&state.context, &failure, address, &asked.correlation);
                return Err(refuse(failure));
            }
        };
        asked.proven.found();
        if let Some(compliance) = parts.extensions.get::<Compliance>() {
            compliance.found(principal.is_mfa_compliant());
        }
        let program = asked.program.ok_or_else(|| refuse(Failure::NotFound))?;
        let caller = Caller::admit(&state.context, principal, program, &asked.correlation).await.map_err(refuse)?;
        let parameters = Parameters::parse(parts.uri.query().unwrap_or_default().as_bytes());
        Ok(Admitted { caller, asked, parameters, path })
    }
}

/// From either header; two that differ are refused, for nobody can say which of them is meant.
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
