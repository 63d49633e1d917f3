//! Callers: the bearer token, the principal that it stands for, and what the caller may do.

pub mod authenticate;
pub mod caller;
pub mod challenge;
pub mod directory;
