//! The use cases of datasets: list them, add one, and import rows.

pub mod add;
pub mod catalogs;
pub mod import_rows;
pub mod list;
