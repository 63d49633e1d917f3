//! The common columns of a person's files, and what an earlier definition says about them.

use std::path::PathBuf;

use insightgate_engine::{InferOptions, Note, ReadOptions, infer};
use insightgate_query::datasets::catalog::{Column, ColumnType, Dataset, same_name};
use insightgate_query::datasets::definition;

use super::AddDatasetFault;

/// The common columns, and the name and type of each column whose type no dataset can have.
#[derive(Default)]
pub(super) struct CommonColumns {
    pub columns: Vec<Column>,
    pub skipped: Vec<(String, String)>,
    /// One for each column that stays text but looks like something else, or whose numbers are ambiguous.
    pub notes: Vec<Note>,
}

impl CommonColumns {
    /// The columns of the first file, which the others must have too. Columns named in `of_ids` are strings, even if all of their values are digits.
    pub(super) fn of(files: &[PathBuf], read: &ReadOptions, of_ids: &[&str]) -> Result<CommonColumns, AddDatasetFault> {
        let mut common = CommonColumns::default();
        let mut notes: Vec<Note> = Vec::new();
        // The columns that had no value in the files so far.
        let mut empty: Vec<String> = Vec::new();
        for (index, file) in files.iter().enumerate() {
            let mut inferred = infer(file, &InferOptions { read: read.clone(), rows: None })?;
            // A Parquet file declares the types of its values, so only the types of text files are changed.
            for column in inferred.columns.iter_mut().filter(|_| inferred.is_text) {
                if of_ids.iter().any(|name| column.is_called(name)) && column.kind == ColumnType::Int64 {
                    column.kind = ColumnType::String;
                }
            }
            notes.extend(inferred.notes);
            if index == 0 {
                common = CommonColumns { columns: inferred.columns, skipped: inferred.skipped, notes: Vec::new() };
                empty = inferred.empty;
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
                column.nullable |= other.nullable;
                if inferred.empty.contains(&other.name) {
                    continue;
                }
                if let Some(place) = empty.iter().position(|name| same_name(name, &column.name)) {
                    empty.remove(place);
                    column.kind = other.kind;
                }
                let (one, two) = (definition::type_name(column.kind), definition::type_name(other.kind));
                column.kind = wider(column.kind, other.kind).ok_or_else(|| different(format!("'{}' is {two}, not {one}", column.name)))?;
            }
        }
        // Columns of ids are text whatever they look like, so there are no notes on them.
        for column in common.columns.iter().filter(|column| !of_ids.iter().any(|name| column.is_called(name))) {
            // A note on one file is dropped if another file gave the column another type.
            let is_of = |note: &&Note| same_name(&note.column, &column.name) && note.kind == column.kind;
            common.notes.extend(notes.iter().find(is_of).cloned());
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

/// The type that can hold the values of both, if there is one.
fn wider(one: ColumnType, other: ColumnType) -> Option<ColumnType> {
    match (one, other) {
        (one, other) if one == other => Some(one),
        (ColumnType::Int64, ColumnType::Float64) | (ColumnType::Float64, ColumnType::Int64) => Some(ColumnType::Float64),
        (ColumnType::Decimal { .. }, ColumnType::Float64) | (ColumnType::Float64, ColumnType::Decimal { .. }) => Some(ColumnType::Float64),
        (one, other) if digits(one).is_some() && digits(other).is_some() => digits(one).zip(digits(other)).map(decimal_of_both),
        (ColumnType::Date, ColumnType::Timestamp) | (ColumnType::Timestamp, ColumnType::Date) => Some(ColumnType::Timestamp),
        _ => None,
    }
}

/// The digits before and after the decimal point of an exact number type.
fn digits(kind: ColumnType) -> Option<(i16, i16)> {
    match kind {
        ColumnType::Int64 => Some((19, 0)),
        ColumnType::Decimal { precision, scale } => Some((i16::from(precision) - i16::from(scale), scale.into())),
        _ => None,
    }
}

/// The decimal that holds both, or a float if no decimal has so many digits.
fn decimal_of_both((one, other): ((i16, i16), (i16, i16))) -> ColumnType {
    let (whole, scale) = (one.0.max(other.0), one.1.max(other.1));
    let precision = if whole + scale <= 18 { 18 } else { 38 };
    match i8::try_from(scale) {
        Ok(scale) if whole + i16::from(scale) <= precision => {
            ColumnType::Decimal { precision: if precision == 18 { 18 } else { 38 }, scale }
        }
        _ => ColumnType::Float64,
    }
}

/// Keeps what a person wrote into the earlier definition, as far as it still applies. All metrics are kept: one that names a missing column causes an
/// error when the definition is read back, rather than being lost.
pub(super) fn keep_what_was_written(earlier: Dataset, mut new: Dataset) -> Dataset {
    for column in &mut new.columns {
        let Some(old) = earlier.columns.iter().find(|old| same_name(&old.name, &column.name)) else { continue };
        column.description.clone_from(&old.description);
        column.aliases.clone_from(&old.aliases);
        (column.sensitive, column.selectable) = (old.sensitive, old.selectable);
        // The rows of other owners may contain nulls.
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
