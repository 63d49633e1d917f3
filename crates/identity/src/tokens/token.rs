//! Access tokens: the claims that are issued, and the rules that they must meet when they are used.
//!
//! Signing and verifying a signature happen elsewhere.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use thiserror::Error;
use uuid::Uuid;

/// Seconds from `iat` to `exp`. Tokens are valid for one hour; answers say one second less, as documented.
pub const LIFETIME_SECONDS: i64 = 3600;

/// Seconds from `nbf` to `iat`, as documented. The clock of whoever verifies a token may be a little behind, and a clock may be set back after a token
/// was issued. The expiry is never extended.
pub const BACKDATED_SECONDS: i64 = 300;

/// The method in `amr` that stands for a second factor.
pub const MFA: &str = "mfa";

/// The version of the endpoint that issued a token. The versions differ in the names of claims and in the issuer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum TokenVersion {
    #[default]
    V1,
    V2,
}

impl TokenVersion {
    pub fn number(self) -> &'static str {
        match self {
            TokenVersion::V1 => "1.0",
            TokenVersion::V2 => "2.0",
        }
    }

    /// The `iss` of a tenant's tokens. `authority` is the address under which clients reach the authority, without a final slash.
    pub fn issuer(self, authority: &str, tenant: Uuid) -> String {
        format!("{authority}{}", self.issuer_path(tenant))
    }

    fn issuer_path(self, tenant: Uuid) -> String {
        match self {
            TokenVersion::V1 => format!("/{tenant}/"),
            TokenVersion::V2 => format!("/{tenant}/v2.0"),
        }
    }
}

/// Claims of an access token. Times are Unix seconds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccessClaims {
    pub aud: String,
    pub iss: String,
    pub iat: i64,
    pub nbf: i64,
    pub exp: i64,
    pub tid: Uuid,
    /// The user, or the application if it acts alone.
    pub oid: Uuid,
    pub sub: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub upn: Option<String>,
    /// The application, in version 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub appid: Option<Uuid>,
    /// The application, in version 2.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub azp: Option<Uuid>,
    /// Delegated permissions, separated by blanks; only with a user.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scp: Option<String>,
    /// Application permissions; only without a user.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub roles: Vec<String>,
    /// How the user signed in.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub amr: Vec<String>,
    pub ver: String,
    /// Makes each token unique.
    pub uti: String,
}

/// Who an accepted token stands for, whichever issuer issued it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenSubject {
    pub tenant: Uuid,
    pub application: Uuid,
    /// `None` for an application that acts alone.
    pub user: Option<Uuid>,
    /// How the user signed in.
    pub amr: Vec<String>,
}

/// What the claims of a token are checked against.
#[derive(Debug, Clone)]
pub struct Expectation<'a> {
    pub audiences: &'a [String],
    /// The authority's address; `None` if it may change between starts (in a sandbox), so that only the path of the issuer is checked.
    pub authority: Option<&'a str>,
    pub now: DateTime<Utc>,
}

/// Why a token is not accepted. The text is for the log and for the caller, whose own token it is.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum TokenFault {
    /// In Unix seconds.
    #[error("the token expired at {}", instant(*.0))]
    Expired(i64),
    /// In Unix seconds.
    #[error("the token is not valid before {}", instant(*.0))]
    NotYetValid(i64),
    #[error("the token is for the audience '{0}'")]
    Audience(String),
    #[error("the token was issued by '{0}'")]
    Issuer(String),
    #[error("the token names no application")]
    NoApplication,
}

/// Formats Unix seconds for people.
pub fn instant(seconds: i64) -> String {
    let known = DateTime::from_timestamp(seconds, 0);
    known.map_or_else(|| format!("{seconds} (Unix seconds)"), |at| at.format("%Y-%m-%dT%H:%M:%SZ").to_string())
}

impl AccessClaims {
    /// The application, from the claim of either version.
    pub fn application(&self) -> Option<Uuid> {
        self.appid.or(self.azp)
    }

    /// The user, if there is one.
    pub fn user(&self) -> Option<Uuid> {
        self.scp.is_some().then_some(self.oid)
    }

