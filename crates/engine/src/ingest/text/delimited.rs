//! Splits a text into rows of values, which are separated by a delimiter and may be quoted, and notes the line on which each row begins.
//!
//! Nothing is guessed or dropped: a quote that is never closed, or that is closed within a value, is an error with its line.

use std::io::{self, BufRead};

/// The most bytes of one row. Without this limit a quote that is never closed would take the whole file into memory.
const MAX_ROW_BYTES: usize = 64 << 20;
const MAX_VALUES: usize = 100_000;

#[derive(Debug)]
pub(crate) enum ReadError {
    Io(io::Error),
    /// A description that begins with the place.
    Wrong(String),
}

impl From<io::Error> for ReadError {
    fn from(error: io::Error) -> Self {
        ReadError::Io(error)
    }
}

/// One row, whose memory is reused for the next one.
#[derive(Debug, Default)]
pub(crate) struct Record {
    bytes: Vec<u8>,
    /// Where each value ends, and whether it was quoted.
    ends: Vec<(usize, bool)>,
    /// The line on which the row begins, counted from 1.
    pub(crate) line: u64,
}

impl Record {
    pub(crate) fn len(&self) -> usize {
        self.ends.len()
    }

    /// Each value, and whether it was quoted.
    pub(crate) fn values(&self) -> impl Iterator<Item = (&[u8], bool)> {
        let mut start = 0;
        self.ends.iter().map(move |(end, quoted)| {
            let value = self.bytes.get(start..*end).unwrap_or_default();
            start = *end;
            (value, *quoted)
        })
    }

    fn is_blank(&self) -> bool {
        self.bytes.is_empty() && matches!(self.ends.as_slice(), [(_, false)])
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Before the first byte of a value.
    Start,
    Plain,
    Quoted,
    /// After a quote within a quoted value: either the value ends there, or a second quote follows.
    Closing,
    /// After a CR that ended a row.
    Returned,
}

pub(crate) struct Delimited<R> {
    input: R,
    place: Place,
    /// Treats a blank line as a row with one missing value.
    pub(crate) takes_blank_lines: bool,
}

/// The reader's place in the text.
struct Place {
    delimiter: u8,
    state: State,
    line: u64,
    /// The line on which the last quote opened, and the number of that value.
    opened: (u64, usize),
}

impl<R: BufRead> Delimited<R> {
    /// `line` is the number of the first line.
    pub(crate) fn new(input: R, delimiter: u8, line: u64) -> Delimited<R> {
        let place = Place { delimiter, state: State::Start, line, opened: (0, 0) };
        Delimited { input, place, takes_blank_lines: false }
    }

    /// Reads the next row; returns false at the end.
    pub(crate) fn read(&mut self, record: &mut Record) -> Result<bool, ReadError> {
        loop {
            if !self.read_line(record)? {
                return Ok(false);
            }
            if self.takes_blank_lines || !record.is_blank() {
                return Ok(true);
            }
        }
    }

