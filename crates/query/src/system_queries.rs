//! The documented queries that every caller finds ready made.

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SystemQuery {
    /// As documented; opaque, not always a UUID.
    pub id: String,
    pub name: String,
    /// `mpn` or `cmp`.
    pub program: String,
    pub text: String,
    /// No longer documented, still answered.
    pub archived: bool,
}

pub fn system_queries() -> Vec<SystemQuery> {
    Vec::new()
}
