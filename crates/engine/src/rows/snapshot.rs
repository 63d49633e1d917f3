//! The files that one query reads: listed once, or named by a table's log, pinned by their ETags, and checked against the dataset's definition.

mod delta;

use std::collections::HashMap;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, PoisonError};

use chrono::{DateTime, Utc};
use datafusion::arrow::datatypes::{Schema, SchemaRef, TimeUnit};
use datafusion::datasource::physical_plan::parquet::metadata::DFParquetMetadata;
use datafusion::error::DataFusionError;
use datafusion::execution::cache::cache_manager::FileMetadataCache;
use datafusion::parquet::file::metadata::ParquetMetaData;
use futures::future::BoxFuture;
use futures::{FutureExt, Stream, StreamExt, TryStreamExt};
use insightgate_identity::scope::{TenantScope, is_access_log};
use insightgate_query::datasets::catalog::{Dataset, RowFormat, Tenancy, same_name};
use object_store::path::Path;
use object_store::{ObjectMeta, ObjectStore, ObjectStoreExt};

use crate::error::{EngineError, TableFormat};
use crate::guard::footer;
use crate::rows::layout;
use crate::storage::causes::causes;
use crate::storage::odd_names::odd_path;
use crate::storage::store_fault::store_error;
use crate::types;

pub(crate) use delta::every_table;

/// The number of footers or ETags that are requested at once.
const CONCURRENCY: usize = 8;

/// The files of one dataset that one tenant's query reads, in the order of their paths (byte-wise).
#[derive(Debug, Clone)]
pub struct Snapshot {
    pub(crate) files: Vec<PinnedFile>,
    /// When the newest of the files was written; `None` if there are no files.
    pub data_as_of: Option<DateTime<Utc>>,
    /// The version of the Delta table whose files they are; `None` for plain files.
    pub data_version: Option<u64>,
}

#[derive(Debug, Clone)]
pub(crate) struct PinnedFile {
    pub(crate) meta: ObjectMeta,
    /// The values of its `key=value` folders, or those that a table's log says in their place.
    pub(crate) folder_values: Vec<(String, Option<String>)>,
}

impl Snapshot {
    pub fn is_empty(&self) -> bool {
        self.files.is_empty()
    }

    pub fn file_count(&self) -> usize {
        self.files.len()
    }

    /// The size of all files in bytes.
    pub fn size(&self) -> u64 {
        self.files.iter().map(|file| file.meta.size).sum()
    }
}

/// Pins the files of the scope. If folders say who owns the rows, only the tenant's own folder is listed, unless the scope covers every tenant.
pub(crate) async fn take(store: &dyn ObjectStore, scope: &TenantScope, dataset: &Dataset) -> Result<Snapshot, EngineError> {
    let folder = layout::dataset_folder(scope.program(), &dataset.name);
    let listed = match dataset.tenancy {
        Tenancy::Folder if !(scope.covers_every_tenant() && is_access_log(&dataset.name)) => layout::tenant_folder(&folder, scope.tenant()),
        Tenancy::Folder | Tenancy::Column { .. } => folder.clone(),
    };
    if is_table(dataset) {
        return delta::take(store, &folder, &listed).await;
    }
    let mut files = list(store, &folder, &listed).await?;
    if is_access_log(&dataset.name) {
        files = newest(files);
    } else if listed != folder {
        refuse_table(store, &folder).await?;
    }
    let data_as_of = files.iter().map(|file| file.meta.last_modified).max();
    Ok(Snapshot { files, data_as_of, data_version: None })
}

/// The server writes its own log as plain files.
pub(crate) fn is_table(dataset: &Dataset) -> bool {
    dataset.format == RowFormat::Delta && !is_access_log(&dataset.name)
}

/// Of the versions of each file the newest. A version is never changed, so that whoever reads an older one reads what it was.
fn newest(files: Vec<PinnedFile>) -> Vec<PinnedFile> {
    let mut kept: Vec<PinnedFile> = Vec::with_capacity(files.len());
    for file in files {
        let is_newer =
            |last: &&mut PinnedFile| layout::log_file_of_version(&last.meta.location) == layout::log_file_of_version(&file.meta.location);
        match kept.last_mut().filter(is_newer) {
            Some(last) => *last = file,
            None => kept.push(file),
        }
    }
    kept
}

