//! The files of a Delta table: those that its log says the newest version has, and no others.
//!
//! The log is read as the protocol of readers says (<https://github.com/delta-io/delta/blob/master/PROTOCOL.md>). What this server cannot read rightly,
//! such as files with deleted rows, is refused by its name. It reads no rows, and never takes a list of files for the table.

mod actions;
mod log_files;

use std::collections::{HashMap, HashSet};

use futures::future::BoxFuture;
use futures::{StreamExt, TryStreamExt};
use insightgate_query::datasets::catalog::{Dataset, Tenancy};
use object_store::path::Path;
use object_store::{ObjectMeta, ObjectStore, ObjectStoreExt};
use percent_encoding::percent_decode_str;
use uuid::Uuid;

use super::{PinnedFile, Snapshot, data_files};
use crate::error::{DeltaFault, EngineError};
use crate::guard::plain_footer;
use crate::rows::layout;
use actions::{Action, Add, Metadata, Protocol, Remove, Sidecar, damaged, of_json, of_parquet, shortened};
use log_files::{MOST_BYTES, Segment, Stopped, too_large, too_many_bytes};

/// The number of commits, and of files, that are requested at once.
const COMMITS_AT_ONCE: usize = 8;
const FILES_AT_ONCE: usize = 32;

/// The most files in which a checkpoint keeps its actions.
const MOST_SIDECARS: usize = 10_000;
const SIDECARS: &str = "_sidecars";

/// The newest version of a protocol for readers, in which a table lists the features that it has; and those of them with which a table may be read. With
/// the first two it may have what is refused all the same: renamed columns, and files with deleted rows. The next ones concern types: each file is
/// compared with the definition, and a column of another type, such as a variant, fits none.
const WITH_FEATURES: i64 = 3;
const FEATURES: [&str; 11] = [
    "columnMapping",
    "deletionVectors",
    "timestampNtz",
    "typeWidening",
    "typeWidening-preview",
    "variantType",
    "variantType-preview",
    "variantShredding",
    "variantShredding-preview",
    "v2Checkpoint",
    "vacuumProtocolCheck",
];
const MAPPING: &str = "delta.columnMapping.mode";

/// Pins the files of the newest version of the table in a dataset's folder, or in a tenant's folder within it. A tenant without any file has no table yet.
pub(super) async fn take(store: &dyn ObjectStore, dataset: &Path, table: &Path) -> Result<Snapshot, EngineError> {
    let failed = |table: &Path, stopped: Stopped| match stopped {
        Stopped::Fault(fault) => EngineError::Delta { table: table.to_string(), fault },
        Stopped::Other(error) => error,
    };
    if let Some(pinned) = pinned(store, dataset, table).await.map_err(|stopped| failed(table, stopped))? {
        return Ok(pinned);
    }
    if table != dataset && has_files(store, &dataset.clone().join(layout::DELTA_LOG)).await? {
        return Err(failed(dataset, DeltaFault::OfAllTenants.into()));
    }
    if table != dataset && !has_files(store, table).await? {
        return Ok(Snapshot { files: Vec::new(), data_as_of: None, data_version: None });
    }
    Err(failed(table, DeltaFault::NoLog.into()))
}

async fn has_files(store: &dyn ObjectStore, folder: &Path) -> Result<bool, EngineError> {
    Ok(store.list(Some(folder)).try_next().await?.is_some())
}

