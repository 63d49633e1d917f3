//! Pruning finds the row groups that need not be read, because the stock scan excludes them by statistics, or conditions on texts do.
//!
//! The stock scan compares bytes, so that a case-insensitive comparison would exclude little. Here a row group is skipped if no spelling of a text
//! can lie between its minimum and maximum, or if none of the values in a column's dictionary, which holds all of them, meets the condition. The
//! result is stored with the plan's files and is not a node: the scan stays the stock one.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use bytes::{Buf, Bytes};
use datafusion::arrow::datatypes::{DataType, Schema};
use datafusion::common::ScalarValue;
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode};
use datafusion::datasource::listing::PartitionedFile;
use datafusion::datasource::physical_plan::parquet::{ParquetAccessPlan, ParquetFileMetrics, RowGroupAccessPlanFilter};
use datafusion::datasource::physical_plan::{FileGroup, FileScanConfig, FileScanConfigBuilder, FileSource, ParquetSource};
use datafusion::datasource::source::DataSourceExec;
use datafusion::error::Result;
use datafusion::logical_expr::Operator;
use datafusion::parquet::arrow::parquet_to_arrow_schema;
use datafusion::parquet::basic::Encoding;
use datafusion::parquet::column::page::{Page, PageReader};
use datafusion::parquet::errors::ParquetError;
use datafusion::parquet::file::metadata::{ColumnChunkMetaData, ParquetMetaData, RowGroupMetaData};
use datafusion::parquet::file::reader::{ChunkReader, Length};
use datafusion::parquet::file::serialized_reader::SerializedPageReader;
use datafusion::physical_expr::expressions::{BinaryExpr, Column, Literal};
use datafusion::physical_expr::utils::collect_columns;
use datafusion::physical_expr::{PhysicalExpr, PhysicalExprSimplifier, ScalarFunctionExpr, split_conjunction};
use datafusion::physical_expr_adapter::{DefaultPhysicalExprAdapterFactory, replace_columns_with_literals};
use datafusion::physical_optimizer::pruning::PruningPredicateBuilder;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::metrics::ExecutionPlanMetricsSet;
use insightgate_query::column::Comparison;
use insightgate_query::datasets::catalog::{Column as Known, ColumnType, Dataset, Field, same_name};
use insightgate_query::matching::{Greatest, TextPredicate};
use insightgate_query::plan::{Plan, Predicate};
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt};

use crate::balanced::all_physical;
use crate::functions::unsplit_and::unsplit_and;
use crate::guard::{LARGEST_PAGE, check_pages};
use crate::rows::dictionary;
use crate::rows::lake::Lake;
use crate::rows::snapshot::Snapshot;

/// The largest dictionary that is read, in bytes: a larger one costs more than it could save.
const LARGEST_DICTIONARY: u64 = 1 << 20;

/// A dictionary with more stored bytes than this has many values.
const MANY_VALUES: i64 = 4 << 10;

/// A condition on a column of texts.
struct TextCondition<'a> {
    column: &'a Known,
    predicate: TextPredicate,
}

/// The conditions that are checked against statistics. A condition on a column that is redacted in this scope is not: the time of the answer would
/// leak its values. Neither is one on a column of folders or of a table's partitions: a file may have a column of that name, which is not read.
fn conditions<'p>(plan: &'p Plan, redacted: bool, snapshot: &Snapshot) -> Vec<TextCondition<'p>> {
    let is_key = |name: &str| snapshot.files.iter().flat_map(|file| &file.folder_values).any(|(key, _)| same_name(key, name));
    let conditions = plan.row_conditions.iter().filter_map(|condition| {
        let Field::Column(index) = condition.field else { return None };
        let known = plan.dataset.columns.get(index)?;
        let is_of_folders = || is_key(&known.name) || known.aliases.iter().any(|alias| is_key(alias));
        let may_ask = known.kind == ColumnType::String && !(redacted && known.sensitive) && !is_of_folders();
        may_ask.then(|| Some(TextCondition { column: known, predicate: TextPredicate::new(&condition.predicate)? }))?
    });
    conditions.collect()
}

/// The columns that must have one of a few values. Redacted columns among them rule out nothing: see [`conditions`].
fn equalities(plan: &Plan, redacted: bool) -> impl Iterator<Item = &Known> {
    plan.row_conditions.iter().filter_map(move |condition| {
        let Field::Column(index) = condition.field else { return None };
        let known = plan.dataset.columns.get(index).filter(|known| known.kind != ColumnType::Bool && !(redacted && known.sensitive))?;
        matches!(condition.predicate, Predicate::Compare(Comparison::Equal, _) | Predicate::In { negated: false, .. }).then_some(known)
    })
}

