//! Queries that a dataset suggests to somebody who knows only its name: its first rows, its metrics, and the values of a column. Each is valid as it stands.

use crate::datasets::catalog::{Column, ColumnType, Dataset};
use crate::diagnostic::Span;
use crate::syntax::ast::{Name, OrderItem, Select, SpanClause};
use crate::timespan::TimeSpan;

/// The metrics of one suggestion. More of them make no chart that can be read.
const METRICS: usize = 3;
/// The groups of a suggestion whose groups are no times.
const GROUPS: u64 = 20;

/// The first rows with all columns; `None` if no column can be selected. Without a span, those of the default span.
pub fn first_rows(dataset: &Dataset, limit: u64, span: Option<TimeSpan>) -> Option<String> {
    let names: Vec<Name> = dataset.columns.iter().filter(|column| column.selectable).map(|column| name(&column.name)).collect();
    let span = span.map(|span| SpanClause { span, at: Span::default() });
    (!names.is_empty()).then(|| Select { limit: Some(limit), span, ..select(dataset, names) }.to_string())
}

/// The metrics over time, or by the first text if the dataset has no dates; `None` if it has no metrics.
pub fn metrics(dataset: &Dataset) -> Option<String> {
    let metrics: Vec<Name> = dataset.metrics.iter().take(METRICS).map(|metric| name(&metric.name)).collect();
    let first = metrics.first()?.clone();
    let selectable = |column: &&Column| column.selectable;
    let time = dataset.date_column.and_then(|index| dataset.columns.get(index)).filter(selectable);
    let text = dataset.columns.iter().filter(selectable).find(|column| column.kind == ColumnType::String);
    let key = time.or(text).map(|column| name(&column.name));
    let names = key.iter().cloned().chain(metrics).collect();
    let (order, limit) = match key {
        Some(key) if time.is_some() => (vec![OrderItem { name: key, descending: false }], None),
        Some(_) => (vec![OrderItem { name: first, descending: true }], Some(GROUPS)),
        None => (Vec::new(), None),
    };
    Some(Select { order, limit, ..select(dataset, names) }.to_string())
}

/// The different values of a column, at any time.
pub fn values(dataset: &str, column: &str, limit: u64) -> String {
    let order = vec![OrderItem { name: name(column), descending: false }];
    let select = Select {
        distinct: true,
        names: vec![name(column)],
        dataset: name(dataset),
        conditions: Vec::new(),
        order,
        limit: Some(limit),
        span: Some(SpanClause { span: TimeSpan::Lifetime, at: Span::default() }),
    };
    select.to_string()
}

fn select(dataset: &Dataset, names: Vec<Name>) -> Select {
    let dataset = name(&dataset.name);
    Select { distinct: false, names, dataset, conditions: Vec::new(), order: Vec::new(), limit: None, span: None }
}

fn name(text: &str) -> Name {
    Name { text: text.to_owned(), at: Span::default() }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::datasets::builtin;
    use crate::plan;

    #[test]
    fn each_dataset_suggests_queries_that_are_valid() {
        let mut with_metrics = 0;
        for program in ["mpn", "cmp"] {
            let catalog = builtin::catalog(program);
            for dataset in catalog.datasets() {
                let rows = first_rows(dataset, 10, Some(TimeSpan::Lifetime)).unwrap();
                let planned = plan(&rows, &catalog).unwrap();
                assert_eq!(planned.outputs.len(), dataset.columns.iter().filter(|column| column.selectable).count(), "{rows}");
                plan(&first_rows(dataset, 100, None).unwrap(), &catalog).unwrap();
                if let Some(text) = metrics(dataset) {
                    assert!(plan(&text, &catalog).unwrap().grouped, "{text}");
                    with_metrics += 1;
                }
                for column in dataset.columns.iter().filter(|column| column.selectable) {
                    assert!(plan(&values(&dataset.name, &column.name, 5), &catalog).unwrap().distinct);
                }
            }
        }
        assert!(with_metrics > 0);
    }

    #[test]
    fn names_that_are_no_words_are_quoted() {
        assert_eq!(
            values("My \"data\"", "From", 5),
            "SELECT DISTINCT \"From\" FROM \"My \"\"data\"\"\" ORDER BY \"From\" ASC LIMIT 5 TIMESPAN LIFETIME"
        );
    }
}