/// The files of the dataset's tables, those of all tenants, with what keeps a table from being read. Files that lie in no table have no owner.
pub(crate) async fn every_table(
    store: &dyn ObjectStore,
    dataset: &Dataset,
    folder: &Path,
) -> Result<(Vec<PinnedFile>, Vec<EngineError>), EngineError> {
    let (mut files, mut faults, mut tables) = (Vec::new(), Vec::new(), Vec::new());
    if dataset.tenancy == Tenancy::Folder {
        let listed = store.list_with_delimiter(Some(folder)).await?;
        let mut ownerless = listed.objects;
        for below in listed.common_prefixes {
            let name = below.filename().unwrap_or_default();
            if name == layout::DELTA_LOG {
                faults.push(EngineError::Delta { table: folder.to_string(), fault: DeltaFault::OfAllTenants });
            } else if is_tenants(name) {
                tables.push(below);
            } else {
                ownerless.extend(data_files(folder, store.list(Some(&below))).await?.metas);
            }
        }
        ownerless.retain(|meta| layout::is_data_file(folder, &meta.location));
        files.extend(ownerless.into_iter().map(|meta| PinnedFile { meta, folder_values: Vec::new() }));
    } else {
        tables.push(folder.clone());
    }
    for table in tables {
        match take(store, folder, &table).await {
            Ok(found) => files.extend(found.files),
            Err(fault @ (EngineError::Delta { .. } | EngineError::FilesChanged { .. })) => faults.push(fault),
            Err(error) => return Err(error),
        }
    }
    Ok((files, faults))
}

fn is_tenants(name: &str) -> bool {
    let tenant = name.split_once('=').filter(|(key, _)| *key == layout::TENANT_KEY).map(|(_, value)| value);
    tenant.is_some_and(|value| Uuid::try_parse(value).is_ok_and(|id| id.to_string() == value))
}

/// `None` if there is no log.
async fn pinned(store: &dyn ObjectStore, dataset: &Path, table: &Path) -> Result<Option<Snapshot>, Stopped> {
    let log = table.clone().join(layout::DELTA_LOG);
    let Some(segment) = log_files::newest(store, &log).await? else { return Ok(None) };
    let version = segment.version;
    let state = State::of(store, &log, segment).await?;
    let partitions = state.partition_columns(version)?;
    // Whose folder the table is in counts before what the table itself calls so.
    let above = layout::folder_values(dataset, &table.clone().join("file"));
    let pins = state.files.into_iter().map(|add| -> BoxFuture<'_, Result<PinnedFile, Stopped>> {
        let mut folder_values = above.clone();
        let pinned = partition_values(&partitions, &add).and_then(|values| {
            folder_values.extend(values);
            Ok((location(table, &add.path)?, add.size))
        });
        Box::pin(async move {
            let (location, size) = pinned?;
            Ok(PinnedFile { meta: present(store, table, &location, size).await?, folder_values })
        })
    });
    // Boxed and collected first, since a lazily mapped borrow inside a stream keeps the callers' futures from being `Send`.
    let pins: Vec<_> = pins.collect();
    let mut files: Vec<PinnedFile> = futures::stream::iter(pins).buffered(FILES_AT_ONCE).try_collect().await?;
    files.sort_by(|one, other| one.meta.location.as_ref().cmp(other.meta.location.as_ref()));
    let data_as_of = files.iter().map(|file| file.meta.last_modified).max();
    Ok(Some(Snapshot { files, data_as_of, data_version: Some(version) }))
}

/// The file as it is now, which must be as long as the log says.
async fn present(store: &dyn ObjectStore, table: &Path, location: &Path, size: i64) -> Result<ObjectMeta, Stopped> {
    let file = || location.as_ref().strip_prefix(table.as_ref()).unwrap_or_default().trim_start_matches('/').to_owned();
    let Some(meta) = head(store, location).await? else { return Err(DeltaFault::Gone { file: file() }.into()) };
    match u64::try_from(size) {
        Ok(size) if size == meta.size => Ok(meta),
        expected => Err(DeltaFault::Resized { file: file(), expected: expected.unwrap_or_default(), found: meta.size }.into()),
    }
}

