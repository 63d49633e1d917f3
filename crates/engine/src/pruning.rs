//! Row groups that need not be read: what the stock scan rules out by statistics, and what conditions on texts rule out besides.
//!
//! The stock scan compares bytes, so a comparison that ignores letter case would rule little out. Here a row group is passed over when no
//! spelling of a text can lie between its statistics, or when a column's dictionary, which holds all of its values, has none that meets the
//! condition. The outcome is data of the plan's files, not a node: the scan stays the stock one.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use bytes::{Buf, Bytes};
use datafusion::common::ScalarValue;
use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode};
use datafusion::datasource::physical_plan::parquet::{ParquetAccessPlan, ParquetFileMetrics, RowGroupAccessPlanFilter};
use datafusion::datasource::physical_plan::{FileGroup, FileScanConfig, FileScanConfigBuilder, FileSource, ParquetSource};
use datafusion::datasource::source::DataSourceExec;
use datafusion::error::Result;
use datafusion::execution::cache::cache_manager::FileMetadataCache;
use datafusion::parquet::arrow::parquet_to_arrow_schema;
use datafusion::parquet::basic::Encoding;
use datafusion::parquet::column::page::{Page, PageReader};
use datafusion::parquet::errors::ParquetError;
use datafusion::parquet::file::metadata::{ColumnChunkMetaData, ParquetMetaData, RowGroupMetaData};
use datafusion::parquet::file::reader::{ChunkReader, Length};
use datafusion::parquet::file::serialized_reader::SerializedPageReader;
use datafusion::physical_expr::utils::collect_columns;
use datafusion::physical_expr::{PhysicalExpr, PhysicalExprSimplifier};
use datafusion::physical_expr_adapter::{DefaultPhysicalExprAdapterFactory, replace_columns_with_literals};
use datafusion::physical_optimizer::pruning::PruningPredicateBuilder;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::metrics::ExecutionPlanMetricsSet;
use insightgate_query::catalog::{ColumnType, Dataset, Field, same_name};
use insightgate_query::matching::TextTest;
use insightgate_query::plan::Plan;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt};

use crate::snapshot::{self, Snapshot};

/// Bytes of a dictionary beyond which looking at it costs what it could save.
const LARGEST_DICTIONARY: u64 = 1 << 20;

/// A condition on a column of texts.
struct TextCondition<'a> {
    column: &'a str,
    test: TextTest,
}

/// The conditions that statistics may be asked about. What is hidden from the scope is not asked about: how long an answer takes would
/// tell.
fn conditions(plan: &Plan, redacted: bool) -> Vec<TextCondition<'_>> {
    let conditions = plan.row_conditions.iter().filter_map(|condition| {
        let Field::Column(index) = condition.field else { return None };
        let known = plan.dataset.columns.get(index)?;
        let may_ask = known.kind == ColumnType::String && !(redacted && known.sensitive);
        may_ask.then(|| Some(TextCondition { column: &known.name, test: TextTest::new(&condition.test)? }))?
    });
    conditions.collect()
}

/// The plan with the row groups marked that need not be read. With `in_order_until_enough`, dictionaries are looked at only up to the first
/// that holds a match: the run may end there.
pub(crate) async fn pruned(
    store: &dyn ObjectStore,
    physical: Arc<dyn ExecutionPlan>,
    plan: &Plan,
    redacted: bool,
    (cache, snapshot): (&Arc<FileMetadataCache>, &Snapshot),
    in_order_until_enough: bool,
) -> Result<Arc<dyn ExecutionPlan>> {
    let conditions = conditions(plan, redacted);
    let Some(scan) = Scan::of(&physical).filter(|_| !conditions.is_empty()) else { return Ok(physical) };
    let mut look_at_dictionaries = true;
    let mut kept: HashMap<Path, ParquetAccessPlan> = HashMap::new();
    for (pinned, footer) in snapshot.files.iter().zip(snapshot::footers(store, cache, snapshot).await?) {
        let location = &pinned.meta.location;
        let mut access = ParquetAccessPlan::new_all(footer.num_row_groups());
        for (number, (group, is_kept)) in footer.row_groups().iter().zip(scan.kept(location, &footer)?).enumerate() {
            let mut may_hold = is_kept && conditions.iter().all(|condition| statistics_may_hold(condition, group));
            if may_hold && look_at_dictionaries {
                may_hold = dictionaries_may_hold(store, location, &conditions, group).await;
                look_at_dictionaries = !(may_hold && in_order_until_enough);
            }
            if !may_hold {
                access.skip(number);
            }
        }
        kept.insert(location.clone(), access);
    }
    let marked = physical.transform_up(|node| {
        let found = node.downcast_ref::<DataSourceExec>().and_then(|source| source.downcast_to_file_source::<ParquetSource>());
        let Some((config, _)) = found else { return Ok(Transformed::no(node)) };
        let groups = config.file_groups.iter().map(|group| {
            let files = group.iter().cloned().map(|file| match kept.get(&file.object_meta.location) {
                Some(access) => file.with_extension(access.clone()),
                None => file,
            });
            FileGroup::new(files.collect())
        });
        let groups = groups.collect();
        let marked = FileScanConfigBuilder::from(config.clone()).with_file_groups(groups).build();
        Ok(Transformed::yes(DataSourceExec::from_data_source(marked) as Arc<dyn ExecutionPlan>))
    });
    marked.data()
}

