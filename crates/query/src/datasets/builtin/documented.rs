//! Compares the built-in definitions with the public documents, field by field.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::collections::BTreeMap;

use serde::Deserialize;

use super::catalog;
use crate::datasets::catalog::{Catalog, Dataset, Field, Grain};
use crate::datasets::definition::type_name;
use crate::plan::Selected;
use crate::timespan::TimeSpan;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Documents {
    datasets: Vec<Documented>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Documented {
    name: String,
    program: String,
    title: String,
    #[serde(default)]
    aliases: Vec<String>,
    date_column: Option<String>,
    grain: String,
    date_ranges: Vec<String>,
    minimum_interval_hours: u32,
    columns: Vec<Column>,
    metrics: Vec<Metric>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Column {
    name: String,
    #[serde(rename = "type")]
    kind: String,
    #[serde(default = "yes")]
    nullable: bool,
    #[serde(default)]
    sensitive: bool,
    #[serde(default = "yes")]
    selectable: bool,
    #[serde(default)]
    aliases: Vec<String>,
    #[serde(default)]
    allowed: Vec<String>,
    #[serde(default)]
    values: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Metric {
    name: String,
    expression: String,
    #[serde(default)]
    sensitive: bool,
    #[serde(default)]
    aliases: Vec<String>,
}

fn yes() -> bool {
    true
}

fn documented() -> Vec<Documented> {
    let documents: Documents = toml::from_str(include_str!("../../../tests-data/documented-datasets.toml")).unwrap();
    documents.datasets
}

fn catalogs() -> BTreeMap<&'static str, Catalog> {
    ["mpn", "cmp"].into_iter().map(|program| (program, catalog(program))).collect()
}

/// The time spans that a dataset offers. The documents show five for all datasets; for a dataset of daily rows it was decided to offer every span.
fn offered(documented: &Documented) -> Vec<TimeSpan> {
    let shown: Vec<TimeSpan> = documented.date_ranges.iter().map(|name| TimeSpan::from_keyword(name).unwrap()).collect();
    if documented.grain == "day" { TimeSpan::ALL.to_vec() } else { shown }
}

fn grain(dataset: &Dataset) -> &'static str {
    match dataset.grain {
        Grain::Day => "day",
        Grain::Month => "month",
        Grain::None => "none",
    }
}

#[test]
fn each_definition_says_what_the_documents_say() {
    let (documents, catalogs) = (documented(), catalogs());
    for expected in &documents {
        let dataset = catalogs[expected.program.as_str()].find(&expected.name).unwrap_or_else(|| panic!("{} is missing", expected.name));
        let of = &expected.name;
        assert_eq!((&dataset.name, &dataset.title, &dataset.aliases), (&expected.name, &expected.title, &expected.aliases));
        assert_eq!(dataset.date_column.map(|index| &dataset.columns[index].name), expected.date_column.as_ref(), "{of}");
        assert_eq!(grain(dataset), expected.grain, "{of}");
        assert_eq!(dataset.date_ranges, offered(expected), "{of}");
        assert_eq!(dataset.minimum_interval_hours, expected.minimum_interval_hours, "{of}");
        columns(dataset, &expected.columns);
        let metrics: Vec<_> =
            dataset.metrics.iter().map(|metric| (&metric.name, &metric.text, metric.sensitive, &metric.aliases)).collect();
        let wanted: Vec<_> =
            expected.metrics.iter().map(|metric| (&metric.name, &metric.expression, metric.sensitive, &metric.aliases)).collect();
        assert_eq!(metrics, wanted, "{of}");
    }
    let defined: usize = catalogs.values().map(|catalog| catalog.datasets().len()).sum();
    assert_eq!((documents.len(), defined), (35, 35), "nothing is documented that is not here, and nothing here that is not documented");
}

fn columns(dataset: &Dataset, expected: &[Column]) {
    let names: Vec<_> = dataset.columns.iter().map(|column| &column.name).collect();
    assert_eq!(names, expected.iter().map(|column| &column.name).collect::<Vec<_>>(), "{}", dataset.name);
    for (column, wanted) in dataset.columns.iter().zip(expected) {
        let of = format!("{}.{}", dataset.name, column.name);
        // The documents give decimals no digits; money gets two.
        let kind = if wanted.kind == "decimal" { "decimal(18,2)" } else { &wanted.kind };
        assert_eq!(type_name(column.kind), kind, "{of}");
        let flags = (column.nullable, column.sensitive, column.selectable);
        assert_eq!(flags, (wanted.nullable, wanted.sensitive, wanted.selectable), "{of}: nullable, sensitive, selectable");
        assert_eq!((&column.aliases, &column.allowed), (&wanted.aliases, &wanted.allowed), "{of}: aliases, allowed");
        for value in &wanted.values {
            assert!(column.examples.contains(value), "{of}: the documents show '{value}'");
        }
    }
}

/// Tries every spelling that the documents use, in a query as a client would write it.
#[test]
fn every_spelling_can_be_queried() {
    let catalogs = catalogs();
    let mut aliases = 0;
    for expected in documented() {
        let catalog = &catalogs[expected.program.as_str()];
        let dataset = catalog.find(&expected.name).unwrap();
        let columns = expected.columns.iter().enumerate().filter(|(_, column)| column.selectable);
        let columns = columns.map(|(index, column)| (Field::Column(index), &column.name, &column.aliases));
        let metrics = expected.metrics.iter().enumerate().map(|(index, metric)| (Field::Metric(index), &metric.name, &metric.aliases));
        for (field, name, others) in columns.chain(metrics) {
            aliases += others.len();
            for documented in std::iter::once(name).chain(others) {
                for spelling in [documented.clone(), documented.to_lowercase()] {
                    let text = format!("SELECT \"{spelling}\" FROM {}", expected.name);
                    let plan = crate::plan(&text, catalog).unwrap_or_else(|errors| panic!("{text}: {errors:?}"));
                    let heading = Selected { field, name: documented.clone() };
                    assert_eq!(plan.outputs, [heading], "{text}: answers have the name that was written, in its documented spelling");
                    assert_eq!((plan.name_of(field), plan.dataset.field_name(field)), (documented.as_str(), name.as_str()), "{text}");
                }
            }
        }
        for spelling in &expected.aliases {
            aliases += 1;
            let text = format!("SELECT \"{}\" FROM {}", dataset.columns[0].name, spelling.to_uppercase());
            assert_eq!(crate::plan(&text, catalog).unwrap().dataset.name, expected.name);
        }
        for hidden in expected.columns.iter().filter(|column| !column.selectable) {
            assert!(crate::plan(&format!("SELECT \"{}\" FROM {}", hidden.name, expected.name), catalog).is_err(), "{}", hidden.name);
        }
    }
    assert!(aliases > 150, "{aliases}");
}
