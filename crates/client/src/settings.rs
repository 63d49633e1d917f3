//! Where the client talks to and as whom.

use std::fmt;
use std::sync::Arc;

/// Unix seconds; decides when a token is about to expire.
pub type Clock = Arc<dyn Fn() -> i64 + Send + Sync>;

/// Its debug form leaves the secrets out.
#[derive(Clone)]
pub struct ClientSettings {
    /// `https://<authority>/<tenant>/oauth2/token`.
    pub authority_token_url: String,
    /// `https://<host>/insights/v1/mpn`.
    pub api_base: String,
    /// What the token is for: `https://api.partnercenter.microsoft.com`.
    pub resource: String,
    pub client_id: String,
    pub client_secret: String,
    pub username: String,
    pub password: String,
    /// PEM, one certificate or several, trusted besides the system's.
    pub ca_certificate: Option<Vec<u8>>,
}

impl fmt::Debug for ClientSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientSettings")
            .field("authority_token_url", &self.authority_token_url)
            .field("api_base", &self.api_base)
            .field("resource", &self.resource)
            .field("client_id", &self.client_id)
            .field("username", &self.username)
            .finish_non_exhaustive()
    }
}
