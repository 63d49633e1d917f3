//! Signing in to the console: by the authorization code flow with a proof key (PKCE), of the built-in authority or of an external issuer, or as an
//! application alone with its secret.

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use insightgate_identity::tokens::grant::GrantRefusal;
use insightgate_identity::tokens::token::TokenVersion;
use insightgate_identity::user::domain_of;
use url::Url;
use url::form_urlencoded::Serializer;
use uuid::Uuid;

use super::application::{console_application, console_application_id};
use super::caller::{Caller, count_refusal};
use super::session::begin_session;
use crate::context::Context;
use crate::credentials::password::secret_digest;
use crate::external_issuers::ExternalIssuer;
use crate::external_issuers::sign_in::ExternalSignIn;
use crate::failure::Failure;
use crate::issue_token::{TokenFailure, TokenRequest, issue_token};

/// Where the authority sends the browser back to.
const BACK: &str = "/console/signed-in";
/// Where it sends a browser that signed out.
const SIGNED_OUT: &str = "/console/sign-in";
/// The most bytes of the address of the page to go on to. A cookie holds it, encoded, and browsers keep 4 KiB of one.
const LONGEST_PAGE: usize = 1000;

/// A sign-in that has begun.
pub struct Begun {
    /// Where the browser goes.
    pub address: String,
    /// What the browser keeps until it comes back. It holds the proof key.
    pub kept: String,
}

/// Begins the sign-in of the user, whose organisation is known by the name's domain. `page` is the one to go on to.
///
/// # Errors
/// When no organisation has the domain, or the database does not answer.
pub async fn begin_sign_in(context: &Context, caller: Caller<'_>, username: &str, page: &str) -> Result<Begun, Failure> {
    let username = username.trim();
    let domain = domain_of(username).ok_or_else(|| Failure::Invalid("A user name has the form name@domain.".to_owned()))?;
    let tenant = context.directory.view().tenant_by_domain(&domain.to_lowercase()).await?;
    let Some(tenant) = tenant else {
        count_refusal(context, caller, "no organisation has the domain of the user name");
        return Err(Failure::Invalid(format!("No organisation here has the domain '{domain}'.")));
    };
    let application = console_application(context, &tenant, &addresses(caller.base_url)).await?;
    let proof = Proof::new(context)?;
    let query = Serializer::new(String::new())
        .append_pair("client_id", &application.id.to_string())
        .append_pair("response_type", "code")
        .append_pair("redirect_uri", &format!("{}{BACK}", caller.base_url))
        .append_pair("resource", &context.settings.management_resource)
        .append_pair("state", &proof.state())
        .append_pair("code_challenge", &proof.challenge())
        .append_pair("code_challenge_method", "S256")
        .append_pair("login_hint", username)
        .finish();
    Ok(Begun { address: format!("/{}/oauth2/authorize?{query}", tenant.id), kept: proof.kept(&tenant.id.to_string(), page) })
}

/// Begins the sign-in at an external issuer, by its place among those at which people can sign in.
///
/// # Errors
/// When there is no such issuer, or it does not answer.
pub async fn begin_external_sign_in(context: &Context, caller: Caller<'_>, place: &str, page: &str) -> Result<Begun, Failure> {
    let issuer = external_issuer(context, place)?;
    let proof = Proof::new(context)?;
    let redirect_uri = format!("{}{BACK}", caller.base_url);
    let sign_in = ExternalSignIn { redirect_uri: &redirect_uri, state: &proof.state(), challenge: &proof.challenge() };
    Ok(Begun { address: issuer.sign_in_address(context, &sign_in).await?, kept: proof.kept(place, page) })
}

/// The issuers at which people can sign in, each by its place and its host.
pub fn external_issuers(context: &Context) -> Vec<(usize, String)> {
    let host = |url: &str| Url::parse(url).ok().and_then(|url| url.host_str().map(str::to_owned));
    let hosts = context.issuers.of_console().map(|issuer| host(&issuer.settings.url).unwrap_or_default());
    hosts.enumerate().collect()
}

