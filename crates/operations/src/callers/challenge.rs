//! What a caller whose token was not accepted learns beside the documented "Unauthorized": enough to correct it, and nothing about anybody else.

/// The kinds of challenges. Source: RFC 6750, 3.1.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Challenge {
    /// There was no token, so that nothing is wrong with it.
    NoToken,
    /// The header could not be read as a single token.
    BadRequest(String),
    /// The token was read, but is not valid.
    BadToken(String),
}