    /// Checks everything except the signature.
    ///
    /// # Errors
    ///
    /// [`TokenFault`] names the first claim that is not as expected.
    pub fn check(&self, expected: &Expectation<'_>) -> Result<TokenSubject, TokenFault> {
        let now = expected.now.timestamp();
        if now >= self.exp {
            return Err(TokenFault::Expired(self.exp));
        }
        if now < self.nbf {
            return Err(TokenFault::NotYetValid(self.nbf));
        }
        if !expected.audiences.iter().any(|audience| same_resource(audience, &self.aud)) {
            return Err(TokenFault::Audience(self.aud.clone()));
        }
        let version = if self.ver == TokenVersion::V2.number() { TokenVersion::V2 } else { TokenVersion::V1 };
        let issued_here = match expected.authority {
            Some(authority) => self.iss == version.issuer(authority, self.tid),
            None => self.iss.ends_with(&version.issuer_path(self.tid)),
        };
        if !issued_here {
            return Err(TokenFault::Issuer(self.iss.clone()));
        }
        let application = self.application().ok_or(TokenFault::NoApplication)?;
        Ok(TokenSubject { tenant: self.tid, application, user: self.user(), amr: self.amr.clone() })
    }
}

/// Compares two resources, ignoring case and final slashes, since clients send them with and without.
pub fn same_resource(one: &str, other: &str) -> bool {
    one.trim_end_matches('/').eq_ignore_ascii_case(other.trim_end_matches('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn claims() -> AccessClaims {
        let tenant = Uuid::from_u128(1);
        AccessClaims {
            aud: "https://api.example/".into(),
            iss: TokenVersion::V1.issuer("https://login.example", tenant),
            iat: 1000,
            nbf: 1000 - BACKDATED_SECONDS,
            exp: 1000 + LIFETIME_SECONDS,
            tid: tenant,
            oid: Uuid::from_u128(3),
            sub: "3".into(),
            upn: None,
            appid: Some(Uuid::from_u128(2)),
            azp: None,
            scp: Some("user_impersonation".into()),
            roles: Vec::new(),
            amr: vec!["pwd".into()],
            ver: "1.0".into(),
            uti: "1".into(),
        }
    }

    fn check(claims: &AccessClaims, authority: Option<&str>, now: i64) -> Result<(), TokenFault> {
        let audiences = ["https://API.example".to_owned()];
        let expected = Expectation { audiences: &audiences, authority, now: DateTime::from_timestamp(now, 0).unwrap() };
        let subject = claims.check(&expected)?;
        let (application, user) = (Uuid::from_u128(2), Some(Uuid::from_u128(3)));
        assert_eq!(subject, TokenSubject { tenant: Uuid::from_u128(1), application, user, amr: vec!["pwd".into()] });
        Ok(())
    }

    #[test]
    fn lives_exactly_one_hour() {
        assert_eq!(check(&claims(), None, 1000), Ok(()));
        assert_eq!(check(&claims(), None, 4599), Ok(()));
        assert_eq!(check(&claims(), None, 4600), Err(TokenFault::Expired(4600)));
    }

    #[test]
    fn a_clock_that_was_set_back_a_little_is_forgiven() {
        assert_eq!(check(&claims(), None, 700), Ok(()), "five minutes");
        assert_eq!(check(&claims(), None, 699), Err(TokenFault::NotYetValid(700)));
    }

    #[test]
    fn audience_issuer_and_application_are_bound() {
        let mut other = claims();
        other.aud = "https://manage.example".into();
        assert!(matches!(check(&other, None, 1000), Err(TokenFault::Audience(_))));
        assert_eq!(check(&claims(), Some("https://login.example"), 1000), Ok(()));
        assert!(matches!(check(&claims(), Some("https://evil.example"), 1000), Err(TokenFault::Issuer(_))));
        let mut other = claims();
        other.tid = Uuid::from_u128(9);
        assert!(matches!(check(&other, None, 1000), Err(TokenFault::Issuer(_))));
        let mut other = claims();
        other.appid = None;
        assert_eq!(check(&other, None, 1000), Err(TokenFault::NoApplication));
    }
}