/// `None` if there is no such file.
async fn head(store: &dyn ObjectStore, location: &Path) -> Result<Option<ObjectMeta>, Stopped> {
    match store.head(location).await {
        // A store below a prefix answers with the whole path, where its lists do not.
        Ok(meta) => Ok(Some(ObjectMeta { location: location.clone(), ..meta })),
        Err(object_store::Error::NotFound { .. }) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// The values of a file's rows in the columns by which the table is partitioned. An empty text stands for a null.
fn partition_values(columns: &[String], add: &Add) -> Result<Vec<(String, Option<String>)>, DeltaFault> {
    let value = |column: &String| {
        let value = add.partition_values.as_ref().and_then(|values| values.get(column));
        let value =
            value.ok_or_else(|| damaged("a commit or checkpoint", format!("a file has no value of the partition column {column:?}")))?;
        Ok((column.clone(), value.clone().filter(|value| !value.is_empty())))
    };
    columns.iter().map(value).collect()
}

/// Where a file lies that the log names. Its path is one below the table's folder, with percent encoding.
fn location(table: &Path, path: &str) -> Result<Path, DeltaFault> {
    let outside = || DeltaFault::Outside { path: shortened(path) };
    let is_address = path.split(['/', '?', '#']).next().and_then(|first| first.split_once(':')).is_some_and(|(scheme, _)| {
        scheme.starts_with(|first: char| first.is_ascii_alphabetic())
            && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte))
    });
    let decoded = decoded(path)?;
    // Of two spellings of one path, each would be another file.
    if is_address || decoded.is_empty() || decoded.starts_with('/') || decoded.ends_with('/') || decoded.contains('\\') {
        return Err(outside());
    }
    // Parts such as `..` are refused.
    let location = Path::parse(format!("{table}/{decoded}")).map_err(|_| outside())?;
    let is_below = location.prefix_match(table).is_some_and(|mut below| below.next().is_some());
    if is_below { Ok(location) } else { Err(outside()) }
}

fn decoded(path: &str) -> Result<String, DeltaFault> {
    let decoded = percent_decode_str(path).decode_utf8();
    decoded.map(std::borrow::Cow::into_owned).map_err(|_| DeltaFault::Outside { path: shortened(path) })
}

/// A file with the rows that are deleted of it, by which the log knows it.
type Key = (String, Option<String>);

/// What the log says, read from its newest commit back: what a later commit says of a file holds.
#[derive(Default)]
struct State {
    protocol: Option<Protocol>,
    metadata: Option<Metadata>,
    decided: HashSet<Key>,
    files: Vec<Add>,
}