/// Fails if a dataset's folder is a table's, where only a folder within it was listed: its partitions may be the tenants' folders.
async fn refuse_table(store: &dyn ObjectStore, folder: &Path) -> Result<(), EngineError> {
    let records = layout::RECORDS.map(|name| folder.clone().join(name));
    let [first, second] = records.each_ref().map(|records| list(store, folder, records));
    futures::try_join!(first, second).map(drop)
}

/// The data files of a dataset's folder that lie below `listed`, in the order of their paths. Fails if they are a table's.
pub(crate) async fn list(store: &dyn ObjectStore, folder: &Path, listed: &Path) -> Result<Vec<PinnedFile>, EngineError> {
    let Listed { mut metas, table } = match data_files(folder, store.list(Some(listed))).await {
        Err(error) if is_passed_over(&error) => {
            // The library ends its list at the first error, unless it is called outside the runtime.
            let anew = std::thread::scope(|scope| scope.spawn(|| store.list(Some(listed))).join());
            let Ok(anew) = anew else { return Err(error.into()) };
            data_files(folder, anew.filter(|found| std::future::ready(!found.as_ref().is_err_and(is_passed_over)))).await?
        }
        listed => listed?,
    };
    if let Some((format, folder)) = table {
        return Err(EngineError::TableFound { folder: folder.to_string(), format });
    }
    metas.sort_by(|one, other| one.location.as_ref().cmp(other.location.as_ref()));
    Ok(metas.into_iter().map(|meta| PinnedFile { folder_values: layout::folder_values(folder, &meta.location), meta }).collect())
}

/// What a list of objects says of a dataset's folder.
#[derive(Default)]
struct Listed {
    metas: Vec<ObjectMeta>,
    /// The first table to whose records one of the objects belongs.
    table: Option<(TableFormat, Path)>,
}

async fn data_files(folder: &Path, listed: impl Stream<Item = object_store::Result<ObjectMeta>>) -> object_store::Result<Listed> {
    let sorted = |mut all: Listed, meta: ObjectMeta| {
        all.table = all.table.or_else(|| layout::table_of(folder, &meta.location));
        if layout::is_data_file(folder, &meta.location) {
            all.metas.push(meta);
        }
        std::future::ready(Ok(all))
    };
    listed.try_fold(Listed::default(), sorted).await
}

/// Whether the rest of the list is whole without it. A file of rows whose name cannot be read is not passed over: its rows would be missing.
fn is_passed_over(error: &object_store::Error) -> bool {
    let is_data = |path: String| path.to_ascii_lowercase().ends_with(".parquet");
    is_circle(error) || odd_path(error).is_some_and(|path| !is_data(path))
}

/// Whether a link leads to itself, or to a folder that contains it: everything behind it is listed anyway.
fn is_circle(error: &object_store::Error) -> bool {
    #[cfg(unix)]
    let circle = Some(rustix::io::Errno::LOOP.raw_os_error());
    #[cfg(not(unix))]
    let circle = None;
    // For a folder, the library reports this in the text of the error only.
    causes(error).any(|cause| {
        let of_system = cause.downcast_ref::<std::io::Error>().and_then(std::io::Error::raw_os_error);
        (of_system.is_some() && of_system == circle) || cause.to_string().starts_with("File system loop found")
    })
}

/// Whether two answers of a store describe the same bytes. Azure quotes an ETag when it is asked for a file, but not in a list.
fn is_same(now: &ObjectMeta, listed: &ObjectMeta) -> bool {
    let tag = |meta: &ObjectMeta| meta.e_tag.as_ref().map(|tag| tag.trim_matches('"').to_owned());
    tag(now) == tag(listed) && now.size == listed.size && now.last_modified == listed.last_modified
}

/// Fails if a file is no longer the one that was listed.
pub(crate) async fn recheck(store: &dyn ObjectStore, snapshot: &Snapshot) -> Result<(), EngineError> {
    let checks = snapshot.files.iter().map(|pinned| -> BoxFuture<'_, Result<(), EngineError>> {
        Box::pin(async move {
            let location = &pinned.meta.location;
            let same = match store.head(location).await {
                Ok(now) => is_same(&now, &pinned.meta),
                Err(object_store::Error::NotFound { .. }) => false,
                Err(error) => return Err(error.into()),
            };
            if same { Ok(()) } else { Err(EngineError::FilesChanged { file: location.to_string() }) }
        })
    });
    // Boxed and collected first, since a lazily mapped borrow inside a stream keeps the callers' futures from being `Send`.
    let checks: Vec<_> = checks.collect();
    futures::stream::iter(checks).buffered(CONCURRENCY).try_collect().await
}

