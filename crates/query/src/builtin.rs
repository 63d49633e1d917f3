//! The documented datasets, which every installation offers unless an operator replaces them.

use std::sync::Arc;

use crate::catalog::Catalog;
use crate::definition;

/// Origin and TOML of each.
pub fn definitions() -> Vec<(&'static str, &'static str)> {
    Vec::new()
}

/// Those of one program (`mpn` or `cmp`).
pub fn catalog(program: &str) -> Catalog {
    let all = definitions().into_iter().filter_map(|(origin, text)| definition::read(text, origin).ok());
    Catalog::new(all.filter(|d| d.program == program).map(|d| Arc::new(d.dataset)))
}
