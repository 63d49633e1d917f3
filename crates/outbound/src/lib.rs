//! What the server sends to others: requests to addresses that others chose, such as those of an issuer's keys or a callback's receiver, and mail.
//!
//! The crate guards requests against server-side request forgery (SSRF): the server sends such requests in no other way. An address is checked when it
//! is connected to, after its name was resolved, so that the address that is used is the one that was checked. The crate never follows a redirect,
//! keeps no cookies, sends no credentials with a request and uses no proxy.
//!
//! Mail goes to one server, which the operator chose: that one may be private, and no rule of addresses holds for it.

mod address;
mod client;
mod mail;

pub use address::AddressRules;
pub use client::{Answer, Limits, Message, Outbound, OutboundError};
pub use mail::error::MailError;
pub use mail::settings::{MailLogin, MailSecurity, MailSettings};
pub use mail::{Letter, Mailer, check_address, check_sender};
