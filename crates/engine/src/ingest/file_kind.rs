//! Detects the kind of a file by its first bytes, not by its name: the kinds that can be read, and the names of others.

use std::path::Path;

/// The kinds that can be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum FileKind {
    Parquet,
    Arrow,
    Gzip,
    Zstd,
    /// Anything else is a text until it turns out not to be one.
    Text,
}

/// The first bytes of each readable kind.
const READABLE: [(&[u8], FileKind); 4] =
    [(b"PAR1", FileKind::Parquet), (b"ARROW1", FileKind::Arrow), (b"\x1f\x8b", FileKind::Gzip), (b"\x28\xb5\x2f\xfd", FileKind::Zstd)];

/// The first bytes of other kinds, with what they are and what to do.
const FOREIGN: [(&[u8], &str); 18] = [
    (b"PARE", "a Parquet file with an encrypted footer: write it without encryption"),
    (b"\xff\xff\xff\xff", "a stream of Arrow: write it as an Arrow file, or as Parquet"),
    (b"FEA1", "a Feather file of the first version: write it as an Arrow file, or as Parquet"),
    (b"\xd0\xcf\x11\xe0", "an Excel workbook (xls): save its sheet as CSV"),
    (b"Obj\x01", "an Avro file: write it as Parquet"),
    (b"ORC", "an ORC file: write it as Parquet"),
    (b"SQLite format 3", "a SQLite database: export the table as CSV"),
    (b"%PDF", "a PDF: nothing can be read from it"),
    (b"BZh", "compressed with bzip2: unpack it, or compress it with gzip or zstd"),
    (b"\xfd7zXZ", "compressed with xz: unpack it, or compress it with gzip or zstd"),
    (b"\x04\x22\x4d\x18", "compressed with lz4: unpack it, or compress it with gzip or zstd"),
    (b"\xff\x06\x00\x00sNaPpY", "compressed with snappy: unpack it, or compress it with gzip or zstd"),
    (b"7z\xbc\xaf", "a 7-Zip archive: unpack it"),
    (b"Rar!", "a RAR archive: unpack it"),
    (b"\xff\xfe\x00\x00", "a text in UTF-32: save it as UTF-8"),
    (b"\x00\x00\xfe\xff", "a text in UTF-32: save it as UTF-8"),
    (b"\x89HDF", "an HDF5 file: write it as Parquet"),
    (b"\x93NUMPY", "a NumPy file: write it as Parquet"),
];

impl FileKind {
    /// Detects the kind from the first bytes of a file. Fails with the name of the kind if it cannot be read.
    pub(super) fn of(head: &[u8]) -> Result<FileKind, String> {
        if let Some((_, kind)) = READABLE.iter().find(|(start, _)| head.starts_with(start)) {
            return Ok(*kind);
        }
        if let Some((_, what)) = FOREIGN.iter().find(|(start, _)| head.starts_with(start)) {
            return Err(format!("the file is {what}"));
        }
        if head.starts_with(b"PK\x03\x04") {
            let names = |part: &[u8]| memchr::memmem::find(head, part).is_some();
            let what = if names(b"xl/") || names(b"[Content_Types].xml") {
                "an Excel workbook (xlsx): save its sheet as CSV"
            } else if names(b"opendocument.spreadsheet") {
                "an OpenDocument spreadsheet: save its sheet as CSV"
            } else {
                "a zip archive: unpack it"
            };
            return Err(format!("the file is {what}"));
        }
        Ok(FileKind::Text)
    }
}

/// The format of the rows of a text file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TextKind {
    Delimited,
    JsonLines,
}

impl TextKind {
    /// Detects the format from the first characters. Fails with the name of the format if the text is not a table.
    pub(super) fn of(head: &str, path: &Path) -> Result<TextKind, String> {
        let text = head.trim_start();
        let behind = |open: char| text.strip_prefix(open).map(str::trim_start);
        let is_json = |name: &Path| {
            name.extension().is_some_and(|extension| ["json", "jsonl", "ndjson"].iter().any(|known| extension.eq_ignore_ascii_case(known)))
        };
        // Names such as `a.jsonl.gz` count too.
        let named = is_json(path) || path.file_stem().is_some_and(|stem| is_json(Path::new(stem)));
        if behind('{').is_some_and(|rest| rest.starts_with(['"', '}']) || (named && rest.is_empty())) {
            return Ok(TextKind::JsonLines);
        }
        if behind('[').is_some_and(|rest| rest.starts_with(['{', '[', ']']) || named) {
            return Err("the file is one JSON array: write its objects one a line (jq -c '.[]' does)".to_owned());
        }
        let start = text.get(..9).unwrap_or(text).to_ascii_lowercase();
        if start.starts_with("<!doctype") || start.starts_with("<html") || start.starts_with("<head") {
            return Err("the file is a web page, perhaps that of a sign-in or an error: download the table itself".to_owned());
        }
        if start.starts_with("<?xml") {
            return Err("the file is XML: save its table as CSV".to_owned());
        }
        Ok(TextKind::Delimited)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn files_are_known_by_their_first_bytes() {
        assert_eq!(FileKind::of(b"PAR1\x15"), Ok(FileKind::Parquet));
        assert_eq!(FileKind::of(b"\x1f\x8b\x08"), Ok(FileKind::Gzip));
        assert_eq!(FileKind::of(b"PARIS,1\n"), Ok(FileKind::Text));
        assert_eq!(FileKind::of(b""), Ok(FileKind::Text));
        for (head, what) in [
            (b"PK\x03\x04....[Content_Types].xml".as_slice(), "xlsx"),
            (b"PK\x03\x04....sales.csv", "zip archive"),
            (b"\xd0\xcf\x11\xe0\xa1", "xls"),
            (b"\xff\xfe\x00\x00a\x00\x00\x00", "UTF-32"),
            (b"SQLite format 3\x00", "SQLite"),
        ] {
            assert!(FileKind::of(head).unwrap_err().contains(what), "{what}");
        }
    }

    #[test]
    fn texts_are_known_by_their_first_characters() {
        let kind = |head: &str| TextKind::of(head, Path::new("table.csv"));
        assert_eq!(kind("{\"a\": 1}\n"), Ok(TextKind::JsonLines));
        assert_eq!(kind("\n  { \"a\": 1}\n"), Ok(TextKind::JsonLines));
        assert_eq!(kind("{id},b\n"), Ok(TextKind::Delimited));
        assert_eq!(kind("[id],b\n"), Ok(TextKind::Delimited));
        assert_eq!(kind("<none>,b\n"), Ok(TextKind::Delimited));
        for (head, what) in
            [("[\n {\"a\": 1}]", "JSON array"), ("[]", "JSON array"), ("<!DOCTYPE html>", "web page"), ("<?xml version", "XML")]
        {
            assert!(kind(head).unwrap_err().contains(what), "{head}");
        }
        assert!(TextKind::of("[1, 2]", Path::new("a.json")).is_err());
    }
}
