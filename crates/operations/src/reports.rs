//! The use cases of scheduled reports: create, change and list them.

pub mod change;
pub mod create;
pub mod download;
pub mod history;
pub mod list;
pub mod overview;
