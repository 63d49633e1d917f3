//! The commands, with one file for each.

pub mod app;
pub mod audit;
pub mod backup;
pub mod callback;
pub mod check;
pub mod dataset;
pub mod execution;
pub mod export;
pub mod external;
mod file_format;
pub mod init;
pub mod keys;
pub mod local_tenant;
pub mod location;
pub mod login;
pub(crate) mod named;
pub mod profile;
pub mod query;
pub mod report;
pub mod role;
pub mod run;
pub mod sandbox;
pub mod serve;
pub mod shell;
pub mod tenant;
pub mod user;
