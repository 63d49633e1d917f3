//! Looks up the names of a query. Each is found, or reported with the name that may have been meant.

use std::collections::HashMap;

use crate::datasets::catalog::{Catalog, Dataset, Field};
use crate::diagnostic::nearest::nearest;
use crate::diagnostic::quoted;
use crate::fold::fold;
use crate::syntax::ast::Name;

/// The names that a query may use, by folded spelling, so that each name takes one lookup, however many columns there are. Each field comes with the
/// dataset's spelling of the name.
pub(super) struct Names<'a>(HashMap<String, (Field, &'a str)>);

impl<'a> Names<'a> {
    pub(super) fn of(dataset: &'a Dataset) -> Self {
        let mut names = HashMap::new();
        let columns = dataset.columns.iter().enumerate().filter(|(_, column)| column.selectable);
        let columns = columns.map(|(index, column)| (Field::Column(index), &column.name, &column.aliases));
        let metrics = dataset.metrics.iter().enumerate().map(|(index, metric)| (Field::Metric(index), &metric.name, &metric.aliases));
        for (field, name, aliases) in columns.chain(metrics) {
            for spelling in std::iter::once(name).chain(aliases) {
                names.entry(fold(spelling).into_owned()).or_insert((field, spelling.as_str()));
            }
        }
        Names(names)
    }

    pub(super) fn find(&self, name: &str) -> Option<(Field, &'a str)> {
        self.0.get(fold(name).as_ref()).copied()
    }
}

pub(super) fn unknown_field(name: &Name, dataset: &Dataset) -> String {
    let columns = dataset.columns.iter().filter(|column| column.selectable).map(|column| column.name.as_str());
    let metrics = dataset.metrics.iter().map(|metric| metric.name.as_str());
    let known: Vec<&str> = columns.chain(metrics).collect();
    let found = format!("{} at {} is neither a column nor a metric of {}", quoted(&name.text), name.at, dataset.name);
    format!("{found}; {}", advice(&name.text, &known))
}

pub(super) fn unknown_dataset(name: &Name, catalog: &Catalog) -> String {
    let known: Vec<&str> = catalog.datasets().iter().map(|dataset| dataset.name.as_str()).collect();
    format!("{} at {} is not a dataset of this program; {}", quoted(&name.text), name.at, advice(&name.text, &known))
}

fn advice(name: &str, known: &[&str]) -> String {
    const SHOWN: usize = 8;
    if let Some(near) = nearest(name, known.iter().copied()) {
        return format!("did you mean '{near}'?");
    }
    match known.get(..SHOWN) {
        Some(first) if known.len() > SHOWN => format!("there are {} and {} more", first.join(", "), known.len() - SHOWN),
        _ => format!("there are {}", if known.is_empty() { "none yet".to_owned() } else { known.join(", ") }),
    }
}
