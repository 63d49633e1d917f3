//! Strictly reads the forms and query strings that clients and browsers send to the authority.

use axum::body::{Body, to_bytes};
use insightgate_identity::tokens::grant::GrantRefusal;
use url::form_urlencoded;

use crate::http::parameters::Parameters;

/// The most bytes of a form. The longest are those of pages, which contain a whole authorization request.
const FORM_LIMIT: usize = 16 << 10;

pub(super) async fn read_form(body: Body) -> Result<Parameters, GrantRefusal> {
    let form = to_bytes(body, FORM_LIMIT).await;
    let form = form.map_err(|_| GrantRefusal::malformed("the form is larger than 16 KiB or did not arrive"))?;
    read_parameters(&form)
}

/// Reads parameters. One that is sent twice is refused, since it is unclear which one is meant (RFC 6749, 3.1).
pub(super) fn read_parameters(text: &[u8]) -> Result<Parameters, GrantRefusal> {
    let mut names: Vec<String> = Vec::new();
    for (name, value) in form_urlencoded::parse(text) {
        // The parser replaces bytes that are not UTF-8 by this character.
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

/// The fields that the token endpoint reads from a form, without absent and empty ones.
///
/// # Errors
/// When a parameter is sent twice, is not UTF-8, or contains the character U+0000.
#[cfg(feature = "fuzzing")]
pub fn read_token_form(form: &[u8]) -> Result<std::collections::BTreeMap<String, String>, GrantRefusal> {
    const FIELDS: [&str; 8] = ["grant_type", "client_id", "client_secret", "username", "password", "refresh_token", "resource", "scope"];
    let parameters = read_parameters(form)?;
    Ok(FIELDS.into_iter().filter_map(|name| Some((name.to_owned(), parameters.raw(name)?))).collect())
}