impl State {
    async fn of(store: &dyn ObjectStore, log: &Path, segment: Segment) -> Result<State, Stopped> {
        let mut state = State::default();
        let mut left = MOST_BYTES;
        let reads = segment.commits.iter().rev().map(|meta| -> BoxFuture<'_, Result<_, Stopped>> {
            Box::pin(async move { Ok((name(meta), log_files::read(store, meta).await?)) })
        });
        let reads: Vec<_> = reads.collect();
        let mut commits = futures::stream::iter(reads).buffered(COMMITS_AT_ONCE);
        while let Some((file, bytes)) = commits.try_next().await? {
            left = left.saturating_sub(bytes.len() as u64);
            state.commit(&file, &bytes)?;
        }
        let mut sidecars = Vec::new();
        for part in &segment.checkpoint {
            left = left.saturating_sub(part.size);
            state.part(store, part, Some(&mut sidecars)).await?;
        }
        if sidecars.len() > MOST_SIDECARS {
            return Err(too_large(format!("its last checkpoint has {} files, and at most {MOST_SIDECARS} are read", sidecars.len())).into());
        }
        for sidecar in sidecars {
            let meta = sidecar_file(store, log, &sidecar).await?;
            left = left.checked_sub(meta.size).ok_or_else(|| too_many_bytes(MOST_BYTES + 1))?;
            state.part(store, &meta, None).await?;
        }
        Ok(state)
    }

    /// A commit says one thing of a file.
    fn commit(&mut self, file: &str, bytes: &[u8]) -> Result<(), DeltaFault> {
        let mut own: HashMap<Key, bool> = HashMap::new();
        let (mut protocol, mut metadata) = (None, None);
        of_json(file, bytes, &mut |action| {
            let Action { add, remove, meta_data, protocol: promised, .. } = action;
            if let Some(promised) = promised
                && protocol.replace(promised).is_some()
            {
                return Err(damaged(file, "it has two protocols"));
            }
            if let Some(found) = meta_data
                && metadata.replace(found).is_some()
            {
                return Err(damaged(file, "it has two schemas"));
            }
            if let Some(Remove { path, deletion_vector }) = remove {
                let key = (decoded(&path)?, deletion_vector.map(|vector| vector.id()));
                if own.insert(key.clone(), false) == Some(true) {
                    return Err(damaged(file, format!("it both adds and removes {path:?}")));
                }
                self.decided.insert(key);
            }
            if let Some(add) = add {
                let key = key(&add)?;
                if own.insert(key.clone(), true).is_some() {
                    return Err(damaged(file, format!("it names {:?} more than once", add.path)));
                }
                self.keep(key, add);
            }
            Ok(())
        })?;
        self.protocol = self.protocol.take().or(protocol);
        self.metadata = self.metadata.take().or(metadata);
        Ok(())
    }

    fn keep(&mut self, key: Key, add: Add) {
        if self.decided.insert(key) {
            self.files.push(add);
        }
    }

    /// A checkpoint, a part of one, or a file that one names. The files that it adds are those that nothing removed before it.
    async fn part(&mut self, store: &dyn ObjectStore, meta: &ObjectMeta, mut sidecars: Option<&mut Vec<Sidecar>>) -> Result<(), Stopped> {
        let file = name(meta);
        let mut each = |action: Action| -> Result<(), DeltaFault> {
            let Action { add, meta_data, protocol, sidecar, .. } = action;
            self.protocol = self.protocol.take().or(protocol);
            self.metadata = self.metadata.take().or(meta_data);
            if let Some(add) = add {
                let key = key(&add)?;
                self.keep(key, add);
            }
            match (sidecar, &mut sidecars) {
                (Some(sidecar), Some(sidecars)) => sidecars.push(sidecar),
                (Some(_), None) => return Err(damaged(&file, "it names further files")),
                (None, _) => {}
            }
            Ok(())
        };
        if file.ends_with(".json") {
            let bytes = log_files::read(store, meta).await?;
            return Ok(of_json(&file, &bytes, &mut each)?);
        }
        let footer = plain_footer(store, meta).await.map_err(|error| match error {
            EngineError::Corrupt { detail, .. } => damaged(&file, detail).into(),
            other => Stopped::Other(other),
        })?;
        let bytes = log_files::read(store, meta).await?;
        Ok(of_parquet(&file, footer, &bytes, &mut each)?)
    }

    /// The columns by which the table is partitioned. Fails if the table has what this server cannot read.
    fn partition_columns(&self, version: u64) -> Result<Vec<String>, DeltaFault> {
        let missing = |what: &str| damaged(&format!("{version:020}.json"), format!("neither it nor a file before it has {what}"));
        check_protocol(self.protocol.as_ref().ok_or_else(|| missing("a protocol"))?)?;
        let metadata = self.metadata.as_ref().ok_or_else(|| missing("a schema"))?;
        check_metadata(metadata)?;
        let deleted = self.files.iter().filter(|add| add.deletion_vector.is_some()).count();
        if deleted > 0 {
            return Err(unsupported(
                format!("deletion vectors, which mark deleted rows of {deleted} of its files"),
                "let its writer rewrite those files (REORG TABLE … APPLY (PURGE)), and set delta.enableDeletionVectors to false",
            ));
        }
        Ok(metadata.partition_columns.clone().unwrap_or_default())
    }
}

fn check_protocol(protocol: &Protocol) -> Result<(), DeltaFault> {
    let newer = "copy its rows into a table without that";
    let version = protocol.min_reader_version;
    if !(1..=WITH_FEATURES).contains(&version) {
        return Err(unsupported(format!("version {version} of the protocol for readers"), newer));
    }
    let features = protocol.reader_features.iter().flatten();
    match features.filter(|_| version == WITH_FEATURES).find(|feature| !FEATURES.contains(&feature.as_str())) {
        Some(feature) => Err(unsupported(
            format!("the feature {:?}", shortened(feature)),
            "let its writer drop the feature (ALTER TABLE … DROP FEATURE), or copy its rows into a table without it",
        )),
        None if version == WITH_FEATURES && protocol.reader_features.is_none() => {
            Err(unsupported("a protocol that does not say which features it has".to_owned(), newer))
        }
        None => Ok(()),
    }
}

