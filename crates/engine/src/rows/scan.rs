//! The only way to rows: a scan of pinned files that carries the filters of the tenant and of its locations.
//!
//! The filters are nodes of the logical plan, made here before anything else can be put on the scan.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use datafusion::arrow::datatypes::{DataType, Field, FieldRef, Schema, SchemaRef};
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode};
use datafusion::common::{ScalarValue, TableReference};
use datafusion::datasource::listing::PartitionedFile;
use datafusion::datasource::physical_plan::parquet::CachedParquetFileReaderFactory;
use datafusion::datasource::physical_plan::{
    FileGroup, FileScanConfigBuilder, ParquetSource, wrap_partition_type_in_dict, wrap_partition_value_in_dict,
};
use datafusion::datasource::provider_as_source;
use datafusion::datasource::source::DataSourceExec;
use datafusion::datasource::table_schema::TableSchema;
use datafusion::error::Result;
use datafusion::execution::object_store::ObjectStoreUrl;
use datafusion::logical_expr::{Expr, LogicalPlanBuilder, TableType};
use datafusion::parquet::arrow::RowNumber;
use datafusion::physical_expr_adapter::PhysicalExprAdapterFactory;
use datafusion::physical_plan::ExecutionPlan;
use insightgate_identity::scope::TenantScope;
use insightgate_query::datasets::catalog::{ColumnType, Dataset, Tenancy, same_name};

use crate::error::EngineError;
use crate::guard::GuardedReaders;
use crate::reach;
use crate::reach::{PlanPart, Reach};
use crate::rows::columns::{FILE_COLUMN, ROW_COLUMN, TENANT_COLUMN};
use crate::rows::layout::TENANT_KEY;
use crate::rows::owner::{location_filter, tenant_filter};
use crate::rows::snapshot;
use crate::rows::snapshot::{FileShape, PinnedFile, Snapshot};
use crate::rows::spelling::{Respelled, Wanted};
use crate::rows::{dictionary, redaction};
use crate::types;

/// The order in which a scan returns its rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rows {
    /// In one stream, by file and row number.
    InOrder,
    /// In any order, in as many streams as the session has.
    InAnyOrder,
    /// In any order, each row with [`FILE_COLUMN`] and [`ROW_COLUMN`].
    Numbered,
}

/// Scans the snapshot's files and keeps only what the scope may see: other rows are left out, and values that the scope may not see are null. Texts
/// can come as dictionaries, if files store them so.
pub(crate) fn tenant_rows(
    scope: &TenantScope,
    dataset: &Dataset,
    snapshot: &Snapshot,
    shapes: &[Arc<FileShape>],
    store: &ObjectStoreUrl,
    rows: Rows,
) -> Result<LogicalPlanBuilder, EngineError> {
    let plan = |error| EngineError::Query(error);
    let tenant_is_folder = dataset.tenancy == Tenancy::Folder;
    let from_folders = folder_columns(dataset, snapshot, shapes);
    for (pinned, shape) in snapshot.files.iter().zip(shapes) {
        snapshot::check_fit(dataset, &from_folders, &pinned.meta.location, &shape.schema)?;
    }

    let (mut in_files, mut wanted) = (Vec::new(), Vec::new());
    let mut in_folders: Vec<FieldRef> = Vec::new();
    if tenant_is_folder {
        in_folders.push(Arc::new(Field::new(TENANT_COLUMN, wrap_partition_type_in_dict(DataType::Utf8), true)));
    }
    for column in Wanted::all(dataset) {
        // A column that the definition calls not nullable may hold nulls all the same: the plan trusts nothing that it assumes of files.
        let in_folder = from_folders.contains(&column.name);
        let as_dictionary = !in_folder && column.kind == ColumnType::String && dictionary::is_best(&column.name, shapes);
        let arrow = if as_dictionary { dictionary::arrow() } else { types::arrow(column.kind) };
        let field = Arc::new(Field::new(&column.name, arrow, true));
        if in_folder {
            in_folders.push(field);
        } else {
            in_files.push(field);
            wanted.push(column);
        }
    }
    let file_schema: SchemaRef = Arc::new(Schema::new(in_files));
    let differs = shapes.iter().any(|shape| shape.own.is_some());
    let mut files = Vec::with_capacity(snapshot.files.len());
    for (pinned, shape) in snapshot.files.iter().zip(shapes) {
        let mut file = partitioned(dataset, pinned, &in_folders)?;
        if let Some(schema) = dictionary::read_as(&file_schema, shape) {
            file = file.with_arrow_schema(schema);
        }
        files.push(file);
    }
    let mut table = TableSchema::builder(file_schema);
    if rows == Rows::Numbered {
        for (number, file) in (0_i64..).zip(&mut files) {
            file.partition_values.push(ScalarValue::Int64(Some(number)));
        }
        in_folders.push(Arc::new(Field::new(FILE_COLUMN, DataType::Int64, true)));
        let number = Field::new(ROW_COLUMN, DataType::Int64, true).with_extension_type(RowNumber);
        table = table.with_virtual_columns(vec![Arc::new(number)]);
    }
    let table = PinnedTable {
        table: table.with_table_partition_cols(in_folders).build(),
        files,
        store: store.clone(),
        adapter: differs.then(|| reach::part(Respelled(wanted)) as Arc<dyn PhysicalExprAdapterFactory>),
        ordered: rows == Rows::InOrder,
    };
    let scan = LogicalPlanBuilder::scan(TableReference::bare(dataset.name.as_str()), provider_as_source(reach::part(table)), None)
        .map_err(plan)?;
    let scoped = scan.filter(tenant_filter(scope, dataset)).map_err(plan)?;
    let scoped = match location_filter(scope, dataset)? {
        Some(filter) => scoped.filter(filter).map_err(plan)?,
        None => scoped,
    };
    if redaction::applies(scope, dataset) { redaction::redacted(scoped, scope, dataset) } else { Ok(scoped) }
}

