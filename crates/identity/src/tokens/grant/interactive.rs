//! Refusals of the grants in which a person takes part: sign-in pages, codes, second factors.

use super::GrantRefusal;
use crate::tokens::token::TokenVersion;

impl GrantRefusal {
    /// A refusal that asks for interaction. Version 1 says so in `error`; in version 2 it is an invalid grant.
    pub(super) fn interaction(code: u32, version: TokenVersion, text: &str) -> Self {
        let error = match version {
            TokenVersion::V1 => "interaction_required",
            TokenVersion::V2 => "invalid_grant",
        };
        GrantRefusal { suberror: Some("basic_action"), ..Self::new(code, error, 400, text) }
    }

    pub fn second_factor(version: TokenVersion) -> Self {
        let text = "The user has to give a second factor, which this grant cannot ask for. Sign in with a browser: use the device code or \
                    the authorization code grant.";
        Self::interaction(50076, version, text)
    }

    pub fn enrolment(version: TokenVersion) -> Self {
        let text = "A second factor is required here, and the user has set up none. Sign in with a browser to set it up: use the device \
                    code or the authorization code grant.";
        Self::interaction(50079, version, text)
    }

    pub fn password_must_change() -> Self {
        let text = "The password has expired. Sign in with a browser to set a new one.";
        GrantRefusal { suberror: Some("user_password_expired"), ..Self::new(50055, "invalid_grant", 400, text) }
    }

    pub fn public_client_with_secret() -> Self {
        Self::new(700025, "invalid_client", 401, "The application is public: neither 'client_secret' nor 'client_assertion' may be sent.")
    }

    pub fn public_client_alone() -> Self {
        Self::new(70002, "invalid_client", 401, "A public application cannot prove what it is, which this grant needs.")
    }

    pub fn doubled_field(name: &str) -> Self {
        let shown: String = name.chars().take(64).collect();
        Self::new(9000411, "invalid_request", 400, format!("The request is not properly formatted. The parameter '{shown}' is duplicated."))
    }

    pub fn tenant_missing() -> Self {
        Self::new(90019, "invalid_request", 400, "The address names no tenant.")
    }

    // Authorization requests

    pub fn unregistered_redirect(uri: &str) -> Self {
        let shown: String = uri.chars().take(200).collect();
        let text = format!("The redirect URI '{shown}' is not one of those that the application is registered with.");
        Self::new(50011, "invalid_client", 400, text)
    }

    pub fn unsupported_response_type(asked: &str) -> Self {
        let shown: String = asked.chars().take(64).collect();
        let text = format!("The response type '{shown}' is not supported: use 'code'.");
        Self::new(70005, "unsupported_response_type", 400, text)
    }

    pub fn unsupported_response_mode(asked: &str) -> Self {
        let shown: String = asked.chars().take(64).collect();
        let text = format!("The response mode '{shown}' is not supported: use 'query', 'fragment' or 'form_post'.");
        Self::new(70007, "invalid_request", 400, text)
    }

    pub fn unsupported_prompt(asked: &str) -> Self {
        let shown: String = asked.chars().take(64).collect();
        Self::new(90023, "invalid_request", 400, format!("The prompt '{shown}' is not supported."))
    }

    pub fn proof_key_missing() -> Self {
        let text = "A public application has to send a code challenge (PKCE): 'code_challenge' and 'code_challenge_method'.";
        Self::new(9002325, "invalid_request", 400, text)
    }

    pub fn bad_challenge() -> Self {
        let text = "The code challenge must be 43 to 128 letters, digits, '-', '.', '_' or '~', and its method 'S256' or 'plain'.";
        Self::new(501491, "invalid_request", 400, text)
    }

    pub fn login_required() -> Self {
        let text = "Nobody is signed in, or somebody else, and the request forbids to ask.";
        Self::new(50058, "login_required", 400, text)
    }

    pub fn consent_declined() -> Self {
        Self::new(65004, "access_denied", 400, "The user declined to consent to the application.")
    }

    /// The answer to a request that forbids a page (`prompt=none`).
    pub fn silently(self, error: &'static str) -> Self {
        GrantRefusal { error, ..self }
    }

    // Authorization codes

    pub fn malformed_code() -> Self {
        Self::new(9002313, "invalid_grant", 400, "The authorization code is not well-formed.")
    }

    pub fn unknown_code() -> Self {
        Self::new(70000, "invalid_grant", 400, "The authorization code is invalid or was not issued to this application.")
    }

    pub fn expired_code() -> Self {
        Self::new(70008, "invalid_grant", 400, "The authorization code has expired. Send the user to sign in again.")
    }

    pub fn used_code() -> Self {
        Self::new(54005, "invalid_grant", 400, "The authorization code was redeemed before. Send the user to sign in again.")
    }

    pub fn code_of_another_tenant() -> Self {
        Self::new(700005, "invalid_grant", 400, "The authorization code was issued for another tenant.")
    }

    pub fn other_redirect() -> Self {
        let text = "The redirect URI is not the one that the authorization code was issued for.";
        Self::new(500112, "invalid_client", 400, text)
    }

    pub fn wrong_verifier() -> Self {
        Self::new(501481, "invalid_grant", 400, "The code verifier does not match the code challenge of the authorization request.")
    }

    // Device codes

    pub fn device_pending() -> Self {
        let text = "The user has not finished signing in. Ask again after the interval.";
        Self::new(70016, "authorization_pending", 400, text)
    }

    /// Source: RFC 8628, 3.5. The platform publishes no number of its own for it.
    pub fn device_too_fast() -> Self {
        let text = "The device asks too often: it has to wait longer between two polls from now on.";
        Self::new(70016, "slow_down", 400, text)
    }

    pub fn too_many_device_codes() -> Self {
        let text = "Too many device codes of this application wait for their users. Try again later.";
        Self::new(90055, "temporarily_unavailable", 429, text)
    }

    pub fn unknown_device_code() -> Self {
        Self::new(70018, "bad_verification_code", 400, "The device code is not known, or was used before.")
    }

    /// The platform does not publish its number; clients use the error value.
    pub fn device_declined() -> Self {
        Self::new(70018, "authorization_declined", 400, "The user declined the request.")
    }

    pub fn expired_device_code() -> Self {
        Self::new(70020, "expired_token", 400, "The device code has expired. Start again.")
    }

    pub fn foreign_device_code() -> Self {
        Self::new(90120, "invalid_request", 400, "The device code was issued for another tenant or application.")
    }

    pub fn malformed_user_code() -> Self {
        Self::new(90119, "invalid_request", 400, "The code is not well-formed. Type the letters that the device shows.")
    }

    pub fn unknown_user_code() -> Self {
        Self::new(70019, "expired_token", 400, "That code is not known or has expired. Check it, or start again on the device.")
    }

    /// The refusal of every sign-in from an address that has to wait.
    pub fn too_many_failures() -> Self {
        Self::new(50053, "invalid_grant", 400, "Too many sign-ins from this address have failed. Wait and try again.")
    }
}
