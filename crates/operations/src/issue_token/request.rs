//! The form that a client posts, as text.

use std::net::IpAddr;

use insightgate_identity::tokens::token::TokenVersion;

/// The fields of the form. Absent and empty ones are `None`.
#[derive(Clone, Default)]
pub struct TokenRequest {
    /// The tenant segment of the path.
    pub tenant: String,
    pub version: TokenVersion,
    pub grant_type: Option<String>,
    pub client_id: Option<String>,
    pub client_secret: Option<String>,
    pub username: Option<String>,
    pub password: Option<String>,
    pub refresh_token: Option<String>,
    pub code: Option<String>,
    pub redirect_uri: Option<String>,
    pub code_verifier: Option<String>,
    pub device_code: Option<String>,
    pub resource: Option<String>,
    pub scope: Option<String>,
    /// Whether the client asks for `client_info`, as the platform's own libraries do.
    pub client_info: bool,
    /// The client's address, if it is known.
    pub address: Option<IpAddr>,
    /// Whether it is the console's form for applications alone. It names no tenant, and its answer does not tell which ids there are.
    pub of_console: bool,
}
