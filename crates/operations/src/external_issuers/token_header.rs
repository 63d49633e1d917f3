//! What the header of a token says about its key.

use jsonwebtoken::Algorithm;

/// The parts of a header that verification needs, after everything in the header was checked.
#[derive(Debug)]
pub(super) struct TokenHeader {
    pub(super) kid: String,
    pub(super) algorithm: Algorithm,
}
