//! The use cases of scheduled reports: create, change, list.

pub mod change;
pub mod create;
pub mod list;
