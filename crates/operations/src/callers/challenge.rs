//! What a caller learns whose token was not accepted, beside the documented "Unauthorized": enough to correct it, and nothing about anybody else.

/// The kinds of RFC 6750, 3.1.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Challenge {
    /// There was no token: nothing is wrong yet.
    NoToken,
    /// A header could not be read as one token.
    BadRequest(String),
    /// A token was read and is not good.
    BadToken(String),
}
