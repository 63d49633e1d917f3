//! The use cases of queries: create, list, delete and explain them, and preview or run one without a report.

pub(crate) mod absent_values;
pub mod asked;
pub mod check;
pub mod create;
pub mod delete;
pub mod explain;
pub mod known;
pub(crate) mod left_out_rows;
pub mod list;
pub mod preview;
pub mod run_locally;
