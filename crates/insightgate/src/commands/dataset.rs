//! `insightgate dataset list | show | validate`: what a data folder offers, and whether its definitions hold.

use std::path::{Path, PathBuf};

use insightgate_identity::program::Program;
use insightgate_operations::catalogs::{Catalogs, definitions_of, read_definition};
use insightgate_query::catalog::{Dataset, Tenancy, same_name};
use insightgate_query::definition::type_name;
use serde_json::{Value, json};

use crate::cli::{DatasetListArguments, DatasetShowArguments, DatasetValidateArguments};
use crate::command_error::CommandError;
use crate::data_folder::DataFolder;
use crate::session::yes_no;
use crate::table::{Table, fields};
use crate::terminal::{print, print_json};

pub fn list(arguments: &DatasetListArguments) -> Result<(), CommandError> {
    let folder = DataFolder::existing(&arguments.data_dir)?;
    let catalog = Catalogs::new(folder.definitions()).of(arguments.program);
    let own = own(&folder, arguments.program)?;
    if arguments.json {
        return print_json(&catalog.datasets().iter().map(|dataset| described(dataset, &own)).collect::<Vec<_>>());
    }
    let mut table = Table::new(&["name", "columns", "metrics", "hours", "own", "title"]);
    for dataset in catalog.datasets() {
        table.row([
            dataset.name.as_str(),
            &dataset.columns.iter().filter(|column| column.selectable).count().to_string(),
            &dataset.metrics.len().to_string(),
            &dataset.minimum_interval_hours.to_string(),
            &yes_no(is_own(dataset, &own)),
            &dataset.title,
        ]);
    }
    print(&table.text())
}

pub fn show(arguments: &DatasetShowArguments) -> Result<(), CommandError> {
    let folder = DataFolder::existing(&arguments.data_dir)?;
    let catalog = Catalogs::new(folder.definitions()).of(arguments.program);
    let own = own(&folder, arguments.program)?;
    let Some(dataset) = catalog.find(&arguments.name) else {
        let failed = CommandError::not_found(format!("{} has no dataset '{}'", arguments.program.name(), arguments.name));
        return Err(failed.hint("`insightgate dataset list` shows what there is; --program chooses mpn or cmp"));
    };
    if arguments.json {
        return print_json(&described(dataset, &own));
    }
    print(&fields(&[
        ("name", dataset.name.clone()),
        ("aliases", dataset.aliases.join(", ")),
        ("title", dataset.title.clone()),
        ("spans", dataset.date_ranges.iter().map(|span| span.keyword()).collect::<Vec<_>>().join(", ")),
        ("date column", column_name(dataset, dataset.date_column)),
        ("location column", column_name(dataset, dataset.location_column)),
        ("rows of a tenant", tenancy(dataset)),
        ("hours between runs", dataset.minimum_interval_hours.to_string()),
        ("own definition", yes_no(is_own(dataset, &own))),
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

/// Every problem of every definition. Fails when there is one.
pub fn validate(arguments: &DatasetValidateArguments) -> Result<(), CommandError> {
    let files = match arguments.files.as_slice() {
        [] => all_of(&DataFolder::existing(&arguments.data_dir)?)?,
        named => named.iter().map(|path| Ok((path.clone(), program_of(path)?))).collect::<Result<Vec<_>, CommandError>>()?,
    };
    let checked: Vec<(PathBuf, Result<Dataset, String>)> = files
        .into_iter()
        .map(|(path, program)| {
            let read = read_definition(&path, program);
            (path, read)
        })
        .collect();
    let wrong = checked.iter().filter(|(_, read)| read.is_err()).count();
    if arguments.json {
        let checked = checked.iter().map(|(path, read)| {
            let problems: Vec<&str> = read.as_ref().err().map(|problems| problems.lines().collect()).unwrap_or_default();
            json!({"file": path, "dataset": read.as_ref().ok().map(|dataset| &dataset.name), "problems": problems})
        });
        print_json(&checked.collect::<Vec<_>>())?;
    } else {
        for (path, read) in &checked {
            print(&match read {
                Ok(dataset) => format!("{}: {} holds\n", path.display(), dataset.name),
                Err(problems) => format!("{problems}\n"),
            })?;
        }
    }
    match wrong {
        0 if checked.is_empty() => {
            eprintln!("there are no definitions of your own");
            Ok(())
        }
        0 => Ok(()),
        number => Err(CommandError::failed(format!("{number} of {} definitions cannot be used", checked.len()))
            .hint("a server goes on with the last good version of each, and leaves one out that never was good")),
    }
}

fn all_of(folder: &DataFolder) -> Result<Vec<(PathBuf, Program)>, CommandError> {
    let mut files = Vec::new();
    for program in Program::ALL {
        files.extend(own(folder, program)?.into_iter().map(|path| (path, program)));
    }
    Ok(files)
}

fn own(folder: &DataFolder, program: Program) -> Result<Vec<PathBuf>, CommandError> {
    let definitions = folder.definitions();
    definitions_of(&definitions, program).map_err(|error| CommandError::failed(format!("{}: {error}", definitions.display())))
}

/// A definition says in its folder's name whose it is.
fn program_of(path: &Path) -> Result<Program, CommandError> {
    let folder = path.canonicalize().ok().and_then(|path| Some(path.parent()?.file_name()?.to_str()?.to_owned()));
    folder.and_then(|name| name.parse().ok()).ok_or_else(|| {
        let failed = CommandError::usage(format!("{} is not there, or lies in no folder mpn or cmp", path.display()));
        failed.hint("definitions lie in datasets/<program>/<Dataset>.toml of the data folder")
    })
}

fn is_own(dataset: &Dataset, own: &[PathBuf]) -> bool {
    own.iter().filter_map(|path| path.file_stem()?.to_str()).any(|stem| same_name(stem, &dataset.name))
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

fn described(dataset: &Dataset, own: &[PathBuf]) -> Value {
    let columns = dataset.columns.iter().filter(|column| column.selectable).map(
        |column| json!({"name": column.name, "type": type_name(column.kind), "sensitive": column.sensitive, "aliases": column.aliases}),
    );
    let metrics =
        dataset.metrics.iter().map(|metric| json!({"name": metric.name, "expression": metric.text, "sensitive": metric.sensitive}));
    json!({
        "name": dataset.name,
        "aliases": dataset.aliases,
        "title": dataset.title,
        "columns": columns.collect::<Vec<_>>(),
        "metrics": metrics.collect::<Vec<_>>(),
        "dateRanges": dataset.date_ranges.iter().map(|span| span.keyword()).collect::<Vec<_>>(),
        "dateColumn": column_name(dataset, dataset.date_column),
        "locationColumn": column_name(dataset, dataset.location_column),
        "minimumIntervalHours": dataset.minimum_interval_hours,
        "own": is_own(dataset, own),
    })
}
