//! Datasets with their columns and metrics, as definition files describe them.

pub mod builtin;
pub mod catalog;
pub mod definition;
pub mod suggested;
