//! What a person's files have in common, and what an earlier definition says of it.

use std::path::PathBuf;

use insightgate_engine::{InferOptions, infer};
use insightgate_query::catalog::{Column, ColumnType, Dataset, same_name};
use insightgate_query::definition;

use super::AddDatasetFault;

/// Columns, and those of types that no dataset can have: name and type.
#[derive(Default)]
pub(super) struct CommonColumns {
    pub columns: Vec<Column>,
    pub skipped: Vec<(String, String)>,
}

impl CommonColumns {
    /// The columns of the first file, which the others must have too. Ids in the columns `of_ids` are strings, also where all of them are digits.
    pub(super) fn of(files: &[PathBuf], of_ids: &[&str]) -> Result<CommonColumns, AddDatasetFault> {
        let mut common = CommonColumns::default();
        for (index, file) in files.iter().enumerate() {
            let mut inferred = infer(file, InferOptions::default())?;
            // A file of Parquet says itself of what type its values are.
            for column in inferred.columns.iter_mut().filter(|_| inferred.is_text) {
                if of_ids.iter().any(|name| column.is_called(name)) && column.kind == ColumnType::Int64 {
                    column.kind = ColumnType::String;
                }
            }
            if index == 0 {
                common = CommonColumns { columns: inferred.columns, skipped: inferred.skipped };
                continue;
            }
            let different = |difference| AddDatasetFault::DifferentColumns {
                first: files.first().map(|first| first.display().to_string()).unwrap_or_default(),
                file: file.display().to_string(),
                difference,
            };
            if inferred.columns.len() != common.columns.len() {
                return Err(different(format!("{} columns instead of {}", inferred.columns.len(), common.columns.len())));
            }
            for (column, other) in common.columns.iter_mut().zip(&inferred.columns) {
                if !same_name(&column.name, &other.name) {
                    return Err(different(format!("'{}' instead of '{}'", other.name, column.name)));
                }
                let (one, two) = (definition::type_name(column.kind), definition::type_name(other.kind));
                column.kind = wider(column.kind, other.kind).ok_or_else(|| different(format!("'{}' is {two}, not {one}", column.name)))?;
                column.nullable |= other.nullable;
            }
        }
        Ok(common)
    }

    pub(super) fn position(&self, name: &str, file: &str) -> Result<usize, AddDatasetFault> {
        self.columns.iter().position(|column| column.is_called(name)).ok_or_else(|| AddDatasetFault::NoSuchColumn {
            file: file.to_owned(),
            column: name.to_owned(),
            known: self.columns.iter().map(|column| column.name.as_str()).collect::<Vec<_>>().join(", "),
        })
    }
}

/// The type that holds the values of both.
fn wider(one: ColumnType, other: ColumnType) -> Option<ColumnType> {
    match (one, other) {
        (one, other) if one == other => Some(one),
        (ColumnType::Int64, ColumnType::Float64) | (ColumnType::Float64, ColumnType::Int64) => Some(ColumnType::Float64),
        (ColumnType::Date, ColumnType::Timestamp) | (ColumnType::Timestamp, ColumnType::Date) => Some(ColumnType::Timestamp),
        _ => None,
    }
}

/// What a person wrote into the earlier definition is kept where it still has a place. Metrics are kept whole: one that names a column
/// which is gone is an error when the definition is read back, not a loss.
pub(super) fn keep_what_was_written(earlier: Dataset, mut new: Dataset) -> Dataset {
    for column in &mut new.columns {
        let Some(old) = earlier.columns.iter().find(|old| same_name(&old.name, &column.name)) else { continue };
        column.description.clone_from(&old.description);
        column.aliases.clone_from(&old.aliases);
        (column.sensitive, column.selectable) = (old.sensitive, old.selectable);
        // Other owners' rows may hold nulls.
        column.nullable |= old.nullable;
        if column.kind == old.kind {
            column.allowed.clone_from(&old.allowed);
            column.examples.clone_from(&old.examples);
        }
    }
    let still = |index: Option<usize>| -> Option<usize> {
        let old = earlier.columns.get(index?)?;
        new.columns.iter().position(|column| same_name(&column.name, &old.name) && column.kind == old.kind)
    };
    new.location_column = new.location_column.or_else(|| still(earlier.location_column));
    if new.date_column.is_none()
        && let Some(date) = still(earlier.date_column)
    {
        (new.date_column, new.grain, new.date_ranges) = (Some(date), earlier.grain, earlier.date_ranges);
    }
    Dataset {
        title: earlier.title,
        aliases: earlier.aliases,
        metrics: earlier.metrics,
        minimum_interval_hours: earlier.minimum_interval_hours,
        ..new
    }
}
