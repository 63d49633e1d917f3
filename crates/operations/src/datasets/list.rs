//! The datasets that can be queried.

use std::sync::Arc;

use insightgate_query::datasets::catalog::Dataset;

use crate::callers::caller::Caller;
use crate::context::Context;
use crate::failure::Failure;

/// Lists all datasets, or the one with this name.
///
/// # Errors
/// When there is no dataset of that name.
pub fn list_datasets(context: &Context, caller: &Caller, name: Option<&str>) -> Result<Vec<Arc<Dataset>>, Failure> {
    let catalog = context.catalogs.of(caller.program);
    match name {
        None => Ok(catalog.datasets().to_vec()),
        Some(name) => catalog.find(name.trim()).map(|dataset| vec![Arc::clone(dataset)]).ok_or(Failure::NotFound),
    }
}
