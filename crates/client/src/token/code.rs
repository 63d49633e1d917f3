//! Sign-in by a browser: an authorization code with PKCE (RFC 7636), whose answer comes back to an address of this machine (RFC 8252).

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use reqwest::Url;

use crate::error::{ClientError, TokenRefusal};
use crate::settings::SignIn;
use crate::token::signed_in::{Authority, SignedIn};

/// One request for a code. `state`, `nonce` and `verifier` are new random texts; `verifier` has 43 to 128 characters of base64url.
#[derive(Clone)]
pub struct CodeRequest {
    pub redirect_uri: String,
    pub state: String,
    pub nonce: String,
    pub verifier: String,
}

/// What a browser brought back.
#[derive(Debug, PartialEq)]
pub enum BroughtBack {
    Code(String),
    /// The person or the authority said no.
    Refused(TokenRefusal),
    /// Not the answer to this request.
    Foreign,
}

impl CodeRequest {
    /// Reads the query of the address that the browser was sent to. What does not carry this request's `state`, or names anything twice, is foreign.
    pub fn read(&self, query: &str) -> BroughtBack {
        let mut found = [const { None::<String> }; 4];
        let names = ["state", "code", "error", "error_description"];
        for (name, value) in url_pairs(query) {
            if let Some(place) = names.iter().position(|known| *known == name).and_then(|place| found.get_mut(place))
                && place.replace(value).is_some()
            {
                return BroughtBack::Foreign;
            }
        }
        let [state, code, error, description] = found;
        if state.as_deref() != Some(self.state.as_str()) {
            return BroughtBack::Foreign;
        }
        match (code, error) {
            (Some(code), None) if !code.is_empty() => BroughtBack::Code(code),
            (None, Some(error)) => {
                let description = description.unwrap_or_default();
                let codes = aadsts(&description).into_iter().collect();
                BroughtBack::Refused(TokenRefusal { status: 400, error, description, codes })
            }
            _ => BroughtBack::Foreign,
        }
    }
}

impl Authority {
    /// The page to open in a browser. `choose` lets the person choose another account than the browser's.
    pub fn sign_in_page(&self, request: &CodeRequest, choose: bool) -> String {
        let challenge = URL_SAFE_NO_PAD.encode(digest(&SHA256, request.verifier.as_bytes()));
        let mut url: Url = self.endpoints.version_2("authorize");
        url.query_pairs_mut()
            .append_pair("client_id", &self.endpoints.settings.client_id)
            .append_pair("response_type", "code")
            .append_pair("response_mode", "query")
            .append_pair("redirect_uri", &request.redirect_uri)
            .append_pair("scope", &self.endpoints.scope())
            .append_pair("state", &request.state)
            .append_pair("nonce", &request.nonce)
            .append_pair("code_challenge", &challenge)
            .append_pair("code_challenge_method", "S256");
        if let SignIn::User { username, .. } | SignIn::Before { username: Some(username) } = &self.endpoints.settings.sign_in {
            url.query_pairs_mut().append_pair("login_hint", username);
        }
        if choose {
            url.query_pairs_mut().append_pair("prompt", "select_account");
        }
        url.into()
    }

    /// The tokens for a code.
    ///
    /// # Errors
    /// When the authority refuses the code, its answer belongs to another request, or it cannot be reached.
    pub async fn redeem(&self, request: &CodeRequest, code: &str) -> Result<SignedIn, ClientError> {
        let scope = self.endpoints.scope();
        let mut form = self.endpoints.application_form("authorization_code");
        form.extend([("code", code), ("redirect_uri", &request.redirect_uri), ("code_verifier", &request.verifier), ("scope", &scope)]);
        let signed_in = self.granted(&form).await?;
        if signed_in.nonce.as_deref() != Some(request.nonce.as_str()) {
            let reason = "the id token was not made for this sign-in (nonce)".to_owned();
            let address = self.endpoints.version_2("token").to_string();
            return Err(ClientError::Unexpected { address, status: 200, reason });
        }
        Ok(signed_in)
    }
}

/// The number in `AADSTS50126: …`.
fn aadsts(description: &str) -> Option<u32> {
    let digits = description.strip_prefix("AADSTS")?;
    digits.split(|character: char| !character.is_ascii_digit()).next()?.parse().ok()
}

/// Decoded, as a form is.
fn url_pairs(query: &str) -> Vec<(String, String)> {
    let Ok(mut url) = Url::parse("http://localhost/") else { return Vec::new() };
    url.set_query(Some(query));
    url.query_pairs().into_owned().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::ClientSettings;
    use std::sync::Arc;

    fn request() -> CodeRequest {
        CodeRequest {
            redirect_uri: "http://localhost:4000".into(),
            state: "st4te".into(),
            nonce: "n0nce".into(),
            // Of RFC 7636, appendix B.
            verifier: "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk".into(),
        }
    }

    #[test]
    fn the_page_has_the_challenge_and_not_the_verifier() {
        let settings = ClientSettings {
            authority_token_url: "https://login.example/t/oauth2/token".into(),
            api_base: "https://api.example/insights/v1/mpn".into(),
            resource: "https://api.partnercenter.microsoft.com".into(),
            client_id: "app".into(),
            client_secret: Some("s3cret".into()),
            sign_in: SignIn::Before { username: Some("ada@contoso.com".into()) },
            ca_certificate: None,
            patience: crate::Patience::default(),
        };
        let authority = Authority::new(settings, Arc::new(|| 0)).unwrap();
        let page = authority.sign_in_page(&request(), true);
        assert!(page.starts_with("https://login.example/t/oauth2/v2.0/authorize?client_id=app&response_type=code&"), "{page}");
        for part in [
            "redirect_uri=http%3A%2F%2Flocalhost%3A4000&",
            "scope=https%3A%2F%2Fapi.partnercenter.microsoft.com%2F.default+offline_access+openid+profile&",
            "state=st4te&nonce=n0nce&code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM&code_challenge_method=S256&",
            "login_hint=ada%40contoso.com&prompt=select_account",
        ] {
            assert!(page.contains(part), "{part} in {page}");
        }
        assert!(!page.contains("s3cret") && !page.contains("dBjft"), "{page}");
    }

    #[test]
    fn only_the_answer_to_this_request_is_taken() {
        let read = |query: &str| request().read(query);
        assert_eq!(read("code=a%2Fb&state=st4te&session_state=x"), BroughtBack::Code("a/b".into()));
        let BroughtBack::Refused(refusal) = read("error=access_denied&error_description=AADSTS65004%3A+declined&state=st4te") else {
            panic!("not refused")
        };
        assert_eq!(
            (refusal.error.as_str(), refusal.codes.as_slice(), refusal.to_string().as_str()),
            ("access_denied", [65004].as_slice(), "AADSTS65004: declined")
        );
        for foreign in [
            "",
            "code=a",
            "code=a&state=other",
            "code=a&state=st4te&state=st4te",
            "code=a&code=b&state=st4te",
            "code=a&error=b&state=st4te",
            "state=st4te",
            "code=&state=st4te",
        ] {
            assert_eq!(read(foreign), BroughtBack::Foreign, "{foreign}");
        }
    }
}
