//! The datasets that can be queried.

use std::sync::Arc;

use insightgate_identity::scope::is_access_log;
use insightgate_query::datasets::catalog::Dataset;

use crate::callers::caller::Caller;
use crate::context::Context;
use crate::failure::Failure;

/// Lists all datasets, or the one with this name. The access log is there only for those to whom it is open.
///
/// # Errors
/// When there is no dataset of that name.
pub fn list_datasets(context: &Context, caller: &Caller, name: Option<&str>) -> Result<Vec<Arc<Dataset>>, Failure> {
    let catalog = context.catalogs.of(caller.program);
    let is_shown = |dataset: &&Arc<Dataset>| !is_access_log(&dataset.name) || caller.scope.within(&dataset.name).is_ok();
    match name {
        None => Ok(catalog.datasets().iter().filter(is_shown).cloned().collect()),
        Some(name) => catalog.find(name.trim()).filter(is_shown).map(|dataset| vec![Arc::clone(dataset)]).ok_or(Failure::NotFound),
    }
}
