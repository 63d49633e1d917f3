//! A person's sign-in, in a browser or with a device code: who it was, and what is kept of it.

use serde_json::Value;

use crate::error::ClientError;
use crate::exchange::Exchange;
use crate::http::{connect, parse_url};
use crate::settings::{ClientSettings, Clock};
use crate::token::authority::Endpoints;
use crate::token::kept::Kept;
use crate::token::{Token, claims};

/// The authority, asked to sign a person in. The settings' `sign_in` says who is expected, and no password of it is used.
pub struct Authority {
    pub(crate) endpoints: Endpoints,
}

/// What the authority granted to a person.
#[derive(Debug, Clone, PartialEq)]
pub struct SignedIn {
    pub token: Token,
    /// The sign-in name, if the authority said it.
    pub username: Option<String>,
    /// What the request for a code carried, as the id token repeats it.
    pub(crate) nonce: Option<String>,
    resource: String,
    received_at: i64,
}

impl Authority {
    /// # Errors
    /// When a certificate cannot be read, an address is none, or the client cannot be made.
    pub fn new(settings: ClientSettings, clock: Clock) -> Result<Authority, ClientError> {
        let url = parse_url(&settings.authority_token_url)?;
        let exchange = Exchange::new(connect(settings.ca_certificate.as_deref(), settings.patience.answer, &[&url])?, settings.patience);
        Ok(Authority { endpoints: Endpoints::new(settings, exchange, clock)? })
    }

    /// Unix seconds, by the client's clock.
    pub fn now(&self) -> i64 {
        self.endpoints.now()
    }

    /// Asks the authority for its own description: so a program knows that it is there, and knows the tenant, before a person is sent to it.
    ///
    /// # Errors
    /// When the authority cannot be reached, somebody else answers, or it refuses.
    pub async fn look(&self) -> Result<(), ClientError> {
        self.endpoints.look().await
    }

    pub(crate) async fn granted(&self, form: &[(&str, &str)]) -> Result<SignedIn, ClientError> {
        let (token, id_token) = self.endpoints.redeem(form).await?;
        Ok(SignedIn::new(token, id_token.as_deref(), self.endpoints.settings.resource.clone(), self.now()))
    }
}

impl SignedIn {
    /// The id token came from the authority itself over its own connection, so that its signature says nothing more (OpenID Connect Core, 3.1.3.7).
    fn new(token: Token, id_token: Option<&str>, resource: String, received_at: i64) -> SignedIn {
        let id = id_token.and_then(claims);
        let text = |claims: &Option<Value>, name: &str| claims.as_ref()?.get(name)?.as_str().map(str::to_owned);
        let own = token.claims();
        let username = ["preferred_username", "upn", "email"].iter().find_map(|name| text(&id, name));
        let username = username.or_else(|| text(&own, "upn")).or_else(|| text(&own, "unique_name"));
        SignedIn { token, username, nonce: text(&id, "nonce"), resource, received_at }
    }

    /// For a [`crate::TokenStore`], in place of what it had of the account.
    pub fn kept(&self) -> Kept {
        let mut kept = Kept { username: self.username.clone(), ..Kept::default() };
        kept.take(&self.resource, &self.token, self.received_at, true);
        kept
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]

    use std::sync::Arc;
    use std::time::Duration;

    use super::*;
    use crate::scripted::Scripted;
    use crate::{Patience, Retries};

    fn answer(status: &str, body: &str) -> Vec<u8> {
        format!("HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}", body.len()).into_bytes()
    }

    #[tokio::test]
    async fn an_authority_is_there_before_a_person_is_sent_to_it() {
        let unknown = r#"{"error":"invalid_tenant","error_description":"AADSTS90002: no such tenant.","error_codes":[90002]}"#;
        let server = Scripted::start(vec![answer("200 OK", "{}"), answer("404 Not Found", "{}"), answer("400 Bad Request", unknown)]).await;
        let authority = Authority::new(server.settings("insights/v1/mpn"), Arc::new(|| 0)).unwrap_or_else(|error| panic!("{error}"));
        assert!(authority.look().await.is_ok());
        assert!(authority.look().await.is_ok(), "one without a description is there too");
        assert!(matches!(authority.look().await, Err(ClientError::Token(refusal)) if refusal.codes == [90002]));
        assert!(server.requests().iter().all(|head| head.starts_with("get /t/v2.0/.well-known/openid-configuration ")));
    }

    #[tokio::test]
    async fn an_answer_is_waited_for_as_long_as_the_settings_say() {
        // It takes connections, and answers none.
        let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut settings = Scripted::start(Vec::new()).await.settings("insights/v1/mpn");
        settings.authority_token_url = format!("http://{}/t/oauth2/token", silent.local_addr().unwrap());
        settings.patience = Patience { answer: Duration::from_millis(50), retries: Retries::default() };
        let authority = Authority::new(settings, Arc::new(|| 0)).unwrap_or_else(|error| panic!("{error}"));
        assert!(matches!(authority.look().await, Err(ClientError::Unreachable { timed_out: true, .. })));
    }
}
