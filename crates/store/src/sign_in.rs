//! The data of sign-ins and tokens.

pub(crate) mod authorization_codes;
pub(crate) mod counts;
pub(crate) mod device_codes;
pub(crate) mod ended;
pub(crate) mod refresh_tokens;
pub(crate) mod sessions;
