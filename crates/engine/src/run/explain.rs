//! Explains what a query would read: files and row groups, rows and bytes.
//!
//! The numbers come from the caller's own rows only. If the scope owns every row of the files, the numbers come from the footers, and the statistics
//! exclude what the scan would skip. If files have rows of others too, their footers describe those as well: then the scope's own rows are counted
//! instead, and statistics, which include values of others, are not used.

use std::collections::HashMap;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use datafusion::arrow::array::{AsArray, RecordBatch};
use datafusion::arrow::datatypes::Int64Type;
use datafusion::error::Result;
use datafusion::parquet::file::metadata::{ParquetMetaData, RowGroupMetaData};
use datafusion::physical_plan::execute_stream;
use futures::TryStreamExt;
use insightgate_identity::role::Locations;
use insightgate_identity::scope::TenantScope;
use insightgate_query::datasets::catalog::{ColumnType, Dataset, Tenancy, same_name};
use insightgate_query::plan::Plan;
use insightgate_query::timespan::Window;

use crate::error::EngineError;
use crate::lower;
use crate::rows::columns::{FILE_COLUMN, ROW_COLUMN, column};
use crate::rows::held_texts::HeldTexts;
use crate::rows::pruning::Scan;
use crate::rows::scan;
use crate::rows::scan::Rows;
use crate::rows::snapshot::Snapshot;
use crate::run::budget::Room;
use crate::run::engine::{Engine, Prepared, Question};
use crate::run::strategy::Streams;
use crate::run::turns::{Asked, Lane};

/// What a query would read, computed from the caller's own rows alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Explanation {
    /// Rows of the dataset that the scope can see, whatever the query selects.
    pub visible_rows: u64,
    /// The most of these rows that are read once files and row groups are skipped.
    pub estimated_rows: u64,
    /// The stored bytes of the columns that are read of these rows.
    pub estimated_bytes: u64,
    /// Files that contain rows of the scope.
    pub files: Parts,
    /// Row groups that contain rows of the scope.
    pub row_groups: Parts,
    /// The names of the dataset's columns that are read.
    pub columns: Vec<String>,
    /// When the newest of the files was written; `None` if there are no files.
    pub data_as_of: Option<DateTime<Utc>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Parts {
    pub read: u64,
    pub skipped: u64,
}

impl Parts {
    fn add(&mut self, is_read: bool) {
        if is_read { self.read += 1 } else { self.skipped += 1 }
    }
}

impl Engine {
    /// Plans the query as an execution would, and examines what its scan would read, without producing any row of the answer. Waits for its turn if
    /// it has to read rows.
    ///
    /// # Errors
    ///
    /// [`EngineError::Crowded`] if its turn does not come in time; otherwise an error of the query or of its files.
    pub async fn explain(&self, scope: &TenantScope, plan: &Plan, window: Window) -> Result<Explanation, EngineError> {
        let desk = self.inner.workers.desk(scope.tenant())?;
        let (engine, scope, plan) = (self.clone(), scope.clone(), plan.clone());
        desk.run(async move { engine.explained(&scope, &plan, window).await }).await?
    }

    async fn explained(&self, scope: &TenantScope, plan: &Plan, window: Window) -> Result<Explanation, EngineError> {
        let scope = &scope.within(&plan.dataset.name)?;
        let question = Question { scope, plan, window, at_most: None };
        let prepared = self.prepare(question, HeldTexts::Proven, self.widest()).await?;
        let footers = self.inner.lake.footers(&prepared.snapshot).await;
        let footers = footers.map_err(|error| self.query_error(error))?;
        let scan = Scan::of(&prepared.physical, &plan.dataset);
        let mut explanation = Explanation {
            visible_rows: 0,
            estimated_rows: 0,
            estimated_bytes: 0,
            files: Parts::default(),
            row_groups: Parts::default(),
            columns: scan.as_ref().map(|scan| scan.columns(&plan.dataset)).unwrap_or_default(),
            data_as_of: prepared.snapshot.data_as_of,
        };
        let all_are_own = plan.dataset.tenancy == Tenancy::Folder && *scope.locations() == Locations::Organization;
        if all_are_own {
            weigh(scan.as_ref(), &prepared.snapshot, &footers, &mut explanation).map_err(|error| self.query_error(error))?;
        } else {
            self.count_own(scope, plan, window, &prepared, &footers, &mut explanation).await?;
        }
        Ok(explanation)
    }

