//! The use cases of datasets: list datasets, add or remove one, and import rows.

pub mod add;
pub mod catalogs;
pub mod import_rows;
pub mod list;
pub mod remove;
