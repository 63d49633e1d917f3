//! `insightgate dataset list | show`: the datasets of a data folder, or of a server.

pub mod add;
pub(crate) mod file_arguments;
pub mod import;
mod of_server;
pub mod remove;
mod rows_read;
pub mod validate;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use insightgate_engine::{DataRoot, local_folder};
use insightgate_identity::program::Program;
use insightgate_identity::scope::is_access_log;
use insightgate_operations::datasets::catalogs::{Catalogs, definitions_of};
use insightgate_query::datasets::builtin;
use insightgate_query::datasets::catalog::{Catalog, Dataset, Tenancy, same_name};
use insightgate_query::datasets::definition::type_name;
use serde_json::{Value, json};

use crate::cli::{DEFAULT_DATA_DIR, DatasetListArguments, DatasetPlace, DatasetShowArguments};
use crate::command_error::CommandError;
use crate::data_folder::DataFolder;
use crate::files::shown;
use crate::terminal::table::{Table, fields};
use crate::terminal::{print, print_json};

pub async fn list(profile: Option<&str>, arguments: &DatasetListArguments) -> Result<(), CommandError> {
    if let Some(client) = of_server::asked(profile, &arguments.place)? {
        return of_server::list(&client, arguments.place.json).await;
    }
    let place = Place::open(&arguments.place)?;
    let catalog = Catalogs::new(place.folder.definitions()).of(place.program);
    if arguments.place.json {
        return print_json(&in_folder(&catalog).map(|dataset| place.described(dataset)).collect::<Vec<_>>());
    }
    let mut table = Table::new(&["name", "columns", "metrics", "hours", "spans", "definition", "rows", "title"]);
    for dataset in in_folder(&catalog) {
        table.row([
            dataset.name.as_str(),
            &dataset.columns.iter().filter(|column| column.selectable).count().to_string(),
            &dataset.metrics.len().to_string(),
            &dataset.minimum_interval_hours.to_string(),
            &dataset.date_ranges.len().to_string(),
            place.origin(dataset).word(),
            if place.has_rows(dataset) { "yes" } else { "" },
            &dataset.title,
        ]);
    }
    print(&table.text())
}

/// The datasets whose rows lie in the data folder: all but the access log, which the server keeps beside the files of reports.
fn in_folder(catalog: &Catalog) -> impl Iterator<Item = &Arc<Dataset>> {
    catalog.datasets().iter().filter(|dataset| !is_access_log(&dataset.name))
}

pub async fn show(profile: Option<&str>, arguments: &DatasetShowArguments) -> Result<(), CommandError> {
    if let Some(client) = of_server::asked(profile, &arguments.place)? {
        return of_server::show(&client, &arguments.name, arguments.place.json).await;
    }
    let place = Place::open(&arguments.place)?;
    let catalog = Catalogs::new(place.folder.definitions()).of(place.program);
    let Some(dataset) = in_folder(&catalog).find(|dataset| catalog.find(&arguments.name) == Some(dataset)) else {
        let failed = CommandError::not_found(format!("{} has no dataset '{}'", place.program.name(), arguments.name));
        return Err(failed.hint("`insightgate dataset list` shows what there is; --program chooses mpn or cmp"));
    };
    if arguments.place.json {
        return print_json(&place.described(dataset));
    }
    print(&fields(&[
        ("name", dataset.name.clone()),
        ("aliases", dataset.aliases.join(", ")),
        ("title", dataset.title.clone()),
        ("spans", dataset.date_ranges.iter().map(|span| span.keyword()).collect::<Vec<_>>().join(", ")),
        ("date column", column_name(dataset, dataset.date_column)),
        ("location column", column_name(dataset, dataset.location_column)),
        ("rows of a tenant", tenancy(dataset)),
        ("format of the rows", dataset.format.name().to_owned()),
        ("hours between executions", dataset.minimum_interval_hours.to_string()),
        ("rows", place.rows(dataset)),
        ("definition", place.definition(dataset)),
    ]))?;
    let mut columns = Table::new(&["column", "type", "sensitive", "aliases"]);
    for column in dataset.columns.iter().filter(|column| column.selectable) {
        let sensitive = if column.sensitive { "yes" } else { "" };
        columns.row([column.name.as_str(), &type_name(column.kind), sensitive, &column.aliases.join(", ")]);
    }
    let mut metrics = Table::new(&["metric", "expression", "sensitive"]);
    for metric in &dataset.metrics {
        metrics.row([metric.name.as_str(), &metric.text, if metric.sensitive { "yes" } else { "" }]);
    }
    print(&format!("\n{}\n{}", columns.text(), metrics.text()))
}

