//! Tokens: how they are requested, what they claim, and what each kind of grant allows.

pub mod api_ids;
pub mod device;
pub mod grant;
pub mod redirect;
pub mod refresh;
pub mod token;
