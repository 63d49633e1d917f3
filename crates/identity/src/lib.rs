//! Who may ask: tenants, enrollments, users, applications, consents, roles, and what a token of theirs opens.
//!
//! Pure: no IO, no clock, no randomness, no cryptography. What a rule needs is passed in.

pub mod program;
pub mod scope;
