//! A walk over Thrift's compact protocol that does not trust lengths.
//!
//! The Parquet library allocates as many elements as a list claims to have. A damaged length would then request more memory than there is, which ends
//! the process. Every structure of a file is therefore walked once before the library sees it, and each length must be covered by data.

/// The deepest nesting of structures that is accepted; Parquet's own have a handful of levels.
const DEEPEST: u32 = 64;

/// The bytes are not a complete structure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Malformed {
    /// The offset in bytes from the start of the structure.
    pub at: usize,
}

/// The sizes that the header of a page claims; zero where the header lacks one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct PageSizes {
    /// Bytes of the header itself.
    pub header: usize,
    /// Bytes that follow it.
    pub compressed: i64,
    /// Bytes of the decompressed page.
    pub uncompressed: i64,
    pub values: i64,
    pub is_dictionary: bool,
}

/// Walks one structure and returns its length in bytes.
pub(super) fn structure(bytes: &[u8]) -> Result<usize, Malformed> {
    let mut walk = Walk { bytes, at: 0 };
    walk.fields(0, &mut |_, _| {})?;
    Ok(walk.at)
}

/// Walks the header of a page.
pub(super) fn page_header(bytes: &[u8]) -> Result<PageSizes, Malformed> {
    let mut sizes = PageSizes::default();
    let mut walk = Walk { bytes, at: 0 };
    // The numbers are those of PageHeader in parquet.thrift: 1 is the type, 2 and 3 are sizes; 5, 7 and 8 are the headers of each kind of page, in
    // which the number of values is 1.
    walk.fields(0, &mut |path, value| match path {
        [1] => sizes.is_dictionary = value == 2,
        [2] => sizes.uncompressed = value,
        [3] => sizes.compressed = value,
        [5 | 7 | 8, 1] => sizes.values = value,
        _ => {}
    })?;
    sizes.header = walk.at;
    Ok(sizes)
}

struct Walk<'a> {
    bytes: &'a [u8],
    at: usize,
}

/// Called for each whole number that is a field of the structure, or of a structure in it, with the numbers of the fields that lead to it.
type Visit<'v> = dyn FnMut(&[i64], i64) + 'v;

