//! The meaning of each number of a refusal, for the page that explains it.

use super::GrantRefusal;
use crate::tokens::token::TokenVersion;

/// Stands for the part of the request that a refusal names.
const ANY: &str = "…";

impl GrantRefusal {
    /// All refusals with this number, each once.
    pub fn of_code(code: u32) -> Vec<GrantRefusal> {
        Self::every().into_iter().filter(|refusal| refusal.code == code).collect()
    }

    fn every() -> Vec<GrantRefusal> {
        vec![
            Self::missing_field(ANY),
            Self::unsupported_grant(ANY),
            Self::wrong_verb(),
            Self::malformed(ANY),
            Self::malformed_tenant(),
            Self::unknown_tenant(),
            Self::authority_off(),
            Self::unknown_domain(),
            Self::tenant_undetermined(),
            Self::password_on_common(),
            Self::unknown_client(ANY),
            Self::disabled_client(),
            Self::missing_secret(),
            Self::assertion_not_taken(),
            Self::wrong_secret(),
            Self::expired_secret(),
            Self::too_many_secrets(),
            Self::wrong_credentials(),
            Self::locked(),
            Self::disabled_user(),
            Self::unknown_resource(ANY),
            Self::resource_not_permitted(),
            Self::resource_on_v2(),
            Self::bad_scope(ANY),
            Self::scope_without_default(),
            Self::consent_missing(),
            Self::malformed_refresh_token(),
            Self::unknown_refresh_token(),
            Self::expired_refresh_token(),
            Self::revoked_refresh_token(),
            Self::busy(),
            Self::transient(),
            Self::second_factor(TokenVersion::V1),
            Self::second_factor(TokenVersion::V2),
            Self::enrolment(TokenVersion::V1),
            Self::enrolment(TokenVersion::V2),
            Self::password_must_change(),
            Self::public_client_with_secret(),
            Self::public_client_alone(),
            Self::doubled_field(ANY),
            Self::tenant_missing(),
            Self::unregistered_redirect(ANY),
            Self::unsupported_response_type(ANY),
            Self::unsupported_response_mode(ANY),
            Self::unsupported_prompt(ANY),
            Self::proof_key_missing(),
            Self::bad_challenge(),
            Self::login_required(),
            Self::consent_declined(),
            Self::malformed_code(),
            Self::unknown_code(),
            Self::expired_code(),
            Self::used_code(),
            Self::code_of_another_tenant(),
            Self::other_redirect(),
            Self::wrong_verifier(),
            Self::device_pending(),
            Self::device_too_fast(),
            Self::too_many_device_codes(),
            Self::unknown_device_code(),
            Self::device_declined(),
            Self::expired_device_code(),
            Self::foreign_device_code(),
            Self::malformed_user_code(),
            Self::unknown_user_code(),
            Self::too_many_failures(),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Finds the constructors in the source, so that a new one is checked too.
    #[test]
    fn no_refusal_is_left_out() {
        let sources = concat!(include_str!("../grant.rs"), include_str!("interactive.rs"));
        let numbers = ["Self::new(", "Self::interaction("].into_iter().flat_map(|call| sources.split(call).skip(1));
        let written: Vec<u32> = numbers.filter_map(|rest| rest.split(',').next()?.parse().ok()).collect();
        assert!(written.len() > 50, "{written:?}");
        for number in written {
            let constructors = sources.matches(&format!("({number}, ")).count();
            let texts: std::collections::BTreeSet<_> = GrantRefusal::of_code(number).into_iter().map(|known| known.text).collect();
            assert_eq!(texts.len(), constructors, "{number}: {texts:?}");
        }
        assert!(GrantRefusal::of_code(1).is_empty());
    }
}
