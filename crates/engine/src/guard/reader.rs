//! Reads a file's columns and checks the headers of their pages before they are decoded.

use std::collections::HashSet;
use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use datafusion::datasource::listing::PartitionedFile;
use datafusion::datasource::physical_plan::ParquetFileReaderFactory;
use datafusion::parquet::arrow::arrow_reader::ArrowReaderOptions;
use datafusion::parquet::arrow::async_reader::AsyncFileReader;
use datafusion::parquet::basic::Compression;
use datafusion::parquet::errors::{ParquetError, Result};
use datafusion::parquet::file::metadata::{ColumnChunkMetaData, ParquetMetaData};
use datafusion::physical_plan::metrics::{Count, ExecutionPlanMetricsSet, MetricBuilder};
use futures::FutureExt;
use futures::future::BoxFuture;
use object_store::ObjectMeta;
use object_store::path::Path;

use super::thrift::{self, PageSizes};
use crate::reach::{PlanPart, Reach};

/// The most bytes of a decompressed page. Most writers make pages of 1 MiB, and DuckDB of 100 MB. A page is held in memory as a whole, together with
/// its values.
pub(crate) const LARGEST_PAGE: i64 = 128 << 20;

/// The metric of a scan that counts the row groups of which something was read.
pub(crate) const GROUPS_READ: &str = "row_groups_read";

/// What is wrong with a file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{file}: {detail}")]
pub(crate) struct PageFault {
    pub(crate) file: String,
    pub(crate) column: Option<String>,
    /// The text for the caller, which says nothing about the machine.
    pub(crate) detail: String,
}

/// Wraps other readers in the guard.
#[derive(Debug)]
pub(crate) struct GuardedReaders<Readers>(pub(crate) Readers);

impl<Readers> PlanPart for GuardedReaders<Readers> {
    const REACH: Reach = Reach::ThisProcess;
}

impl<Readers: ParquetFileReaderFactory> ParquetFileReaderFactory for GuardedReaders<Readers> {
    fn create_reader(
        &self,
        partition: usize,
        file: PartitionedFile,
        metadata_size_hint: Option<usize>,
        metrics: &ExecutionPlanMetricsSet,
    ) -> datafusion::error::Result<Box<dyn AsyncFileReader + Send>> {
        let ObjectMeta { location, size, .. } = file.object_meta.clone();
        let inner = self.0.create_reader(partition, file, metadata_size_hint, metrics)?;
        let read = MetricBuilder::new(metrics).counter(GROUPS_READ, partition);
        Ok(Box::new(GuardedReader { inner, location, size, columns: Vec::new(), read, begun: HashSet::new() }))
    }
}

/// Checks the headers of the pages of a column that begins at `start` in the file. No page may have more than `most` bytes.
pub(crate) fn check_pages(column: &ColumnChunkMetaData, start: u64, bytes: &[u8], most: i64) -> Result<()> {
    Chunk::of(0, column).map_or(Ok(()), |chunk| chunk.check(start, bytes, most)).map_err(ParquetError::General)
}

struct GuardedReader {
    inner: Box<dyn AsyncFileReader + Send>,
    location: Path,
    /// The size of the file in bytes.
    size: u64,
    /// The columns, ordered by their place in the file. Empty until the footer is read, which happens before anything else.
    columns: Vec<Chunk>,
    /// Counts the row groups that are begun, by their numbers.
    read: Count,
    begun: HashSet<usize>,
}

/// One column of one row group.
struct Chunk {
    /// The row group's number in the file.
    group: usize,
    place: Range<u64>,
    column: String,
    codec: Compression,
    values: i64,
}

impl AsyncFileReader for GuardedReader {
    fn get_bytes(&mut self, range: Range<u64>) -> BoxFuture<'_, Result<Bytes>> {
        async move {
            self.check_place(&range)?;
            let bytes = self.inner.get_bytes(range.clone()).await?;
            self.check(&range, &bytes)?;
            Ok(bytes)
        }
        .boxed()
    }

    fn get_byte_ranges(&mut self, ranges: Vec<Range<u64>>) -> BoxFuture<'_, Result<Vec<Bytes>>> {
        async move {
            ranges.iter().try_for_each(|range| self.check_place(range))?;
            let all = self.inner.get_byte_ranges(ranges.clone()).await?;
            for (range, bytes) in ranges.iter().zip(&all) {
                self.check(range, bytes)?;
            }
            Ok(all)
        }
        .boxed()
    }

    fn get_metadata<'a>(&'a mut self, options: Option<&'a ArrowReaderOptions>) -> BoxFuture<'a, Result<Arc<ParquetMetaData>>> {
        async move {
            let footer = self.inner.get_metadata(options).await?;
            let groups = footer.row_groups().iter().enumerate();
            let chunks = groups.flat_map(|(number, group)| group.columns().iter().filter_map(move |column| Chunk::of(number, column)));
            self.columns = chunks.collect();
            self.columns.sort_by_key(|chunk| chunk.place.start);
            Ok(footer)
        }
        .boxed()
    }
}

impl GuardedReader {
    /// A store allocates memory for a requested range before it checks that the range exists.
    fn check_place(&self, range: &Range<u64>) -> Result<()> {
        if range.start <= range.end && range.end <= self.size {
            return Ok(());
        }
        Err(self.fault(None, "its indexes point outside of the file".to_owned()))
    }