fn part_of<'g>(group: &'g RowGroupMetaData, column: &str) -> Option<&'g ColumnChunkMetaData> {
    group.columns().iter().find(|part| matches!(part.column_path().parts(), [name] if same_name(name, column)))
}

fn statistics_may_hold(condition: &TextCondition<'_>, group: &RowGroupMetaData) -> bool {
    // A file without the column has nulls there, which meet no condition; folders' columns are in no file, and not judged here.
    let Some(statistics) = part_of(group, condition.column).and_then(ColumnChunkMetaData::statistics) else { return true };
    if statistics.null_count_opt().is_some_and(|nulls| i64::try_from(nulls) == Ok(group.num_rows())) {
        return false;
    }
    let text = |bytes: Option<&[u8]>| bytes.and_then(|bytes| std::str::from_utf8(bytes).ok().map(str::to_owned));
    match (text(statistics.min_bytes_opt()), text(statistics.max_bytes_opt())) {
        (Some(least), Some(greatest)) if !statistics.is_min_max_deprecated() => condition.test.may_match(&least, &greatest),
        _ => true,
    }
}

async fn dictionaries_may_hold(
    store: &dyn ObjectStore,
    location: &Path,
    conditions: &[TextCondition<'_>],
    group: &RowGroupMetaData,
) -> bool {
    for condition in conditions {
        let Some(part) = part_of(group, condition.column).filter(|part| is_all_dictionary(part)) else { continue };
        // What cannot be read says nothing here: the scan names what is wrong with it.
        let Ok(Some(values)) = dictionary(store, location, part).await else { continue };
        let mut scratch = String::new();
        if !values.iter().any(|value| condition.test.matches(value, &mut scratch)) {
            return false;
        }
    }
    true
}

/// Whether every value of the part is in its dictionary, for certain.
fn is_all_dictionary(part: &ColumnChunkMetaData) -> bool {
    let is_dictionary = |encoding: &Encoding| matches!(encoding, Encoding::RLE_DICTIONARY | Encoding::PLAIN_DICTIONARY);
    if part.dictionary_page_offset().is_none() {
        return false;
    }
    match part.page_encoding_stats_mask() {
        Some(pages) => pages.encodings().all(|encoding| is_dictionary(&encoding)),
        // Without a word about pages, a list without PLAIN tells that no page is.
        None => {
            part.encodings().any(|encoding| is_dictionary(&encoding))
                && part.encodings().all(|encoding| is_dictionary(&encoding) || encoding == Encoding::RLE)
        }
    }
}

/// None for one that is too large, or is no dictionary of texts.
async fn dictionary(
    store: &dyn ObjectStore,
    location: &Path,
    part: &ColumnChunkMetaData,
) -> std::result::Result<Option<Vec<String>>, ParquetError> {
    let (start, _) = part.byte_range();
    let end = u64::try_from(part.data_page_offset()).unwrap_or_default();
    if end <= start || end - start > LARGEST_DICTIONARY {
        return Ok(None);
    }
    let bytes = store.get_range(location, start..end).await.map_err(|error| ParquetError::External(Box::new(error)))?;
    let mut pages = SerializedPageReader::new(Arc::new(Stretch { start, bytes }), part, 0, None)?;
    Ok(match pages.get_next_page()? {
        Some(Page::DictionaryPage { buf, num_values, encoding: Encoding::PLAIN | Encoding::PLAIN_DICTIONARY, .. }) => {
            texts(buf, num_values)
        }
        _ => None,
    })
}

/// Lengths, of four bytes, each before its text.
fn texts(mut page: Bytes, number: u32) -> Option<Vec<String>> {
    let mut texts = Vec::new();
    for _ in 0..number {
        let length = usize::try_from(page.try_get_u32_le().ok()?).ok()?;
        if page.len() < length {
            return None;
        }
        texts.push(String::from_utf8(page.split_to(length).to_vec()).ok()?);
    }
    Some(texts)
}

/// A stretch of a file, under the offsets that it has there.
struct Stretch {
    start: u64,
    bytes: Bytes,
}

impl Stretch {
    fn from(&self, start: u64) -> datafusion::parquet::errors::Result<Bytes> {
        let within = start.checked_sub(self.start).and_then(|from| usize::try_from(from).ok());
        let found = within.filter(|from| *from <= self.bytes.len()).map(|from| self.bytes.slice(from..));
        found.ok_or_else(|| ParquetError::EOF("the dictionary ends early".to_owned()))
    }
}

impl Length for Stretch {
    fn len(&self) -> u64 {
        self.start + self.bytes.len() as u64
    }
}

impl ChunkReader for Stretch {
    type T = bytes::buf::Reader<Bytes>;

    fn get_read(&self, start: u64) -> datafusion::parquet::errors::Result<Self::T> {
        Ok(self.from(start)?.reader())
    }

    fn get_bytes(&self, start: u64, length: usize) -> datafusion::parquet::errors::Result<Bytes> {
        let found = self.from(start)?;
        if found.len() < length {
            return Err(ParquetError::EOF("the dictionary ends early".to_owned()));
        }
        Ok(found.slice(..length))
    }
}

/// What a physical plan takes from files. None, where the planner found that no row can be in the answer.
pub(crate) struct Scan {
    config: FileScanConfig,
    predicate: Option<Arc<dyn PhysicalExpr>>,
    /// Columns of files, of the predicate and of what is handed on.
    names: Vec<String>,
}

impl Scan {
    pub(crate) fn of(plan: &Arc<dyn ExecutionPlan>) -> Option<Scan> {
        let source = plan.downcast_ref::<DataSourceExec>().and_then(|source| source.downcast_to_file_source::<ParquetSource>());
        let Some((config, source)) = source else { return plan.children().into_iter().find_map(Scan::of) };
        let predicate = source.filter();
        let projected = source.projection().into_iter().flat_map(|projection| projection.iter()).map(|item| &item.expr);
        let read = projected.chain(&predicate).flat_map(collect_columns).map(|column| column.name().to_owned());
        let names = read.filter(|name| config.file_schema().index_of(name).is_ok()).collect();
        Some(Scan { config: config.clone(), predicate, names })
    }

    /// In the definition's order.
    pub(crate) fn columns(&self, dataset: &Dataset) -> Vec<String> {
        let names = dataset.columns.iter().map(|known| &known.name);
        names.filter(|known| self.names.contains(known)).cloned().collect()
    }

    pub(crate) fn bytes(&self, group: &RowGroupMetaData) -> u64 {
        let is_read = |part: &&ColumnChunkMetaData| {
            let name = part.column_path().parts().first();
            name.is_some_and(|name| self.names.iter().any(|known| same_name(known, name)))
        };
        group.columns().iter().filter(is_read).map(|part| u64::try_from(part.compressed_size()).unwrap_or_default()).sum()
    }

    /// Which row groups of a file the scan would read, by the steps that it takes itself when it opens the file.
    pub(crate) fn kept(&self, location: &Path, footer: &ParquetMetaData) -> Result<Vec<bool>> {
        let files = self.config.file_groups.iter().flat_map(FileGroup::iter);
        let Some(file) = files.into_iter().find(|file| file.object_meta.location == *location) else {
            return Ok(vec![false; footer.num_row_groups()]);
        };
        let marked = file.extension::<ParquetAccessPlan>().filter(|access| access.len() == footer.num_row_groups());
        let access = marked.cloned().unwrap_or_else(|| ParquetAccessPlan::new_all(footer.num_row_groups()));
        let Some(predicate) = &self.predicate else {
            return Ok((0..footer.num_row_groups()).map(|group| access.should_scan(group)).collect());
        };
        let in_folders = self.config.table_partition_cols().iter().map(|field| field.name().clone());
        let literals: HashMap<String, ScalarValue> = in_folders.zip(file.partition_values.iter().cloned()).collect();
        let physical = match &file.arrow_schema {
            Some(schema) => Arc::clone(schema),
            None => Arc::new(parquet_to_arrow_schema(footer.file_metadata().schema_descr(), footer.file_metadata().key_value_metadata())?),
        };
        let adapters = self.config.expr_adapter_factory.clone().unwrap_or_else(|| Arc::new(DefaultPhysicalExprAdapterFactory));
        let adapter = adapters.create(Arc::clone(self.config.file_schema()), Arc::clone(&physical))?;
        let predicate = adapter.rewrite(replace_columns_with_literals(Arc::clone(predicate), &literals)?)?;
        let predicate = PhysicalExprSimplifier::new(&physical).simplify(predicate)?;
        let pruning = PruningPredicateBuilder::new().with_file_schema(Arc::clone(&physical)).try_build(predicate)?;
        let mut filter = RowGroupAccessPlanFilter::new(access);
        let metrics = ParquetFileMetrics::new(0, location.as_ref(), &ExecutionPlanMetricsSet::new());
        filter.prune_by_statistics(&physical, footer.file_metadata().schema_descr(), footer.row_groups(), &pruning, &metrics);
        let kept: HashSet<usize> = filter.row_group_indexes().collect();
        Ok((0..footer.num_row_groups()).map(|group| kept.contains(&group)).collect())
    }
}
