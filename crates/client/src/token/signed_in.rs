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
        let exchange = Exchange::new(connect(settings.ca_certificate.as_deref(), &[&url])?);
        Ok(Authority { endpoints: Endpoints::new(settings, exchange, clock)? })
    }

    /// Unix seconds, by the client's clock.
    pub fn now(&self) -> i64 {
        self.endpoints.now()
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
