//! Refusals by their number, for a sandbox in which they can be ordered. Of the documented numbers, some are never given by this server itself: they
//! stand in a table here.
//!
//! Source of numbers, error values and statuses: the public list of authentication error codes. The texts are our own.

use super::GrantRefusal;
use crate::tokens::token::TokenVersion;

/// Number, error value, status, suberror, text.
type Line = (u32, &'static str, u16, Option<&'static str>, &'static str);

/// Documented, and never given here by the token endpoint.
const DOCUMENTED: [Line; 15] = [
    (90014, "invalid_request", 400, None, "A required field is missing from the request."),
    (70001, "unauthorized_client", 400, None, "The application is disabled or is not installed in the tenant."),
    (700011, "unauthorized_client", 400, None, "The application was not found in the directory."),
    (50001, "invalid_resource", 400, None, "The resource is unknown or is not registered."),
    (650052, "invalid_client", 400, None, "The organisation has no subscription for the service."),
    (50105, "invalid_grant", 400, None, "The user is not assigned to the application."),
    (50034, "invalid_grant", 400, None, "The user does not exist in the directory."),
    (50056, "invalid_grant", 400, None, "No password is stored for the user, or it is not valid."),
    (53003, "invalid_grant", 400, Some("message_only"), "Access was blocked by a policy of conditional access."),
    (65004, "invalid_grant", 400, None, "The user declined to consent."),
    (90094, "invalid_grant", 400, None, "An administrator has to consent."),
    (700084, "invalid_grant", 400, None, "The refresh token was issued to a single-page application, and its fixed lifetime is over."),
    (70043, "invalid_grant", 400, Some("bad_token"), "The refresh token is not valid any more under a policy of sign-in frequency."),
    (50089, "invalid_grant", 400, None, "The flow token has expired."),
    (50196, "temporarily_unavailable", 400, None, "The same request was repeated in a loop."),
];

/// The same, with the error value that names the interaction on version 1 and the grant on version 2.
const INTERACTIVE: [(u32, &str); 2] = [
    (50074, "Strong authentication is required, and the user did not pass it."),
    (50072, "The user has to enrol for a second factor with a browser."),
];

impl GrantRefusal {
    /// The refusal with this number as that version of the endpoint gives it. None: the number is not documented.
    pub fn ordered(code: u32, version: TokenVersion) -> Option<GrantRefusal> {
        let own = match code {
            50076 => Some(Self::second_factor(version)),
            50079 => Some(Self::enrolment(version)),
            _ => Self::of_code(code).into_iter().next(),
        };
        let interactive = || INTERACTIVE.iter().find(|(number, _)| *number == code).map(|(_, text)| Self::interaction(code, version, text));
        let documented = || DOCUMENTED.iter().find(|(number, ..)| *number == code).map(written);
        documented().or_else(interactive).or(own)
    }
}

fn written((code, error, status, suberror, text): &Line) -> GrantRefusal {
    GrantRefusal { suberror: *suberror, ..GrantRefusal::new(*code, error, *status, *text) }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The documented table: number, error value on version 1, status.
    const TABLE: [(u32, &str, u16); 64] = [
        (900144, "invalid_request", 400),
        (900561, "invalid_request", 400),
        (70003, "unsupported_grant_type", 400),
        (90014, "invalid_request", 400),
        (90013, "invalid_request", 400),
        (900023, "invalid_request", 400),
        (90002, "invalid_request", 400),
        (90019, "invalid_request", 400),
        (50059, "invalid_request", 400),
        (50128, "invalid_request", 400),
        (700016, "unauthorized_client", 400),
        (7000215, "invalid_client", 401),
        (7000218, "invalid_client", 401),
        (7000222, "invalid_client", 401),
        (700025, "invalid_client", 401),
        (70002, "invalid_client", 401),
        (70001, "unauthorized_client", 400),
        (7000112, "unauthorized_client", 400),
        (700011, "unauthorized_client", 400),
        (700005, "invalid_grant", 400),
        (500011, "invalid_resource", 400),
        (50001, "invalid_resource", 400),
        (650057, "invalid_resource", 400),
        (650052, "invalid_client", 400),
        (901002, "invalid_request", 400),
        (70011, "invalid_scope", 400),
        (1002012, "invalid_scope", 400),
        (50105, "invalid_grant", 400),
        (50126, "invalid_grant", 400),
        (50034, "invalid_grant", 400),
        (50053, "invalid_grant", 400),
        (50055, "invalid_grant", 400),
        (50056, "invalid_grant", 400),
        (50057, "invalid_grant", 400),
        (50076, "interaction_required", 400),
        (50079, "interaction_required", 400),
        (50074, "interaction_required", 400),
        (50072, "interaction_required", 400),
        (53003, "invalid_grant", 400),
        (65001, "invalid_grant", 400),
        (65004, "invalid_grant", 400),
        (90094, "invalid_grant", 400),
        (9001023, "invalid_request", 400),
        (70000, "invalid_grant", 400),
        (70008, "invalid_grant", 400),
        (700082, "invalid_grant", 400),
        (700084, "invalid_grant", 400),
        (70043, "invalid_grant", 400),
        (50173, "invalid_grant", 400),
        (50089, "invalid_grant", 400),
        (9002313, "invalid_grant", 400),
        (54005, "invalid_grant", 400),
        (500112, "invalid_client", 400),
        (50011, "invalid_client", 400),
        (501481, "invalid_grant", 400),
        (70016, "authorization_pending", 400),
        (70018, "bad_verification_code", 400),
        (70019, "expired_token", 400),
        (70020, "expired_token", 400),
        (90120, "invalid_request", 400),
        (90119, "invalid_request", 400),
        (50196, "temporarily_unavailable", 400),
        (90033, "temporarily_unavailable", 503),
        (90055, "temporarily_unavailable", 429),
    ];

    #[test]
    fn every_documented_number_can_be_ordered() {
        for (code, error, status) in TABLE {
            let refusal = GrantRefusal::ordered(code, TokenVersion::V1).unwrap();
            assert_eq!((refusal.code, refusal.error, refusal.status), (code, error, status));
            assert_eq!(GrantRefusal::ordered(code, TokenVersion::V2).unwrap().code, code);
        }
        assert_eq!(GrantRefusal::ordered(50074, TokenVersion::V2).unwrap().error, "invalid_grant");
        assert!(GrantRefusal::ordered(1, TokenVersion::V1).is_none());
    }
}
