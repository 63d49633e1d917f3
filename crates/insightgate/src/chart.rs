//! Charts of rows: which columns are drawn, against what, and in which order.
//!
//! The rows of a file come in; charts go out, which `text` draws on a terminal and `page` on a page. Nothing is computed that the query has not
//! computed, except that rows with the same label are added up, which the title then says.

mod columns;
mod number;
pub(crate) mod page;
pub(crate) mod rows;
#[cfg(test)]
mod tests;
pub(crate) mod text;
mod time;

use std::collections::HashMap;
use std::hash::Hash;

use columns::{Column, Kind};
use rows::Rows;
use time::Unit;

/// Number columns that are drawn if none is named.
const MOST_CHARTS: usize = 4;
/// Lines over the same time.
const MOST_SERIES: usize = 8;
/// What stands for a null.
const NOTHING: &str = "(none)";

/// One for each metric, and what there is no room for.
#[derive(Debug, PartialEq)]
pub struct Charts {
    pub charts: Vec<Chart>,
    /// Number columns that no chart shows.
    pub left_out: Vec<String>,
}

#[derive(Debug, PartialEq)]
pub struct Chart {
    pub metric: String,
    /// The names of the columns that the metric is drawn by; empty for a single row of numbers.
    pub by: Vec<String>,
    /// Rows with the same label, of which there were some, are added up.
    pub added_up: bool,
    pub axis: Axis,
    /// One for [`Axis::Names`].
    pub series: Vec<Series>,
    /// Further series, over time.
    pub series_left_out: usize,
    /// Rows without a time.
    pub timeless: usize,
}

#[derive(Debug, PartialEq)]
pub enum Axis {
    /// Seconds since 1970 in UTC, ascending, each once.
    Time(Vec<i64>, Unit),
    /// In the rows' order, each once.
    Names(Vec<String>),
}

#[derive(Debug, PartialEq)]
pub struct Series {
    /// Empty if it is the only one.
    pub name: String,
    /// One for each place of the axis. None for a null, for what is no finite number, and where there is no row.
    pub values: Vec<Option<f64>>,
}

/// Why there is nothing to draw.
#[derive(Debug, PartialEq)]
pub enum NoChart {
    NoRows,
    NoNumbers,
    /// What was asked for is no column of numbers; these are.
    NotNumbers(String, Vec<String>),
}

impl Chart {
    fn empty(axis: Axis) -> Chart {
        Chart { metric: String::new(), by: Vec::new(), added_up: false, axis, series: Vec::new(), series_left_out: 0, timeless: 0 }
    }

    pub fn title(&self) -> String {
        let by = match self.by.as_slice() {
            [] => String::new(),
            [one] => format!(" by {one}"),
            [rest @ .., last] => format!(" by {} and {last}", rest.join(", ")),
        };
        format!("{}{by}{}", self.metric, if self.added_up { ", rows with the same label added up" } else { "" })
    }
}

/// The charts of the number columns that are chosen, in any letter case, or of the first few if none is.
pub fn of(rows: &Rows, chosen: &[String]) -> Result<Charts, NoChart> {
    if rows.records.is_empty() {
        return Err(NoChart::NoRows);
    }
    let columns = columns::of(rows);
    let Roles { time, labels, metrics } = roles(&columns, chosen)?;
    let by = time.iter().chain(&labels).map(|column| column.name.to_owned()).collect::<Vec<_>>();
    let names: Vec<String> = (0..rows.records.len()).map(|row| label(&labels, row)).collect();
    let moments = time.map(|column| &column.times);
    let most = if chosen.is_empty() { MOST_CHARTS } else { usize::MAX };
    let chart = |metric: &&Column| {
        let drawn = match moments {
            Some(moments) => over_time(moments, &names, &metric.numbers),
            None => by_name(&names, &metric.numbers),
        };
        Chart { metric: metric.name.to_owned(), by: by.clone(), ..drawn }
    };
    let charts = metrics.iter().take(most).map(chart).collect();
    Ok(Charts { charts, left_out: metrics.iter().skip(most).map(|column| column.name.to_owned()).collect() })
}

/// What each column is for.
struct Roles<'a> {
    time: Option<&'a Column<'a>>,
    /// Together they name a bar, or a line over time.
    labels: Vec<&'a Column<'a>>,
    metrics: Vec<&'a Column<'a>>,
}