/// What is left to read: the row groups of each file, and the conjuncts of the predicate that ruled any row group out.
struct Left<'a> {
    access: HashMap<Path, ParquetAccessPlan>,
    useful: Vec<bool>,
    useful_texts: Vec<bool>,
    /// Columns of many values that must have one of a few: next to no row is left once these are evaluated.
    narrow: HashSet<&'a str>,
}

/// How the scan's files are distributed among its partitions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Handed {
    /// The files stay as they were planned.
    Planned,
    /// Each partition gets a row group, in the order of files and rows.
    ByRowGroup,
}

/// Returns the plan with the row groups marked that need not be read. With `in_order_until_enough`, dictionaries are read only up to the first one
/// that has a match, since the query may end there.
pub(crate) async fn pruned(
    lake: &Lake,
    physical: Arc<dyn ExecutionPlan>,
    plan: &Plan,
    redacted: bool,
    snapshot: &Snapshot,
    in_order_until_enough: bool,
    handed: Handed,
) -> Result<Arc<dyn ExecutionPlan>> {
    let is_to_be_changed = handed == Handed::ByRowGroup || !plan.row_conditions.is_empty();
    let Some(scan) = Scan::of(&physical, &plan.dataset).filter(|_| is_to_be_changed) else { return Ok(physical) };
    let conditions = conditions(plan, redacted, snapshot);
    let mut look_at_dictionaries = true;
    let mut left = Left {
        access: HashMap::new(),
        useful: vec![false; scan.conjuncts.len()],
        useful_texts: vec![false; conditions.len()],
        narrow: HashSet::new(),
    };
    for (pinned, footer) in snapshot.files.iter().zip(lake.footers(snapshot).await?) {
        let location = &pinned.meta.location;
        let mut access = scan.left(location, &footer, &mut left.useful)?;
        for (number, group) in footer.row_groups().iter().enumerate().filter(|(number, _)| access.should_scan(*number)).collect::<Vec<_>>()
        {
            let equal = equalities(plan, redacted).filter(|column| part_of(group, column).is_some_and(has_many_values));
            left.narrow.extend(equal.map(|column| column.name.as_str()));
            let mut may_hold = true;
            for (condition, useful) in conditions.iter().zip(&mut left.useful_texts) {
                let holds = statistics_may_hold(condition, group);
                *useful |= !holds;
                may_hold &= holds;
            }
            if may_hold && look_at_dictionaries {
                may_hold = dictionaries_may_hold(lake.store.as_ref(), location, &conditions, group).await;
                look_at_dictionaries = !(may_hold && in_order_until_enough);
            }
            if !may_hold {
                access.skip(number);
            }
        }
        left.access.insert(location.clone(), access);
    }
    let predicate = scan.rewritten(&left, &conditions)?;
    let marked = physical.transform_up(|node| {
        let found = node.downcast_ref::<DataSourceExec>().and_then(|source| source.downcast_to_file_source::<ParquetSource>());
        // Some plans read the rows several times. A scan with other conditions is left unchanged.
        let Some((config, source)) = found.filter(|(_, source)| conjuncts_of(source) == scan.conjuncts) else {
            return Ok(Transformed::no(node));
        };
        let mut marked = FileScanConfigBuilder::from(config.clone()).with_file_groups(groups(config, &left, handed));
        if let Some(predicate) = &predicate {
            marked = marked.with_source(Arc::new(source.with_predicate(Arc::clone(predicate))));
        }
        Ok(Transformed::yes(DataSourceExec::from_data_source(marked.build()) as Arc<dyn ExecutionPlan>))
    });
    marked.data()
}

