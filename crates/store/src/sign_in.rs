//! The data of sign-ins and tokens.

pub(crate) mod authorization_codes;
mod by_digest;
pub(crate) mod console_sessions;
pub(crate) mod counts;
pub(crate) mod device_codes;
pub(crate) mod ended;
pub(crate) mod refresh_tokens;
pub(crate) mod sessions;
