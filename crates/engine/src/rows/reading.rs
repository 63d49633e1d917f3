//! Estimates how many bytes a plan's scans need while they read. The footers show that before a row is read.
//!
//! The stored parts of all columns of a row group are in memory until the group is read, since the reader requests them together. They are
//! decompressed page by page, one batch of rows ahead in each.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use datafusion::datasource::physical_plan::parquet::ParquetAccessPlan;
use datafusion::datasource::source::DataSourceExec;
use datafusion::parquet::file::metadata::{ColumnChunkMetaData, ParquetMetaData, RowGroupMetaData};
use datafusion::physical_plan::ExecutionPlan;
use insightgate_query::datasets::catalog::Dataset;
use object_store::path::Path;

use crate::rows::pruning::Scan;
use crate::rows::snapshot::Snapshot;

/// The bytes to which writers fill a page before they begin another one, for a page of the dictionary and one of values.
const USUAL_PAGES: u64 = 2 << 20;

/// Writers that make each page as large as the column's part of the row group.
const WHOLE_PAGES: [&str; 1] = ["duckdb"];

/// The rows of a batch, and the number of batches of each stream that are held at once, from the reader to the encoder.
const BATCH_ROWS: u64 = 8_192;
const BATCHES: u64 = 4;

/// The least bytes of a value that is not stored as it is, such as a reference to a dictionary.
const LEAST_VALUE: u64 = 4;

/// The memory that the scans of a plan need.
#[derive(Debug, Default)]
pub(crate) struct Reading {
    /// For each scan, how many row groups are read at once, and the bytes that the largest one takes.
    pub(crate) scans: Vec<(u64, u64)>,
    /// The row group that needs the most memory.
    pub(crate) largest: Option<LargeGroup>,
    /// The row groups that are read, by each scan.
    pub(crate) groups: u64,
    /// The rows in everything that is read, and the bytes that they would take decompressed.
    pub(crate) rows: u64,
    pub(crate) unpacked: u64,
}

#[derive(Debug, Clone)]
pub(crate) struct LargeGroup {
    pub(crate) file: String,
    /// The row group's number in its file, counted from 0.
    pub(crate) number: usize,
    /// The stored bytes of the columns that are read.
    pub(crate) stored: u64,
    /// The bytes of memory that reading it needs.
    pub(crate) bytes: u64,
}

impl Reading {
    /// `cache` is the limit in bytes, for each row group, of values that were read for a condition and are kept to be shown.
    pub(crate) fn of(
        physical: &Arc<dyn ExecutionPlan>,
        dataset: &Dataset,
        snapshot: &Snapshot,
        footers: &[Arc<ParquetMetaData>],
        cache: usize,
    ) -> Reading {
        let files = snapshot.files.iter().map(|pinned| &pinned.meta.location).zip(footers).collect();
        let mut reading = Reading::default();
        reading.add(physical, dataset, &files, cache as u64);
        reading
    }

    fn add(&mut self, physical: &Arc<dyn ExecutionPlan>, dataset: &Dataset, files: &HashMap<&Path, &Arc<ParquetMetaData>>, cache: u64) {
        let is_scan = physical.downcast_ref::<DataSourceExec>().is_some();
        let Some(scan) = Scan::of(physical, dataset).filter(|_| is_scan) else {
            return physical.children().into_iter().for_each(|child| self.add(child, dataset, files, cache));
        };
        let cache = if scan.has_conditions() { cache } else { 0 };
        let mut seen: HashSet<(&Path, usize)> = HashSet::new();
        let mut most = 0;
        for file in scan.streams().iter().flat_map(|stream| stream.iter()) {
            let location = &file.object_meta.location;
            let Some(footer) = files.get(location) else { continue };
            let access = file.extension::<ParquetAccessPlan>().filter(|access| access.len() == footer.num_row_groups());
            let page = largest_page(footer);
            for (number, group) in footer.row_groups().iter().enumerate() {
                if access.is_some_and(|access| !access.should_scan(number)) || !seen.insert((location, number)) {
                    continue;
                }
                let rows = u64::try_from(group.num_rows()).unwrap_or_default();
                let taken = taken(&scan, group, page, cache);
                self.groups += 1;
                self.rows += rows;
                self.unpacked += taken.unpacked;
                most = most.max(taken.bytes);
                if self.largest.as_ref().is_none_or(|largest| largest.bytes < taken.bytes) {
                    self.largest = Some(LargeGroup { file: location.to_string(), number, stored: taken.stored, bytes: taken.bytes });
                }
            }
        }
        self.scans.push((scan.streams().len().min(seen.len()) as u64, most));
    }

    /// The bytes if each scan reads at most this many row groups at a time.
    pub(crate) fn bytes(&self, at_once: usize) -> usize {
        let all = self.scans.iter().map(|(streams, bytes)| bytes.saturating_mul((*streams).min(at_once as u64)));
        usize::try_from(all.fold(0, u64::saturating_add)).unwrap_or(usize::MAX)
    }
}

struct Taken {
    stored: u64,
    unpacked: u64,
    bytes: u64,
}

fn taken(scan: &Scan, group: &RowGroupMetaData, page: u64, cache: u64) -> Taken {
    let size = |bytes: i64| u64::try_from(bytes).unwrap_or_default();
    let rows = size(group.num_rows());
    let (mut stored, mut unpacked, mut pages) = (0_u64, 0_u64, 0_u64);
    for part in group.columns().iter().filter(|part| scan.reads(part)) {
        let whole = size(part.uncompressed_size());
        stored = stored.saturating_add(size(ColumnChunkMetaData::compressed_size(part)));
        unpacked = unpacked.saturating_add(whole.max(rows.saturating_mul(LEAST_VALUE)));
        pages = pages.saturating_add(whole.min(page));
    }
    let batches = (unpacked / rows.max(1)).saturating_mul(rows.min(BATCH_ROWS)).saturating_mul(BATCHES);
    let bytes = stored.saturating_add(pages).saturating_add(batches.min(unpacked)).saturating_add(cache.min(unpacked));
    Taken { stored, unpacked, bytes }
}

/// The bytes of a part's pages that are decompressed at once.
fn largest_page(footer: &ParquetMetaData) -> u64 {
    let writer = footer.file_metadata().created_by().unwrap_or_default().to_ascii_lowercase();
    if WHOLE_PAGES.iter().any(|whole| writer.contains(whole)) { u64::MAX } else { USUAL_PAGES }
}
