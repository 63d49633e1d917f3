//! What the columns of a file hold. A text file says nothing of types, so that the cells are looked at, and the names where cells leave it open.

use super::rows::Rows;
use super::time;

/// Ends of names whose digits count nothing.
const LABELS: [&str; 9] = ["Id", "ID", "_id", "Number", "Code", "Year", "Quarter", "Month", "Week"];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Number,
    Time,
    Text,
    /// Every cell is null.
    Nothing,
}

#[derive(Debug)]
pub struct Column<'a> {
    /// Its place among the columns.
    pub at: usize,
    pub name: &'a str,
    pub kind: Kind,
    pub cells: Vec<&'a str>,
    /// Of each row, if it has a finite one.
    pub numbers: Vec<Option<f64>>,
    /// The same, as seconds since 1970; of [`Kind::Time`] alone.
    pub times: Vec<Option<i64>>,
}

impl Column<'_> {
    pub fn varies(&self) -> bool {
        self.cells.iter().any(|cell| Some(cell) != self.cells.first())
    }

    /// Also of a column whose digits are a label by their name.
    pub fn has_numbers(&self) -> bool {
        self.kind == Kind::Number || (self.numbers.iter().any(Option::is_some) && self.cells.iter().all(|cell| is_number_or_null(cell)))
    }
}

pub fn of(rows: &Rows) -> Vec<Column<'_>> {
    rows.names.iter().enumerate().map(|(at, name)| one(at, name, rows)).collect()
}

fn one<'a>(at: usize, name: &'a str, rows: &'a Rows) -> Column<'a> {
    let cells: Vec<&str> = rows.records.iter().map(|record| record.get(at).map(String::as_str).unwrap_or_default()).collect();
    let there = || cells.iter().filter(|cell| !cell.is_empty());
    let kind = if there().next().is_none() {
        Kind::Nothing
    } else if there().all(|cell| time::parse(cell).is_some()) {
        Kind::Time
    } else if there().all(|cell| is_number_or_null(cell)) && !is_label(name) && !there().any(|cell| has_leading_zero(cell)) {
        Kind::Number
    } else {
        Kind::Text
    };
    let numbers = cells.iter().map(|cell| cell.parse().ok().filter(|number: &f64| number.is_finite())).collect();
    let times = if kind == Kind::Time { cells.iter().map(|cell| time::parse(cell)).collect() } else { Vec::new() };
    Column { at, name, kind, cells, numbers, times }
}

/// Whole columns of ids are digits, and so are years.
fn is_label(name: &str) -> bool {
    name.eq_ignore_ascii_case("id") || LABELS.iter().any(|end| name.ends_with(end))
}

fn is_number_or_null(cell: &str) -> bool {
    cell.is_empty() || cell.parse::<f64>().is_ok()
}

/// As ids and postal codes have one.
fn has_leading_zero(cell: &str) -> bool {
    let digits = cell.trim_start_matches('-');
    digits.len() > 1 && digits.starts_with('0') && digits.bytes().all(|byte| byte.is_ascii_digit())
}
