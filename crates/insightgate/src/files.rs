//! Files as commands read and write them: whole or not at all, for their owner alone where they hold secrets, and with errors that name the path.

use std::io::ErrorKind;
use std::path::Path;

use insightgate_operations::written_file::{self, Readers};

use crate::command_error::CommandError;
use crate::env_vars;

/// Refuses a named pipe before anything waits for whoever opens its other end. A pipe that is open already, as of a shell's `<(…)`, is none.
pub fn no_named_pipe(path: &Path) -> Result<(), CommandError> {
    match written_file::is_named_pipe(path) {
        true => Err(CommandError::usage(format!("{} is a named pipe, and no file", path.display()))
            .hint("name a file: a named pipe would keep the command waiting for whoever opens its other end")),
        false => Ok(()),
    }
}

/// The bytes of a file that a person named.
pub fn read_named(path: &Path) -> Result<Vec<u8>, CommandError> {
    no_named_pipe(path)?;
    std::fs::read(path).map_err(|error| fault(path, &error))
}

/// None if the file does not exist.
pub fn read_private(path: &Path) -> Result<Option<String>, CommandError> {
    no_named_pipe(path)?;
    let read = || -> std::io::Result<(String, bool)> {
        let mut file = std::fs::File::open(path)?;
        let shared = others_may_read(&file.metadata()?);
        let mut text = String::new();
        std::io::Read::read_to_string(&mut file, &mut text)?;
        Ok((text, shared))
    };
    match read() {
        Ok((_, true)) => {
            let message = format!("{} holds secrets, and others may read it", path.display());
            Err(CommandError::not_allowed(message).hint(format!("chmod 600 {}", path.display())))
        }
        Ok((text, false)) => Ok(Some(text)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(fault(path, &error)),
    }
}

#[cfg(unix)]
pub fn others_may_read(metadata: &std::fs::Metadata) -> bool {
    std::os::unix::fs::PermissionsExt::mode(&metadata.permissions()) & 0o077 != 0
}

#[cfg(not(unix))]
pub fn others_may_read(_: &std::fs::Metadata) -> bool {
    false
}

/// Writes a file that only its owner can read. The previous file stays until the new text is complete.
pub fn write_private(path: &Path, bytes: &[u8]) -> Result<(), CommandError> {
    written_file::write(path, bytes, Readers::Owner).map_err(|error| fault(path, &error))
}

/// The same, with the usual permissions of the person's files.
pub fn write_whole(path: &Path, bytes: &[u8]) -> Result<(), CommandError> {
    written_file::write(path, bytes, Readers::Everybody).map_err(|error| fault(path, &error))
}

/// The path relative to the current folder, as a person would write it.
pub fn shown(path: &Path) -> String {
    let here = std::env::current_dir().ok();
    if let Some(below) = here.and_then(|here| path.strip_prefix(here).ok()) {
        return below.display().to_string();
    }
    let home = env_vars::read(&env_vars::HOME).filter(|home| home != "/");
    match home.and_then(|home| path.strip_prefix(home).ok()) {
        Some(below) => format!("~/{}", below.display()),
        None => path.display().to_string(),
    }
}

/// The free bytes of the disk of this path, if the system tells.
pub fn free_bytes(path: &Path) -> Option<u64> {
    #[cfg(unix)]
    {
        // What is not there yet lies where its folder does.
        let found = path.ancestors().find_map(|place| rustix::fs::statvfs(place).ok())?;
        Some(found.f_bavail.saturating_mul(found.f_frsize))
    }
    #[cfg(not(unix))]
    {
        let _ = path;
        None
    }
}

fn disk_full(path: &Path) -> String {
    match free_bytes(path) {
        Some(bytes) => format!("the disk of {} is full, {bytes} bytes are free", path.display()),
        None => format!("the disk of {} is full", path.display()),
    }
}

pub fn fault(path: &Path, error: &std::io::Error) -> CommandError {
    let failed = CommandError::failed(format!("{}: {error}", path.display()));
    match error.kind() {
        ErrorKind::StorageFull => failed.hint(format!("{}: free some space, or name a folder on another disk", disk_full(path))),
        ErrorKind::PermissionDenied => failed.hint("the folder or file belongs to another user"),
        _ => failed,
    }
}
