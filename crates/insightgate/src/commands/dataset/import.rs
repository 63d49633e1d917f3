//! `insightgate dataset import`: adds rows to an existing dataset.

use insightgate_engine::EngineError;
use insightgate_operations::datasets::catalogs::Catalogs;
use insightgate_operations::datasets::import_rows::{ImportFault, NewRows, import_rows};
use serde_json::json;

use crate::cli::DatasetImportArguments;
use crate::command_error::CommandError;
use crate::commands::dataset::file_arguments::only_files;
use crate::commands::dataset::rows_read::rows_read;
use crate::data_folder::DataFolder;
use crate::files::shown;
use crate::terminal::progress::Progress;
use crate::terminal::words::counted;
use crate::terminal::{print, print_json};

pub async fn run(arguments: &DatasetImportArguments) -> Result<(), CommandError> {
    only_files(&arguments.files)?;
    let folder = DataFolder::existing(&arguments.data_dir)?;
    let tenant = match &arguments.tenant {
        Some(tenant) => Some(tenant.id(&folder).await?),
        None => None,
    };
    let new = NewRows {
        files: arguments.files.clone(),
        read: arguments.reading.options(),
        name: arguments.name.clone(),
        program: arguments.program,
        tenant,
    };
    let root = folder.data_root(arguments.data_root.as_deref())?;
    let catalogs = Catalogs::new(folder.definitions());
    let progress = Progress::new();
    let read = rows_read(&progress);
    let imported = tokio::task::block_in_place(|| import_rows(&root, folder.path(), &catalogs, &new, &read));
    progress.end();
    let imported = imported.map_err(failed)?;
    if arguments.json {
        return print_json(&json!({"dataset": imported.dataset.name, "rows": imported.rows, "files": imported.files}));
    }
    let files: String = imported.files.iter().map(|file| format!("  {}\n", shown(file))).collect();
    print(&format!("{}: {} more\n{files}", imported.dataset.name, counted(imported.rows, "row")))
}

fn failed(fault: ImportFault) -> CommandError {
    let message = fault.to_string();
    match fault {
        ImportFault::NoSuchDataset { .. } => CommandError::not_found(message)
            .hint("`insightgate dataset list` shows what there is; `insightgate dataset add` makes a new one"),
        ImportFault::NoSuchFile(_) => CommandError::not_found(message),
        ImportFault::WhoseRows { .. } => CommandError::usage(message).hint("say --tenant with the tenant's id or domain"),
        ImportFault::DeltaTable { .. } => CommandError::usage(message).hint("write the rows with the program that writes the table"),
        ImportFault::OwnersInColumn { .. } => CommandError::usage(message).hint("leave --tenant out"),
        ImportFault::Engine(EngineError::Misfit { .. }) => {
            CommandError::failed(message).hint("nothing was written; `insightgate dataset show` says what the columns are")
        }
        ImportFault::Engine(error) if error.is_storage_full() => CommandError::failed(message).hint("the disk is full: free some space"),
        ImportFault::Engine(error) => CommandError::failed(message).hint_about(&error),
        ImportFault::Io { .. } => CommandError::failed(message),
    }
}