    fn read_line(&mut self, record: &mut Record) -> Result<bool, ReadError> {
        record.bytes.clear();
        record.ends.clear();
        record.line = self.place.line;
        loop {
            let buffer = self.input.fill_buf()?;
            if buffer.is_empty() {
                return self.place.end(record);
            }
            let (left, is_complete) = self.place.take(buffer, record)?;
            let used = buffer.len() - left;
            self.input.consume(used);
            if is_complete {
                return Ok(true);
            }
            self.place.check_size(record)?;
        }
    }
}

impl Place {
    /// Returns how many bytes of the buffer are left after the row's end, and whether the row ended.
    fn take(&mut self, buffer: &[u8], record: &mut Record) -> Result<(usize, bool), ReadError> {
        let mut rest = buffer;
        while let Some((&byte, tail)) = rest.split_first() {
            match self.state {
                State::Returned => {
                    self.state = State::Start;
                    rest = if byte == b'\n' { tail } else { rest };
                }
                State::Start if byte == b'"' => {
                    self.state = State::Quoted;
                    self.opened = (self.line, record.ends.len() + 1);
                    rest = tail;
                }
                State::Start | State::Plain => {
                    self.state = State::Plain;
                    let end = memchr::memchr3(self.delimiter, b'\n', b'\r', rest);
                    let (value, behind) = rest.split_at(end.unwrap_or(rest.len()));
                    record.bytes.extend_from_slice(value);
                    rest = behind;
                    if let Some((&byte, tail)) = behind.split_first() {
                        rest = tail;
                        if self.ended(byte, false, record) {
                            return Ok((rest.len(), true));
                        }
                    }
                }
                State::Quoted => {
                    let end = memchr::memchr(b'"', rest);
                    let (value, behind) = rest.split_at(end.unwrap_or(rest.len()));
                    self.line += line_ends(value);
                    record.bytes.extend_from_slice(value);
                    rest = behind;
                    if let Some((_, tail)) = behind.split_first() {
                        self.state = State::Closing;
                        rest = tail;
                    }
                }
                State::Closing if byte == b'"' => {
                    record.bytes.push(byte);
                    self.state = State::Quoted;
                    rest = tail;
                }
                State::Closing if byte == self.delimiter || matches!(byte, b'\n' | b'\r') => {
                    rest = tail;
                    if self.ended(byte, true, record) {
                        return Ok((rest.len(), true));
                    }
                }
                State::Closing if byte == b' ' => rest = tail,
                State::Closing => return Err(ReadError::Wrong(self.not_closed(rest))),
            }
        }
        Ok((0, false))
    }

    /// Ends the value at this byte; returns whether the row ends too.
    fn ended(&mut self, byte: u8, quoted: bool, record: &mut Record) -> bool {
        record.ends.push((record.bytes.len(), quoted));
        let ends_row = byte != self.delimiter;
        self.line += u64::from(ends_row);
        self.state = if byte == b'\r' && ends_row { State::Returned } else { State::Start };
        ends_row
    }

    fn end(&mut self, record: &mut Record) -> Result<bool, ReadError> {
        match self.state {
            State::Quoted => {
                let (line, value) = self.opened;
                Err(ReadError::Wrong(format!("line {line}: the quote that opens value {value} never closes")))
            }
            State::Start if record.ends.is_empty() => Ok(false),
            State::Returned => Ok(false),
            state => {
                record.ends.push((record.bytes.len(), state == State::Closing));
                self.state = State::Returned;
                Ok(true)
            }
        }
    }

    fn not_closed(&self, rest: &[u8]) -> String {
        let (line, value) = self.opened;
        let found = String::from_utf8_lossy(rest.get(..8).unwrap_or(rest)).chars().next().unwrap_or_default();
        let closes = if line == self.line { String::new() } else { format!(" in line {}", self.line) };
        format!(
            "line {line}: the quote that opens value {value} closes{closes} before '{found}' and not before a separator; a quote within a value is \
             written twice"
        )
    }

