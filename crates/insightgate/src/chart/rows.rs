//! The first rows of a file of CSV or TSV, kept while the file goes by. Memory is bounded, however long the file and its cells are.

/// Rows that are kept.
pub const MOST_ROWS: usize = 10_000;
/// Bytes that are kept.
const MOST_BYTES: usize = 16 << 20;

/// The beginning of a file.
#[derive(Debug, Default)]
pub struct Head {
    bytes: Vec<u8>,
    /// There was more.
    cut: bool,
}

#[derive(Debug, Default, PartialEq)]
pub struct Rows {
    pub names: Vec<String>,
    /// As many cells as there are names. A null is empty.
    pub records: Vec<Vec<String>>,
    /// The file has more rows than these.
    pub more: bool,
}

impl Head {
    pub fn take(&mut self, piece: &[u8]) {
        let room = MOST_BYTES.saturating_sub(self.bytes.len());
        self.bytes.extend(piece.iter().take(room));
        self.cut |= piece.len() > room;
    }

    pub fn rows(&self, delimiter: u8) -> Rows {
        // Microsoft's files may begin with a mark.
        let bytes = self.bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&self.bytes);
        let mut reader = csv::ReaderBuilder::new().delimiter(delimiter).flexible(true).from_reader(bytes);
        let text = |cell: &[u8]| String::from_utf8_lossy(cell).into_owned();
        let names: Vec<String> = reader.byte_headers().map(|names| names.iter().map(text).collect()).unwrap_or_default();
        let record = |record: csv::ByteRecord| (0..names.len()).map(|at| record.get(at).map(text).unwrap_or_default()).collect();
        let mut records: Vec<Vec<String>> = reader.byte_records().map_while(Result::ok).take(MOST_ROWS + 1).map(record).collect();
        let more = self.cut || records.len() > MOST_ROWS;
        if self.cut && records.len() <= MOST_ROWS {
            // Of the last one a part may be missing.
            records.pop();
        }
        records.truncate(MOST_ROWS);
        Rows { names, records, more }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(text: &[u8], delimiter: u8) -> Rows {
        let mut head = Head::default();
        text.chunks(7).for_each(|piece| head.take(piece));
        head.rows(delimiter)
    }

    #[test]
    fn a_file_is_read_as_it_was_written() {
        let read = rows("\u{feff}Name,\"A,b\"\n\"say \"\"hi\"\"\n\",1\n売上,\n\"\",3,4\nshort\n".as_bytes(), b',');
        assert_eq!(read.names, ["Name", "A,b"]);
        assert_eq!(read.records, [["say \"hi\"\n", "1"], ["売上", ""], ["", "3"], ["short", ""]]);
        assert!(!read.more);
        assert_eq!(rows(b"a\tb\n1,5\t\xff\n", b'\t').records, [["1,5", "\u{fffd}"]]);
        assert_eq!(rows(b"", b','), Rows::default());
        assert!(rows(b"a,b\n", b',').records.is_empty());
    }

    #[test]
    fn the_first_rows_are_kept_and_whole() {
        let read = rows(format!("a\n{}", "x\n".repeat(MOST_ROWS)).as_bytes(), b',');
        assert!(read.records.len() == MOST_ROWS && !read.more);
        let read = rows(format!("a\n{}", "x\n".repeat(MOST_ROWS + 1)).as_bytes(), b',');
        assert!(read.records.len() == MOST_ROWS && read.more);
        let mut head = Head::default();
        head.take(b"a,b\n");
        for _ in 0..3 {
            head.take(format!("1,{}\n", "x".repeat(7 << 20)).as_bytes());
        }
        let read = head.rows(b',');
        assert!(head.bytes.len() == MOST_BYTES && read.more);
        assert_eq!(read.records.iter().map(|record| record[1].len()).collect::<Vec<_>>(), [7 << 20; 2]);
    }
}
