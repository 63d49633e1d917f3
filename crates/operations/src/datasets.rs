//! The use cases of datasets: what there is, what is added, and rows that a person brings.

pub mod add;
pub mod catalogs;
pub mod import_rows;
pub mod list;
