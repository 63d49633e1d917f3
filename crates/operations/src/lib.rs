//! The use cases of the service: one folder per subject, and one use case per file. The API, the command line and background work share them.
//!
//! Rules that need no IO are in the pure crates, SQL is in `store`, and rows are in `engine`; operations combine them. There is no HTTP here.

pub mod audit;
pub mod background;
pub mod background_loops;
pub mod callbacks;
pub mod callers;
pub mod clock;
pub mod console;
pub mod context;
pub(crate) mod creation_key;
pub mod credentials;
pub mod datasets;
pub mod executions;
pub mod external_issuers;
pub mod failure;
pub mod issue_token;
pub mod keys;
pub mod limits;
pub mod mail;
pub mod manage;
pub(crate) mod outbox;
mod pace;
pub mod provisioning;
pub mod queries;
pub mod random;
pub mod readiness;
pub mod repair;
pub mod reports;
pub mod sandbox;
pub mod scrape;
pub mod settings;
pub mod sign_in;
pub mod signals;
pub mod telemetry;
pub mod token_failure;
pub mod usage;
pub mod written_file;
