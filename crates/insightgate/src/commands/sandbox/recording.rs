//! The file of recorded exchanges: lines of JSON, the first of which says what the file is. It is written by `record` and read by `compare`; neither
//! trusts it with a secret, and reading it never sends anything.

pub(super) mod content;
pub(super) mod redaction;
pub(super) mod rows;

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead, BufReader, ErrorKind, Read};
use std::path::Path;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::command_error::CommandError;
use crate::files::{fault, no_named_pipe};
use content::Content;

/// The form of the file that this program writes and reads.
pub(super) const VERSION: u32 = 1;
/// The exchanges of one file that are read.
const MOST_EXCHANGES: usize = 20_000;
/// The bytes of one line.
const LONGEST_LINE: u64 = 16 << 20;
/// The bytes of all lines together, which are held in memory.
const MOST_BYTES: usize = 256 << 20;
/// The values in all lines together, about: one takes many times its own bytes.
const MOST_VALUES: usize = 2_000_000;

const PARTS: &str = "each line behind the first is an exchange: compare a part of them";

/// The first line.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Heading {
    pub insightgate_recording: u32,
    /// Such as 2026-11-22T12:00:00Z.
    pub started_at: String,
    pub upstream: String,
    pub authority: String,
    /// Whether the values of data rows are there, or only what kinds of values they are.
    pub values: bool,
}

/// Whom a request asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum Kind {
    Api,
    /// A file behind a link.
    Link,
    Authority,
}

/// One request and its answer, without secrets.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Exchange {
    /// In the order in which the requests began.
    pub number: u64,
    /// Milliseconds since the recording started.
    pub at: u64,
    pub kind: Kind,
    pub method: String,
    pub path: String,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub query: Option<String>,
    pub request: Message,
    pub status: u16,
    pub answer: Message,
    /// Until the last byte of the answer.
    pub milliseconds: u64,
    /// Why there is no whole answer of the service.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub broken: Option<String>,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct Message {
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub body: Option<Content>,
}

#[derive(Debug)]
pub(super) struct Recording {
    pub heading: Heading,
    pub exchanges: Vec<Exchange>,
    /// The recorder was ended while it wrote the last line.
    pub cut: bool,
}

/// Without the byte-order mark that some servers write before JSON.
pub(super) fn without_mark(body: &[u8]) -> &[u8] {
    body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body)
}

impl Exchange {
    pub fn is_get(&self) -> bool {
        self.method == "GET"
    }
}

impl Recording {
    pub fn read(path: &Path) -> Result<Recording, CommandError> {
        no_named_pipe(path)?;
        let file = File::open(path).map_err(|error| match error.kind() {
            ErrorKind::NotFound => CommandError::not_found(format!("there is no recording at {}", path.display())),
            _ => fault(path, &error),
        })?;
        read(BufReader::new(file), path)
    }
}

fn read(mut reader: impl BufRead, path: &Path) -> Result<Recording, CommandError> {
    let foreign = || {
        let failed = CommandError::usage(format!("{} is no recording", path.display()));
        failed.hint("`insightgate sandbox record --upstream URL -o FILE` writes one")
    };
    let (first, _) = line(&mut reader, path)?.ok_or_else(foreign)?;
    let first: Value = serde_json::from_slice(&first).map_err(|_| foreign())?;
    let version = first.get("insightgateRecording").and_then(Value::as_u64).ok_or_else(foreign)?;
    if version != u64::from(VERSION) {
        let message = format!("{} is a recording of form {version}, and this program reads form {VERSION}", path.display());
        return Err(CommandError::usage(message).hint("record it anew, or compare it with the program that wrote it"));
    }
    let heading = serde_json::from_value(first).map_err(|_| foreign())?;
    let (mut exchanges, mut cut, mut number, mut bytes, mut values) = (Vec::new(), false, 1_usize, 0_usize, 0_usize);
    while let Some((text, ended)) = line(&mut reader, path)? {
        number += 1;
        bytes = bytes.saturating_add(text.len());
        values = values.saturating_add(text.iter().filter(|byte| b",[{".contains(byte)).count());
        if bytes > MOST_BYTES || values > MOST_VALUES {
            let message = format!("{} has more than {} MiB or {MOST_VALUES} values", path.display(), MOST_BYTES >> 20);
            return Err(CommandError::failed(message).hint(PARTS));
        }
        match serde_json::from_slice::<Exchange>(&text) {
            Ok(exchange) => exchanges.push(exchange),
            // Only the last line has no end.
            Err(_) if !ended => cut = true,
            // The parser's words may repeat what a stranger wrote.
            Err(_) => return Err(CommandError::failed(format!("{}: line {number} is no exchange", path.display()))),
        }
        if exchanges.len() > MOST_EXCHANGES {
            let message = format!("{} has more than {MOST_EXCHANGES} exchanges", path.display());
            return Err(CommandError::failed(message).hint(PARTS));
        }
    }
    exchanges.sort_by_key(|exchange| exchange.number);
    Ok(Recording { heading, exchanges, cut })
}

