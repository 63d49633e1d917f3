//! What can be queried: the datasets of one program, with their columns and metrics.
//!
//! These are plain values, made by [`crate::datasets::definition`]. Names and aliases are matched case-insensitively.

use std::sync::Arc;

use strum::{EnumString, IntoStaticStr};

use crate::metric::{MetricExpression, metric_type};
use crate::timespan::TimeSpan;

pub use crate::column::{Column, ColumnType, same_name};

/// The datasets of one program. Immutable; a reload makes another one.
#[derive(Debug, Clone, Default)]
pub struct Catalog {
    datasets: Vec<Arc<Dataset>>,
}

/// A table that queries can name in FROM.
#[derive(Debug, Clone, PartialEq)]
pub struct Dataset {
    /// The spelling that answers use.
    pub name: String,
    /// Other spellings that FROM may use.
    pub aliases: Vec<String>,
    pub title: String,
    pub columns: Vec<Column>,
    pub metrics: Vec<Metric>,
    /// The index in `columns` of the column to which time spans apply.
    pub date_column: Option<usize>,
    pub grain: Grain,
    /// The time spans in `availableDateRanges`, in this order.
    pub date_ranges: Vec<TimeSpan>,
    /// The least interval between two executions, in hours.
    pub minimum_interval_hours: u32,
    /// The index in `columns` of the column with the partner location's id (MPNId). If there is none, only organisation-wide viewers may query the dataset.
    pub location_column: Option<usize>,
    pub tenancy: Tenancy,
    pub format: RowFormat,
}

/// How the rows lie in a dataset's folder, or in each tenant's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, EnumString, IntoStaticStr)]
#[strum(serialize_all = "lowercase")]
pub enum RowFormat {
    /// As Parquet files, all of which count.
    #[default]
    Parquet,
    /// As a Delta table, whose log says which files count.
    Delta,
}

/// How a dataset says which tenant owns a row. Nobody sees a row that belongs to no tenant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Tenancy {
    /// The files are in `tenant=<tenant id>` folders.
    Folder,
    /// A column of the files has the owner; it need not be one of the dataset's columns.
    Column { name: String, holds: TenantKey },
}

/// What a tenant column contains.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TenantKey {
    TenantId,
    GlobalAccountId,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Metric {
    pub name: String,
    pub aliases: Vec<String>,
    /// The expression as the definition spells it.
    pub text: String,
    pub expression: MetricExpression,
    pub sensitive: bool,
    pub description: String,
}

impl RowFormat {
    /// The name in definitions.
    pub fn name(self) -> &'static str {
        self.into()
    }
}

/// The period that one row of a dataset stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Grain {
    Day,
    Month,
    None,
}

/// A resolved name of a query: an index in the dataset's columns or metrics.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Field {
    Column(usize),
    Metric(usize),
}

impl Catalog {
    /// Of two datasets with one name, the later replaces the earlier: an operator's definition replaces a built-in one.
    pub fn new(datasets: impl IntoIterator<Item = Arc<Dataset>>) -> Self {
        let mut catalog = Catalog::default();
        for dataset in datasets {
            match catalog.datasets.iter_mut().find(|known| same_name(&known.name, &dataset.name)) {
                Some(known) => *known = dataset,
                None => catalog.datasets.push(dataset),
            }
        }
        catalog
    }

    pub fn datasets(&self) -> &[Arc<Dataset>] {
        &self.datasets
    }

    pub fn find(&self, name: &str) -> Option<&Arc<Dataset>> {
        let by_name = self.datasets.iter().find(|dataset| same_name(&dataset.name, name));
        by_name.or_else(|| self.datasets.iter().find(|dataset| dataset.aliases.iter().any(|alias| same_name(alias, name))))
    }
}

impl Dataset {
    /// The selectable column or the metric with that name or alias.
    pub fn field(&self, name: &str) -> Option<Field> {
        let column = self.columns.iter().position(|c| c.selectable && c.is_called(name));
        column.map(Field::Column).or_else(|| self.metrics.iter().position(|m| m.is_called(name)).map(Field::Metric))
    }

    /// The type of a column, or of a metric's value.
    pub fn field_type(&self, field: Field) -> ColumnType {
        match field {
            Field::Column(index) => self.columns.get(index).map_or(ColumnType::String, |c| c.kind),
            Field::Metric(index) => self.metrics.get(index).map_or(ColumnType::Float64, |m| metric_type(&self.columns, &m.expression)),
        }
    }

    /// The dataset's own name of a field.
    pub fn field_name(&self, field: Field) -> &str {
        match field {
            Field::Column(index) => self.columns.get(index).map_or("", |c| &c.name),
            Field::Metric(index) => self.metrics.get(index).map_or("", |m| &m.name),
        }
    }
}

impl Metric {
    pub fn is_called(&self, name: &str) -> bool {
        same_name(&self.name, name) || self.aliases.iter().any(|alias| same_name(alias, name))
    }
}

#[cfg(test)]
mod tests;
