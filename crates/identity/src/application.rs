//! App registrations: the applications that sign in with a user or on their own, with their secrets and permissions.

pub mod expiry;

use chrono::{DateTime, Utc};
use strum::{EnumString, IntoStaticStr, VariantArray};
use thiserror::Error;
use uuid::Uuid;

use crate::tokens::api_ids;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Application {
    /// The client id.
    pub id: Uuid,
    pub tenant: Uuid,
    pub name: String,
    pub enabled: bool,
    /// True for an application that manages every tenant of this server.
    pub operator: bool,
    /// A public client (desktop, command line) has no secret.
    pub public: bool,
    /// The redirect URIs of a sign-in, compared exactly.
    pub redirect_uris: Vec<String>,
}

impl Application {
    /// An application with a secret, as in the documented set-up.
    pub fn confidential(id: Uuid, tenant: Uuid, name: &str) -> Application {
        let name = name.to_owned();
        Application { id, tenant, name, enabled: true, operator: false, public: false, redirect_uris: Vec::new() }
    }
}

/// One of an application's secrets, as stored: a digest, never the text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientSecret {
    pub id: Uuid,
    /// SHA-256 of the secret, hexadecimal.
    pub digest: String,
    /// The first characters of the secret, so that people can tell their secrets apart.
    pub hint: String,
    pub description: String,
    pub created: DateTime<Utc>,
    pub expires: DateTime<Utc>,
}

impl ClientSecret {
    /// How many characters of the secret the hint shows.
    pub const HINT_LENGTH: usize = 3;
}

/// A permission of an application. Each needs consent too.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, IntoStaticStr, EnumString, VariantArray)]
#[strum(ascii_case_insensitive)]
pub enum Permission {
    /// The Microsoft Partner API on behalf of a user: the permission that the documented set-up adds.
    #[strum(serialize = "user_impersonation")]
    PartnerApi,
    /// The management API on behalf of an administrator.
    #[strum(serialize = "management")]
    Management,
    /// The management API for the application itself, within its tenant.
    #[strum(serialize = "Management.ReadWrite.All")]
    ManagementApplication,
}

impl Permission {
    pub const ALL: &'static [Permission] = Permission::VARIANTS;

    /// The name, as it appears in `scp` or `roles`.
    pub fn name(self) -> &'static str {
        self.into()
    }

    pub fn from_name(name: &str) -> Option<Permission> {
        name.parse().ok()
    }

    /// Parses what an administrator writes: the name of the permission; the id of the API, which has only one permission; or both, as in a scope
    /// (`<id>/user_impersonation`).
    pub fn named(text: &str) -> Option<Permission> {
        let text = text.trim();
        match text.split_once('/') {
            None if api_ids::is_one(text) => Some(Permission::PartnerApi),
            Some((api, name)) if api_ids::is_one(api) => Permission::from_name(name).filter(|found| *found == Permission::PartnerApi),
            _ => Permission::from_name(text),
        }
    }

    /// Whether it is used on behalf of a user, so that the user's own consent may suffice.
    pub fn is_delegated(self) -> bool {
        self != Permission::ManagementApplication
    }
}

/// A redirect URI that an application cannot have.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("The redirect URI '{uri}' cannot be used: {reason}.")]
pub struct RedirectUriFault {
    pub uri: String,
    pub reason: &'static str,
}

/// The most bytes of a redirect URI.
pub const LONGEST_REDIRECT_URI: usize = 2000;

