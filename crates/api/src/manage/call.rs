//! A request whose caller may manage: what every handler starts from.

use std::collections::HashMap;

use axum::RequestExt as _;
use axum::extract::{Path, Request};
use axum::http::{HeaderMap, header};
use insightgate_operations::callers::authenticate::{authenticate_management, count_refusal};
use insightgate_operations::context::Context;
use insightgate_operations::failure::Failure;
use insightgate_operations::manage::administrator::Administrator;

use super::object::{BODY_LIMIT, Object};
use crate::envelope::Asked;
use crate::http::challenge;
use crate::http::client_address::ClientAddress;
use crate::http::json_body::{BodyFault, JsonBody};
use crate::http::parameters::Parameters;
use crate::state::ApiState;

pub(super) struct Call {
    pub(super) administrator: Administrator,
    pub(super) parameters: Parameters,
    state: ApiState,
    path: HashMap<String, String>,
    /// With the path and query that were asked for, for the link to the next page.
    pub(super) uri: axum::http::Uri,
}

impl Call {
    /// With the body, which is empty where an endpoint takes none. The token comes first: who has none learns nothing else.
    pub(super) async fn read(state: ApiState, mut request: Request, takes_body: bool) -> Result<(Call, Object), Failure> {
        let Ok(Asked { correlation, proven, .. }) = request.extract_parts().await;
        let accepted = match bearer(request.headers()) {
            Ok(token) => authenticate_management(&state.context, token, &correlation).await,
            Err(failure) => Err(failure),
        };
        let principal = match accepted {
            Ok(principal) => principal,
            Err(failure) => {
                let Ok(ClientAddress(address)) = request.extract_parts_with_state(&state).await;
                count_refusal(&state.context, &failure, address, &correlation);
                return Err(failure);
            }
        };
        proven.found(&*principal);
        let administrator = Administrator::admit(&state.context, principal, &correlation).await?;
        let path = request.extract_parts::<Path<HashMap<String, String>>>().await;
        let Path(path) = path.map_err(|_| Failure::Invalid("The address is not encoded as UTF-8.".to_owned()))?;
        let uri = request.uri().clone();
        let parameters = Parameters::parse(uri.query().unwrap_or_default().as_bytes());
        let body = if takes_body {
            let bytes = JsonBody::of(request).read(BODY_LIMIT).await.map_err(|fault| match fault {
                BodyFault::TooLarge => Failure::Invalid(format!("The request body is larger than {} KiB.", BODY_LIMIT / 1024)),
                BodyFault::Invalid(message) => Failure::Invalid(message),
            })?;
            Object::parse(&bytes)?
        } else {
            Object::default()
        };
        Ok((Call { administrator, parameters, state, path, uri }, body))
    }

    pub(super) fn context(&self) -> &Context {
        &self.state.context
    }

    pub(super) fn base_url(&self) -> &str {
        &self.state.base_url
    }

    /// A variable part of the path, decoded.
    pub(super) fn path(&self, name: &str) -> &str {
        self.path.get(name).map(String::as_str).unwrap_or_default()
    }

    pub(super) fn tenant(&self) -> &str {
        self.path("tenant")
    }
}

fn bearer(headers: &HeaderMap) -> Result<&str, Failure> {
    let sent = headers.get(header::AUTHORIZATION).ok_or_else(challenge::no_token)?;
    let (scheme, token) = sent.to_str().ok().and_then(|text| text.trim().split_once(' ')).unwrap_or_default();
    if scheme.eq_ignore_ascii_case("bearer") {
        Ok(token.trim())
    } else {
        Err(challenge::bad_request("the Authorization header is not 'Bearer <token>'"))
    }
}