/// The same plan, with scans that may not choose which rows are enough. When the optimizer moves a limit into a scan, it forgets that the order
/// matters: the scan would then skip the first rows for a row group whose statistics say that all of its rows meet the conditions.
pub(crate) fn kept_in_order(physical: Arc<dyn ExecutionPlan>) -> Result<Arc<dyn ExecutionPlan>> {
    let kept = physical.transform_up(|node| {
        let kept = node.downcast_ref::<DataSourceExec>().and_then(|scan| scan.with_preserve_order(true));
        Ok(kept.map_or_else(|| Transformed::no(node), Transformed::yes))
    });
    kept.data()
}

/// The dataset's columns whose values are in `key=value` folders: found by their name, or by an alias if no file has the column itself.
pub(crate) fn folder_columns(dataset: &Dataset, snapshot: &Snapshot, shapes: &[Arc<FileShape>]) -> Vec<String> {
    let tenant_is_folder = dataset.tenancy == Tenancy::Folder;
    let is_key = |name: &str| {
        let is_tenants = tenant_is_folder && same_name(name, TENANT_KEY);
        !is_tenants && snapshot.files.iter().flat_map(|file| &file.folder_values).any(|(key, _)| same_name(key, name))
    };
    let in_files = |name: &str| shapes.iter().flat_map(|shape| shape.schema.fields()).any(|field| same_name(field.name(), name));
    let in_folders =
        |column: &Wanted| is_key(&column.name) || (column.aliases.iter().any(|alias| is_key(alias)) && !in_files(&column.name));
    Wanted::all(dataset).into_iter().filter(in_folders).map(|column| column.name).collect()
}

/// The value of a column's folder above a file.
fn folder_value<'f>(dataset: &Dataset, pinned: &'f PinnedFile, name: &str) -> Option<&'f Option<String>> {
    let called = |name: &str| pinned.folder_values.iter().find(|(key, _)| same_name(key, name)).map(|(_, value)| value);
    let aliases = || dataset.columns.iter().find(|known| known.name == name).into_iter().flat_map(|known| &known.aliases);
    called(name).or_else(|| aliases().find_map(|alias| called(alias)))
}

/// The file with the values of its folders, which must fit the fields' types.
pub(crate) fn partitioned(dataset: &Dataset, pinned: &PinnedFile, in_folders: &[FieldRef]) -> Result<PartitionedFile, EngineError> {
    let mut values = Vec::with_capacity(in_folders.len());
    for field in in_folders {
        let key = if field.name() == TENANT_COLUMN { TENANT_KEY } else { field.name() };
        let misfit = |found: &str| EngineError::Misfit {
            file: pinned.meta.location.to_string(),
            column: key.to_owned(),
            expected: format!("a folder {key}=… of type {}", field.data_type()),
            found: found.to_owned(),
        };
        let Some(value) = folder_value(dataset, pinned, key) else {
            return Err(misfit("no such folder"));
        };
        values.push(match (value, field.name() == TENANT_COLUMN) {
            (Some(value), true) => wrap_partition_value_in_dict(ScalarValue::from(value.as_str())),
            (Some(value), false) => ScalarValue::try_from_string(value.clone(), field.data_type()).map_err(|_| misfit(value))?,
            (None, _) => ScalarValue::try_from(field.data_type()).map_err(|_| misfit("null"))?,
        });
    }
    Ok(PartitionedFile::new_from_meta(pinned.meta.clone()).with_partition_values(values))
}

/// The pinned files as a table. It is planned as a stock Parquet scan.
struct PinnedTable {
    table: TableSchema,
    files: Vec<PartitionedFile>,
    store: ObjectStoreUrl,
    adapter: Option<Arc<dyn PhysicalExprAdapterFactory>>,
    ordered: bool,
}

impl fmt::Debug for PinnedTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PinnedTable").field("files", &self.files.len()).finish_non_exhaustive()
    }
}

impl PlanPart for PinnedTable {
    const REACH: Reach = Reach::ThisProcess;
}

#[async_trait]
impl TableProvider for PinnedTable {
    fn schema(&self) -> SchemaRef {
        Arc::clone(self.table.table_schema())
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    async fn scan(
        &self,
        session: &dyn Session,
        projection: Option<&Vec<usize>>,
        _filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let runtime = session.runtime_env();
        let readers =
            CachedParquetFileReaderFactory::new(runtime.object_store(&self.store)?, runtime.cache_manager.get_file_metadata_cache());
        let source = ParquetSource::new(self.table.clone())
            .with_table_parquet_options(session.table_options().parquet.clone())
            .with_parquet_file_reader_factory(reach::part(GuardedReaders(readers)));
        let scan = FileScanConfigBuilder::new(self.store.clone(), Arc::new(source))
            .with_file_group(FileGroup::new(self.files.clone()))
            .with_preserve_order(self.ordered)
            .with_expr_adapter(self.adapter.clone())
            .with_limit(limit)
            .with_projection_indices(projection.cloned())?
            .build();
        Ok(DataSourceExec::from_data_source(scan))
    }
}
