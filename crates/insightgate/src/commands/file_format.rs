//! The format of a file that a command writes: as it is said, or as the file's name says.

use std::path::Path;

use insightgate_query::format::Format;

use crate::command_error::CommandError;

/// None if neither says one.
pub fn said(name: Option<&str>, output: &Path) -> Result<Option<Format>, CommandError> {
    let file = output.file_name().map(|name| name.to_string_lossy()).unwrap_or_default();
    let found = match (name, output.extension()) {
        (Some(name), _) => Format::from_name(name).map(Some).ok_or_else(|| name.to_owned()),
        (None, Some(extension)) => Format::from_file_name(&file).map(Some).ok_or_else(|| extension.to_string_lossy().into_owned()),
        (None, None) => Ok(None),
    };
    found.map_err(|name| {
        let known = Format::NAMES.join(", ");
        CommandError::usage(format!("'{name}' is not a format: use one of {known}")).hint("say it with --format")
    })
}
