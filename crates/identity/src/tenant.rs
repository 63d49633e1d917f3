//! A partner organisation and its locations.

use uuid::Uuid;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tenant {
    pub id: Uuid,
    /// The domain that its users sign in with, in lower case.
    pub domain: String,
    pub name: String,
    /// The MPN id of the partner global account (the headquarters), once the organisation has one.
    pub global_account: Option<String>,
}

/// A partner location account: a subsidiary with an MPN id of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Location {
    pub mpn_id: String,
    pub name: String,
    pub country: String,
}

/// How a URL names a tenant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TenantReference {
    Id(Uuid),
    /// A domain, in lower case.
    Domain(String),
    /// `organizations`: the tenant is derived from the user's domain or from the application.
    Organizations,
    /// `common` or `consumers`, for which the password grant is refused.
    Common,
}

impl TenantReference {
    /// Parses a path segment. `None` if it is neither an id, nor a domain name, nor one of the fixed words.
    pub fn parse(segment: &str) -> Option<TenantReference> {
        let lower = segment.to_ascii_lowercase();
        match lower.as_str() {
            "organizations" => return Some(TenantReference::Organizations),
            "common" | "consumers" => return Some(TenantReference::Common),
            _ => {}
        }
        if let Ok(id) = Uuid::try_parse(&lower) {
            return Some(TenantReference::Id(id));
        }
        let label = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
        let is_domain = lower.len() <= 253 && lower.contains('.') && lower.split('.').all(label);
        is_domain.then_some(TenantReference::Domain(lower))
    }
}
