//! Who may do what: tenants, enrollments, users, applications, consents, roles, and what a token gives access to.
//!
//! Pure: no IO, no clock, no randomness, no cryptography. What a rule needs is passed in.

pub mod access;
pub mod application;
pub mod backoff;
pub mod enrollment;
pub mod external_identity;
pub mod guessing;
pub mod principal;
pub mod profile;
pub mod program;
pub mod refusal;
pub mod role;
pub mod scope;
pub mod tenant;
pub mod tokens;
pub mod user;

#[cfg(test)]
mod names_tests;