fn groups(config: &FileScanConfig, left: &Left<'_>, handed: Handed) -> Vec<FileGroup> {
    let marked = |file: &PartitionedFile| match left.access.get(&file.object_meta.location) {
        Some(access) => file.clone().with_extension(access.clone()),
        None => file.clone(),
    };
    if handed == Handed::Planned {
        return config.file_groups.iter().map(|group| FileGroup::new(group.iter().map(marked).collect())).collect();
    }
    let mut groups = Vec::new();
    for file in config.file_groups.iter().flat_map(FileGroup::iter) {
        let Some(access) = left.access.get(&file.object_meta.location) else { continue };
        for number in access.row_group_indexes() {
            let mut only = ParquetAccessPlan::new_none(access.len());
            only.scan(number);
            groups.push(FileGroup::new(vec![file.clone().with_extension(only)]));
        }
    }
    if groups.is_empty() {
        // A scan has at least one partition; this one skips everything in its file.
        groups.extend(config.file_groups.first().map(|group| FileGroup::new(group.iter().take(1).map(marked).collect())));
    }
    groups
}

/// Finds a column by its name, or else by an alias. If a column that only an alias names does not fit, it is not read: its rows hold nulls, which
/// meet no condition, so that no row is lost if the statistics of the wrong column rule a row group out.
fn part_of<'g>(group: &'g RowGroupMetaData, column: &Known) -> Option<&'g ColumnChunkMetaData> {
    let called = |wanted: &str| group.columns().iter().find(|part| matches!(part.column_path().parts(), [name] if same_name(name, wanted)));
    called(&column.name).or_else(|| column.aliases.iter().find_map(|alias| called(alias)))
}

fn statistics_may_hold(condition: &TextCondition<'_>, group: &RowGroupMetaData) -> bool {
    // A file without the column has nulls there, which meet no condition.
    let Some(statistics) = part_of(group, condition.column).and_then(ColumnChunkMetaData::statistics) else { return true };
    if statistics.null_count_opt().is_some_and(|nulls| i64::try_from(nulls) == Ok(group.num_rows())) {
        return false;
    }
    let text = |bytes: Option<&[u8]>| bytes.and_then(|bytes| std::str::from_utf8(bytes).ok().map(str::to_owned));
    match (text(statistics.min_bytes_opt()), text(statistics.max_bytes_opt())) {
        (Some(least), Some(greatest)) if !statistics.is_min_max_deprecated() => condition.predicate.may_match(&least, &greatest),
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
        // A dictionary that cannot be read rules nothing out here: the scan reports what is wrong with it.
        let Ok(Some(values)) = dictionary(store, location, part).await else { continue };
        let mut scratch = String::new();
        if !values.iter().any(|value| condition.predicate.matches(value, &mut scratch)) {
            return false;
        }
    }
    true
}

/// Whether every value of the part is certainly in its dictionary.
fn is_all_dictionary(part: &ColumnChunkMetaData) -> bool {
    let is_dictionary = |encoding: &Encoding| matches!(encoding, Encoding::RLE_DICTIONARY | Encoding::PLAIN_DICTIONARY);
    if part.dictionary_page_offset().is_none() {
        return false;
    }
    match part.page_encoding_stats_mask() {
        Some(pages) => pages.encodings().all(|encoding| is_dictionary(&encoding)),
        // Without statistics of the pages' encodings, a list of encodings without PLAIN shows that no page is plain.
        None => {
            part.encodings().any(|encoding| is_dictionary(&encoding))
                && part.encodings().all(|encoding| is_dictionary(&encoding) || encoding == Encoding::RLE)
        }
    }
}

/// Whether the column is likely to have many values.
fn has_many_values(part: &ColumnChunkMetaData) -> bool {
    part.dictionary_page_offset().is_none_or(|start| part.data_page_offset() - start > MANY_VALUES)
}

/// `None` for a dictionary that is too large, or that is not one of texts.
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
    check_pages(part, start, &bytes, LARGEST_PAGE)?;
    let mut pages = SerializedPageReader::new(Arc::new(Stretch { start, bytes }), part, 0, None)?;
    Ok(match pages.get_next_page()? {
        Some(Page::DictionaryPage { buf, num_values, encoding: Encoding::PLAIN | Encoding::PLAIN_DICTIONARY, .. }) => {
            texts(buf, num_values)
        }
        _ => None,
    })
}

/// Each text is preceded by its length in four bytes.
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

/// A stretch of a file, addressed by the offsets of the file.
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

fn conjuncts_of(source: &ParquetSource) -> Vec<Arc<dyn PhysicalExpr>> {
    source.filter().iter().flat_map(split_conjunction).cloned().collect()
}

/// What a physical plan reads from files; `None` if the planner found that no row can be in the answer.
pub(crate) struct Scan {
    config: FileScanConfig,
    /// The conditions that all rows must meet, besides those above the scan.
    conjuncts: Vec<Arc<dyn PhysicalExpr>>,
    /// The columns of files that the predicate and the output use: the dataset's names and all names that files may use for them.
    names: Vec<String>,
}

