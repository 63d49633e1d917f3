//! The rows of a preview as people read them.

use insightgate_client::{Answer, PreviewRow};

use crate::command_error::CommandError;
use crate::terminal::print;
use crate::terminal::table::{Table, plain};

/// Of a preview, in both programs.
const MOST: usize = 100;

/// Writes the table to stdout, and the notes about it to stderr.
pub fn show(answer: &Answer<PreviewRow>) -> Result<(), CommandError> {
    let envelope = &answer.envelope;
    let count = envelope.value.len();
    if let Some(first) = envelope.value.first() {
        let mut table = Table::of_columns(first.0.iter().map(|(name, _)| name));
        for row in &envelope.value {
            // A null is empty.
            table.row(row.0.iter().map(|(_, value)| value.text().unwrap_or_default()));
        }
        print(&table.text())?;
    }
    eprintln!(
        "{count} row{}{}",
        if count == 1 { "" } else { "s" },
        if count >= MOST { ", as many as a preview shows: `insightgate export` gets them all" } else { "" }
    );
    if envelope.data_redacted {
        eprintln!("note: sensitive values are hidden from you, in some rows or in all");
    }
    for note in envelope.message.iter().chain(&envelope.notes) {
        eprintln!("note: {}", plain(note));
    }
    Ok(())
}
