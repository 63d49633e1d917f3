//! The use cases of scheduled reports: create, change and list them.

pub mod change;
pub mod create;
pub mod list;
