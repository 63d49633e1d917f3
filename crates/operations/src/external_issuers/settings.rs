//! The operator's settings of an issuer.

use std::time::Duration;

use chrono::TimeDelta;
use url::Url;
use uuid::Uuid;

/// The algorithms that can be configured. None uses a shared secret, since whoever can verify such a token can also make one.
pub const ALGORITHMS: [&str; 8] = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384"];

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IssuerSettings {
    /// The issuer's name, exactly as in `iss`.
    pub url: String,
    /// The allowed values of `aud` in a token for the Insights API.
    pub audiences: Vec<String>,
    /// The allowed values of `aud` in a token for the management API.
    pub management_audiences: Vec<String>,
    /// The accepted algorithms, each one of [`ALGORITHMS`].
    pub algorithms: Vec<String>,
    /// Whether tokens must be marked as access tokens (`typ` at+jwt, RFC 9068).
    pub require_at_jwt: bool,
    pub tenant: TenantSource,
    /// The claim with the user's immutable id.
    pub user_claim: String,
    /// Claims that may contain the application's id; those that exist must agree.
    pub application_claims: Vec<String>,
    /// The public client by which people sign in to the console at this issuer; `None` if they cannot.
    pub console_client_id: Option<String>,
    /// The scope that the console asks for: the issuer then gives an access token for one of `management_audiences`.
    pub console_scope: String,
    /// How long fetched keys are used before they are fetched again.
    pub cache: TimeDelta,
    /// The least time between two fetches, even if tokens name unknown keys.
    pub refetch: TimeDelta,
    /// The timeout of each of the two requests of a fetch.
    pub timeout: Duration,
    /// Certificates in PEM that are trusted beside the system's.
    pub ca_certificate: Option<Vec<u8>>,
}

/// Where a token names its bearer's tenant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TenantSource {
    /// The claim with the issuer's id of the tenant.
    Claim(String),
    /// All bearers belong to this tenant of ours.
    Fixed(Uuid),
}

impl TenantSource {
    pub fn fixed(&self) -> Option<Uuid> {
        match self {
            TenantSource::Claim(_) => None,
            TenantSource::Fixed(tenant) => Some(*tenant),
        }
    }
}

impl IssuerSettings {
    /// The settings for Entra ID's tokens, with everything else at its default.
    pub fn new(url: &str, audiences: Vec<String>) -> IssuerSettings {
        IssuerSettings {
            url: url.to_owned(),
            audiences,
            management_audiences: Vec::new(),
            algorithms: vec!["RS256".to_owned()],
            require_at_jwt: false,
            tenant: TenantSource::Claim("tid".to_owned()),
            user_claim: "oid".to_owned(),
            application_claims: ["appid", "azp", "client_id"].map(str::to_owned).to_vec(),
            console_client_id: None,
            console_scope: "openid".to_owned(),
            cache: TimeDelta::minutes(10),
            refetch: TimeDelta::seconds(30),
            timeout: Duration::from_secs(5),
            ca_certificate: None,
        }
    }

    /// Whether the address may be trusted for keys: `https`, or `http` on this machine.
    pub fn is_usable_url(url: &str) -> bool {
        let Ok(parsed) = Url::parse(url) else { return false };
        let plain = parsed.query().is_none() && parsed.fragment().is_none() && parsed.username().is_empty() && parsed.password().is_none();
        let local = match parsed.host() {
            Some(url::Host::Ipv4(address)) => address.is_loopback(),
            Some(url::Host::Ipv6(address)) => address.is_loopback(),
            Some(url::Host::Domain(name)) => name == "localhost",
            None => return false,
        };
        plain && (parsed.scheme() == "https" || parsed.scheme() == "http" && local)
    }
}
