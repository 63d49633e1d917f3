//! The flags that say how a person's files are read, for every command that takes files.

use std::path::PathBuf;

use clap::Args;
use insightgate_engine::{GivenType, Note, ReadOptions, TextEncoding};
use insightgate_query::datasets::catalog::ColumnType;
use insightgate_query::datasets::definition::type_name;

use crate::command_error::CommandError;

#[derive(Debug, Args)]
pub struct FileArguments {
    /// What stands between the values of a text, such as ';' or tab, if it is not to be found by looking
    #[arg(long, value_name = "CHARACTER", value_parser = delimiter)]
    pub delimiter: Option<u8>,
    /// The encoding of a text, such as windows-1252, if it is neither UTF-8 nor UTF-16
    #[arg(long, value_name = "NAME")]
    pub encoding: Option<TextEncoding>,
    /// Numbers have a decimal comma; found by itself where values are separated by ';'
    #[arg(long)]
    pub decimal_comma: bool,
    /// A value that stands for "no value", such as NA, besides an empty one; repeatable
    #[arg(long = "null", value_name = "VALUE", allow_hyphen_values = true)]
    pub nulls: Vec<String>,
    /// What a column of texts holds, such as Day=date:%d.%m.%Y or Price=decimal(18,2); repeatable
    #[arg(long = "type", value_name = "COLUMN=TYPE[:FORMAT]")]
    pub types: Vec<GivenType>,
}

impl FileArguments {
    pub fn options(&self) -> ReadOptions {
        ReadOptions {
            delimiter: self.delimiter,
            encoding: self.encoding,
            nulls: self.nulls.clone(),
            decimal_comma: self.decimal_comma,
            types: self.types.clone(),
        }
    }
}

/// What is said of a column that stayed text, or of numbers that may be others.
pub fn told(note: &Note) -> String {
    let is = match note.kind {
        ColumnType::String => "stays text".to_owned(),
        kind => format!("is {}", type_name(kind)),
    };
    format!("{} {is} and {}: {} reads it so", note.column, note.looks, note.flags)
}

fn delimiter(text: &str) -> Result<u8, String> {
    let said = match text.to_ascii_lowercase().as_str() {
        "tab" | "\\t" => Some(b'\t'),
        "comma" => Some(b','),
        "semicolon" => Some(b';'),
        "pipe" => Some(b'|'),
        "space" => Some(b' '),
        _ => None,
    };
    match (said, text.as_bytes()) {
        (Some(said), _) => Ok(said),
        (None, [one]) if !matches!(one, b'"' | b'\n' | b'\r' | 0) && one.is_ascii() && !one.is_ascii_alphanumeric() => Ok(*one),
        _ => Err("it should be one character such as ',' ';' or '|', or the word tab".to_owned()),
    }
}

/// Refuses pipes and devices before anything waits for them, since the files of a dataset are read more than once.
pub fn only_files(files: &[PathBuf]) -> Result<(), CommandError> {
    let special = |path: &&PathBuf| std::fs::metadata(path).is_ok_and(|found| !found.is_file() && !found.is_dir());
    match files.iter().find(special) {
        Some(path) => Err(CommandError::usage(format!("{} is a pipe or a device, and no file", path.display()))
            .hint("write its rows into a file first: they are read more than once")),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn delimiters_are_one_character() {
        for (text, byte) in [(";", b';'), ("tab", b'\t'), ("\\t", b'\t'), ("\t", b'\t'), ("|", b'|'), ("~", b'~')] {
            assert_eq!(delimiter(text), Ok(byte), "{text}");
        }
        for text in ["", ";;", "\"", "a", "é", "\n"] {
            assert!(delimiter(text).is_err(), "{text}");
        }
    }
}
