//! The real router over a real store, engine and manual clock, called in process. Nothing runs in the background and nothing sleeps.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod access_tokens;
mod attacks;
mod authority_input;
mod authorization;
mod browser;
mod device_codes;
mod every_route;
mod executions;
mod explanations;
mod external_bindings;
mod external_keys;
mod external_tokens;
mod fuzz;
mod harness;
mod holding;
mod identity_changes;
mod issuer;
mod keys;
mod links;
mod locations;
mod manage;
mod origin;
mod ownership;
mod prerequisites;
mod query_messages;
mod redaction;
mod refresh;
mod reports;
mod robustness;
mod runs;
mod sandbox_clock;
mod second_factor;
mod sign_in;
mod token_endpoint;
mod token_errors;
