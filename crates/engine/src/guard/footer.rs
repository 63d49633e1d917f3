//! The footer of a file, with its page index: checked, parsed, and cached for scans.

use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use bytes::Bytes;
use datafusion::datasource::physical_plan::parquet::CachedParquetMetaData;
use datafusion::execution::cache::cache_manager::{CachedFileMetadataEntry, FileMetadataCache};
use datafusion::parquet::DecodeResult;
use datafusion::parquet::errors::ParquetError;
use datafusion::parquet::file::metadata::{
    ColumnChunkMetaData, PageIndexPolicy, ParquetMetaData, ParquetMetaDataPushDecoder, ParquetMetaDataReader,
};
use datafusion::parquet::file::page_index::column_index::ColumnIndexMetaData;
use object_store::{ObjectMeta, ObjectStore, ObjectStoreExt};

use super::thrift;
use crate::error::EngineError;

/// The bytes that are read from a file's end at once. Most footers fit into them, so that one request is enough.
const TAIL: u64 = 64 << 10;
/// Footers and page indexes beyond this are damaged rather than large.
const LARGEST: u64 = 256 << 20;
const MAGIC: &[u8] = b"PAR1";
/// The footer's length and the magic.
const TRAILER: u64 = 8;

/// The file's footer, from the cache if it belongs to this version of the file.
pub(crate) async fn footer(
    store: &dyn ObjectStore,
    meta: &ObjectMeta,
    cache: &Arc<FileMetadataCache>,
) -> Result<Arc<ParquetMetaData>, EngineError> {
    // The size and the time are not enough, since stores count time in seconds.
    let cached = cache.get(&meta.location).filter(|cached| cached.is_valid_for(meta) && cached.meta.e_tag == meta.e_tag);
    if let Some(cached) = cached
        && let Some(known) = cached.file_metadata.as_any().downcast_ref::<CachedParquetMetaData>()
    {
        return Ok(Arc::clone(known.parquet_metadata()));
    }
    let file = Tail::read(store, meta).await?;
    let parsed = file.footer(store).await?;
    let parsed = Arc::new(file.with_page_index(store, parsed).await?);
    let entry = CachedFileMetadataEntry::new(meta.clone(), Arc::new(CachedParquetMetaData::new(Arc::clone(&parsed))));
    cache.put(&meta.location, entry);
    Ok(parsed)
}

/// The file's footer without the index of its pages, for a file that is read once.
pub(crate) async fn plain_footer(store: &dyn ObjectStore, meta: &ObjectMeta) -> Result<ParquetMetaData, EngineError> {
    Tail::read(store, meta).await?.footer(store).await
}

struct Tail<'a> {
    meta: &'a ObjectMeta,
    /// The place in the file where `bytes` begin.
    start: u64,
    bytes: Bytes,
}

