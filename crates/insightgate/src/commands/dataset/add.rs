//! `insightgate dataset add`: makes a dataset from a person's own files.

use insightgate_operations::datasets::add::{AddDatasetFault, AddedDataset, DatasetOwner, NewDataset, add_dataset};
use insightgate_query::datasets::catalog::TenantKey;
use insightgate_query::datasets::definition::type_name;
use serde_json::json;

use crate::cli::{DatasetAddArguments, TenantKeyArgument};
use crate::command_error::CommandError;
use crate::commands::dataset::file_arguments::{only_files, told};
use crate::commands::dataset::rows_read::rows_read;
use crate::data_folder::DataFolder;
use crate::files::shown;
use crate::terminal::progress::Progress;
use crate::terminal::table::plain;
use crate::terminal::words::counted;

pub async fn run(arguments: &DatasetAddArguments) -> Result<(), CommandError> {
    only_files(&arguments.files)?;
    let folder = DataFolder::existing(&arguments.data_dir)?;
    let owner = match (&arguments.tenant, &arguments.tenant_column) {
        (Some(tenant), None) => DatasetOwner::Tenant(tenant.id(&folder).await?),
        (None, Some(name)) => {
            let holds = match arguments.tenant_key {
                TenantKeyArgument::TenantId => TenantKey::TenantId,
                TenantKeyArgument::GlobalAccountId => TenantKey::GlobalAccountId,
            };
            DatasetOwner::Column { name: name.clone(), holds }
        }
        _ => return Err(CommandError::usage("give exactly one of --tenant and --tenant-column")),
    };
    let new = NewDataset {
        files: arguments.files.clone(),
        read: arguments.reading.options(),
        name: arguments.name.clone(),
        program: arguments.program,
        owner,
        date_column: arguments.date_column.clone(),
        location_column: arguments.location_column.clone(),
        replace: arguments.replace,
    };
    let root = folder.data_root(arguments.data_root.as_deref())?;
    let progress = Progress::new();
    let read = rows_read(&progress);
    let added = tokio::task::block_in_place(|| add_dataset(&root, folder.path(), &folder.definitions(), &new, &read));
    progress.end();
    let added = added.map_err(failed)?;
    if arguments.json {
        print_json(&added)
    } else {
        print_text(&added)
    }
    Ok(())
}

fn print_json(added: &AddedDataset) {
    let dataset = &added.definition.dataset;
    let columns: Vec<_> = dataset.columns.iter().map(|column| json!({"name": column.name, "type": type_name(column.kind)})).collect();
    let skipped: Vec<_> = added.skipped.iter().map(|(name, kind)| json!({"name": name, "type": kind})).collect();
    let notes = added.notes.iter().map(|note| json!({"column": note.column, "looks": note.looks, "flags": note.flags}));
    let shown = json!({
        "dataset": dataset.name,
        "program": added.definition.program,
        "rows": added.rows,
        "definition": added.definition_file,
        "columns": columns,
        "skipped": skipped,
        "notes": notes.collect::<Vec<_>>(),
    });
    println!("{shown}");
}

fn print_text(added: &AddedDataset) {
    let dataset = &added.definition.dataset;
    println!("{}: {}, {}", dataset.name, counted(added.rows, "row"), counted(dataset.columns.len() as u64, "column"));
    let width = dataset.columns.iter().map(|column| column.name.chars().count()).max().unwrap_or_default();
    for column in &dataset.columns {
        println!("  {:width$}  {}", plain(&column.name), type_name(column.kind));
    }
    for (name, kind) in &added.skipped {
        eprintln!("left out: {}, which is {kind}", plain(name));
    }
    for note in &added.notes {
        eprintln!("note: {}, with --replace", told(note));
    }
    eprintln!("definition: {} (add metrics, titles and descriptions there)", shown(&added.definition_file));
    if let [first, ..] = added.date_candidates.as_slice() {
        eprintln!("time spans do not apply: name the date column with --replace --date-column {first}");
    }
}

fn failed(fault: AddDatasetFault) -> CommandError {
    let message = fault.to_string();
    match fault {
        AddDatasetFault::Exists(_) | AddDatasetFault::Documented(_) => {
            CommandError::failed(message).hint("choose another --name, or take its place with --replace")
        }
        AddDatasetFault::OthersDoNotFit { .. } => CommandError::failed(message).hint("choose another --name"),
        AddDatasetFault::NoSuchFile(_) => CommandError::not_found(message),
        AddDatasetFault::Name(_) | AddDatasetFault::AccessLog => CommandError::usage(message).hint("choose another --name"),
        AddDatasetFault::NoSuchColumn { .. } | AddDatasetFault::WrongKind { .. } => CommandError::usage(message),
        AddDatasetFault::Engine(error) if error.is_storage_full() => {
            CommandError::failed(message).hint("the disk is full: free some space")
        }
        AddDatasetFault::Engine(error) => CommandError::failed(message).hint_about(&error),
        _ => CommandError::failed(message),
    }
}
