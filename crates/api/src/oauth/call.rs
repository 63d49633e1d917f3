//! A request to the authority, and the two ways in which its endpoints answer: in JSON for programs, and as pages for browsers.

use std::convert::Infallible;
use std::pin::Pin;

use axum::body::Body;
use axum::extract::rejection::PathRejection;
use axum::extract::{FromRequest, FromRequestParts as _, Path, Request};
use axum::http::{HeaderMap, Method, Uri};
use axum::response::Response;
use insightgate_identity::tokens::grant::GrantRefusal;
use insightgate_operations::issue_token::TokenFailure;

use super::caller::Caller;
use super::form::{read_form, read_parameters};
use super::refusal::refuse_failure;
use crate::envelope::Asked;
use crate::http::client_address::ClientAddress;
use crate::http::parameters::Parameters;
use crate::state::ApiState;

/// How a request is answered: by a handler's answer, or by a refusal in the form that its client reads.
pub(super) type Given = Result<Response, TokenFailure>;

/// A request to the authority. Its body is not read before a handler needs it.
pub(super) struct Call {
    pub(super) state: ApiState,
    pub(super) asked: Asked,
    pub(super) address: ClientAddress,
    pub(super) method: Method,
    pub(super) uri: Uri,
    pub(super) headers: HeaderMap,
    /// The tenant segment of the path, which may not be UTF-8.
    tenant: Result<Path<String>, PathRejection>,
    body: Body,
}

impl Call {
    /// The tenant that the path names.
    pub(super) fn tenant(&self) -> Result<String, GrantRefusal> {
        self.tenant.as_ref().map(|Path(tenant)| tenant.clone()).map_err(|_| GrantRefusal::malformed_tenant())
    }

    /// The form in the body, which can be read once.
    pub(super) async fn form(&mut self) -> Result<Parameters, GrantRefusal> {
        read_form(std::mem::take(&mut self.body)).await
    }

    /// The form of a POST; for other methods, the query string.
    pub(super) async fn parameters(&mut self) -> Result<Parameters, GrantRefusal> {
        match self.method {
            Method::POST => self.form().await,
            _ => read_parameters(self.uri.query().unwrap_or_default().as_bytes()),
        }
    }
}

impl FromRequest<ApiState> for Call {
    type Rejection = Infallible;

    async fn from_request(request: Request, state: &ApiState) -> Result<Self, Infallible> {
        let (mut parts, body) = request.into_parts();
        let address = ClientAddress::from_request_parts(&mut parts, state).await?;
        let tenant = Path::from_request_parts(&mut parts, state).await;
        let asked = Asked::of(&parts);
        Ok(Call { state: state.clone(), asked, address, method: parts.method, uri: parts.uri, headers: parts.headers, tenant, body })
    }
}

type Serving = Pin<Box<dyn Future<Output = Response> + Send>>;

/// Makes an endpoint for programs from a handler.
pub(super) fn json<R>(run: fn(Call) -> R) -> impl Fn(Call) -> Serving + Clone + Send + Sync + 'static
where
    R: Future<Output = Given> + Send + 'static,
{
    move |call: Call| {
        Box::pin(async move {
            let (state, asked) = (call.state.clone(), call.asked.clone());
            run(call).await.unwrap_or_else(|failure| refuse_failure(&state, &asked, &failure))
        })
    }
}

/// Makes an endpoint for browsers from a handler.
pub(super) fn html<R>(run: fn(Caller, Call) -> R) -> impl Fn(Call) -> Serving + Clone + Send + Sync + 'static
where
    R: Future<Output = Given> + Send + 'static,
{
    move |call: Call| {
        Box::pin(async move {
            let caller = Caller::of(call.state.clone(), call.asked.clone(), call.address, &call.headers);
            run(caller.clone(), call).await.unwrap_or_else(|failure| caller.fail(&failure))
        })
    }
}