/// The next line, and whether it has its end; None after the last.
fn line(reader: &mut impl BufRead, path: &Path) -> Result<Option<(Vec<u8>, bool)>, CommandError> {
    let mut text = Vec::new();
    reader.by_ref().take(LONGEST_LINE).read_until(b'\n', &mut text).map_err(|error| fault(path, &error))?;
    if text.is_empty() {
        return Ok(None);
    }
    let ended = text.last() == Some(&b'\n');
    if !ended && text.len() as u64 >= LONGEST_LINE {
        return Err(CommandError::failed(format!("{} has a line of more than {} MiB", path.display(), LONGEST_LINE >> 20)));
    }
    Ok(Some((text, ended)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADING: &str =
        r#"{"insightgateRecording":1,"startedAt":"2026-11-22T12:00:00Z","upstream":"https://a","authority":"https://a","values":false}"#;
    const EXCHANGE: &str = r#"{"number":N,"at":1,"kind":"api","method":"GET","path":"/insights/v1/mpn/ScheduledDataset","request":{},"status":200,"answer":{"body":{"json":{"value":[]}}},"milliseconds":2}"#;

    fn of(text: &str) -> Result<Recording, CommandError> {
        read(text.as_bytes(), Path::new("file"))
    }

    #[test]
    fn exchanges_come_in_the_order_in_which_they_began() {
        let recording = of(&format!("{HEADING}\n{}\n{}\n", EXCHANGE.replace('N', "2"), EXCHANGE.replace('N', "1"))).unwrap();
        assert_eq!(recording.exchanges.iter().map(|exchange| exchange.number).collect::<Vec<_>>(), [1, 2]);
        assert!(!recording.cut && recording.heading.upstream == "https://a");
        assert!(matches!(&recording.exchanges[0].answer.body, Some(Content::Json(body)) if body["value"].is_array()));
    }

    #[test]
    fn a_last_line_that_was_cut_is_left_out_and_others_are_errors() {
        let one = EXCHANGE.replace('N', "1");
        let recording = of(&format!("{HEADING}\n{one}\n{}", &one[..40])).unwrap();
        assert!(recording.cut && recording.exchanges.len() == 1);
        assert!(of(&format!("{HEADING}\n{one}")).is_ok_and(|whole| !whole.cut && whole.exchanges.len() == 1));
        let error = of(&format!("{HEADING}\nrubbish\n{one}\n")).unwrap_err();
        assert_eq!(error.message, "file: line 2 is no exchange");
    }

    #[test]
    fn another_file_is_refused_with_a_hint() {
        for text in ["", "rubbish", "{}\n", "[1]\n", r#"{"insightgateRecording":1}"#, r#"{"insightgateRecording":"x"}"#] {
            let error = of(text).unwrap_err();
            assert_eq!((error.code, error.message.as_str()), (2, "file is no recording"), "{text}");
            assert!(error.hint.unwrap().contains("sandbox record"));
        }
        let newer = of(&HEADING.replace(":1,", ":7,")).unwrap_err();
        assert_eq!(newer.message, "file is a recording of form 7, and this program reads form 1");
        let long = format!("{HEADING}\n{}", "x".repeat(17 << 20));
        assert!(of(&long).unwrap_err().message.contains("more than 16 MiB"));
        // Before they are parsed.
        let many = format!("{HEADING}\n{{\"value\":[{}0]}}\n", "0,".repeat(MOST_VALUES));
        assert_eq!(of(&many).unwrap_err().message, "file has more than 256 MiB or 2000000 values");
    }
}
