//! What the service does: one use case a file. The API, the command line and background work share them.
//!
//! Rules that need no IO live in the pure crates, SQL in `store`, rows in `engine`; here they meet.

mod absent_values;
pub mod add_dataset;
pub mod add_user;
pub mod address_guard;
mod artifact_key;
pub mod audit;
pub mod authenticate;
pub mod background;
pub mod caller;
pub mod catalogs;
pub mod change_report;
pub mod clock;
pub mod context;
pub mod create_query;
pub mod create_report;
mod credentials;
pub mod delete_query;
pub mod directory;
pub mod download_artifact;
pub mod enroll_tenant;
pub mod external_issuers;
pub mod failure;
pub mod issue_token;
mod key_age;
pub mod known_query;
pub mod link;
pub mod list_datasets;
pub mod list_executions;
pub mod list_queries;
pub mod list_reports;
pub mod make_operator;
pub mod manage;
pub mod move_clock;
pub mod password;
pub mod random;
pub mod register_application;
pub mod rotate_keys;
pub mod run_query;
pub mod seal_anew;
pub mod second_factor;
pub mod sign_in;
pub mod signing;
pub mod try_query;
pub mod unknown_names;
pub mod vault;
