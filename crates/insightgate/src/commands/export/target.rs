//! Where the rows go. A plain file is written beside its place and put there whole; a pipe, a device or stdout is written into as the rows come.

use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use insightgate_operations::written_file::{self, Output, Readers};

use crate::command_error::CommandError;
use crate::files::{fault, shown};

pub struct Target {
    /// As it was named.
    path: PathBuf,
    force: bool,
    place: Place,
}

enum Place {
    Stdout,
    Nowhere,
    /// An unfinished file beside the one that it will be.
    File(Output),
    /// What is no plain file. It is opened when there are rows: a pipe waits for its reader.
    Straight,
    Opened(Output),
}

impl Target {
    /// Looks whether it can be written before anything else is done.
    pub fn new(named: Option<&Path>, force: bool) -> Result<Target, CommandError> {
        let path = named.unwrap_or(Path::new("-")).to_owned();
        if path == Path::new("-") {
            return Ok(Target { path, force, place: Place::Stdout });
        }
        let place = match written_file::followed(&path).map_err(|error| fault(&path, &error))? {
            None => Place::Straight,
            Some(file) => {
                if !force && file.exists() {
                    return Err(exists(&path));
                }
                Place::File(Output::open(&path, Readers::Everybody).map_err(|error| fault(&path, &error))?)
            }
        };
        Ok(Target { path, force, place })
    }

    /// For rows that are looked at, and then not kept.
    pub fn nowhere() -> Target {
        Target { path: PathBuf::new(), force: false, place: Place::Nowhere }
    }

    pub fn is_nowhere(&self) -> bool {
        matches!(self.place, Place::Nowhere)
    }

    /// For the file's name, which may say its format.
    pub fn path(&self) -> &Path {
        &self.path
    }

    pub fn is_stdout(&self) -> bool {
        matches!(self.place, Place::Stdout)
    }

    /// For people.
    pub fn name(&self) -> String {
        if self.is_stdout() { "stdout".to_owned() } else { shown(&self.path) }
    }

    /// Waits for whoever reads. False if nobody reads any more, as when `head` has enough.
    pub fn write(&mut self, bytes: &[u8]) -> Result<bool, CommandError> {
        // The reader may take its time, and a signal is to be heard meanwhile.
        let written = tokio::task::block_in_place(|| match &mut self.place {
            Place::Stdout => io::stdout().write_all(bytes),
            Place::Nowhere => Ok(()),
            Place::File(output) | Place::Opened(output) => output.write_all(bytes),
            Place::Straight => {
                let mut output = Output::open(&self.path, Readers::Everybody)?;
                let written = output.write_all(bytes);
                self.place = Place::Opened(output);
                written
            }
        });
        match written {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(false),
            Err(error) => Err(fault(&self.path, &error)),
        }
    }

    /// Puts a plain file in its place.
    pub fn finish(mut self) -> Result<(), CommandError> {
        if matches!(self.place, Place::Straight) {
            // Of an empty file its reader sees the end.
            self.write(b"")?;
        }
        let finished = match self.place {
            Place::Stdout => io::stdout().flush(),
            Place::File(output) if self.force => output.finish(),
            Place::File(output) => match output.finish_new() {
                // Somebody else has made it meanwhile.
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Err(exists(&self.path)),
                finished => finished,
            },
            Place::Opened(output) => output.finish(),
            Place::Straight | Place::Nowhere => Ok(()),
        };
        match finished {
            Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(fault(&self.path, &error)),
            _ => Ok(()),
        }
    }
}

fn exists(path: &Path) -> CommandError {
    CommandError::usage(format!("{} is there already", shown(path))).hint("name another file, or replace it with --force")
}

#[cfg(unix)]
#[cfg(test)]
mod tests {
    use super::*;

    async fn written(path: &Path, force: bool) -> Result<(), CommandError> {
        let path = path.to_owned();
        tokio::spawn(async move {
            let mut target = Target::new(Some(&path), force)?;
            assert!(target.write(b"a,b\n")? && target.write(b"1,2\n")?);
            target.finish()
        })
        .await
        .unwrap()
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 1)]
    async fn a_file_is_there_whole_or_not_at_all_and_never_replaced_unasked() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("rows.csv");
        let half = tokio::spawn({
            let path = path.clone();
            async move { Target::new(Some(&path), false).map(|mut target| target.write(b"half").is_ok_and(|read| read)) }
        });
        assert!(half.await.unwrap().is_ok_and(|written| written));
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "what was not finished is gone");
        assert!(written(&path, false).await.is_ok());
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "a,b\n1,2\n");
        let refused = written(&path, false).await.unwrap_err();
        assert_eq!(refused.code, 2);
        assert!(refused.message.ends_with("is there already") && refused.hint.unwrap().contains("--force"));
        assert!(written(&path, true).await.is_ok());
        // A link counts as what it leads to.
        let link = folder.path().join("link.csv");
        std::os::unix::fs::symlink("rows.csv", &link).unwrap();
        assert_eq!(written(&link, false).await.unwrap_err().code, 2);
        assert!(written(&link, true).await.is_ok() && link.is_symlink());
        assert!(written(Path::new("/dev/null"), false).await.is_ok());
        assert!(Target::new(Some(folder.path()), true).is_err(), "a folder");
        assert!(Target::new(Some(&folder.path().join("none/rows.csv")), true).is_err());
    }
}
