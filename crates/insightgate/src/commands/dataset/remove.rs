//! `insightgate dataset remove`: takes a dataset of one's own away.

use insightgate_operations::datasets::remove::{RemoveDatasetFault, remove_dataset};
use serde_json::json;

use crate::cli::DatasetRemoveArguments;
use crate::command_error::CommandError;
use crate::data_folder::DataFolder;
use crate::files::shown;
use crate::terminal::confirm;
use crate::terminal::table::plain;

pub fn run(arguments: &DatasetRemoveArguments) -> Result<(), CommandError> {
    let folder = DataFolder::existing(&arguments.data_dir)?;
    let root = folder.data_root(arguments.data_root.as_deref())?;
    let rows = if arguments.rows { " with all of its rows" } else { "" };
    confirm(&format!("Remove the dataset {}{rows}?", plain(&arguments.name)), arguments.yes)?;
    let remove = || remove_dataset(&root, &folder.definitions(), arguments.program, &arguments.name, arguments.rows);
    let removed = tokio::task::block_in_place(remove).map_err(failed)?;
    if arguments.json {
        println!(
            "{}",
            json!({"dataset": removed.name, "program": arguments.program.name(), "definition": removed.definition_file, "rows": removed.rows})
        );
        return Ok(());
    }
    eprintln!("removed {}: {}", plain(&removed.name), shown(&removed.definition_file));
    for place in &removed.rows {
        eprintln!("removed {place}");
    }
    match removed.documented {
        true => eprintln!("note: the documented dataset {} is there again", plain(&removed.name)),
        false => eprintln!("note: saved queries and reports of it are refused from now on"),
    }
    Ok(())
}

fn failed(fault: RemoveDatasetFault) -> CommandError {
    let message = fault.to_string();
    match fault {
        RemoveDatasetFault::NotFound(_) => CommandError::not_found(message).hint("`insightgate dataset list` shows what there is"),
        RemoveDatasetFault::Documented(_) => CommandError::usage(message),
        _ => CommandError::failed(message),
    }
}
