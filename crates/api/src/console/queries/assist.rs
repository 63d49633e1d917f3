//! What the script of the editor asks for while somebody types: names to complete, values of a column, and a check of the text.
//!
//! Names and checks look at no file; each counts as a call. Values are rows, and count as a preview.

use std::collections::BTreeMap;

use axum::Json;
use axum::http::header;
use axum::response::IntoResponse as _;
use insightgate_operations::datasets::list::list_datasets;
use insightgate_operations::failure::Failure;
use insightgate_operations::queries::check::check_query;
use insightgate_query::datasets::catalog::{Column, Dataset, Metric};
use insightgate_query::datasets::definition::type_name;
use insightgate_query::datasets::suggested;
use insightgate_query::syntax::written_name;
use serde::Serialize;

use super::editor::text_of;
use super::faults::{Fault, fault};
use super::rows::Rows;
use crate::console::endpoint::Given;
use crate::console::visit::Visit;

/// The most values that are offered. The script shows no more.
const VALUES: u64 = 100;
/// The most bytes of a value that is offered: a longer one is written by nobody.
const LONGEST: usize = 200;

#[derive(Serialize)]
struct Names {
    datasets: Vec<NamedDataset>,
    /// How a query has to write names that do not stand bare.
    written: BTreeMap<String, String>,
}

#[derive(Serialize)]
struct NamedDataset {
    name: String,
    description: String,
    columns: Vec<NamedColumn>,
    metrics: Vec<NamedMetric>,
    spans: Vec<&'static str>,
}

#[derive(Serialize)]
struct NamedColumn {
    name: String,
    aliases: Vec<String>,
    #[serde(rename = "type")]
    kind: String,
    description: String,
    /// The whole list, if the column has a closed one. Those of other columns are asked for.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    values: Vec<String>,
}

#[derive(Serialize)]
struct NamedMetric {
    name: String,
    aliases: Vec<String>,
    expression: String,
    description: String,
}

#[derive(Serialize)]
struct Values {
    values: Vec<String>,
}

#[derive(Serialize)]
struct Checked {
    diagnostics: Vec<Fault>,
    explanation: Vec<String>,
}

pub(super) async fn names(visit: Visit) -> Given {
    let caller = visit.caller(visit.program()?).await?;
    let datasets = list_datasets(visit.context(), &caller, None)?;
    let names = datasets.iter().flat_map(|dataset| names_of(dataset));
    let written = names.map(|name| (name, written_name(name))).filter(|(name, written)| name != written);
    let written = written.map(|(name, written)| (name.to_owned(), written)).collect();
    json(&Names { written, datasets: datasets.iter().map(|dataset| named(dataset)).collect() })
}

/// The values that the caller may see. A column that hides them has none to offer.
pub(super) async fn values(visit: Visit) -> Given {
    let caller = visit.caller(visit.program()?).await?;
    let (Some(dataset), Some(column)) = (visit.form().text("dataset"), visit.form().text("column")) else {
        return Err(Failure::Invalid("Name a dataset and a column.".to_owned()));
    };
    let tried = visit.preview(&caller, &suggested::values(&dataset, &column, VALUES)).await?;
    let cells = Rows::of(&tried).rows.into_iter().flatten();
    let values = cells.map(|cell| cell.value.unwrap_or(cell.shown)).filter(|value| !value.is_empty() && value.len() <= LONGEST);
    json(&Values { values: values.collect() })
}

pub(super) async fn check(visit: Visit) -> Given {
    let caller = visit.caller(visit.program()?).await?;
    let text = text_of(visit.form());
    let checked = check_query(visit.context(), &caller, &text);
    let diagnostics = checked.diagnostics.iter().map(|diagnostic| fault(&text, diagnostic)).collect();
    json(&Checked { diagnostics, explanation: checked.sentences.into_iter().chain(checked.notes).collect() })
}

/// All that the script can offer as a name.
fn names_of(dataset: &Dataset) -> impl Iterator<Item = &str> {
    let columns = dataset.columns.iter().filter(|column| column.selectable).map(|column| (&column.name, &column.aliases));
    let metrics = dataset.metrics.iter().map(|metric| (&metric.name, &metric.aliases));
    let within = columns.chain(metrics).flat_map(|(name, aliases)| [name].into_iter().chain(aliases));
    [&dataset.name].into_iter().chain(within).map(String::as_str)
}

fn named(dataset: &Dataset) -> NamedDataset {
    let column = |column: &Column| NamedColumn {
        name: column.name.clone(),
        aliases: column.aliases.clone(),
        kind: type_name(column.kind),
        description: column.description.clone(),
        values: column.allowed.clone(),
    };
    let metric = |metric: &Metric| NamedMetric {
        name: metric.name.clone(),
        aliases: metric.aliases.clone(),
        expression: metric.text.clone(),
        description: metric.description.clone(),
    };
    NamedDataset {
        name: dataset.name.clone(),
        description: dataset.title.clone(),
        columns: dataset.columns.iter().filter(|column| column.selectable).map(column).collect(),
        metrics: dataset.metrics.iter().map(metric).collect(),
        spans: dataset.date_ranges.iter().map(|span| span.keyword()).collect(),
    }
}

fn json(answer: &impl Serialize) -> Given {
    Ok(([(header::CACHE_CONTROL, "no-store")], Json(answer)).into_response())
}
