//! `insightgate backup`: a copy of the SQLite database, while the server goes on.

use insightgate_store::Store;

use crate::cli::BackupArguments;
use crate::command_error::CommandError;
use crate::config;
use crate::data_folder::{DataFolder, fault};

pub async fn run(arguments: &BackupArguments) -> Result<(), CommandError> {
    let url = match &arguments.config {
        Some(file) => {
            let configuration = config::load(file)?;
            let folder = configuration.data_dir;
            configuration.database_url.map_or_else(|| DataFolder::existing(&folder).map(|folder| folder.database_url()), Ok)?
        }
        None => DataFolder::existing(&arguments.data_dir)?.database_url(),
    };
    if !url.starts_with("sqlite:") {
        return Err(CommandError::usage("the database is a Postgres, which has its own tools").hint("for example: pg_dump"));
    }
    let output = &arguments.output;
    if output.exists() {
        return Err(CommandError::usage(format!("{} is there already", output.display())).hint("name a new file"));
    }
    let name = output.to_str().ok_or_else(|| CommandError::usage("the file's name is no UTF-8"))?;
    eprintln!("copying the database");
    let failed = |error: insightgate_store::StoreError| CommandError::failed(error.to_string());
    let copied = Store::back_up(&url, name).await;
    if copied.is_err() {
        // What is half written is no backup.
        let _ = std::fs::remove_file(output);
    }
    copied.map_err(failed)?;
    private(output)?;
    let bytes = std::fs::metadata(output).map_err(|error| fault(output, &error))?.len();
    if arguments.json {
        println!("{}", serde_json::json!({"file": output, "bytes": bytes}));
    } else {
        eprintln!("wrote {bytes} bytes to {}", output.display());
        eprintln!("files, rows and the encryption key lie beside the database: copy them too");
    }
    Ok(())
}

/// It holds what the database holds.
#[cfg(unix)]
fn private(file: &std::path::Path) -> Result<(), CommandError> {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::set_permissions(file, std::fs::Permissions::from_mode(0o600)).map_err(|error| fault(file, &error))
}

#[cfg(not(unix))]
fn private(_: &std::path::Path) -> Result<(), CommandError> {
    Ok(())
}
