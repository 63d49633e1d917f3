//! The server to which the client connects, and as whom it signs in.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::exchange::retries::Retries;

/// The time in Unix seconds, which decides when a token is about to expire.
pub type Clock = Arc<dyn Fn() -> i64 + Send + Sync>;

/// The debug form leaves the secrets out.
#[derive(Clone)]
pub struct ClientSettings {
    /// A URL such as `https://<authority>/<tenant>/oauth2/token`.
    pub authority_token_url: String,
    /// A URL such as `https://<host>/insights/v1/mpn` or `https://<host>/manage/v1`.
    pub api_base: String,
    /// The resource of the token: `https://api.partnercenter.microsoft.com`, or [`crate::manage::RESOURCE`].
    pub resource: String,
    pub client_id: String,
    /// `None` for a public application.
    pub client_secret: Option<String>,
    pub sign_in: SignIn,
    /// One or several certificates in PEM, which are trusted besides the system's.
    pub ca_certificate: Option<Vec<u8>>,
    pub patience: Patience,
}

/// How long is waited, and how often a call is made again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patience {
    /// The time limit for an answer, and between two pieces of a download.
    pub answer: Duration,
    pub retries: Retries,
}

/// A preview may take 100 seconds, as documented.
impl Default for Patience {
    fn default() -> Self {
        Patience { answer: Duration::from_secs(120), retries: Retries::default() }
    }
}

/// Who signs in with the application.
#[derive(Clone, PartialEq, Eq)]
pub enum SignIn {
    /// Nobody signs in: the application acts without a user (client_credentials).
    Application,
    /// A user signs in with the password grant.
    User { username: String, password: String },
    /// A user who signed in before, in a browser or with a device code. What is left of that is in the [`crate::TokenStore`]; without one, or after
    /// its end, no token can be had. `username` is None for whoever signed in.
    Before { username: Option<String> },
}

impl fmt::Debug for SignIn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SignIn::Application => f.write_str("Application"),
            SignIn::Before { username } => f.debug_struct("Before").field("username", username).finish(),
            SignIn::User { username, .. } => f.debug_struct("User").field("username", username).finish_non_exhaustive(),
        }
    }
}

impl fmt::Debug for ClientSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientSettings")
            .field("authority_token_url", &self.authority_token_url)
            .field("api_base", &self.api_base)
            .field("resource", &self.resource)
            .field("client_id", &self.client_id)
            .field("sign_in", &self.sign_in)
            .finish_non_exhaustive()
    }
}
