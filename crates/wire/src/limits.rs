//! How much a field or a list may hold. The operations check these limits, and the document states them.

/// Characters of a name or another text that people write.
pub const LONGEST: usize = 200;
/// Characters of a location's MPN id.
pub const LONGEST_MPN_ID: usize = 40;
/// Bytes of an identifier of an external issuer.
pub const ID_LIMIT: usize = 256;
/// Items on a page.
pub const LARGEST_PAGE: u32 = 1000;
/// Items on a page that nobody chose.
pub const PAGE: u32 = 100;
/// Locations of a role assignment.
pub const LOCATIONS: usize = 1000;
/// Redirect URIs of an application.
pub const REDIRECT_URIS: usize = 50;
/// Days until a client secret expires, at most and by default: two years.
pub const SECRET_DAYS: i64 = 730;
