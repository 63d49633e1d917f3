//! Datasets: their columns and metrics, as files define them.

pub mod builtin;
pub mod catalog;
pub mod definition;
