//! App registrations: what signs in beside a user.

use chrono::{DateTime, Utc};
use uuid::Uuid;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Application {
    /// The client id.
    pub id: Uuid,
    pub tenant: Uuid,
    pub name: String,
    pub enabled: bool,
    /// True for the application that runs this server's own management calls.
    pub operator: bool,
}

/// One of an application's secrets, as stored: a digest, never the text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientSecret {
    /// SHA-256 of the secret, hexadecimal.
    pub digest: String,
    pub expires: DateTime<Utc>,
}

/// What an application may ask for on behalf of a user. Each needs the tenant's consent too.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Permission {
    /// The Microsoft Partner API, delegated: the permission that the documented set-up adds.
    PartnerApi,
}

impl Permission {
    pub fn name(self) -> &'static str {
        match self {
            Permission::PartnerApi => "user_impersonation",
        }
    }
}