fn check_metadata(metadata: &Metadata) -> Result<(), DeltaFault> {
    let provider = metadata.format.as_ref().and_then(|format| format.provider.as_deref()).unwrap_or("parquet");
    if !provider.eq_ignore_ascii_case("parquet") {
        let found = format!("files of the format {:?}", shortened(provider));
        return Err(unsupported(found, "copy its rows into a table of Parquet files"));
    }
    let mapping = metadata.configuration.as_ref().and_then(|settings| settings.get(MAPPING)).and_then(Option::as_deref).unwrap_or("none");
    if !mapping.eq_ignore_ascii_case("none") {
        let found = format!("column mapping ({MAPPING} is {:?})", shortened(mapping));
        return Err(unsupported(
            found,
            "let its writer remove the mapping, which writes the files anew, or copy its rows into a table without it",
        ));
    }
    Ok(())
}

fn unsupported(found: String, advice: &'static str) -> DeltaFault {
    DeltaFault::Unsupported { found, advice }
}

fn key(add: &Add) -> Result<Key, DeltaFault> {
    Ok((decoded(&add.path)?, add.deletion_vector.as_ref().map(|vector| vector.id())))
}

/// A file of a checkpoint, with the length that the checkpoint says.
async fn sidecar_file(store: &dyn ObjectStore, log: &Path, sidecar: &Sidecar) -> Result<ObjectMeta, Stopped> {
    let of_log = |detail: String| Stopped::Fault(damaged("the last checkpoint", detail));
    let location = location(&log.clone().join(SIDECARS), &sidecar.path)?;
    let Some(meta) = head(store, &location).await? else { return Err(of_log(format!("its file {:?} is gone", sidecar.path))) };
    if u64::try_from(sidecar.size_in_bytes) != Ok(meta.size) {
        return Err(of_log(format!(
            "its file {:?} has {} bytes, and {} by the checkpoint",
            sidecar.path, meta.size, sidecar.size_in_bytes
        )));
    }
    Ok(meta)
}

fn name(meta: &ObjectMeta) -> String {
    meta.location.filename().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_leads_to_a_file_below_the_table() {
        let table = Path::from("mpn/Sales/tenant=a");
        for (path, expected) in [
            ("part-0.parquet", Some("part-0.parquet")),
            ("Day=2026-01-02/part-0.parquet", Some("Day=2026-01-02/part-0.parquet")),
            // What a folder's name encodes is encoded once more.
            ("Name=a%20b%252Fc/x.parquet", Some("Name=a b%2Fc/x.parquet")),
            ("Name=%C3%BC/x.parquet", Some("Name=ü/x.parquet")),
            ("At=2026-01-02 10:00:00/x.parquet", Some("At=2026-01-02 10:00:00/x.parquet")),
            ("", None),
            ("/etc/passwd", None),
            ("%2Fetc/passwd", None),
            ("../tenant=b/x.parquet", None),
            ("a/../../tenant=b/x.parquet", None),
            ("a/%2e%2e/%2E%2E/tenant=b/x.parquet", None),
            ("..%2Ftenant=b/x.parquet", None),
            ("..", None),
            ("./x.parquet", None),
            ("a//x.parquet", None),
            ("x.parquet/", None),
            ("..\\tenant=b\\x.parquet", None),
            ("s3://other/x.parquet", None),
            ("file:/etc/passwd", None),
            ("abfss://a@b.dfs.core.windows.net/x.parquet", None),
            ("a%00.parquet", None),
            ("%FF.parquet", None),
        ] {
            let expected = expected.map(|below| format!("{table}/{below}"));
            assert_eq!(location(&table, path).ok().map(|found| found.to_string()), expected, "{path}");
        }
    }
}
