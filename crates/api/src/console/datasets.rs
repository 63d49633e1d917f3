//! The datasets of a program: columns, metrics, freshness, first rows.

use std::sync::Arc;

use askama::Template;
use insightgate_operations::callers::caller::Caller;
use insightgate_operations::datasets::list::list_datasets;
use insightgate_operations::failure::Failure;
use insightgate_operations::queries::explain::whose_rows;
use insightgate_query::datasets::catalog::{Column, Dataset};
use insightgate_query::datasets::definition::type_name;
use insightgate_query::datasets::suggested;
use insightgate_query::timespan::TimeSpan;
use insightgate_report::instant;

use super::endpoint::{Endpoint, Given, Needs};
use super::page::{self, Frame, Place, Shown};
use super::queries::encoded;
use super::queries::rows::Rows;
use super::visit::Visit;

pub(super) fn endpoints() -> Vec<Endpoint> {
    vec![Endpoint::get("/console/{program}/datasets", Needs::Data, open)]
}

/// The rows that are shown of a dataset.
const FIRST_ROWS: u64 = 10;
/// The rows of the query that a visitor begins with.
const ROWS_TO_BEGIN: u64 = 100;

#[derive(Template)]
#[template(path = "console/datasets/list.html")]
struct ListPage<'a> {
    frame: Frame,
    program: &'a str,
    datasets: Vec<Listed>,
    search: &'a str,
}

struct Listed {
    in_address: String,
    dataset: Arc<Dataset>,
    /// Those that can be selected.
    columns: usize,
    /// What of it was searched for, if that is not its name or title.
    found: Vec<String>,
}

#[derive(Template)]
#[template(path = "console/datasets/dataset.html")]
struct DatasetPage<'a> {
    frame: Frame,
    program: &'a str,
    dataset: &'a Dataset,
    columns: Vec<ShownColumn<'a>>,
    spans: Vec<&'static str>,
    sample: Result<Sample, String>,
    /// Texts for the editor, as fields of an address.
    rows_query: Option<String>,
    metrics_query: Option<String>,
}

struct ShownColumn<'a> {
    column: &'a Column,
    kind: String,
    is_date: bool,
    is_location: bool,
    visibility: Visibility,
}

/// Whether the visitor sees the values of a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Visibility {
    Open,
    /// Sensitive, and shown to the visitor.
    Sensitive,
    /// Sensitive, and hidden in some rows or in all.
    Hidden,
}

/// What is there for the visitor now.
struct Sample {
    whose: String,
    visible_rows: u64,
    files: u64,
    written: Option<Shown>,
    table: Option<Rows>,
    message: Option<String>,
}

/// The list, or the dataset that the address names. Its name cannot be a part of the path, in which letter case does not matter.
async fn open(visit: Visit) -> Given {
    let program = visit.program()?;
    let caller = visit.caller(program).await?;
    match visit.form().text("name") {
        Some(name) => one(&visit, &caller, &name).await,
        None => list(&visit, &caller),
    }
}

fn list(visit: &Visit, caller: &Caller) -> Given {
    let program = caller.program;
    let search = visit.form().raw("search");
    let datasets = list_datasets(visit.context(), caller, None)?;
    let page = ListPage {
        frame: Frame::new(visit, Place::Datasets(program), "Datasets"),
        program: program.name(),
        datasets: datasets.into_iter().filter_map(|dataset| listed(dataset, search.trim())).collect(),
        search,
    };
    Ok(page::show(visit, None, &page))
}

/// A dataset whose name, title, columns or metrics have the text.
fn listed(dataset: Arc<Dataset>, search: &str) -> Option<Listed> {
    let sought = search.to_lowercase();
    let has = |text: &str| text.to_lowercase().contains(&sought);
    let mut found = Vec::new();
    if !has(&dataset.name) && !has(&dataset.title) && !dataset.aliases.iter().any(|alias| has(alias)) {
        let columns = dataset.columns.iter().filter(|column| column.selectable);
        let columns =
            columns.filter(|column| has(&column.name) || has(&column.description) || column.aliases.iter().any(|alias| has(alias)));
        found.extend(columns.map(|column| column.name.clone()));
        found.extend(
            dataset.metrics.iter().filter(|metric| has(&metric.name) || has(&metric.description)).map(|metric| metric.name.clone()),
        );
        if found.is_empty() {
            return None;
        }
    }
    let columns = dataset.columns.iter().filter(|column| column.selectable).count();
    Some(Listed { in_address: encoded(&dataset.name), dataset, columns, found })
}

async fn one(visit: &Visit, caller: &Caller, name: &str) -> Given {
    let program = caller.program;
    let datasets = list_datasets(visit.context(), caller, Some(name))?;
    let dataset = datasets.first().ok_or(Failure::NotFound)?;
    // The page says what the dataset is, even if its rows cannot be read now.
    let sample = sample(visit, caller, dataset).await.map_err(|failure| page::told(visit, &failure));
    let columns = dataset.columns.iter().enumerate().filter(|(_, column)| column.selectable);
    let columns = columns.map(|(index, column)| ShownColumn {
        column,
        kind: type_name(column.kind),
        is_date: dataset.date_column == Some(index),
        is_location: dataset.location_column == Some(index),
        visibility: visibility(caller, dataset, column.sensitive),
    });
    let page = DatasetPage {
        frame: Frame::new(visit, Place::Datasets(program), dataset.name.clone()),
        program: program.name(),
        dataset,
        columns: columns.collect(),
        spans: dataset.date_ranges.iter().map(|span| span.keyword()).collect(),
        sample,
        rows_query: suggested::first_rows(dataset, ROWS_TO_BEGIN, None).map(|text| encoded(&text)),
        metrics_query: suggested::metrics(dataset).map(|text| encoded(&text)),
    };
    Ok(page::show(visit, None, &page))
}

fn visibility(caller: &Caller, dataset: &Dataset, is_sensitive: bool) -> Visibility {
    let is_hidden = || caller.scope.within(&dataset.name).is_ok_and(|scope| scope.is_redacted());
    match is_sensitive {
        false => Visibility::Open,
        true if is_hidden() => Visibility::Hidden,
        true => Visibility::Sensitive,
    }
}

async fn sample(visit: &Visit, caller: &Caller, dataset: &Dataset) -> Result<Sample, Failure> {
    let Some(text) = suggested::first_rows(dataset, FIRST_ROWS, Some(TimeSpan::Lifetime)) else {
        return Err(Failure::Invalid("It has no column that can be selected.".to_owned()));
    };
    let explained = visit.explain(caller, &text).await?;
    let tried = visit.preview(caller, &text).await?;
    let table = Rows::of(&tried);
    Ok(Sample {
        whose: whose_rows(explained.rows_of.locations.as_deref()),
        visible_rows: explained.visible_rows,
        files: explained.files.read + explained.files.skipped,
        written: explained.data_as_of.as_deref().and_then(instant::parse).map(Shown),
        table: (!table.rows.is_empty()).then_some(table),
        message: tried.message,
    })
}
