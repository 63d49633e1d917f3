//! Signing out of the pages.

use axum::body::Body;
use axum::extract::Path;
use axum::extract::rejection::PathRejection;
use axum::http::{Method, Uri};
use axum::response::Response;
use insightgate_identity::tokens::grant::GrantRefusal;
use insightgate_operations::sign_in::{LogoutRequest, SessionChange, end_session};
use url::form_urlencoded::Serializer;

use super::authorize::{Caller, redirect};
use super::form::{read_form, read_parameters};
use super::pages;

pub(super) async fn end(caller: Caller, tenant: Result<Path<String>, PathRejection>, method: Method, uri: Uri, body: Body) -> Response {
    let Ok(Path(tenant)) = tenant else { return caller.refuse(&GrantRefusal::malformed_tenant()) };
    let parameters = match method {
        Method::POST => read_form(body).await,
        _ => read_parameters(uri.query().unwrap_or_default().as_bytes()),
    };
    let parameters = match parameters {
        Ok(parameters) => parameters,
        Err(refusal) => return caller.refuse(&refusal),
    };
    let request = LogoutRequest {
        tenant,
        client_id: parameters.text("client_id"),
        post_logout_redirect_uri: parameters.text("post_logout_redirect_uri"),
    };
    match end_session(&caller.state.context, &caller.visit(), &request).await {
        Ok(ended) => {
            let response = match (ended.redirect_uri, parameters.raw("state")) {
                (Some(uri), Some(state)) => {
                    let joint = if uri.contains('?') { '&' } else { '?' };
                    redirect(&format!("{uri}{joint}{}", Serializer::new(String::new()).append_pair("state", &state).finish()))
                }
                (Some(uri), None) => redirect(&uri),
                (None, _) => {
                    pages::done("You are signed out", "Close the browser's windows of applications that you do not use.".to_owned())
                }
            };
            caller.browser.answered(response, &SessionChange::End)
        }
        Err(failure) => caller.fail(&failure),
    }
}
