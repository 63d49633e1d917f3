//! What the console needs beyond the operations of the APIs: an application of its own to sign in through, sessions of browsers, what is still missing
//! until a partner gets data, people by the page, what somebody may see, whom the tokens of external issuers stand for, and the names of
//! those in the audit trail.

pub mod application;
pub mod bindings;
pub mod caller;
pub mod names;
pub mod people;
pub mod prerequisites;
pub mod reach;
pub mod session;
pub mod sign_in;
