//! The authorization code grant: the code that the browser brought back, with the proof that the same application requested it (PKCE, RFC 7636).

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use insightgate_identity::application::Application;
use insightgate_identity::tenant::Tenant;
use insightgate_identity::tokens::grant::GrantRefusal;

use super::refresh::enabled_user;
use super::resource::Granted;
use super::{SignIn, Spent, TokenFailure, Trail, answer, is_secret};
use crate::callers::directory::View;
use crate::context::Context;
use crate::credentials::password::secret_digest;

pub(super) fn check_shape(code: &str) -> Result<(), GrantRefusal> {
    if is_secret(code) { Ok(()) } else { Err(GrantRefusal::malformed_code()) }
}

/// Makes every check except that the code is unused when it is redeemed, which `answer` makes.
pub(super) async fn sign_in(
    context: &Context,
    directory: &View<'_>,
    tenant: &Tenant,
    application: &Application,
    code: &str,
    (redirect_uri, verifier): (Option<&str>, Option<&str>),
    trail: &Trail,
) -> Result<SignIn, TokenFailure> {
    let record = context.store.authorization_code(&secret_digest(code)).await?.ok_or_else(GrantRefusal::unknown_code)?;
    if record.tenant != tenant.id {
        return Err(GrantRefusal::code_of_another_tenant().into());
    }
    if record.application != application.id {
        return Err(GrantRefusal::unknown_code().into());
    }
    if record.used {
        answer::end_stolen(context, record.family, trail).await?;
        return Err(GrantRefusal::used_code().into());
    }
    if context.clock.now() >= record.expires {
        return Err(GrantRefusal::expired_code().into());
    }
    if redirect_uri.is_none_or(|sent| sent != record.redirect_uri) {
        return Err(GrantRefusal::other_redirect().into());
    }
    match (&record.challenge, verifier) {
        (None, None) => {}
        (Some((challenge, method)), Some(verifier)) if matches(challenge, method, verifier) => {}
        // A verifier without a challenge is refused too, since somebody may have removed the challenge from the authorization request.
        _ => return Err(GrantRefusal::wrong_verifier().into()),
    }
    let user = enabled_user(directory, tenant, application, record.user).await?;
    let granted = Granted { resource: record.resource, openid: record.openid, offline: record.offline };
    let spent = Spent::Code { digest: record.digest, family: record.family };
    Ok(SignIn { user, amr: record.amr, spent, granted: Some(granted), nonce: record.nonce })
}

fn matches(challenge: &str, method: &str, verifier: &str) -> bool {
    let proof = match method {
        "S256" => URL_SAFE_NO_PAD.encode(digest(&SHA256, verifier.as_bytes())),
        _ => verifier.to_owned(),
    };
    verify_slices_are_equal(proof.as_bytes(), challenge.as_bytes()).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Source: RFC 7636, appendix B.
    #[test]
    fn a_verifier_matches_its_challenge() {
        let verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
        let challenge = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
        assert!(matches(challenge, "S256", verifier));
        assert!(!matches(challenge, "plain", verifier) && matches(verifier, "plain", verifier));
        assert!(!matches(challenge, "S256", "another") && !matches(challenge, "S256", ""));
    }
}
