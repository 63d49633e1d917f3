//! Requests to addresses that others chose, such as those of an issuer's keys or a callback's receiver. This crate guards against server-side request
//! forgery (SSRF): the server sends such requests in no other way.
//!
//! An address is checked when it is connected to, after its name was resolved, so that the address that is used is the one that was checked. The crate
//! never follows a redirect, keeps no cookies, sends no credentials and uses no proxy.

mod address;
mod client;

pub use address::AddressRules;
pub use client::{Answer, Limits, Message, Outbound, OutboundError};