fn roles<'a>(columns: &'a [Column<'a>], chosen: &[String]) -> Result<Roles<'a>, NoChart> {
    let of_kind = |kind: Kind| columns.iter().filter(move |column| column.kind == kind);
    let mut metrics: Vec<&Column> = of_kind(Kind::Number).collect();
    let all_numbers = columns.iter().all(|column| matches!(column.kind, Kind::Number | Kind::Nothing));
    let rows = columns.first().map(|column| column.cells.len()).unwrap_or_default();
    // Of numbers alone the first is what the others are drawn by, such as a year or the id of a location.
    let first = if all_numbers && rows > 1 && metrics.len() > 1 { metrics.first().copied() } else { None };
    metrics.retain(|column| first.is_none_or(|first| first.at != column.at));
    if !chosen.is_empty() {
        let known = || metrics.iter().map(|column| column.name.to_owned()).collect();
        let named = |name: &String| {
            let found = columns.iter().find(|column| column.name.eq_ignore_ascii_case(name) && column.has_numbers());
            found.ok_or_else(|| NoChart::NotNumbers(name.clone(), known()))
        };
        metrics = chosen.iter().map(named).collect::<Result<_, _>>()?;
    }
    if metrics.is_empty() {
        return Err(NoChart::NoNumbers);
    }
    let is_metric = |column: &Column| metrics.iter().any(|metric| metric.at == column.at);
    let time = of_kind(Kind::Time).find(|column| !is_metric(column));
    let is_label = |column: &&Column| {
        let is_time = time.is_some_and(|time| time.at == column.at);
        matches!(column.kind, Kind::Text | Kind::Time) && !is_time && !is_metric(column)
    };
    let mut labels: Vec<&Column> = columns.iter().filter(is_label).chain(first.filter(|first| !is_metric(first))).collect();
    // What is the same in every row tells none from another.
    if labels.len() > 1 && labels.iter().any(|column| column.varies()) {
        labels.retain(|column| column.varies());
    }
    Ok(Roles { time, labels, metrics })
}

/// What a row's bar or line is called.
fn label(labels: &[&Column], row: usize) -> String {
    let cell = |column: &&Column| match column.cells.get(row) {
        Some(cell) if !cell.is_empty() => (*cell).to_owned(),
        _ => NOTHING.to_owned(),
    };
    labels.iter().map(cell).collect::<Vec<_>>().join(" · ")
}

/// Values in the order in which their keys came first.
struct Places<K> {
    of: HashMap<K, usize>,
    keys: Vec<K>,
}

impl<K: Clone + Eq + Hash> Places<K> {
    fn new() -> Places<K> {
        Places { of: HashMap::new(), keys: Vec::new() }
    }

    fn place(&mut self, key: &K) -> usize {
        let next = self.keys.len();
        let place = *self.of.entry(key.clone()).or_insert(next);
        if place == next {
            self.keys.push(key.clone());
        }
        place
    }
}

/// True if there was a value already.
fn add(values: &mut Vec<Option<f64>>, place: usize, number: Option<f64>) -> bool {
    if values.len() <= place {
        values.resize(place + 1, None);
    }
    let (Some(value), Some(number)) = (values.get_mut(place), number) else { return false };
    let before = value.replace(value.unwrap_or_default() + number);
    before.is_some()
}

fn by_name(names: &[String], numbers: &[Option<f64>]) -> Chart {
    let (mut places, mut values, mut added_up) = (Places::new(), Vec::new(), false);
    for (row, (name, number)) in names.iter().zip(numbers).enumerate() {
        // Rows without any label are told apart by their number.
        let name = if name.is_empty() && names.len() > 1 { (row + 1).to_string() } else { name.clone() };
        added_up |= add(&mut values, places.place(&name), *number);
    }
    let series = vec![Series { name: String::new(), values }];
    Chart { series, added_up, ..Chart::empty(Axis::Names(places.keys)) }
}

fn over_time(moments: &[Option<i64>], names: &[String], numbers: &[Option<f64>]) -> Chart {
    let mut times: Vec<i64> = moments.iter().copied().flatten().collect();
    times.sort_unstable();
    times.dedup();
    let (mut places, mut drawn, mut added_up, mut timeless) = (Places::new(), Vec::<Vec<Option<f64>>>::new(), false, 0);
    for ((moment, name), number) in moments.iter().zip(names).zip(numbers) {
        let Some(at) = moment.and_then(|moment| times.binary_search(&moment).ok()) else {
            timeless += 1;
            continue;
        };
        let place = places.place(name);
        if place == drawn.len() && place < MOST_SERIES {
            drawn.push(vec![None; times.len()]);
        }
        added_up |= drawn.get_mut(place).is_some_and(|values| add(values, at, *number));
    }
    let series_left_out = places.keys.len().saturating_sub(drawn.len());
    let series = places.keys.into_iter().zip(drawn).map(|(name, values)| Series { name, values }).collect();
    let unit = Unit::of(&times);
    Chart { series, added_up, series_left_out, timeless, ..Chart::empty(Axis::Time(times, unit)) }
}
