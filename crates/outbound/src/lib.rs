//! The one way out of the server: requests to addresses that others chose, such as an issuer's keys or a
//! callback's receiver.
//!
//! An address is judged when it is connected to, after its name was resolved, so that a name cannot lead elsewhere than it was checked for.
//! Never follows a redirect, keeps no cookies, sends no credentials and knows no proxy.

mod address;
mod client;

pub use address::AddressRules;
pub use client::{Answer, Limits, Message, Outbound, OutboundError};