impl<'a> Tail<'a> {
    async fn read(store: &dyn ObjectStore, meta: &'a ObjectMeta) -> Result<Tail<'a>, EngineError> {
        let start = meta.size.saturating_sub(TAIL);
        let none = Tail { meta, start, bytes: Bytes::new() };
        if meta.size < TRAILER + MAGIC.len() as u64 {
            return Err(none.corrupt(format!("{} bytes are no Parquet file", meta.size)));
        }
        let bytes = none.fetch(store, start..meta.size).await?;
        Ok(Tail { bytes, ..none })
    }

    fn corrupt(&self, detail: impl Into<String>) -> EngineError {
        EngineError::Corrupt { file: self.meta.location.to_string(), column: None, detail: detail.into(), told: true }
    }

    /// An error that the library reported, in its own words.
    fn unreadable(&self, detail: impl ToString) -> EngineError {
        EngineError::Corrupt { file: self.meta.location.to_string(), column: None, detail: detail.to_string(), told: false }
    }

    async fn fetch(&self, store: &dyn ObjectStore, range: Range<u64>) -> Result<Bytes, EngineError> {
        let wanted = range.end.saturating_sub(range.start);
        let found = store.get_range(&self.meta.location, range).await;
        let bytes = found.map_err(|error| EngineError::from_query(error.into(), 0))?;
        // The file was truncated after it was listed.
        if bytes.len() as u64 == wanted { Ok(bytes) } else { Err(EngineError::FilesChanged { file: self.meta.location.to_string() }) }
    }

    /// The bytes of a range of the file, from those at hand or fetched from the store.
    async fn bytes(&self, store: &dyn ObjectStore, range: Range<u64>) -> Result<Bytes, EngineError> {
        if range.start >= self.start {
            let offset = |at: u64| usize::try_from(at - self.start).unwrap_or(usize::MAX);
            return Ok(self.bytes.slice(offset(range.start)..offset(range.end)));
        }
        self.fetch(store, range).await
    }

    async fn footer(&self, store: &dyn ObjectStore) -> Result<ParquetMetaData, EngineError> {
        let trailer = self.bytes.get(self.bytes.len().saturating_sub(TRAILER as usize)..).unwrap_or_default();
        let (length, magic) = trailer.split_first_chunk::<4>().ok_or_else(|| self.corrupt("it breaks off"))?;
        match magic {
            MAGIC => {}
            b"PARE" => return Err(self.corrupt("it is encrypted")),
            _ => return Err(self.corrupt("it is no Parquet file, or breaks off: the end of one is missing")),
        }
        let end = self.meta.size - TRAILER;
        let start = end.checked_sub(u64::from(u32::from_le_bytes(*length))).filter(|start| *start >= MAGIC.len() as u64);
        let start = start.filter(|start| end - start <= LARGEST);
        let start = start.ok_or_else(|| self.corrupt("the length of its footer is damaged"))?;
        let bytes = self.bytes(store, start..end).await?;
        if let Err(malformed) = thrift::structure(&bytes) {
            return Err(self.corrupt(format!("its footer is damaged at byte {}", start + malformed.at as u64)));
        }
        let parsed = caught(|| ParquetMetaDataReader::decode_metadata(&bytes)).map_err(|error| self.unreadable(error))?;
        self.check_places(&parsed)?;
        Ok(parsed)
    }

    /// Checks that all places that the footer names lie in the file.
    fn check_places(&self, footer: &ParquetMetaData) -> Result<(), EngineError> {
        for column in footer.row_groups().iter().flat_map(|group| group.columns()) {
            let start = column.dictionary_page_offset().unwrap_or_else(|| column.data_page_offset());
            let end = start.checked_add(column.compressed_size()).and_then(|end| u64::try_from(end).ok());
            if start < 0 || column.compressed_size() < 0 || column.num_values() < 0 || end.is_none_or(|end| end > self.meta.size) {
                return Err(EngineError::Corrupt {
                    file: self.meta.location.to_string(),
                    column: Some(column.column_path().string()),
                    detail: "its footer places the column outside of the file".to_owned(),
                    told: true,
                });
            }
        }
        Ok(())
    }

    /// The same footer with the page index, if the file has one.
    async fn with_page_index(&self, store: &dyn ObjectStore, footer: ParquetMetaData) -> Result<ParquetMetaData, EngineError> {
        let columns: Vec<&ColumnChunkMetaData> = footer.row_groups().iter().flat_map(|group| group.columns()).collect();
        let parts: Vec<Range<u64>> = columns.iter().flat_map(|column| index_parts(column)).flatten().collect();
        let ends = parts.iter().map(|part| part.start).min().zip(parts.iter().map(|part| part.end).max());
        let Some((start, end)) = ends else { return Ok(footer) };
        let damaged = || self.corrupt("the index of its pages is damaged");
        if end > self.meta.size || end - start > LARGEST {
            return Err(damaged());
        }
        let bytes = self.bytes(store, start..end).await?;
        let sound = |part: &Range<u64>| {
            let offset = |at: u64| usize::try_from(at - start).unwrap_or(usize::MAX);
            bytes.get(offset(part.start)..offset(part.end)).is_some_and(|bytes| thrift::structure(bytes).is_ok())
        };
        if !parts.iter().all(sound) {
            return Err(damaged());
        }
        let with = caught(|| {
            let mut decoder = ParquetMetaDataPushDecoder::try_new_with_metadata(self.meta.size, footer)?;
            decoder = decoder.with_page_index_policy(PageIndexPolicy::Optional);
            decoder.push_range(start..end, bytes.clone())?;
            decoder.try_decode()
        });
        match with {
            Ok(DecodeResult::Data(with)) if pages_are_in_place(&with) => Ok(with),
            _ => Err(damaged()),
        }
    }
}

/// The places of the two indexes of a column's pages; `None` for an index that does not exist.
fn index_parts(column: &ColumnChunkMetaData) -> [Option<Range<u64>>; 2] {
    let part = |offset: Option<i64>, length: Option<i32>| {
        let (start, length) = (u64::try_from(offset?).ok()?, u64::try_from(length?).ok()?);
        Some(start..start.checked_add(length)?)
    };
    [part(column.column_index_offset(), column.column_index_length()), part(column.offset_index_offset(), column.offset_index_length())]
}

/// Whether the pages that the index lists lie in their columns, in the order of their rows.
fn pages_are_in_place(footer: &ParquetMetaData) -> bool {
    let Some(index) = footer.offset_index() else { return true };
    footer.row_groups().iter().zip(index).enumerate().all(|(place, (group, columns))| {
        let bounds = footer.column_index().and_then(|index| index.get(place));
        group.columns().iter().zip(columns).enumerate().all(|(number, (column, pages))| {
            let pages = pages.page_locations();
            let (start, length) = column.byte_range();
            let end = start.saturating_add(length);
            let lies_inside = |offset: i64, size: i32| {
                let (offset, size) = (u64::try_from(offset).unwrap_or_default(), u64::try_from(size).unwrap_or(u64::MAX));
                offset >= start && offset.checked_add(size).is_some_and(|page_end| page_end <= end)
            };
            let mut first_rows = pages.iter().map(|page| page.first_row_index);
            let bounds = bounds.and_then(|bounds| bounds.get(number)).filter(|bounds| !matches!(bounds, ColumnIndexMetaData::NONE));
            let as_many = bounds.is_none_or(|bounds| bounds.num_pages() == pages.len() as u64);
            as_many
                && pages.iter().all(|page| lies_inside(page.offset, page.compressed_page_size))
                && first_rows.clone().next().is_none_or(|first| first == 0)
                && first_rows.clone().is_sorted()
                && first_rows.next_back().is_none_or(|last| last <= group.num_rows())
        })
    })
}

/// Turns a panic into an error, since the library panics on some damaged files.
pub(super) fn caught<T>(parse: impl FnOnce() -> Result<T, ParquetError>) -> Result<T, ParquetError> {
    catch_unwind(AssertUnwindSafe(parse)).unwrap_or_else(|_| Err(ParquetError::General("the file's structure is damaged".to_owned())))
}
