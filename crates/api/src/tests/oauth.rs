//! The authority: tokens, sign-in, and attacks on both.

mod access_tokens;
mod attacks;
mod authority_input;
mod authorization;
mod device_codes;
mod external;
mod guessing;
mod identity_changes;
mod keys;
mod refresh;
pub(super) mod second_factor;
mod sign_in;
pub(crate) mod token_endpoint;
mod token_errors;
