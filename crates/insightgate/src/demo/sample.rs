//! Sample data: rows for every dataset of both programs, as values. The demo writes them where an operator's own files would be.
//!
//! This module is pure: the same settings give the same rows. Rows follow subscriptions from month to month, so that seats, revenue and dates agree,
//! and rows of the marketplace follow purchases. From about 60 rows on, every value that a documented sample query names occurs. It never writes a
//! file and never reads the clock.

mod companies;
mod fields;
pub mod marketplace;
mod offers;
mod random;
mod row;
mod shape;

use chrono::{DateTime, Utc};
use insightgate_query::column::Value;
use insightgate_query::datasets::catalog::Dataset;

use companies::Customer;
use fields::Field;
use row::Plot;

/// The most rows of a chunk.
const CHUNK: u64 = 1024;

#[derive(Debug, Clone)]
pub struct SampleSettings {
    pub seed: u64,
    /// The rows of each table, except for tables that have one row for each location.
    pub rows: u64,
    /// The time to which dates are relative.
    pub now: DateTime<Utc>,
    pub partner: Partner,
}

/// The partner that owns the data.
#[derive(Debug, Clone)]
pub struct Partner {
    /// The partner global account's MPN id.
    pub global_account: String,
    /// The locations, of which there is at least one; the first counts as the headquarters.
    pub locations: Vec<Location>,
    pub name: String,
    /// A prefix of every name and other open text, which makes a row recognisable if it is shown to another tenant.
    pub marker: Option<String>,
}

#[derive(Debug, Clone)]
pub struct Location {
    pub mpn_id: String,
    pub name: String,
    /// The country in English, such as `United States`.
    pub country: String,
}

/// One vector for each column of the dataset, including hidden ones; all have the same length.
pub type Chunk = Vec<Vec<Option<Value>>>;

/// The rows of one dataset of the partner program, in chunks of at most 1024.
pub fn table<'a>(dataset: &'a Dataset, settings: &'a SampleSettings) -> Table<'a> {
    let plot = Plot::new(dataset, settings);
    let fields = dataset.columns.iter().enumerate().map(|(index, column)| Field::of(dataset, index, column)).collect();
    let customers = companies::customers(settings.seed, settings.partner.marker.is_some());
    let rows = plot.rows();
    Table { dataset, settings, plot, fields, customers, next: 0, rows }
}

pub struct Table<'a> {
    dataset: &'a Dataset,
    settings: &'a SampleSettings,
    plot: Plot<'a>,
    /// The kind of value in each column.
    fields: Vec<Field>,
    customers: Vec<Customer>,
    next: u64,
    rows: u64,
}

impl Iterator for Table<'_> {
    type Item = Chunk;

    fn next(&mut self) -> Option<Chunk> {
        if self.next >= self.rows {
            return None;
        }
        let end = self.rows.min(self.next + CHUNK);
        let rows: Vec<_> = (self.next..end).filter_map(|index| self.plot.row(index, &self.customers)).collect();
        self.next = end;
        let marker = self.settings.partner.marker.as_deref();
        let columns = self.dataset.columns.iter().zip(&self.fields).enumerate();
        let column = |(index, (column, field))| rows.iter().map(|row| shape::value(column, field, index as u64, row, marker)).collect();
        Some(columns.map(column).collect())
    }
}

#[cfg(test)]
mod tests;
