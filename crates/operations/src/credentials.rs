//! Credentials of callers, and the limits on guessing them.

pub mod address_guard;
pub(crate) mod check_password;
pub(crate) mod client_secret;
pub mod guess_key;
pub(crate) mod guesses;
pub mod hashing_queue;
pub mod password;
pub mod second_factor;
pub(crate) mod wrong_secrets;
