//! Why a call is refused, in one word.

use strum::{IntoStaticStr, VariantArray};

/// The `code` of a refusal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, IntoStaticStr, VariantArray)]
#[strum(serialize_all = "camelCase")]
pub enum ErrorCode {
    Invalid,
    NotFound,
    Forbidden,
    Unauthorized,
    Conflict,
    IllegalMove,
    /// The caller took too long to send its request.
    Timeout,
    Busy,
    Unavailable,
    Internal,
}

impl ErrorCode {
    pub const ALL: &'static [ErrorCode] = ErrorCode::VARIANTS;

    /// As it is sent.
    pub fn name(self) -> &'static str {
        self.into()
    }
}
