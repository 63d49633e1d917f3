//! Tokens: requesting one, reading the answer, and how long a token can be used.

pub(crate) mod authority;
pub(crate) mod code;
pub(crate) mod device;
pub(crate) mod kept;
pub(crate) mod signed_in;
pub(crate) mod source;

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use serde::{Deserialize, Deserializer};
use serde_json::Value;

use crate::error::TokenRefusal;
use crate::settings::{ClientSettings, SignIn};

/// A token is no longer used this many seconds before it expires, so that it does not expire while a request is in flight.
const MARGIN: i64 = 120;

/// The debug form leaves the tokens out.
#[derive(Clone, PartialEq)]
pub struct Token {
    pub access_token: String,
    pub refresh_token: Option<String>,
    /// When the token expires, in Unix seconds by the client's clock.
    pub expires_at: i64,
    pub resource: Option<String>,
    pub scope: Option<String>,
}

impl Token {
    pub fn is_usable(&self, now: i64) -> bool {
        now < self.expires_at.saturating_sub(MARGIN)
    }

    /// What the access token says of itself; None where it is not a JWT. Nothing checks its signature: it is to be shown, not to be relied on.
    pub fn claims(&self) -> Option<Value> {
        claims(&self.access_token)
    }
}

/// The claims of a JWT, unchecked.
pub(crate) fn claims(token: &str) -> Option<Value> {
    let mut parts = token.split('.');
    let (_, payload, _) = (parts.next()?, parts.next()?, parts.next()?);
    let payload = URL_SAFE_NO_PAD.decode(payload.trim_end_matches('=')).ok()?;
    serde_json::from_slice(&payload).ok().filter(Value::is_object)
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Token")
            .field("expires_at", &self.expires_at)
            .field("resource", &self.resource)
            .field("scope", &self.scope)
            .finish_non_exhaustive()
    }
}

/// The form of a new sign-in: the password grant for application and user together, client_credentials for the application alone. None if only a
/// person can sign in.
pub(crate) fn sign_in_form(settings: &ClientSettings) -> Option<Vec<(&'static str, &str)>> {
    match &settings.sign_in {
        SignIn::User { username, password } => {
            let mut form = application_form(settings, "password");
            form.extend([("scope", "openid"), ("username", username.as_str()), ("password", password)]);
            Some(form)
        }
        SignIn::Application => Some(application_form(settings, "client_credentials")),
        SignIn::Before { .. } => None,
    }
}

pub(crate) fn refresh_form<'a>(settings: &'a ClientSettings, refresh_token: &'a str) -> Vec<(&'static str, &'a str)> {
    let mut form = application_form(settings, "refresh_token");
    form.extend([("scope", "openid"), ("refresh_token", refresh_token)]);
    form
}

fn application_form<'a>(settings: &'a ClientSettings, grant: &'static str) -> Vec<(&'static str, &'a str)> {
    let mut form = vec![("grant_type", grant), ("resource", settings.resource.as_str()), ("client_id", &settings.client_id)];
    form.extend(settings.client_secret.as_deref().map(|secret| ("client_secret", secret)));
    form
}

/// The token, and the id token that came with it. `received` is the client's own time, which is used since the authority's clock may differ.
pub(crate) fn read_answer(body: &[u8], received: i64) -> Result<(Token, Option<String>), String> {
    let answer: TokenAnswer = serde_json::from_slice(body).map_err(|error| error.to_string())?;
    let token = Token {
        access_token: answer.access_token,
        refresh_token: answer.refresh_token,
        expires_at: received.saturating_add(answer.expires_in),
        resource: answer.resource,
        scope: answer.scope,
    };
    Ok((token, answer.id_token))
}

pub(crate) fn read_refusal(status: u16, body: &[u8]) -> Result<TokenRefusal, String> {
    let answer: RefusalAnswer = serde_json::from_slice(body).map_err(|error| error.to_string())?;
    Ok(TokenRefusal { status, error: answer.error, description: answer.error_description, codes: answer.error_codes })
}

#[derive(Deserialize)]
struct TokenAnswer {
    access_token: String,
    refresh_token: Option<String>,
    id_token: Option<String>,
    #[serde(deserialize_with = "seconds")]
    expires_in: i64,
    resource: Option<String>,
    scope: Option<String>,
}

#[derive(Deserialize)]
struct RefusalAnswer {
    error: String,
    #[serde(default)]
    error_description: String,
    #[serde(default)]
    error_codes: Vec<u32>,
}

/// A numeric string from the v1 endpoint, a number from v2.
pub(crate) fn seconds<'de, D: Deserializer<'de>>(deserializer: D) -> Result<i64, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Either {
        Number(i64),
        Text(String),
    }
    match Either::deserialize(deserializer)? {
        Either::Number(number) => Ok(number),
        Either::Text(text) => text.parse().map_err(serde::de::Error::custom),
    }
}

#[cfg(test)]
#[path = "token/tests.rs"]
mod tests;
