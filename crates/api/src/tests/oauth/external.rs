//! Tokens of external issuers.

mod bindings;
mod keys;
mod tokens;