fn external_issuer<'a>(context: &'a Context, place: &str) -> Result<&'a ExternalIssuer, Failure> {
    let place: usize = place.parse().map_err(|_| Failure::NotFound)?;
    context.issuers.of_console().nth(place).map(AsRef::as_ref).ok_or(Failure::NotFound)
}

/// Ends the sign-in with the code that the browser brings back. Returns the cookie of the session, and the page to go on to.
///
/// # Errors
/// When the browser did not begin this sign-in, the code is refused, or the database does not answer.
pub async fn finish_sign_in(
    context: &Context,
    caller: Caller<'_>,
    kept: Option<&str>,
    (code, sent_state): (&str, &str),
) -> Result<(String, String), Failure> {
    let other = || {
        count_refusal(context, caller, "the sign-in was begun by another browser, or too long ago");
        Failure::Forbidden("This sign-in was begun by another browser, or too long ago. Begin again.".to_owned())
    };
    let mut parts = kept.ok_or_else(other)?.splitn(3, '.');
    let (Some(verifier), Some(whose), Some(page)) = (parts.next(), parts.next(), parts.next()) else { return Err(other()) };
    if !has_begun(Some(verifier), sent_state) {
        return Err(other());
    }
    let page = url::form_urlencoded::parse(page.as_bytes()).next().map(|(_, page)| page.into_owned()).unwrap_or_default();
    let page = safe_page(&page).to_owned();
    let redirect_uri = format!("{}{BACK}", caller.base_url);
    let Ok(tenant) = Uuid::try_parse(whose) else {
        let redeemed = external_issuer(context, whose)?.redeem(context, code, verifier, &redirect_uri).await;
        let token = redeemed.inspect_err(|failure| {
            if matches!(failure, Failure::Forbidden(_)) {
                count_refusal(context, caller, "the issuer gave no access token");
            }
        })?;
        return Ok((begin_session(context, &token, caller).await?, page));
    };
    let request = TokenRequest {
        tenant: tenant.to_string(),
        version: TokenVersion::V1,
        grant_type: Some("authorization_code".to_owned()),
        client_id: Some(console_application_id(tenant).to_string()),
        code: Some(code.to_owned()),
        redirect_uri: Some(redirect_uri),
        code_verifier: Some(verifier.to_owned()),
        address: caller.address,
        ..TokenRequest::default()
    };
    Ok((cookie_for(context, caller, &request).await?, page))
}

/// What the browser is told if the sign-in came back with an error in place of a code.
pub fn refuse_answer(context: &Context, caller: Caller<'_>, kept: Option<&str>, sent_state: &str, error: &str) -> Failure {
    // Anybody can make a link with words in it: only those are shown that answer this browser.
    let told = if has_begun(kept, sent_state) {
        count_refusal(context, caller, "the sign-in came back with an error");
        let shown: String = error.chars().take(500).collect();
        format!("The sign-in was not completed: {shown}")
    } else {
        count_refusal(context, caller, "an error came back for a sign-in that this browser did not begin");
        "The sign-in was not completed. Begin again.".to_owned()
    };
    Failure::Forbidden(told)
}

/// Whether the browser began the sign-in that has this state. What else is in the address is then the issuer's.
fn has_begun(kept: Option<&str>, sent_state: &str) -> bool {
    // Digests are compared, so that the time reveals nothing.
    let verifier = kept.and_then(|kept| kept.split('.').next()).filter(|verifier| !verifier.is_empty());
    verifier.is_some_and(|verifier| secret_digest(&Proof(verifier.to_owned()).state()) == secret_digest(sent_state))
}

