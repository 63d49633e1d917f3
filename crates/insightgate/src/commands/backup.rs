//! `insightgate backup`: a copy of the SQLite database, while the server continues.

use std::fs::{File, OpenOptions};
use std::io::ErrorKind;
use std::path::Path;
use std::time::Duration;

use insightgate_operations::written_file;
use insightgate_operations::written_file::{Output, Readers};
use insightgate_store::{Store, StoreError};

use crate::cli::BackupArguments;
use crate::command_error::CommandError;
use crate::deployed::Deployed;
use crate::files::fault;
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
    let file = if to_stdout { None } else { written_file::followed(output).map_err(|error| fault(output, &error))? };
    let Some(output) = &file else { return stream(&url, folder.path(), output, to_stdout, arguments.json).await };
    let name = output.to_str().ok_or_else(|| CommandError::usage("the file's name is no UTF-8"))?;
    // Its owner's alone before anything is in it: it holds what the database holds.
    make(output)?;
    if let Err(error) = copied(&url, name).await {
        // What is half written is no backup.
        let _ = std::fs::remove_file(output);
        return Err(error.into());
    }
    let bytes = std::fs::metadata(output).map_err(|error| fault(output, &error))?.len();
    if arguments.json {
        println!("{}", serde_json::json!({"file": output, "bytes": bytes}));
    } else {
        eprintln!("wrote {} to {}", counted(bytes, "byte"), output.display());
        eprintln!("files, rows and the encryption key lie beside the database: copy them too");
    }
    Ok(())
}

/// Into what is no plain file, by way of one beside the database: the database's own copying writes to nothing else.
async fn stream(url: &str, folder: &Path, output: &Path, to_stdout: bool, as_json: bool) -> Result<(), CommandError> {
    let between = folder.join(format!(".backup-{}.unfinished", std::process::id()));
    let name = between.to_str().ok_or_else(|| CommandError::usage("the data folder's name is no UTF-8"))?;
    make(&between)?;
    let copied = copied(url, name).await.map_err(|error| CommandError::failed(error.to_string()));
    let copied = copied.and_then(|()| {
        let copy = || -> std::io::Result<u64> {
            let mut file = File::open(&between)?;
            if to_stdout {
                return std::io::copy(&mut file, &mut std::io::stdout());
            }
            let mut to = Output::open(output, Readers::Owner)?;
            let bytes = std::io::copy(&mut file, &mut to)?;
            to.finish().map(|()| bytes)
        };
        copy().map_err(|error| fault(output, &error))
    });
    std::fs::remove_file(&between).map_err(|error| fault(&between, &error))?;
    let bytes = copied?;
    if as_json {
        eprintln!("{}", serde_json::json!({"file": output, "bytes": bytes}));
    } else {
        eprintln!("wrote {} to {}", counted(bytes, "byte"), output.display());
    }
    Ok(())
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
