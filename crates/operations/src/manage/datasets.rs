//! The datasets that are served, for those who look after them.

use std::sync::Arc;

use insightgate_identity::program::Program;
use insightgate_query::datasets::catalog::Dataset;

use super::administrator::{Administrator, Duty};
use crate::context::Context;
use crate::failure::Failure;

/// Of one program, or of all; `name` narrows to one.
///
/// # Errors
/// When the caller may not do this.
pub async fn list_datasets(
    context: &Context,
    administrator: &Administrator,
    program: Option<&str>,
    name: Option<&str>,
) -> Result<Vec<(Program, Arc<Dataset>)>, Failure> {
    administrator.may(context, Duty::Look).await?;
    let programs = match program {
        None => Program::ALL.to_vec(),
        Some(program) => vec![program.parse().map_err(|_| Failure::Invalid("'program' should be mpn or cmp.".to_owned()))?],
    };
    let mut found = Vec::new();
    for program in programs {
        let catalog = context.catalogs.of(program);
        match name {
            None => found.extend(catalog.datasets().iter().map(|dataset| (program, Arc::clone(dataset)))),
            Some(name) => found.extend(catalog.find(name).map(|dataset| (program, Arc::clone(dataset)))),
        }
    }
    if name.is_some() && found.is_empty() { Err(Failure::NotFound) } else { Ok(found) }
}
