//! Where a command reads a query's text, and how it shows the errors of one.

use std::io::{ErrorKind, Read};
use std::path::PathBuf;

use chrono::{DateTime, NaiveTime, Utc};
use clap::Args;
use insightgate_query::diagnostic::{self, Diagnostics};
use insightgate_query::syntax::marked::{marked, placed};
use insightgate_report::instant;

use crate::command_error::CommandError;
use crate::files::{fault, no_named_pipe};

/// Bytes; a query is shorter, and the code that judges it says so.
const LONGEST: u64 = 1 << 20;

#[derive(Debug, Clone, Default, Args)]
pub struct QueryText {
    /// The query's text; - reads it from stdin
    #[arg(value_name = "TEXT")]
    pub text: Option<String>,
    /// Read the query's text from this file
    #[arg(long, value_name = "FILE", conflicts_with = "text")]
    pub file: Option<PathBuf>,
}

impl QueryText {
    /// None if neither is given.
    pub fn read(&self) -> Result<Option<String>, CommandError> {
        match (self.text.as_deref(), &self.file) {
            (Some("-"), _) => {
                let mut text = String::new();
                let read = std::io::stdin().lock().take(LONGEST).read_to_string(&mut text);
                read.map_err(|error| CommandError::usage(format!("the query on stdin cannot be read: {error}")))?;
                Ok(Some(text))
            }
            (Some(text), _) => Ok(Some(text.to_owned())),
            (None, Some(path)) => {
                no_named_pipe(path)?;
                let mut text = String::new();
                let read = std::fs::File::open(path).and_then(|file| file.take(LONGEST).read_to_string(&mut text));
                read.map_err(|error| match error.kind() {
                    ErrorKind::NotFound => CommandError::not_found(format!("there is no file {}", path.display())),
                    _ => fault(path, &error),
                })?;
                Ok(Some(text))
            }
            (None, None) => Ok(None),
        }
    }

    pub fn needed(&self) -> Result<String, CommandError> {
        self.needed_or("give it in quotes, with --file, or as - on stdin")
    }

    /// The hint is for a caller who gave none.
    pub fn needed_or(&self, hint: &str) -> Result<String, CommandError> {
        self.read()?.ok_or_else(|| CommandError::usage("which query? There is no text").hint(hint))
    }
}

/// A time in a flag: an instant as the API writes it, or a day, which stands for its first instant.
pub fn time(text: &str) -> Result<DateTime<Utc>, String> {
    let day = || text.trim().parse::<chrono::NaiveDate>().ok().map(|day| day.and_time(NaiveTime::MIN).and_utc());
    instant::parse(text).or_else(day).ok_or_else(|| format!("write it as {} or yyyy-MM-dd, in UTC", instant::PATTERN))
}

/// All errors of a text, with each place marked.
pub fn not_valid(text: &str, diagnostics: &Diagnostics) -> CommandError {
    CommandError::usage(format!("{}\n{}", diagnostic::headline(diagnostics), marked(text, diagnostics)))
}

/// The same from a server's message. None if the message names no place in the text.
pub fn not_valid_by(text: &str, message: &str) -> Option<CommandError> {
    let (diagnostics, others) = placed(text, message);
    if diagnostics.is_empty() {
        return None;
    }
    let error = not_valid(text, &diagnostics);
    let others: String = others.iter().map(|line| format!("\n{}", crate::terminal::table::plain(line))).collect();
    Some(CommandError::usage(format!("{error}{others}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_has_one_source() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("query.sql");
        std::fs::write(&file, "SELECT a\nFROM b").unwrap();
        let given = QueryText { text: Some("SELECT a FROM b".into()), file: None };
        assert_eq!(given.needed().unwrap_or_else(|error| panic!("{error}")), "SELECT a FROM b");
        let read = QueryText { text: None, file: Some(file) };
        assert_eq!(read.needed().unwrap_or_else(|error| panic!("{error}")), "SELECT a\nFROM b");
        let missing = QueryText { text: None, file: Some(folder.path().join("nothing.sql")) };
        let missing = missing.needed_or("give it in quotes").unwrap_err();
        assert!(missing.message.starts_with("there is no file ") && missing.message.ends_with("nothing.sql"), "{missing}");
        assert_eq!((missing.code, missing.hint), (4, None));
        let none = QueryText::default();
        assert!(none.read().is_ok_and(|text| text.is_none()));
        assert_eq!(none.needed().unwrap_err().code, 2);
    }

    #[test]
    fn times_are_instants_or_days() {
        for (text, expected) in [
            ("2026-01-31", Some("2026-01-31T00:00:00Z")),
            ("2026-01-31T12:30:00Z", Some("2026-01-31T12:30:00Z")),
            ("2026-01-31 12:30:00Z", Some("2026-01-31T12:30:00Z")),
            ("2026-02-30", None),
            ("31/01/2026", None),
            ("2026-01-31T12:30:00", None),
        ] {
            assert_eq!(time(text).ok().map(instant::format).as_deref(), expected, "{text}");
        }
    }

    #[test]
    fn what_a_server_says_is_marked() {
        let message = "Incorrect column name: 'a' at line 1, column 8 is neither a column nor a metric of Sales\nand\u{1b}[2J more";
        let error = not_valid_by("SELECT a FROM Sales", message).unwrap();
        assert_eq!(error.code, 2);
        assert_eq!(
            error.message,
            "Incorrect column name\n1 | SELECT a FROM Sales\n  |        ^\n  = 'a' at line 1, column 8 is neither a column nor a metric of Sales\nand\u{fffd}[2J more"
        );
        assert!(not_valid_by("SELECT a FROM Sales", "Null or missing value: Name").is_none());
    }
}