/// What planning needs to know about a file.
#[derive(Debug)]
pub(crate) struct FileShape {
    pub(crate) schema: SchemaRef,
    /// For each field of the schema: if its values are best read as references to a dictionary, the stored bytes of all of its dictionaries and of
    /// the values outside them.
    pub(crate) dictionaries: Vec<Option<u64>>,
    /// The schema with the file's own names, if [`crate::rows::spelling::called`] gave it others.
    pub(crate) own: Option<SchemaRef>,
}

/// The ETag under which a shape was read, and the shape.
type Known = (Option<String>, Arc<FileShape>);

/// The most shapes that are kept.
const SHAPES: usize = 10_000;

/// The shapes of files, read when they are first needed. The cache is bounded, since files come and go while the process runs.
#[derive(Default)]
pub(crate) struct ShapeCache {
    by_path: Mutex<HashMap<Path, Known>>,
}

impl ShapeCache {
    /// The shape of each file in the snapshot's order. The error for an unreadable footer names its file.
    pub(crate) async fn shapes(
        &self,
        store: &dyn ObjectStore,
        footers: &Arc<FileMetadataCache>,
        snapshot: &Snapshot,
    ) -> Result<Vec<Arc<FileShape>>, EngineError> {
        let reads = snapshot.files.iter().map(|pinned| -> BoxFuture<'_, Result<Arc<FileShape>, EngineError>> {
            Box::pin(async move {
                let meta = &pinned.meta;
                if let Some(known) = self.known(meta) {
                    return Ok(known);
                }
                // The footer is now in the cache, for this query and for the scan.
                let footer = footer(store, meta, footers).await?;
                let read = DFParquetMetadata::new(store, meta)
                    .with_file_metadata_cache(Some(Arc::clone(footers)))
                    .with_coerce_int96(Some(TimeUnit::Microsecond));
                // The library panics on some damaged schemas.
                let read = AssertUnwindSafe(read.fetch_schema()).catch_unwind().await;
                match read.unwrap_or_else(|_| Err(DataFusionError::Execution("its schema is damaged".to_owned()))) {
                    Ok(schema) => {
                        let dictionaries = schema.fields().iter().map(|field| dictionary_bytes(&footer, field.name())).collect();
                        Ok(self.remember(meta, FileShape { schema: Arc::new(schema), dictionaries, own: None }))
                    }
                    Err(error) if store_error(&error).is_some() => Err(EngineError::from_query(error, 0)),
                    Err(error) => {
                        let detail = error.find_root().to_string();
                        Err(EngineError::Corrupt { file: meta.location.to_string(), column: None, detail, told: false })
                    }
                }
            })
        });
        let reads: Vec<_> = reads.collect();
        futures::stream::iter(reads).buffered(CONCURRENCY).try_collect().await
    }

    fn known(&self, meta: &ObjectMeta) -> Option<Arc<FileShape>> {
        let by_path = self.by_path.lock().unwrap_or_else(PoisonError::into_inner);
        by_path.get(&meta.location).filter(|(tag, _)| tag.is_some() && *tag == meta.e_tag).map(|(_, shape)| Arc::clone(shape))
    }

    fn remember(&self, meta: &ObjectMeta, shape: FileShape) -> Arc<FileShape> {
        let shape = Arc::new(shape);
        let mut by_path = self.by_path.lock().unwrap_or_else(PoisonError::into_inner);
        if by_path.len() >= SHAPES && !by_path.contains_key(&meta.location) {
            // Removes every eighth shape in an arbitrary order: files that are gone are never asked for again, and the shapes of the others are read again.
            let mut place = 0_usize;
            by_path.retain(|_, _| {
                place += 1;
                !place.is_multiple_of(8)
            });
        }
        by_path.insert(meta.location.clone(), (meta.e_tag.clone(), Arc::clone(&shape)));
        shape
    }
}

/// The footer of each file in the snapshot's order. After [`ShapeCache::shapes`] they come from the cache, unless it is too small.
pub(crate) async fn footers(
    store: &dyn ObjectStore,
    cache: &Arc<FileMetadataCache>,
    snapshot: &Snapshot,
) -> Result<Vec<Arc<ParquetMetaData>>, DataFusionError> {
    let mut footers = Vec::with_capacity(snapshot.files.len());
    for pinned in &snapshot.files {
        let reader = DFParquetMetadata::new(store, &pinned.meta).with_file_metadata_cache(Some(Arc::clone(cache)));
        footers.push(reader.fetch_metadata().await?);
    }
    Ok(footers)
}

