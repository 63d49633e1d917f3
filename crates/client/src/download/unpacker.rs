//! The content of a file that was sent with `Content-Encoding: gzip`. Microsoft's store always sends files so, whether the client asks for it or not.

use std::io::{self, Write as _};

use bytes::Bytes;
use flate2::write::MultiGzDecoder;

/// Bytes that are unpacked at once: they can become a thousand times as many.
const PART: usize = 4 << 10;

/// Takes pieces as they arrive, and gives their content in parts.
pub(crate) struct Unpacker {
    decoder: MultiGzDecoder<Vec<u8>>,
    waiting: Bytes,
}

impl Unpacker {
    pub fn new() -> Unpacker {
        Unpacker { decoder: MultiGzDecoder::new(Vec::new()), waiting: Bytes::new() }
    }

    /// Only when [`Unpacker::next`] has given None.
    pub fn take(&mut self, piece: Bytes) {
        self.waiting = piece;
    }

    /// The next part of the content, never empty; None if another piece is needed.
    pub fn next(&mut self) -> io::Result<Option<Bytes>> {
        while !self.waiting.is_empty() {
            let part = self.waiting.split_to(self.waiting.len().min(PART));
            self.decoder.write_all(&part)?;
            if let Some(unpacked) = self.unpacked() {
                return Ok(Some(unpacked));
            }
        }
        Ok(None)
    }

    /// What was left when the last piece had been taken. An error if there is more to come.
    pub fn end(&mut self) -> io::Result<Option<Bytes>> {
        self.decoder.try_finish()?;
        Ok(self.unpacked())
    }

    fn unpacked(&mut self) -> Option<Bytes> {
        let unpacked = std::mem::take(self.decoder.get_mut());
        (!unpacked.is_empty()).then(|| Bytes::from(unpacked))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use flate2::Compression;
    use flate2::write::GzEncoder;

    use super::*;

    fn zipped(text: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(text).unwrap();
        encoder.finish().unwrap()
    }

    fn read(bytes: &[u8], piece: usize) -> io::Result<Vec<u8>> {
        let (mut unpacker, mut content) = (Unpacker::new(), Vec::new());
        for piece in bytes.chunks(piece) {
            unpacker.take(Bytes::copy_from_slice(piece));
            while let Some(part) = unpacker.next()? {
                content.extend_from_slice(&part);
            }
        }
        content.extend_from_slice(&unpacker.end()?.unwrap_or_default());
        Ok(content)
    }

    #[test]
    fn a_file_comes_as_it_was_written() {
        let text: Vec<u8> = (0..100_000_u32).flat_map(|number| format!("{number}\n").into_bytes()).collect();
        let once = zipped(&text);
        for piece in [1_000, 7_777, once.len()] {
            assert_eq!(read(&once, piece).unwrap(), text, "{piece}");
        }
        // Several behind one another are one file; an empty one is empty.
        let twice = [once.clone(), zipped(b"more")].concat();
        assert_eq!(read(&twice, 4_096).unwrap(), [text.as_slice(), b"more"].concat());
        assert_eq!(read(&zipped(b""), 1).unwrap(), b"");
        for broken in [&once[..once.len() - 1], &once[..once.len() / 2], b"no gzip at all"] {
            assert!(read(broken, 4_096).is_err());
        }
    }
}
