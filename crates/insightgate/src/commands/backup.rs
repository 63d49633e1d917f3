//! `insightgate backup`: a copy of the SQLite database, while the server goes on.

use std::fs::OpenOptions;
use std::io::ErrorKind;
use std::path::Path;

use insightgate_store::Store;

use crate::cli::BackupArguments;
use crate::command_error::CommandError;
use crate::config;
use crate::data_folder::{DataFolder, fault};
use crate::server::not_opened;

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
    let name = output.to_str().ok_or_else(|| CommandError::usage("the file's name is no UTF-8"))?;
    // Its owner's alone before anything is in it: it holds what the database holds.
    make(output)?;
    eprintln!("copying the database");
    if let Err(error) = Store::back_up(&url, name).await {
        // What is half written is no backup.
        let _ = std::fs::remove_file(output);
        return Err(not_opened(error));
    }
    let bytes = std::fs::metadata(output).map_err(|error| fault(output, &error))?.len();
    if arguments.json {
        println!("{}", serde_json::json!({"file": output, "bytes": bytes}));
    } else {
        eprintln!("wrote {bytes} bytes to {}", output.display());
        eprintln!("files, rows and the encryption key lie beside the database: copy them too");
    }
    Ok(())
}

/// An empty file that was not there.
fn make(file: &Path) -> Result<(), CommandError> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    match options.open(file) {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {
            Err(CommandError::usage(format!("{} is there already", file.display())).hint("name a new file"))
        }
        Err(error) => Err(fault(file, &error)),
    }
}
