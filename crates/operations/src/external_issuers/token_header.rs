//! What the header of a token says of its key.

use jsonwebtoken::Algorithm;

/// The header as far as it is needed, after everything in it was judged.
#[derive(Debug)]
pub(super) struct TokenHeader {
    pub(super) kid: String,
    pub(super) algorithm: Algorithm,
}