/// The bytes of a value before compression above which a column's own values outweigh those of a dictionary.
const DICTIONARY_BYTES: i64 = 8;

/// One in this many values may be in a part without a dictionary: the last row group of a file often has too few rows for one to pay.
const WITHOUT_DICTIONARY: i64 = 4;

/// `None` unless nearly every part of a column has a dictionary and is so small that the dictionary must hold the values. Not all writers record how
/// many pages are not encoded by the dictionary, so that the size has to tell.
fn dictionary_bytes(footer: &ParquetMetaData, column: &str) -> Option<u64> {
    let columns = footer.file_metadata().schema_descr().columns();
    let leaf = columns.iter().position(|leaf| leaf.path().parts() == [column.to_owned()])?;
    let (mut bytes, mut values, mut without) = (0, 0, 0);
    for part in footer.row_groups().iter().filter_map(|group| group.columns().get(leaf)).filter(|part| part.num_values() > 0) {
        values += part.num_values();
        bytes += match part.dictionary_page_offset() {
            Some(_) if part.uncompressed_size() > DICTIONARY_BYTES * part.num_values().max(64) => return None,
            Some(start) => u64::try_from(part.data_page_offset() - start).ok()?,
            None => {
                without += part.num_values();
                u64::try_from(part.uncompressed_size()).ok()?
            }
        };
    }
    (without == 0 || without <= values / WITHOUT_DICTIONARY).then_some(bytes)
}

/// Compares one file with the definition; its schema has the definition's names.
pub(crate) fn check_fit(dataset: &Dataset, from_folders: &[String], file: &Path, schema: &Schema) -> Result<(), EngineError> {
    let misfit = |column: &str, expected: String, found: String| EngineError::Misfit {
        file: file.to_string(),
        column: column.to_owned(),
        expected,
        found,
    };
    for column in &dataset.columns {
        if from_folders.iter().any(|name| same_name(name, &column.name)) {
            continue;
        }
        let mut found = schema.fields().iter().filter(|field| same_name(field.name(), &column.name));
        match (found.next(), found.next()) {
            (Some(_), Some(_)) => return Err(misfit(&column.name, types::spelled(column.kind), "there more than once".to_owned())),
            (Some(field), None) if !types::fits(field.data_type(), column.kind) => {
                return Err(misfit(&column.name, types::spelled(column.kind), field.data_type().to_string()));
            }
            (None, _) if !column.nullable => return Err(misfit(&column.name, types::spelled(column.kind), "missing".to_owned())),
            _ => {}
        }
    }
    if let Tenancy::Column { name, .. } = &dataset.tenancy
        && !dataset.columns.iter().any(|column| same_name(&column.name, name))
        && !from_folders.iter().any(|known| same_name(known, name))
    {
        let expected = || "the tenant's id as a string or an integer".to_owned();
        match schema.fields().iter().find(|field| same_name(field.name(), name)) {
            None => return Err(misfit(name, expected(), "missing".to_owned())),
            Some(field) if !types::is_text(field.data_type()) && !field.data_type().is_integer() => {
                return Err(misfit(name, expected(), field.data_type().to_string()));
            }
            Some(_) => {}
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shapes_of_files_that_come_and_go_have_a_bound() {
        let cache = ShapeCache::default();
        let meta = |number: usize| ObjectMeta {
            location: Path::from(format!("{number}.parquet")),
            last_modified: DateTime::UNIX_EPOCH,
            size: 1,
            e_tag: Some("1".to_owned()),
            version: None,
        };
        let shape = || FileShape { schema: Arc::new(Schema::empty()), dictionaries: Vec::new(), own: None };
        for number in 0..3 * SHAPES {
            cache.remember(&meta(number), shape());
            assert!(cache.known(&meta(number)).is_some());
        }
        let kept = cache.by_path.lock().unwrap().len();
        assert!(kept <= SHAPES && kept > SHAPES / 2, "{kept}");
        // A changed file replaces its own entry.
        let changed = ObjectMeta { e_tag: Some("2".to_owned()), ..meta(3 * SHAPES - 1) };
        cache.remember(&changed, shape());
        assert_eq!(cache.by_path.lock().unwrap().len(), kept);
    }
}