/// Signs an application in alone, as an operator's is. Returns the cookie of the session.
///
/// # Errors
/// When the id or the secret is refused, or the database does not answer.
pub async fn sign_in_alone(context: &Context, caller: Caller<'_>, client_id: &str, secret: &str) -> Result<String, Failure> {
    let request = TokenRequest {
        tenant: "organizations".to_owned(),
        version: TokenVersion::V1,
        grant_type: Some("client_credentials".to_owned()),
        // What is no id may be a secret that was typed into the wrong field: the audit trail must not have it.
        client_id: Uuid::try_parse(client_id.trim()).ok().map(|id| id.to_string()),
        client_secret: Some(secret.trim().to_owned()),
        resource: Some(context.settings.management_resource.clone()),
        address: caller.address,
        of_console: true,
        ..TokenRequest::default()
    };
    // Which ids there are is nobody's business: a wrong secret is told as a wrong id is.
    cookie_for(context, caller, &request).await.map_err(|failure| match failure {
        Failure::Forbidden(_) => Failure::Invalid("No application with this id and this secret may sign in.".to_owned()),
        failure => failure,
    })
}

/// Where a browser goes to end its session on the sign-in pages too, on this server.
pub fn sign_out_address(base_url: &str, tenant: Uuid) -> String {
    let query = Serializer::new(String::new())
        .append_pair("client_id", &console_application_id(tenant).to_string())
        .append_pair("post_logout_redirect_uri", &format!("{base_url}{SIGNED_OUT}"))
        .finish();
    format!("/{tenant}/oauth2/logout?{query}")
}

async fn cookie_for(context: &Context, caller: Caller<'_>, request: &TokenRequest) -> Result<String, Failure> {
    let answer = issue_token(context, request, caller.base_url, caller.correlation).await.map_err(|failure| match failure {
        TokenFailure::Refused(GrantRefusal { text, retry_after: Some(wait_seconds), .. }) => {
            Failure::ShareTaken { told: text, wait_seconds }
        }
        TokenFailure::Refused(refusal) => Failure::Forbidden(refusal.text),
        TokenFailure::Internal(cause) => Failure::Internal(cause),
    })?;
    begin_session(context, &answer.access_token, caller).await
}

fn addresses(base_url: &str) -> [String; 2] {
    [BACK, SIGNED_OUT].map(|path| format!("{base_url}{path}"))
}

/// The proof key of a sign-in (PKCE), from which the rest follows, so that the browser need keep only one secret.
struct Proof(String);

impl Proof {
    fn new(context: &Context) -> Result<Proof, Failure> {
        Ok(Proof(context.random.secret()?))
    }

    fn challenge(&self) -> String {
        URL_SAFE_NO_PAD.encode(digest(&SHA256, self.0.as_bytes()))
    }

    fn state(&self) -> String {
        secret_digest(&format!("state {}", self.0))
    }

    /// What the browser keeps: the key, at whom it signs in, and the page to go on to.
    fn kept(&self, whose: &str, page: &str) -> String {
        let page = Serializer::new(String::new()).append_pair("to", safe_page(page)).finish();
        format!("{}.{whose}.{page}", self.0)
    }
}

/// The page, if it is one of this server; otherwise the first.
fn safe_page(page: &str) -> &str {
    let is_own = page.starts_with('/') && !page.starts_with("//") && page.len() <= LONGEST_PAGE;
    let is_plain = page.bytes().all(|byte| (0x21..0x7f).contains(&byte) && byte != b'\\');
    if is_own && is_plain { page } else { "/" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sign_in_goes_on_to_pages_of_this_server_only() {
        for own in ["/", "/console/reports", "/console/queries?text=SELECT+x"] {
            assert_eq!(safe_page(own), own);
        }
        for foreign in
            ["", "//evil.example", "/\\evil.example", "https://evil.example", "javascript:alert(1)", "/a b", "/a\r\nset-cookie:x"]
        {
            assert_eq!(safe_page(foreign), "/", "{foreign}");
        }
        assert_eq!(safe_page(&format!("/{}", "x".repeat(LONGEST_PAGE))), "/");
    }
}