/// A program's part of a data folder, and where its rows lie.
struct Place {
    folder: DataFolder,
    root: DataRoot,
    program: Program,
    /// The operator's definitions.
    own: Vec<PathBuf>,
}

/// Whose definition is used.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Origin {
    BuiltIn,
    Own,
    /// The operator's, in the place of a built-in one.
    Replacement,
}

impl Origin {
    fn word(self) -> &'static str {
        match self {
            Origin::BuiltIn => "built-in",
            Origin::Own => "own",
            Origin::Replacement => "replaced",
        }
    }
}

impl Place {
    fn open(place: &DatasetPlace) -> Result<Place, CommandError> {
        let folder = DataFolder::existing(place.data_dir.as_deref().unwrap_or(Path::new(DEFAULT_DATA_DIR)))?;
        let root = folder.data_root(place.data_root.as_deref())?;
        let program = place.program.unwrap_or(Program::Mpn);
        Ok(Place { own: own(&folder, program)?, folder, root, program })
    }

    fn own_definition(&self, dataset: &Dataset) -> Option<&PathBuf> {
        self.own.iter().find(|path| path.file_stem().and_then(|stem| stem.to_str()).is_some_and(|stem| same_name(stem, &dataset.name)))
    }

    fn origin(&self, dataset: &Dataset) -> Origin {
        match (self.own_definition(dataset), builtin::catalog(self.program.name()).find(&dataset.name)) {
            (None, _) => Origin::BuiltIn,
            (Some(_), Some(_)) => Origin::Replacement,
            (Some(_), None) => Origin::Own,
        }
    }

    fn definition(&self, dataset: &Dataset) -> String {
        match (self.own_definition(dataset), self.origin(dataset)) {
            (Some(file), Origin::Replacement) => format!("{}, in the place of the built-in one", shown(file)),
            (Some(file), _) => shown(file),
            (None, _) => "built-in".to_owned(),
        }
    }

    fn rows(&self, dataset: &Dataset) -> String {
        match &self.root {
            DataRoot::Folder(folder) => shown(&local_folder(folder, self.program, &dataset.name, None)),
            DataRoot::Store(_) => format!("{}/{}/{}", self.root, self.program.name(), dataset.name),
        }
    }

    /// Whether a folder for the dataset is there. What a store holds is not asked.
    fn has_rows(&self, dataset: &Dataset) -> bool {
        self.root.folder().is_some_and(|folder| local_folder(folder, self.program, &dataset.name, None).is_dir())
    }

    fn described(&self, dataset: &Dataset) -> Value {
        let columns = dataset.columns.iter().filter(|column| column.selectable).map(|column| {
            json!({
                "name": column.name,
                "type": type_name(column.kind),
                "nullable": column.nullable,
                "sensitive": column.sensitive,
                "aliases": column.aliases,
                "description": column.description,
            })
        });
        let metrics =
            dataset.metrics.iter().map(|metric| json!({"name": metric.name, "expression": metric.text, "sensitive": metric.sensitive}));
        json!({
            "name": dataset.name,
            "program": self.program.name(),
            "aliases": dataset.aliases,
            "title": dataset.title,
            "columns": columns.collect::<Vec<_>>(),
            "metrics": metrics.collect::<Vec<_>>(),
            "dateRanges": dataset.date_ranges.iter().map(|span| span.keyword()).collect::<Vec<_>>(),
            "dateColumn": column_name(dataset, dataset.date_column),
            "locationColumn": column_name(dataset, dataset.location_column),
            "minimumIntervalHours": dataset.minimum_interval_hours,
            "format": dataset.format.name(),
            "own": self.own_definition(dataset).is_some(),
            "origin": self.origin(dataset).word(),
            "definition": self.own_definition(dataset),
            "rows": self.rows(dataset),
        })
    }
}

fn own(folder: &DataFolder, program: Program) -> Result<Vec<PathBuf>, CommandError> {
    let definitions = folder.definitions();
    definitions_of(&definitions, program).map_err(|error| CommandError::failed(format!("{}: {error}", definitions.display())))
}

fn column_name(dataset: &Dataset, index: Option<usize>) -> String {
    index.and_then(|index| dataset.columns.get(index)).map(|column| column.name.clone()).unwrap_or_default()
}

fn tenancy(dataset: &Dataset) -> String {
    match &dataset.tenancy {
        Tenancy::Folder => "in tenant=<tenant id> folders".to_owned(),
        Tenancy::Column { name, .. } => format!("by column {name}"),
    }
}
