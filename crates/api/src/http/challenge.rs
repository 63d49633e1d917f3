//! The `WWW-Authenticate` header of a refused request, which says what is wrong with its token, in the form of RFC 6750.

use axum::http::{HeaderValue, header};
use axum::response::Response;
use insightgate_operations::callers::challenge::Challenge;
use insightgate_operations::failure::Failure;

/// The most characters of a description.
const LONGEST: usize = 300;

/// The failure of a request without a token.
pub(crate) fn no_token() -> Failure {
    Failure::Unauthorized { reason: "there is no token".to_owned(), challenge: Challenge::NoToken }
}

/// The failure of a request whose headers have no readable token.
pub(crate) fn bad_request(reason: &str) -> Failure {
    Failure::Unauthorized { reason: reason.to_owned(), challenge: Challenge::BadRequest(reason.to_owned()) }
}

/// Adds the header to the answer if the failure is about a token.
pub(crate) fn with(mut response: Response, failure: &Failure) -> Response {
    let challenge = match failure {
        Failure::Unauthorized { challenge: Challenge::NoToken, .. } => "Bearer".to_owned(),
        Failure::Unauthorized { challenge: Challenge::BadRequest(told), .. } => written("invalid_request", told),
        Failure::Unauthorized { challenge: Challenge::BadToken(told), .. } => written("invalid_token", told),
        // Source: RFC 9470.
        Failure::SecondFactorRequired => written("insufficient_user_authentication", "the token's user gave no second factor"),
        _ => return response,
    };
    if let Ok(value) = HeaderValue::try_from(challenge) {
        response.headers_mut().insert(header::WWW_AUTHENTICATE, value);
    }
    response
}

/// Writes a challenge. A description may contain only printable ASCII without quotes and backslashes.
fn written(error: &str, told: &str) -> String {
    let plain = |character: char| match character {
        '"' => '\'',
        '\\' => '/',
        ' '..='~' => character,
        _ => '?',
    };
    let told: String = told.chars().take(LONGEST).map(plain).collect();
    format!("Bearer error=\"{error}\", error_description=\"{told}\"")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_description_cannot_leave_its_quotes() {
        let told = format!("the audience 'x\", error=\"none\\' \r\nSet-Cookie: ü{}", "y".repeat(1000));
        let header = written("invalid_token", &told);
        let description = header.strip_prefix("Bearer error=\"invalid_token\", error_description=\"").unwrap().strip_suffix('"').unwrap();
        assert!(description.starts_with("the audience 'x', error='none/' ??Set-Cookie: ?yyy"), "{description}");
        assert!(!description.contains(['"', '\\']) && description.len() == LONGEST);
    }
}
