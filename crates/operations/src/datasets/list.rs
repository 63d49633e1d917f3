//! The datasets that can be queried.

use std::sync::Arc;

use insightgate_identity::scope::DatasetRefusal;
use insightgate_query::datasets::catalog::Dataset;

use crate::callers::caller::Caller;
use crate::context::Context;
use crate::failure::Failure;

/// Lists all datasets, or the one with this name. The access log is there only for those to whom it is open, and nothing else
/// for those to whom only the log is.
///
/// # Errors
/// When there is no dataset of that name.
pub fn list_datasets(context: &Context, caller: &Caller, name: Option<&str>) -> Result<Vec<Arc<Dataset>>, Failure> {
    let catalog = context.catalogs.of(caller.program);
    let of_others = |name: &str| matches!(caller.scope.within(name), Err(DatasetRefusal::LogOfAdministrators | DatasetRefusal::LogOnly(_)));
    let is_shown = |dataset: &&Arc<Dataset>| !of_others(&dataset.name);
    match name {
        None => Ok(catalog.datasets().iter().filter(is_shown).cloned().collect()),
        Some(name) => catalog.find(name.trim()).filter(is_shown).map(|dataset| vec![Arc::clone(dataset)]).ok_or(Failure::NotFound),
    }
}