    /// Counts the scope's own rows where rows of others are in the same files.
    async fn count_own(
        &self,
        scope: &TenantScope,
        plan: &Plan,
        window: Window,
        prepared: &Prepared,
        footers: &[Arc<ParquetMetaData>],
        explanation: &mut Explanation,
    ) -> Result<(), EngineError> {
        let visible = self.own_rows(scope, &plan.dataset, Window::All, prepared, footers).await?;
        let in_window = self.own_rows(scope, &plan.dataset, window, prepared, footers).await?;
        let read = explanation.columns.iter().filter_map(|name| plan.dataset.columns.iter().find(|known| same_name(&known.name, name)));
        let width: u64 = read.map(|known| width(known.kind)).sum();
        let mut files: HashMap<usize, bool> = HashMap::new();
        for (group, rows) in &visible {
            explanation.visible_rows += rows;
            let is_read = in_window.contains_key(group);
            explanation.row_groups.add(is_read);
            *files.entry(group.0).or_default() |= is_read;
        }
        files.into_values().for_each(|is_read| explanation.files.add(is_read));
        explanation.estimated_rows = in_window.values().sum();
        explanation.estimated_bytes = explanation.estimated_rows * width;
        Ok(())
    }

    /// How many rows of the scope are in each row group, by the positions of the file and of the row group.
    async fn own_rows(
        &self,
        scope: &TenantScope,
        dataset: &Dataset,
        window: Window,
        prepared: &Prepared,
        footers: &[Arc<ParquetMetaData>],
    ) -> Result<HashMap<(usize, usize), u64>, EngineError> {
        let inner = &self.inner;
        let rows = scan::tenant_rows(scope, dataset, &prepared.snapshot, &prepared.shapes, &inner.lake.url, Rows::Numbered)?;
        let rows = lower::in_window(rows, dataset, window)?;
        let places = rows.project([column(FILE_COLUMN), column(ROW_COLUMN)]).and_then(|rows| rows.build());
        let places = places.map_err(|error| self.query_error(error))?;
        let (budget, mut width) = (&inner.budget, self.widest());
        let (physical, reading) = loop {
            let physical = self
                .session_of(Streams { width, few: false })
                .create_physical_plan(&places)
                .await
                .map_err(|error| self.query_error(error))?;
            let reading = self.reading(&physical, dataset, &prepared.snapshot).await?;
            if width == 1 || reading.bytes(usize::MAX) <= budget.for_reading(false) {
                break (physical, reading);
            }
            width /= 2;
        };
        let need = budget.need(&reading, false, Room::Whole, None)?;
        let _share = self.turn(Asked { tenant: scope.tenant(), lane: Lane::Preview, bytes: need.bytes }).await?;
        let mut stream =
            execute_stream(physical, self.session_of(Streams { width, few: false }).task_ctx()).map_err(|error| self.query_error(error))?;
        let ends: Vec<Vec<i64>> = footers.iter().map(|footer| ends(footer)).collect();
        let mut counts = HashMap::new();
        while let Some(batch) = stream.try_next().await.map_err(|error| self.query_error(error))? {
            count(&batch, &ends, &mut counts);
        }
        Ok(counts)
    }
}

/// For each row group, the number of the row that follows it.
fn ends(footer: &ParquetMetaData) -> Vec<i64> {
    let rows = footer.row_groups().iter().map(RowGroupMetaData::num_rows);
    rows.scan(0, |end, rows| {
        *end += rows;
        Some(*end)
    })
    .collect()
}

fn count(batch: &RecordBatch, ends: &[Vec<i64>], counts: &mut HashMap<(usize, usize), u64>) {
    let [files, rows] = batch.columns() else { return };
    let (files, rows) = (files.as_primitive::<Int64Type>(), rows.as_primitive::<Int64Type>());
    for (file, row) in files.values().iter().zip(rows.values()) {
        let Some((file, ends)) = usize::try_from(*file).ok().and_then(|file| Some((file, ends.get(file)?))) else { continue };
        *counts.entry((file, ends.partition_point(|end| end <= row))).or_default() += 1;
    }
}

/// The bytes of a value, independent of how the values of others compress it in a file.
fn width(kind: ColumnType) -> u64 {
    match kind {
        ColumnType::Bool => 1,
        ColumnType::Date => 4,
        ColumnType::Int64 | ColumnType::Float64 | ColumnType::Timestamp => 8,
        ColumnType::Decimal { .. } | ColumnType::String => 16,
    }
}

/// Computes the numbers from the footers: all rows of all files belong to the scope.
fn weigh(scan: Option<&Scan>, snapshot: &Snapshot, footers: &[Arc<ParquetMetaData>], explanation: &mut Explanation) -> Result<()> {
    for (pinned, footer) in snapshot.files.iter().zip(footers) {
        let kept = match scan {
            Some(scan) => scan.kept(&pinned.meta.location, footer)?,
            None => vec![false; footer.num_row_groups()],
        };
        explanation.files.add(kept.contains(&true));
        for (group, is_read) in footer.row_groups().iter().zip(kept) {
            let rows = u64::try_from(group.num_rows()).unwrap_or_default();
            explanation.visible_rows += rows;
            explanation.row_groups.add(is_read);
            if is_read {
                explanation.estimated_rows += rows;
                explanation.estimated_bytes += scan.map_or(0, |scan| scan.bytes(group));
            }
        }
    }
    Ok(())
}
