//! Requests to addresses that others chose, such as an issuer's keys or a callback's receiver. The server has no other way out.
//!
//! An address is judged when it is connected to, after its name was resolved, so that the address that is used is the one that was checked. The crate
//! never follows a redirect, keeps no cookies, sends no credentials and uses no proxy.

mod address;
mod client;

pub use address::AddressRules;
pub use client::{Answer, Limits, Message, Outbound, OutboundError};
