//! Token issuers that the operator trusts beside, or instead of, the built-in authority: Entra ID, Keycloak or any other that publishes its keys by
//! OpenID Connect discovery.
//!
//! The bearer of such a token gets the rights of the local user or application that they are bound to (`manage::users::external_identities`): roles,
//! permissions and consent are local. No key, address or algorithm is ever taken from a token.

mod claims;
mod keys;
mod settings;
pub mod sign_in;
pub(crate) mod subject;
mod token_header;

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use insightgate_identity::tokens::token::instant;
use insightgate_outbound::{AddressRules, Outbound, OutboundError};
use serde::Deserialize;
use thiserror::Error;

use self::keys::{KeyFault, PublishedKeys};
pub use self::settings::{ALGORITHMS, IssuerSettings, TenantSource};

/// The most bytes of a token. Entra ID's tokens with many groups are smaller.
const TOKEN_LIMIT: usize = 16 << 10;

/// The API that a token is presented to. A token for one is never accepted by the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Audience {
    Insights,
    Management,
}

/// The trusted issuers, with their keys.
#[derive(Default)]
pub struct ExternalIssuers(Vec<Arc<ExternalIssuer>>);

pub struct ExternalIssuer {
    pub settings: IssuerSettings,
    keys: PublishedKeys,
}

/// Why a token of a trusted issuer is not accepted, for the log.
#[derive(Debug, Error)]
pub(crate) enum ExternalFault {
    #[error(transparent)]
    Keys(#[from] KeyFault),
    #[error("the token is malformed or its signature is wrong: {0}")]
    Signature(#[from] jsonwebtoken::errors::Error),
    #[error("the token is malformed: {0}")]
    Malformed(&'static str),
    #[error("the token's header holds '{0}', which is not accepted")]
    Header(String),
    #[error("the algorithm '{0}' is not accepted from this issuer")]
    Algorithm(String),
    #[error("the token's type is '{0}': it is no access token")]
    Type(String),
    #[error("the token was issued by '{0}'")]
    Issuer(String),
    #[error("the token is for another audience: {0}")]
    Audience(String),
    #[error("the token expired at {}", instant(*.0))]
    Expired(i64),
    #[error("the token is not valid before {}", instant(*.0))]
    NotYetValid(i64),
    #[error("the token has no usable claim '{0}'")]
    Missing(String),
    #[error("the claims '{0}' and '{1}' name different applications")]
    TwoApplications(String, String),
    #[error("the token is bound to a key that is not presented with it (cnf)")]
    Confirmation,
}

impl ExternalFault {
    /// The message for the caller. It says what the token contains, and nothing about how keys are fetched.
    fn told(&self) -> String {
        match self {
            ExternalFault::Keys(_) => "the keys of the token's issuer cannot be used".to_owned(),
            ExternalFault::Signature(_) => "the token is malformed or its signature is wrong".to_owned(),
            other => other.to_string(),
        }
    }
}

impl ExternalIssuers {
    /// Makes the issuers. Their keys are fetched only when the first token arrives.
    ///
    /// # Errors
    /// When a certificate cannot be read, or the client cannot be made.
    pub fn new(issuers: Vec<IssuerSettings>, rules: &AddressRules) -> Result<ExternalIssuers, OutboundError> {
        let mut trusted = Vec::new();
        for settings in issuers {
            let outbound = Outbound::new(rules.clone(), settings.ca_certificate.as_deref())?;
            trusted.push(Arc::new(ExternalIssuer { keys: PublishedKeys::new(&settings, outbound), settings }));
        }
        Ok(ExternalIssuers(trusted))
    }

    /// The issuer with this name, exactly as in `iss`.
    pub fn find(&self, url: &str) -> Option<&Arc<ExternalIssuer>> {
        self.0.iter().find(|issuer| issuer.settings.url == url)
    }

    /// In the order of the configuration.
    pub fn all(&self) -> impl Iterator<Item = &Arc<ExternalIssuer>> {
        self.0.iter()
    }

    /// The issuers at which people can sign in to the console.
    pub fn of_console(&self) -> impl Iterator<Item = &Arc<ExternalIssuer>> {
        self.all().filter(|issuer| issuer.settings.console_client_id.is_some())
    }

    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.all().map(|issuer| issuer.settings.url.as_str())
    }

    /// The issuer that a token claims. Nothing is verified yet: the claim only decides whose rules the token must meet.
    pub fn of(&self, token: &str) -> Option<&Arc<ExternalIssuer>> {
        if self.0.is_empty() || token.len() > TOKEN_LIMIT {
            return None;
        }
        #[derive(Deserialize)]
        struct Claimed {
            iss: String,
        }
        let claims = URL_SAFE_NO_PAD.decode(token.split('.').nth(1)?).ok()?;
        let claimed: Claimed = serde_json::from_slice(&claims).ok()?;
        self.find(&claimed.iss)
    }
}
