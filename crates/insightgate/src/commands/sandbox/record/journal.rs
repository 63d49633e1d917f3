//! Writes the recording, a line for each exchange once it has ended. Whatever ends the process, every line before the last is whole.

use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use insightgate_operations::written_file::followed;
use serde::Serialize;
use tokio::sync::watch;

use crate::command_error::CommandError;
use crate::commands::sandbox::recording::redaction::Redactor;
use crate::commands::sandbox::recording::{Exchange, Heading};
use crate::files::fault;

/// Cheap to clone.
#[derive(Clone)]
pub(super) struct Journal {
    path: PathBuf,
    inner: Arc<Mutex<Inner>>,
    failed: watch::Sender<bool>,
}

struct Inner {
    file: File,
    redactor: Redactor,
    written: u64,
    error: Option<io::Error>,
}

impl Journal {
    pub fn create(path: &Path, force: bool, heading: &Heading) -> Result<Journal, CommandError> {
        let opened = open(path, force).map_err(|error| match error.kind() {
            ErrorKind::AlreadyExists => {
                CommandError::failed(format!("{} is there already", path.display())).hint("name another file, or say --force")
            }
            _ => fault(path, &error),
        });
        let mut file = opened?;
        write(&mut file, heading).map_err(|error| fault(path, &error))?;
        let inner = Inner { file, redactor: Redactor::default(), written: 0, error: None };
        Ok(Journal { path: path.to_owned(), inner: Arc::new(Mutex::new(inner)), failed: watch::channel(false).0 })
    }

    /// Writes what `exchange` makes with the redactor. After a failure nothing more is written.
    pub fn write(&self, exchange: impl FnOnce(&mut Redactor) -> Exchange) {
        let mut inner = self.inner();
        if inner.error.is_some() {
            return;
        }
        let exchange = exchange(&mut inner.redactor);
        match write(&mut inner.file, &exchange) {
            Ok(()) => inner.written += 1,
            Err(error) => {
                inner.error = Some(error);
                self.failed.send_replace(true);
            }
        }
    }

    /// Returns once something could not be written.
    pub async fn failed(&self) {
        if self.failed.subscribe().wait_for(|failed| *failed).await.is_err() {
            std::future::pending::<()>().await;
        }
    }

    /// How many exchanges were written.
    pub fn finish(&self) -> Result<u64, CommandError> {
        let mut inner = self.inner();
        match inner.error.take() {
            Some(error) => Err(fault(&self.path, &error)),
            None => inner.file.flush().map(|()| inner.written).map_err(|error| fault(&self.path, &error)),
        }
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A new file for its owner alone, in the place of another one if that is wanted. What is no plain file is written to as it is.
fn open(path: &Path, force: bool) -> io::Result<File> {
    let Some(file) = followed(path)? else { return OpenOptions::new().append(true).open(path) };
    if force {
        // Another one may have others as its readers.
        match std::fs::remove_file(&file) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(&file)
}

/// In one piece, so that lines of other exchanges never come between.
fn write(file: &mut File, line: &impl Serialize) -> io::Result<()> {
    let mut text = serde_json::to_vec(line)?;
    text.push(b'\n');
    file.write_all(&text)
}
