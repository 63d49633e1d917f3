//! Tokens of issuers that are not ours.

mod bindings;
mod keys;
mod tokens;
