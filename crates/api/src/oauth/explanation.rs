//! `/error?code=…`, to which `error_uri` leads: explains an error number in the words of the refusals.
//!
//! No part of the request is shown; an unknown number is not repeated.

use axum::http::Uri;
use axum::response::Response;
use insightgate_identity::tokens::grant::GrantRefusal;

use super::pages;
use crate::http::parameters::Parameters;

pub(super) async fn show(uri: Uri) -> Response {
    let parameters = Parameters::parse(uri.query().unwrap_or_default().as_bytes());
    let code = parameters.raw("code").and_then(|text| text.parse().ok());
    pages::explanation(code.map(GrantRefusal::of_code).unwrap_or_default())
}