impl Scan {
    /// If the plan reads the rows several times, this is the first of its scans, with the columns of all of them.
    pub(crate) fn of(plan: &Arc<dyn ExecutionPlan>, dataset: &Dataset) -> Option<Scan> {
        let source = plan.downcast_ref::<DataSourceExec>().and_then(|source| source.downcast_to_file_source::<ParquetSource>());
        let Some((config, source)) = source else {
            let mut scans = plan.children().into_iter().filter_map(|child| Scan::of(child, dataset));
            let mut first = scans.next()?;
            first.names.extend(scans.flat_map(|scan| scan.names));
            return Some(first);
        };
        let predicate = source.filter();
        let projected = source.projection().into_iter().flat_map(|projection| projection.iter()).map(|item| &item.expr);
        let read = projected.chain(&predicate).flat_map(collect_columns).map(|column| column.name().to_owned());
        let mut names: Vec<String> = read.filter(|name| config.file_schema().index_of(name).is_ok()).collect();
        let aliases = dataset.columns.iter().filter(|known| names.contains(&known.name)).flat_map(|known| known.aliases.iter().cloned());
        let aliases: Vec<String> = aliases.collect();
        names.extend(aliases);
        Some(Scan { config: config.clone(), conjuncts: conjuncts_of(source), names })
    }

    /// The columns in the definition's order.
    pub(crate) fn columns(&self, dataset: &Dataset) -> Vec<String> {
        let names = dataset.columns.iter().map(|known| &known.name);
        names.filter(|known| self.names.contains(known)).cloned().collect()
    }

    pub(crate) fn bytes(&self, group: &RowGroupMetaData) -> u64 {
        let read = group.columns().iter().filter(|part| self.reads(part));
        read.map(|part| u64::try_from(part.compressed_size()).unwrap_or_default()).sum()
    }

    pub(crate) fn reads(&self, part: &ColumnChunkMetaData) -> bool {
        let name = part.column_path().parts().first();
        name.is_some_and(|name| self.names.iter().any(|known| same_name(known, name)))
    }

    /// The files by the stream that reads them.
    pub(crate) fn streams(&self) -> &[FileGroup] {
        &self.config.file_groups
    }

    /// Whether values of files have to be read to know which rows are left.
    pub(crate) fn has_conditions(&self) -> bool {
        let columns = self.conjuncts.iter().flat_map(collect_columns);
        columns.into_iter().any(|column| self.config.file_schema().index_of(column.name()).is_ok())
    }

    /// Which row groups of a file the scan would read.
    pub(crate) fn kept(&self, location: &Path, footer: &ParquetMetaData) -> Result<Vec<bool>> {
        let access = self.left(location, footer, &mut vec![false; self.conjuncts.len()])?;
        Ok((0..footer.num_row_groups()).map(|group| access.should_scan(group)).collect())
    }

