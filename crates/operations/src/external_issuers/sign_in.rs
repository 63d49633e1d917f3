//! People who sign in at an issuer: the authorization code flow with a proof key (PKCE), by which the console gets an access token as any client does.

use serde::Deserialize;
use url::form_urlencoded::Serializer;

use super::ExternalIssuer;
use crate::context::Context;
use crate::failure::Failure;

/// A sign-in at an issuer.
pub struct ExternalSignIn<'a> {
    /// Where the issuer sends the browser back to.
    pub redirect_uri: &'a str,
    pub state: &'a str,
    /// The digest of the proof key (S256).
    pub challenge: &'a str,
}

impl ExternalIssuer {
    /// The address of the issuer's sign-in page.
    ///
    /// # Errors
    /// When the issuer does not answer, or people cannot sign in there.
    pub async fn sign_in_address(&self, context: &Context, sign_in: &ExternalSignIn<'_>) -> Result<String, Failure> {
        let endpoints = self.keys.endpoints(context.clock.now()).await.map_err(|fault| self.away(&fault))?;
        let mut address = endpoints.authorization;
        address
            .query_pairs_mut()
            .append_pair("client_id", self.client_id()?)
            .append_pair("response_type", "code")
            .append_pair("redirect_uri", sign_in.redirect_uri)
            .append_pair("scope", &self.settings.console_scope)
            .append_pair("state", sign_in.state)
            .append_pair("code_challenge", sign_in.challenge)
            .append_pair("code_challenge_method", "S256");
        Ok(address.into())
    }

    /// The access token for the code that the browser brought back. Nothing about it is verified yet.
    ///
    /// # Errors
    /// When the issuer does not answer or refuses the code.
    pub async fn redeem(&self, context: &Context, code: &str, verifier: &str, redirect_uri: &str) -> Result<String, Failure> {
        #[derive(Deserialize)]
        struct Granted {
            access_token: String,
        }
        let endpoints = self.keys.endpoints(context.clock.now()).await.map_err(|fault| self.away(&fault))?;
        let form = Serializer::new(String::new())
            .append_pair("grant_type", "authorization_code")
            .append_pair("client_id", self.client_id()?)
            .append_pair("code", code)
            .append_pair("code_verifier", verifier)
            .append_pair("redirect_uri", redirect_uri)
            .finish();
        let answer = self.keys.post_form(&endpoints.token, form).await.map_err(|error| self.away(&error))?;
        let granted = serde_json::from_slice::<Granted>(&answer.body).ok().filter(|_| answer.status == 200);
        let granted = granted.ok_or_else(|| {
            tracing::info!(issuer = self.settings.url, status = answer.status, "an issuer gave no access token for a code");
            Failure::Forbidden("The issuer gave no access token for this sign-in. Begin again.".to_owned())
        })?;
        Ok(granted.access_token)
    }

    fn client_id(&self) -> Result<&str, Failure> {
        self.settings.console_client_id.as_deref().ok_or(Failure::NotFound)
    }

    fn away(&self, cause: &impl ToString) -> Failure {
        Failure::unavailable(&format!("{}: {}", self.settings.url, cause.to_string()))
    }
}
