//! Decodes bytes of any encoding to UTF-8, a buffer at a time. A byte that is invalid in the encoding is an error with its line, and never becomes a
//! replacement character.

use std::io::{self, BufRead, Read};

use encoding_rs::{Decoder, DecoderResult, Encoding, UTF_8, UTF_16BE, UTF_16LE};

/// The bytes that are read and decoded at once.
const BUFFER: usize = 64 << 10;

pub(crate) struct Decoded<R> {
    input: R,
    encoding: &'static Encoding,
    decoder: Decoder,
    read: Vec<u8>,
    text: Vec<u8>,
    /// The place in `text` up to which it was taken.
    taken: usize,
    /// The number of line ends in the text before the current buffer.
    lines: u64,
    is_over: bool,
}

/// UTF-16 if the first bytes, or the zero bytes beside the letters, show it; otherwise the encoding that was named, or UTF-8.
pub(crate) fn encoding_of(head: &[u8], named: Option<&'static Encoding>) -> &'static Encoding {
    if let Some((found, _)) = Encoding::for_bom(head) {
        return found;
    }
    named.unwrap_or_else(|| {
        let zeros = |offset: usize| head.iter().skip(offset).step_by(2).filter(|byte| **byte == 0).count();
        let (even, odd, half) = (zeros(0), zeros(1), head.len() / 2);
        if half > 2 && odd * 2 > half && even * 8 < half {
            UTF_16LE
        } else if half > 2 && even * 2 > half && odd * 8 < half {
            UTF_16BE
        } else {
            UTF_8
        }
    })
}

impl<R: Read> Decoded<R> {
    /// Skips a byte-order mark at the beginning, which is not part of the text.
    pub(crate) fn new(input: R, encoding: &'static Encoding) -> Decoded<R> {
        let decoder = encoding.new_decoder();
        Decoded { input, encoding, decoder, read: Vec::with_capacity(BUFFER), text: Vec::new(), taken: 0, lines: 0, is_over: false }
    }

    fn refill(&mut self) -> io::Result<()> {
        self.text.clear();
        self.taken = 0;
        while self.text.is_empty() && !self.is_over {
            self.read.clear();
            self.is_over = (&mut self.input).take(BUFFER as u64).read_to_end(&mut self.read)? == 0;
            // Bytes that the decoder held back may be decoded now too.
            let room = self.decoder.max_utf8_buffer_length_without_replacement(self.read.len()).unwrap_or(BUFFER * 4);
            self.text.resize(room, 0);
            let (result, _, written) = self.decoder.decode_to_utf8_without_replacement(&self.read, &mut self.text, self.is_over);
            self.text.truncate(written);
            match result {
                DecoderResult::InputEmpty => {}
                DecoderResult::OutputFull => return Err(io::Error::other("a text is longer than its encoding allows")),
                DecoderResult::Malformed(_, _) => return Err(self.malformed()),
            }
            if let Some(at) = memchr::memchr(0, &self.text) {
                self.text.truncate(at);
                return Err(io::Error::new(io::ErrorKind::InvalidData, format!("line {} holds a zero byte: this is no text", self.line())));
            }
            self.lines += memchr::memchr_iter(b'\n', &self.text).count() as u64;
        }
        Ok(())
    }

    /// The line on which the last decoded text ends.
    fn line(&self) -> u64 {
        self.lines + memchr::memchr_iter(b'\n', &self.text).count() as u64 + 1
    }

    fn malformed(&self) -> io::Error {
        let line = self.line();
        let name = self.encoding.name();
        let hint = if self.read.contains(&0) {
            "the file is of a format that is not known, and no text"
        } else if self.encoding == UTF_8 {
            "the text is in another encoding, most likely Windows-1252: say --encoding windows-1252, or which one it is"
        } else {
            "say which encoding it is with --encoding"
        };
        io::Error::new(io::ErrorKind::InvalidData, format!("line {line} is no {name} text; {hint}"))
    }
}

impl<R: Read> BufRead for Decoded<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.taken >= self.text.len() {
            self.refill()?;
        }
        Ok(self.text.get(self.taken..).unwrap_or_default())
    }

    fn consume(&mut self, amount: usize) {
        self.taken += amount;
    }
}

impl<R: Read> Read for Decoded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut found = self.fill_buf()?;
        let count = found.read(buffer)?;
        self.consume(count);
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn read(bytes: &[u8], named: Option<&'static Encoding>) -> Result<String, String> {
        let mut text = String::new();
        let mut decoded = Decoded::new(bytes, encoding_of(bytes, named));
        decoded.read_to_string(&mut text).map(|_| text).map_err(|error| error.to_string())
    }

    #[test]
    fn encodings_are_found_or_named() {
        let text = "Größe;€\n1;2\n";
        let wide = |make: fn(u16) -> [u8; 2], mark: bool| -> Vec<u8> {
            let mark = mark.then_some(0xfeff);
            mark.into_iter().chain(text.encode_utf16()).flat_map(make).collect()
        };
        assert_eq!(read(text.as_bytes(), None).unwrap(), text);
        assert_eq!(read(format!("\u{feff}{text}").as_bytes(), None).unwrap(), text);
        for mark in [true, false] {
            assert_eq!(read(&wide(u16::to_le_bytes, mark), None).unwrap(), text);
            assert_eq!(read(&wide(u16::to_be_bytes, mark), None).unwrap(), text);
        }
        let narrow = b"Gr\xf6\xdfe;\x80\n1;2\n";
        assert_eq!(read(narrow, Some(encoding_rs::WINDOWS_1252)).unwrap(), text);
        let refused = read(narrow, None).unwrap_err();
        assert!(refused.contains("line 1 is no UTF-8") && refused.contains("--encoding windows-1252"), "{refused}");
        let late = [b"a\n".repeat(100_000).as_slice(), b"\xe4"].concat();
        assert!(read(&late, None).unwrap_err().contains("line 100001 "));
        assert!(read(b"a\nb\0", None).unwrap_err().contains("line 2 holds a zero byte"));
        assert!(read(b"a\n\xc3", None).unwrap_err().contains("line 2 "), "a character that is cut");
    }
}
