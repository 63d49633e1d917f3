//! What may be queried: turns the text of a query into a checked plan.
//!
//! The crate is pure: no IO, no async, no clock, no randomness. It never sees a row and never knows a tenant.

pub mod check;
pub mod column;
pub mod datasets;
pub mod diagnostic;
pub mod fold;
pub mod format;
pub mod left_out;
pub mod matching;
pub mod metric;
pub mod plan;
pub mod sheet;
pub mod sought;
pub mod syntax;
pub mod system_queries;
pub mod timespan;
pub mod words;

pub use check::{check, plan};
pub use diagnostic::{Code, Diagnostic, Diagnostics};
pub use syntax::parse;
