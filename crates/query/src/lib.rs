//! What may be asked: text → checked plan.
//!
//! Pure: no IO, no async, no clock, no randomness. It never sees a row and never knows a tenant.

pub mod catalog;
pub mod fold;
pub mod metric;
pub mod plan;
pub mod timespan;