/// Checks a redirect URI. It must be https, or http to this machine only; a public client may also use a scheme of its own. It must have no fragment, no
/// wildcard and no credentials.
///
/// # Errors
///
/// [`RedirectUriFault`] says which of these rules the address breaks.
pub fn check_redirect_uri(uri: &str, public: bool) -> Result<(), RedirectUriFault> {
    let fault = |reason| Err(RedirectUriFault { uri: uri.chars().take(200).collect(), reason });
    if uri.len() > LONGEST_REDIRECT_URI {
        return fault("it is longer than 2,000 characters");
    }
    if uri.bytes().any(|byte| !(0x21..0x7f).contains(&byte)) || uri.contains(['\\', '"', '<', '>', '*']) {
        return fault("it holds a character that a URI cannot have, or a wildcard");
    }
    if uri.contains('#') {
        return fault("it has a fragment");
    }
    let Some((scheme, rest)) = uri.split_once(':') else { return fault("it is not absolute") };
    if scheme.is_empty() || !scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.')) {
        return fault("it is not absolute");
    }
    let scheme = scheme.to_ascii_lowercase();
    if matches!(scheme.as_str(), "javascript" | "data" | "vbscript" | "file" | "blob" | "about") {
        return fault("its scheme runs or reads something");
    }
    if !matches!(scheme.as_str(), "http" | "https") {
        return if public { Ok(()) } else { fault("only public clients may have a scheme of their own") };
    }
    let Some(rest) = rest.strip_prefix("//") else { return fault("it names no host") };
    let authority = rest.split(['/', '?']).next().unwrap_or_default();
    if authority.is_empty() || authority.starts_with(':') {
        return fault("it names no host");
    }
    if authority.contains('@') {
        return fault("it holds credentials");
    }
    let host = match authority.strip_prefix('[') {
        Some(bracketed) => bracketed.split(']').next().unwrap_or_default(),
        None => authority.split(':').next().unwrap_or_default(),
    };
    let local = matches!(host.to_ascii_lowercase().as_str(), "localhost" | "127.0.0.1" | "::1");
    if scheme == "http" && !local { fault("http is only for this machine: use https") } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn permissions_are_named_in_several_ways() {
        for id in api_ids::ALL {
            assert_eq!(Permission::named(id), Some(Permission::PartnerApi));
            assert_eq!(Permission::named(&format!(" {}/USER_impersonation", id.to_uppercase())), Some(Permission::PartnerApi));
            assert_eq!(Permission::named(&format!("{id}/management")), None);
            assert_eq!(Permission::named(&format!("{id}/")), None);
        }
        for &permission in Permission::ALL {
            assert_eq!(Permission::named(permission.name()), Some(permission));
        }
        assert_eq!(Permission::named("00000003-0000-0000-c000-000000000000"), None);
        assert_eq!(Permission::named("00000003-0000-0000-c000-000000000000/user_impersonation"), None);
        assert_eq!(Permission::named(""), None);
    }

    #[test]
    fn redirect_uris() {
        for (uri, confidential, public) in [
            ("https://app.example/back", true, true),
            ("https://app.example/back?x=1", true, true),
            ("http://localhost", true, true),
            ("http://localhost:8400/back", true, true),
            ("http://127.0.0.1:1/", true, true),
            ("http://[::1]:1/", true, true),
            ("msal0000://auth", false, true),
            ("urn:ietf:wg:oauth:2.0:oob", false, true),
            ("http://app.example/back", false, false),
            ("http://localhost.evil.example/", false, false),
            ("http://127.0.0.1@evil.example/", false, false),
            ("https://app.example/#x", false, false),
            ("https://*.app.example/", false, false),
            ("https://user:secret@app.example/", false, false),
            ("https://", false, false),
            ("https:///path", false, false),
            ("/relative", false, false),
            ("javascript:alert(1)", false, false),
            ("JavaScript:alert(1)", false, false),
            ("data:text/html,x", false, false),
            ("https://app.example/\\evil", false, false),
            ("https://app.example/ x", false, false),
            ("https://app.exämple/", false, false),
            ("", false, false),
        ] {
            assert_eq!(check_redirect_uri(uri, false).is_ok(), confidential, "{uri}");
            assert_eq!(check_redirect_uri(uri, true).is_ok(), public, "{uri} (public)");
        }
    }
}
