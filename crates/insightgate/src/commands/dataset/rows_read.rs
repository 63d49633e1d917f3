//! How many rows of a person's files a command has read, on a terminal alone.

use crate::terminal::progress::Progress;
use crate::terminal::words::counted;

/// Shows each number that it is called with.
pub fn rows_read(progress: &Progress) -> impl Fn(u64) + '_ {
    progress.say("reading the files");
    |rows| progress.say(&format!("reading the files: {}", counted(rows, "row")))
}
