//! What every message about a text keeps to, whatever the text: its place is inside, and it is short enough to be read.

/// Bytes. A message names a few of a catalog's columns, and quotes no more than the beginning of what it found.
const LONGEST_MESSAGE: usize = 2_000;

/// The characters of each line of a text.
pub struct Places {
    lines: Vec<usize>,
}

impl Places {
    pub fn of(text: &str) -> Self {
        Places { lines: text.split('\n').map(|line| line.chars().count()).collect() }
    }

    /// Line and column count from 1; a place may be behind the last character of a line, and what stands there ends within the text.
    pub fn check(&self, line: u32, column: u32, length: u32, message: &str) {
        let (line, column, length) = (line as usize, column as usize, length as usize);
        assert!(line >= 1 && column >= 1, "{line}:{column} counts from 1: {message}");
        let before: usize = self.lines.iter().take(line - 1).map(|line| line + 1).sum();
        let all: usize = self.lines.iter().map(|line| line + 1).sum();
        let within = self.lines.get(line - 1).is_some_and(|characters| column <= characters + 1);
        assert!(within && before + column - 1 + length < all, "{line}:{column}+{length} is outside of the text: {message}");
        assert!(!message.is_empty() && message.len() <= LONGEST_MESSAGE, "a message of {} bytes: {message}", message.len());
    }
}
