//! `insightgate backup`: a copy of the SQLite database, while the server continues.

use std::fs::File;
use std::io::ErrorKind;
use std::path::Path;
use std::time::Duration;

use insightgate_engine::storage::unfinished_file;
use insightgate_operations::written_file;
use insightgate_operations::written_file::{Output, Readers};
use insightgate_store::{Store, StoreError};
use serde_json::json;

use crate::cli::BackupArguments;
use crate::command_error::CommandError;
use crate::deployed::Deployed;
use crate::files::{fault, no_named_pipe};
use crate::terminal::progress::Progress;
use crate::terminal::words::counted;

/// Between two looks at how far the file has grown.
const LOOK: Duration = Duration::from_millis(200);

pub async fn run(arguments: &BackupArguments) -> Result<(), CommandError> {
    let Deployed { folder, database_url: url, .. } = Deployed::find(&arguments.place)?;
    if !url.starts_with("sqlite:") {
        return Err(CommandError::usage("the database is a Postgres, which has its own tools")
            .hint("use pg_dump, or Postgres's own archive: docs/backups.md"));
    }
    let output = &arguments.output;
    let to_stdout = output == Path::new("-");
    if !to_stdout {
        no_named_pipe(output).map_err(|error| error.hint("give -o - and pipe its output: insightgate backup -o - | gzip > copy.db.gz"))?;
    }
    let file = if to_stdout { None } else { written_file::followed(output).map_err(|error| fault(output, &error))? };
    if file.as_ref().is_some_and(|file| file.exists()) {
        return Err(is_there(output));
    }
    // What is half written is no backup, and has no name of one. The database's own copying writes to nothing but a file.
    let beside = file.as_ref().map_or(folder.path(), |file| file.parent().unwrap_or(Path::new("")));
    // Its owner's alone before anything is in it: it holds what the database holds.
    let between = unfinished_file::make(beside, true).map_err(|error| fault(file.as_deref().unwrap_or(beside), &error))?;
    let name = between.path().to_str().ok_or_else(|| CommandError::usage("the folder's name is no UTF-8"))?;
    copied(&url, name).await?;
    let bytes = match &file {
        Some(file) => {
            let written = between.as_file().sync_all().and_then(|()| between.as_file().metadata());
            let bytes = written.map_err(|error| fault(file, &error))?.len();
            // Where nothing may have come meanwhile.
            between.persist_noclobber(file).map_err(|failed| match failed.error.kind() {
                ErrorKind::AlreadyExists => is_there(file),
                _ => fault(file, &failed.error),
            })?;
            bytes
        }
        None => stream(between.path(), output, to_stdout).map_err(|error| fault(output, &error))?,
    };
    match (&file, arguments.json) {
        (None, true) => eprintln!("{}", json!({"file": output, "bytes": bytes})),
        (None, false) => eprintln!("wrote {} to {}", counted(bytes, "byte"), output.display()),
        (Some(file), true) => println!("{}", json!({"file": file, "bytes": bytes})),
        (Some(file), false) => {
            eprintln!("wrote {} to {}", counted(bytes, "byte"), file.display());
            eprintln!("files, rows and the encryption key lie beside the database: copy them too");
        }
    }
    Ok(())
}

fn is_there(file: &Path) -> CommandError {
    CommandError::usage(format!("{} is there already", file.display())).hint("name a new file")
}

/// Into what is no plain file.
fn stream(between: &Path, output: &Path, to_stdout: bool) -> std::io::Result<u64> {
    let mut file = File::open(between)?;
    if to_stdout {
        return std::io::copy(&mut file, &mut std::io::stdout());
    }
    let mut to = Output::open(output, Readers::Owner)?;
    let bytes = std::io::copy(&mut file, &mut to)?;
    to.finish().map(|()| bytes)
}

/// The database's own copying, with how far the file has grown on a terminal.
async fn copied(url: &str, file: &str) -> Result<(), StoreError> {
    let progress = Progress::new();
    progress.say("checking and copying the database");
    let mut copying = std::pin::pin!(Store::back_up(url, file));
    let mut look = tokio::time::interval(LOOK);
    let mut grown = false;
    let copied = loop {
        tokio::select! {
            copied = &mut copying => break copied,
            _ = look.tick() => match std::fs::metadata(file).map(|file| file.len()) {
                Ok(bytes) if bytes > 0 => {
                    if !std::mem::replace(&mut grown, true) {
                        progress.bytes("copying the database", None);
                    }
                    progress.reached(bytes);
                }
                _ => {}
            },
        }
    };
    progress.end();
    copied
}