    /// Ranges of a column begin with a page. A range outside of all columns, such as a Bloom filter, has no pages.
    fn check(&mut self, range: &Range<u64>, bytes: &[u8]) -> Result<()> {
        let after = self.columns.partition_point(|chunk| chunk.place.start <= range.start);
        let chunk = after.checked_sub(1).and_then(|index| self.columns.get(index)).filter(|chunk| range.start < chunk.place.end);
        if let Some(chunk) = chunk
            && self.begun.insert(chunk.group)
        {
            self.read.add(1);
        }
        match chunk {
            Some(chunk) => chunk.check(range.start, bytes, LARGEST_PAGE).map_err(|detail| self.fault(Some(&chunk.column), detail)),
            None => Ok(()),
        }
    }

    fn fault(&self, column: Option<&String>, detail: String) -> ParquetError {
        ParquetError::External(Box::new(PageFault { file: self.location.to_string(), column: column.cloned(), detail }))
    }
}

impl Chunk {
    /// `None` if the claimed place cannot be one in a file; no reader would ask for it.
    fn of(group: usize, column: &ColumnChunkMetaData) -> Option<Chunk> {
        let start = u64::try_from(column.dictionary_page_offset().unwrap_or_else(|| column.data_page_offset())).ok()?;
        let end = start.checked_add(u64::try_from(column.compressed_size()).ok()?)?;
        let name = column.column_path().string();
        Some(Chunk { group, place: start..end, column: name, codec: column.compression(), values: column.num_values() })
    }

    /// Returns what is wrong with the pages, if anything is.
    fn check(&self, start: u64, bytes: &[u8], most_of_page: i64) -> Result<(), String> {
        if self.codec == Compression::LZO {
            return Err("it is compressed with LZO, which cannot be read".to_owned());
        }
        let mut rest = bytes;
        while !rest.is_empty() {
            let at = start + (bytes.len() - rest.len()) as u64;
            let damaged = |what: &str| format!("the page at byte {at} {what}");
            let page = thrift::page_header(rest).map_err(|_| damaged("has a damaged header"))?;
            let PageSizes { header, compressed, uncompressed, values, is_dictionary } = page;
            if uncompressed > most_of_page {
                let (size, most) = (uncompressed >> 20, most_of_page >> 20);
                return Err(damaged(&format!("has {size} MiB, and pages of more than {most} MiB are not read")));
            }
            // Each value takes at least a byte of a dictionary page. Values of a data page may take none if all are null or the same.
            let most = if is_dictionary { uncompressed } else { self.values };
            if uncompressed < 0 || !(0..=most).contains(&values) {
                return Err(damaged("has a damaged header"));
            }
            let next = usize::try_from(compressed).ok().and_then(|length| header.checked_add(length));
            rest = next.and_then(|next| rest.get(next..)).ok_or_else(|| damaged("breaks off"))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
    use super::*;

    fn varint(mut value: u64, out: &mut Vec<u8>) {
        while value >= 0x80 {
            out.push(value as u8 | 0x80);
            value >>= 7;
        }
        out.push(value as u8);
    }

    /// A page with these numbers in its header, followed by as many bytes as the header says, but at most 100.
    fn page(kind: i64, uncompressed: i64, compressed: i64, values: i64) -> Vec<u8> {
        let mut bytes = Vec::new();
        for value in [kind, uncompressed, compressed] {
            bytes.push(0x15);
            varint(((value << 1) ^ (value >> 63)).cast_unsigned(), &mut bytes);
        }
        bytes.extend([if kind == 2 { 0x4c } else { 0x2c }, 0x15]);
        varint(((values << 1) ^ (values >> 63)).cast_unsigned(), &mut bytes);
        bytes.extend([0x15, 0x00, 0x00, 0x00]);
        bytes.resize(bytes.len() + compressed.clamp(0, 100) as usize, 7);
        bytes
    }

    #[test]
    fn claims_that_cannot_be_true_are_refused() {
        let chunk = Chunk { group: 0, place: 4..1000, column: "Name".to_owned(), codec: Compression::SNAPPY, values: 10 };
        let check = |bytes: &[u8]| chunk.check(4, bytes, LARGEST_PAGE);
        let good = [page(2, 50, 40, 5), page(0, 100, 80, 4), page(0, 100, 90, 6)].concat();
        assert_eq!(check(&good), Ok(()));
        assert_eq!(check(&[]), Ok(()));
        for (bytes, expected) in [
            (page(0, 1 << 30, 80, 4), "the page at byte 4 has 1024 MiB, and pages of more than 128 MiB are not read"),
            (page(0, -1, 80, 4), "damaged header"),
            (page(0, 100, 80, 11), "damaged header"),
            (page(0, 100, 80, -1), "damaged header"),
            (page(2, 50, 40, 51), "damaged header"),
            (page(0, 100, 101, 4), "breaks off"),
            (page(0, 100, -1, 4), "breaks off"),
            (vec![0xff; 20], "damaged header"),
            (good[..good.len() - 1].to_vec(), "at byte 152 breaks off"),
        ] {
            let found = check(&bytes).expect_err(expected);
            assert!(found.contains(expected), "{found}");
        }
        let large = page(0, 2 << 20, 80, 4);
        assert_eq!(check(&large), Ok(()));
        assert!(chunk.check(4, &large, 1 << 20).unwrap_err().contains("has 2 MiB, and pages of more than 1 MiB are not read"));
        let unread = Chunk { codec: Compression::LZO, ..chunk };
        assert!(unread.check(4, &good, LARGEST_PAGE).unwrap_err().contains("LZO"));
    }
}