impl Walk<'_> {
    fn malformed(&self) -> Malformed {
        Malformed { at: self.at.min(self.bytes.len()) }
    }

    fn byte(&mut self) -> Result<u8, Malformed> {
        let byte = self.bytes.get(self.at).copied().ok_or_else(|| self.malformed())?;
        self.at += 1;
        Ok(byte)
    }

    fn pass(&mut self, length: u64) -> Result<(), Malformed> {
        let left = self.bytes.len().saturating_sub(self.at);
        match usize::try_from(length) {
            Ok(length) if length <= left => self.at += length,
            _ => return Err(self.malformed()),
        }
        Ok(())
    }

    fn varint(&mut self) -> Result<u64, Malformed> {
        let mut value = 0_u64;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            value |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err(self.malformed())
    }

    fn integer(&mut self) -> Result<i64, Malformed> {
        let zigzag = self.varint()?;
        Ok((zigzag >> 1).cast_signed() ^ -(zigzag & 1).cast_signed())
    }

    fn fields(&mut self, depth: u32, visit: &mut Visit<'_>) -> Result<(), Malformed> {
        if depth >= DEEPEST {
            return Err(self.malformed());
        }
        let mut id = 0_i64;
        loop {
            let header = self.byte()?;
            let kind = header & 0x0f;
            if kind == 0 {
                return Ok(());
            }
            id = match header >> 4 {
                0 => self.integer()?,
                step => id.saturating_add(i64::from(step)),
            };
            match kind {
                // The value of a flag is in its field header.
                1 | 2 => {}
                4..=6 => {
                    let value = self.integer()?;
                    visit(&[id], value);
                }
                12 if depth == 0 => self.fields(1, &mut |path, value| match path {
                    [below] => visit(&[id, *below], value),
                    _ => visit(&[], value),
                })?,
                _ => self.value(kind, depth)?,
            }
        }
    }

    fn value(&mut self, kind: u8, depth: u32) -> Result<(), Malformed> {
        match kind {
            1..=3 => self.pass(1),
            4..=6 => self.varint().map(drop),
            7 => self.pass(8),
            8 => {
                let length = self.varint()?;
                self.pass(length)
            }
            9 | 10 => self.list(depth),
            11 => self.map(depth),
            12 => self.fields(depth + 1, &mut |_, _| {}),
            13 => self.pass(16),
            _ => Err(self.malformed()),
        }
    }

    fn list(&mut self, depth: u32) -> Result<(), Malformed> {
        if depth >= DEEPEST {
            return Err(self.malformed());
        }
        let header = self.byte()?;
        let count = match header >> 4 {
            15 => self.varint()?,
            count => u64::from(count),
        };
        self.fits(count)?;
        for _ in 0..count {
            self.value(header & 0x0f, depth + 1)?;
        }
        Ok(())
    }

    fn map(&mut self, depth: u32) -> Result<(), Malformed> {
        let count = self.varint()?;
        if count == 0 {
            return Ok(());
        }
        self.fits(count)?;
        let kinds = self.byte()?;
        for _ in 0..count {
            self.value(kinds >> 4, depth + 1)?;
            self.value(kinds & 0x0f, depth + 1)?;
        }
        Ok(())
    }

    /// Checks the count of elements: every element takes at least a byte.
    fn fits(&self, count: u64) -> Result<(), Malformed> {
        let left = self.bytes.len().saturating_sub(self.at) as u64;
        if count <= left { Ok(()) } else { Err(self.malformed()) }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
    use super::*;

    /// A data page of 5 values, with 100 bytes that decompress to 400.
    const PAGE: [u8; 17] = [0x15, 0x00, 0x15, 0xa0, 0x06, 0x15, 0xc8, 0x01, 0x2c, 0x15, 0x0a, 0x15, 0x00, 0x15, 0x06, 0x00, 0x00];

    #[test]
    fn the_sizes_of_a_page_are_read() {
        let sizes = page_header(&PAGE).unwrap();
        assert_eq!(sizes, PageSizes { header: 17, compressed: 100, uncompressed: 400, values: 5, is_dictionary: false });
        assert_eq!(structure(&PAGE), Ok(17));
    }

    #[test]
    fn a_structure_that_breaks_off_is_malformed_wherever_it_does() {
        for end in 0..PAGE.len() {
            assert_eq!(structure(&PAGE[..end]).unwrap_err().at, end);
        }
    }

    #[test]
    fn lengths_that_promise_more_than_there_is_are_malformed() {
        let most = [0xff, 0xff, 0xff, 0xff, 0x0f];
        let with = |start: &[u8], end: &[u8]| [start, &most, end].concat();
        for (bytes, what) in [
            (with(&[0x19, 0xfc], &[0x00; 40]), "a list of structures"),
            (with(&[0x19, 0xf5], &[0x00; 40]), "a list of numbers"),
            (with(&[0x18], &[b'x'; 40]), "a text"),
            (with(&[0x1b], &[0x55; 40]), "a map"),
            (vec![0x15, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x01, 0x00], "a number"),
            (vec![0x1c; 4_000], "structures without end"),
            (vec![0x19; 4_000], "lists without end"),
            (vec![0x1e, 0x00], "a type that is none"),
        ] {
            assert!(structure(&bytes).is_err(), "{what}");
        }
    }

    #[test]
    fn every_kind_of_value_is_passed() {
        let mut bytes = vec![0x11, 0x12, 0x13, 0x7f, 0x14, 0x01, 0x16, 0x02, 0x17];
        bytes.extend([0; 8]);
        bytes.extend([0x18, 0x03, b'a', b'b', b'c', 0x19, 0x21, 0x01, 0x02, 0x1a, 0x25, 0x02, 0x04]);
        bytes.extend([0x1b, 0x01, 0x58, 0x02, 0x01, b'x', 0x1c, 0x15, 0x00, 0x00, 0x1d]);
        bytes.extend([0; 16]);
        bytes.extend([0x05, 0x40, 0x02, 0x00]);
        assert_eq!(structure(&bytes), Ok(bytes.len()));
    }
}