    /// Finds the same by the steps that the scan itself takes when it opens the file. Marks the conjuncts that ruled out any row group as `useful`.
    fn left(&self, location: &Path, footer: &ParquetMetaData, useful: &mut [bool]) -> Result<ParquetAccessPlan> {
        let files = self.config.file_groups.iter().flat_map(FileGroup::iter);
        let of_file: Vec<&PartitionedFile> = files.filter(|file| file.object_meta.location == *location).collect();
        let Some(file) = of_file.first() else { return Ok(ParquetAccessPlan::new_none(footer.num_row_groups())) };
        let mut access = ParquetAccessPlan::new_none(footer.num_row_groups());
        for marked in &of_file {
            let marked = marked.extension::<ParquetAccessPlan>().filter(|marked| marked.len() == footer.num_row_groups());
            (0..footer.num_row_groups())
                .filter(|group| marked.is_none_or(|marked| marked.should_scan(*group)))
                .for_each(|group| access.scan(group));
        }
        let in_folders = self.config.table_partition_cols().iter().map(|field| field.name().clone());
        let literals: HashMap<String, ScalarValue> = in_folders.zip(file.partition_values.iter().cloned()).collect();
        let (schema, columns) = (footer.file_metadata().schema_descr(), footer.file_metadata().key_value_metadata());
        let physical = match &file.arrow_schema {
            Some(schema) => Arc::clone(schema),
            None => Arc::new(parquet_to_arrow_schema(schema, columns)?),
        };
        let adapters = self.config.expr_adapter_factory.clone().unwrap_or_else(|| Arc::new(DefaultPhysicalExprAdapterFactory));
        let adapter = adapters.create(Arc::clone(self.config.file_schema()), Arc::clone(&physical))?;
        let metrics = ParquetFileMetrics::new(0, location.as_ref(), &ExecutionPlanMetricsSet::new());
        for (conjunct, useful) in self.conjuncts.iter().zip(useful) {
            // Statistics say nothing about the result of a function.
            if conjunct.downcast_ref::<ScalarFunctionExpr>().is_some() {
                continue;
            }
            let conjunct = adapter.rewrite(replace_columns_with_literals(Arc::clone(conjunct), &literals)?)?;
            let conjunct = PhysicalExprSimplifier::new(&physical).simplify(conjunct)?;
            let pruning = PruningPredicateBuilder::new().with_file_schema(Arc::clone(&physical)).try_build(conjunct)?;
            let mut filter = RowGroupAccessPlanFilter::new(access.clone());
            let before = filter.remaining_row_group_count();
            filter.prune_by_statistics(&physical, schema, footer.row_groups(), &pruning, &metrics);
            *useful |= filter.remaining_row_group_count() < before;
            let remaining: HashSet<usize> = filter.row_group_indexes().collect();
            (0..footer.num_row_groups()).filter(|group| !remaining.contains(group)).for_each(|group| access.skip(group));
        }
        Ok(access)
    }

    /// The predicate, rewritten so that it is cheap to evaluate: first the conjuncts that leave next to nothing, then all others together. Evaluating
    /// them one after the other on the remaining rows costs more than it saves if rows are left at random. The conjuncts that rule row groups out
    /// also stand alone, since they prune pages.
    fn rewritten(&self, left: &Left<'_>, conditions: &[TextCondition<'_>]) -> Result<Option<Arc<dyn PhysicalExpr>>> {
        let schema = self.config.file_source().table_schema().table_schema();
        let mut parts = self.conjuncts.clone();
        if parts.len() > 1 {
            let is_narrow = |conjunct: &Arc<dyn PhysicalExpr>| {
                let columns = collect_columns(conjunct);
                columns.len() == 1 && columns.iter().all(|column| left.narrow.contains(column.name()))
            };
            let (narrow, others): (Vec<_>, Vec<_>) = parts.drain(..).partition(is_narrow);
            for conjuncts in [narrow, others].into_iter().filter(|conjuncts| !conjuncts.is_empty()) {
                let all = vec![all_physical(conjuncts)];
                let function = ScalarFunctionExpr::try_new(unsplit_and(), all, schema, Arc::new(ConfigOptions::default()))?;
                parts.push(Arc::new(function));
            }
            parts.extend(self.conjuncts.iter().zip(&left.useful).filter(|(_, useful)| **useful).map(|(conjunct, _)| Arc::clone(conjunct)));
        }
        for (condition, _) in conditions.iter().zip(&left.useful_texts).filter(|(_, useful)| **useful) {
            parts.extend(bounds(condition, schema));
        }
        Ok((parts.len() != self.conjuncts.len() || parts.len() > 1).then(|| all_physical(parts)))
    }
}

/// The consequences of a condition on a text as comparisons of bytes, with which the scan skips pages.
fn bounds(condition: &TextCondition<'_>, schema: &Schema) -> Vec<Arc<dyn PhysicalExpr>> {
    let Some((bounds, (index, field))) = condition.predicate.bounds().zip(schema.column_with_name(&condition.column.name)) else {
        return Vec::new();
    };
    let compared = |operator: Operator, text: String| -> Arc<dyn PhysicalExpr> {
        let text = ScalarValue::Utf8(Some(text));
        let text = if *field.data_type() == dictionary::arrow() {
            ScalarValue::Dictionary(Box::new(DataType::Int32), Box::new(text))
        } else {
            text
        };
        Arc::new(BinaryExpr::new(Arc::new(Column::new(&condition.column.name, index)), operator, Arc::new(Literal::new(text))))
    };
    let greatest = match bounds.greatest {
        Greatest::Inclusive(text) => Some(compared(Operator::LtEq, text)),
        Greatest::Exclusive(text) => Some(compared(Operator::Lt, text)),
        Greatest::None => None,
    };
    std::iter::once(compared(Operator::GtEq, bounds.least)).chain(greatest).collect()
}