    fn check_size(&self, record: &Record) -> Result<(), ReadError> {
        if record.bytes.len() <= MAX_ROW_BYTES && record.ends.len() <= MAX_VALUES {
            return Ok(());
        }
        Err(ReadError::Wrong(match self.state {
            State::Quoted => {
                let (line, value) = self.opened;
                format!("line {line}: the quote that opens value {value} does not close within {} MiB", MAX_ROW_BYTES >> 20)
            }
            _ => format!("line {}: the row has more than {} MiB or {MAX_VALUES} values", record.line, MAX_ROW_BYTES >> 20),
        }))
    }
}

/// Counts the line ends: LF, CR, or both together.
fn line_ends(text: &[u8]) -> u64 {
    let mut count = memchr::memchr_iter(b'\n', text).count();
    for at in memchr::memchr_iter(b'\r', text) {
        count += usize::from(text.get(at + 1).is_some_and(|next| *next != b'\n'));
    }
    count as u64
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::io::BufReader;

    use super::*;

    /// Reads the text in buffers of several sizes and checks that the rows are the same.
    fn rows(text: &str, delimiter: u8, blank: bool) -> Result<Vec<(u64, Vec<String>)>, String> {
        let mut outcomes = [1, 2, 3, 64].map(|size| {
            let mut reader = Delimited::new(BufReader::with_capacity(size, text.as_bytes()), delimiter, 1);
            reader.takes_blank_lines = blank;
            let (mut record, mut rows) = (Record::default(), Vec::new());
            loop {
                match reader.read(&mut record) {
                    Ok(false) => return Ok(rows),
                    Ok(true) => {
                        let mark = |(value, quoted): (&[u8], bool)| {
                            let value = String::from_utf8(value.to_vec()).unwrap();
                            if quoted { format!("<{value}>") } else { value }
                        };
                        rows.push((record.line, record.values().map(mark).collect()));
                    }
                    Err(ReadError::Wrong(detail)) => return Err(detail),
                    Err(ReadError::Io(error)) => return Err(error.to_string()),
                }
            }
        });
        let [first, others @ ..] = &mut outcomes;
        for other in others {
            assert_eq!(first, other);
        }
        std::mem::replace(first, Ok(Vec::new()))
    }

    fn expected(rows: &[(u64, &[&str])]) -> Vec<(u64, Vec<String>)> {
        rows.iter().map(|(line, values)| (*line, values.iter().map(|value| (*value).to_owned()).collect())).collect()
    }

    #[test]
    fn values_and_lines() {
        let two: &[(u64, &[&str])] = &[(1, &["a", "b"]), (2, &["1", "2"])];
        for text in ["a,b\n1,2\n", "a,b\n1,2", "a,b\r\n1,2\r\n", "a,b\r1,2\r", "a,b\r1,2"] {
            assert_eq!(rows(text, b',', false).unwrap(), expected(two), "{text:?}");
        }
        let text = "a;\"b \"\"c\"\"\nd\";\"\"\n\n;\"x\" ;y\"z\n";
        let found = expected(&[(1, &["a", "<b \"c\"\nd>", "<>"]), (4, &["", "<x>", "y\"z"])]);
        assert_eq!(rows(text, b';', false).unwrap(), found);
        assert_eq!(rows("a,\n,\n", b',', false).unwrap(), expected(&[(1, &["a", ""]), (2, &["", ""])]));
        assert_eq!(rows("a,", b',', false).unwrap(), expected(&[(1, &["a", ""])]));
        assert_eq!(rows("", b',', false).unwrap(), []);
        assert_eq!(rows("a\n\n1\n\n", b',', true).unwrap(), expected(&[(1, &["a"]), (2, &[""]), (3, &["1"]), (4, &[""])]));
        assert_eq!(rows("a\n\"\"\n", b',', false).unwrap(), expected(&[(1, &["a"]), (2, &["<>"])]));
    }

    #[test]
    fn quotes_that_do_not_close_are_named_with_their_line() {
        for (text, why) in [
            ("a,b\n1,\"2\n3,4\n", "line 2: the quote that opens value 2 never closes"),
            ("a,b\n1,\"2\n3,\"x\"\n", "line 2: the quote that opens value 2 closes in line 3 before 'x'"),
            ("a,b\n\"1\"x,2\n", "line 2: the quote that opens value 1 closes before 'x'"),
            ("a\r\n\"b\r\nc\r\n\"\r\n\"d", "line 5: the quote that opens value 1 never closes"),
        ] {
            let refused = rows(text, b',', false).unwrap_err();
            assert!(refused.starts_with(why), "{text:?}: {refused}");
        }
    }

    #[test]
    fn a_row_without_end_takes_a_bound_of_memory() {
        let endless = io::Read::chain("a\n\"".as_bytes(), io::repeat(b'x'));
        let mut reader = Delimited::new(BufReader::new(endless), b',', 1);
        let mut record = Record::default();
        assert!(reader.read(&mut record).unwrap());
        let Err(ReadError::Wrong(refused)) = reader.read(&mut record) else { unreachable!() };
        assert!(refused.contains("line 2: the quote that opens value 1 does not close within 64 MiB"), "{refused}");
    }
}
