//! The format of a file that a command writes: as it is said, or as the file's name says.

use std::path::Path;

use insightgate_query::format::Format;

use crate::command_error::CommandError;
use crate::files::shown;

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

/// Refuses to write a file that is there already under a name that says another format, unless `said` is its own. `own`: as the server names it.
pub fn fits(own: Option<&str>, said: Option<&str>, output: &Path) -> Result<(), CommandError> {
    // A format that only the server knows may be called whatever it likes.
    let Some(own) = own.and_then(Format::from_name) else { return Ok(()) };
    let file = output.file_name().map(|name| name.to_string_lossy()).unwrap_or_default();
    let as_it_is = "a file is downloaded as it is: `insightgate export` with the query makes one in another format";
    match said {
        Some(name) if Format::from_name(name) == Some(own) => Ok(()),
        Some(name) => Err(CommandError::usage(format!("the report's file is {}, and not {name}", own.name())).hint(as_it_is)),
        None => match Format::from_file_name(&file) {
            // A kind of a format ends as the format does.
            Some(named) if named != own && own.name().split('-').next() != Some(named.name()) => {
                let message = format!("the report's file is {}, and {} says {}", own.name(), shown(output), named.name());
                Err(CommandError::usage(message)
                    .hint(format!("name it so, or say --format {} to write it there all the same; {as_it_is}", own.name())))
            }
            _ => Ok(()),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_goes_under_a_name_of_its_own_format() {
        let fits = |own: Option<&str>, said: Option<&str>, name: &str| {
            fits(own, said, Path::new(name)).map_err(|error| (error.code, error.message))
        };
        for (own, said, name) in [
            (Some("csv"), None, "k.csv"),
            (Some("CSV"), None, "k.txt"),
            (Some("csv"), None, "-"),
            (Some("csv"), Some("csv"), "k.parquet"),
            (Some("csv.gz"), None, "a/k.csv.gz"),
            (Some("other"), None, "k.parquet"),
            (None, None, "k.parquet"),
        ] {
            assert_eq!(fits(own, said, name), Ok(()), "{own:?} {said:?} {name}");
        }
        assert_eq!(fits(Some("csv"), None, "k.parquet"), Err((2, "the report's file is csv, and k.parquet says parquet".to_owned())));
        assert_eq!(fits(Some("csv"), None, "k.csv.gz").unwrap_err().0, 2);
        assert_eq!(fits(Some("csv"), Some("tsv"), "k.tsv"), Err((2, "the report's file is csv, and not tsv".to_owned())));
    }
}
