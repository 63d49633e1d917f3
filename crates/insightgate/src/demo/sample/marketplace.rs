//! Sample data of the marketplace: rows of the `cmp` datasets.
//!
//! All rows follow from the same purchases: who bought which plan and when, for how long, what was used and what was paid. A row is computed from its
//! purchase, so that the orders, usage and revenue of a customer agree. This module is pure, like the rest of the sample.

mod buyers;
mod fields;
mod lines;
mod offers;
mod purchases;

use insightgate_query::datasets::catalog::Dataset;

use super::companies::{self, Customer};
use super::random::{mix, of_text};
use super::{CHUNK, Chunk, SampleSettings, shape};
use buyers::PLACES;
use fields::Field;
use lines::{Row, Subject};
use purchases::Purchase;

/// After this many rounds without a row, a place has no rows for a dataset: each buyer comes to every offer within nine rounds.
const EMPTY_ROUNDS: u32 = 32;
/// The number of purchases that sample queries name, which come first and have no nulls except those that have a meaning.
const ANCHORS: u64 = 4;

/// The rows of one dataset, in chunks of at most 1024. There are none for a dataset that is not the marketplace's.
pub fn table<'a>(dataset: &'a Dataset, settings: &'a SampleSettings) -> Table<'a> {
    Table {
        dataset,
        settings,
        subject: Subject::of(&dataset.name),
        fields: dataset.columns.iter().map(fields::field).collect(),
        customers: companies::customers(settings.seed, settings.partner.marker.is_some()),
        places: (0..PLACES).map(|place| Place { place, ..Place::default() }).collect(),
        salt: mix(settings.seed ^ of_text(&dataset.name)),
        next: 0,
    }
}

pub struct Table<'a> {
    dataset: &'a Dataset,
    settings: &'a SampleSettings,
    subject: Option<Subject>,
    /// The kind of value in each column.
    fields: Vec<Option<Field>>,
    customers: Vec<Customer>,
    /// How far each buyer's purchases have been turned into rows.
    places: Vec<Place>,
    salt: u64,
    next: u64,
}

#[derive(Default)]
struct Place {
    place: u64,
    /// The round of the next purchase.
    round: u64,
    purchase: Option<Purchase>,
    /// The next row of the purchase.
    row: u32,
}

impl Iterator for Table<'_> {
    type Item = Chunk;

    fn next(&mut self) -> Option<Chunk> {
        let end = self.settings.rows.min(self.next + CHUNK);
        let mut columns: Chunk = self.fields.iter().map(|_| Vec::with_capacity((end - self.next.min(end)) as usize)).collect();
        while self.next < end {
            let place = self.places.get_mut((self.next % PLACES) as usize)?;
            self.next += 1;
            let Some(row) = place.next_row(self.subject?, self.settings, &self.customers, self.salt) else { continue };
            let marker = self.settings.partner.marker.as_deref();
            for ((column, field), (index, values)) in self.dataset.columns.iter().zip(&self.fields).zip(columns.iter_mut().enumerate()) {
                values.push(field.and_then(|field| {
                    let random = mix(row.random ^ mix(index as u64));
                    let may_be_open = !field.key && row.purchase.number >= ANCHORS;
                    if may_be_open && shape::is_left_out(column, random) {
                        return None;
                    }
                    shape::known(column, (field.read)(&row), random, row.date, marker)
                }));
            }
        }
        columns.first().is_some_and(|column| !column.is_empty()).then_some(columns)
    }
}

impl Place {
    fn next_row(&mut self, subject: Subject, settings: &SampleSettings, customers: &[Customer], salt: u64) -> Option<Row<'_>> {
        let mut empty = 0;
        while self.purchase.as_ref().is_none_or(|purchase| self.row >= subject.rows(purchase)) {
            self.purchase = Some(Purchase::new(self.place, self.round, settings, customers)?);
            (self.round, self.row, empty) = (self.round + 1, 0, empty + 1);
            if empty > EMPTY_ROUNDS {
                return None;
            }
        }
        let number = self.row;
        self.row += 1;
        self.purchase.as_ref().map(|purchase| subject.row(purchase, number, salt))
    }
}
