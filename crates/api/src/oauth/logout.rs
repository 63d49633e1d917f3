//! Signing out of the pages.

use insightgate_operations::sign_in::{LogoutRequest, SessionChange, end_session};
use url::form_urlencoded::Serializer;

use super::call::{Call, Given};
use super::caller::{Caller, redirect};
use super::pages;

pub(super) async fn end(caller: Caller, mut call: Call) -> Given {
    let tenant = call.tenant()?;
    let parameters = call.parameters().await?;
    let request = LogoutRequest {
        tenant,
        client_id: parameters.text("client_id"),
        post_logout_redirect_uri: parameters.text("post_logout_redirect_uri"),
    };
    let ended = end_session(&call.state.context, &caller.visit(), &request).await?;
    let response = match (ended.redirect_uri, parameters.raw("state")) {
        (Some(uri), Some(state)) => {
            let joint = if uri.contains('?') { '&' } else { '?' };
            redirect(&format!("{uri}{joint}{}", Serializer::new(String::new()).append_pair("state", &state).finish()))
        }
        (Some(uri), None) => redirect(&uri),
        (None, _) => pages::done("You are signed out", "Close the browser's windows of applications that you do not use.".to_owned()),
    };
    Ok(caller.browser.answered(response, &SessionChange::End))
}
