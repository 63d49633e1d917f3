//! Forms and queries that clients and browsers send to the authority, read strictly.

use axum::body::{Body, to_bytes};
use insightgate_identity::tokens::grant::GrantRefusal;
use url::form_urlencoded;

use crate::http::parameters::Parameters;

/// Bytes of a form. The longest are those of pages, which hold a whole authorization request.
const FORM_LIMIT: usize = 16 << 10;

pub(super) async fn read_form(body: Body) -> Result<Parameters, GrantRefusal> {
    let form = to_bytes(body, FORM_LIMIT).await;
    let form = form.map_err(|_| GrantRefusal::malformed("the form is larger than 16 KiB or did not arrive"))?;
    read_parameters(&form)
}

/// A parameter that comes twice is refused, since it is unclear which one is meant (RFC 6749, 3.1).
pub(super) fn read_parameters(text: &[u8]) -> Result<Parameters, GrantRefusal> {
    let mut names: Vec<String> = Vec::new();
    for (name, value) in form_urlencoded::parse(text) {
        // What was not UTF-8 was replaced by this.
        if name.contains(char::REPLACEMENT_CHARACTER) || value.contains(char::REPLACEMENT_CHARACTER) {
            return Err(GrantRefusal::malformed("a parameter is not encoded as UTF-8"));
        }
        if name.contains('\0') || value.contains('\0') {
            return Err(GrantRefusal::malformed("a parameter holds the character U+0000"));
        }
        names.push(name.to_ascii_lowercase());
    }
    names.sort_unstable();
    match names.iter().zip(names.iter().skip(1)).find(|(one, next)| one == next) {
        Some((name, _)) => Err(GrantRefusal::doubled_field(name)),
        None => Ok(Parameters::parse(text)),
    }
}

/// What the token endpoint reads of a form: the fields that are there and not empty.
///
/// # Errors
/// When a parameter comes twice, is no UTF-8, or holds the character U+0000.
#[cfg(feature = "fuzzing")]
pub fn read_token_form(form: &[u8]) -> Result<std::collections::BTreeMap<String, String>, GrantRefusal> {
    const FIELDS: [&str; 8] = ["grant_type", "client_id", "client_secret", "username", "password", "refresh_token", "resource", "scope"];
    let parameters = read_parameters(form)?;
    Ok(FIELDS.into_iter().filter_map(|name| Some((name.to_owned(), parameters.raw(name)?))).collect())
}
