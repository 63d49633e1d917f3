//! The rows of a preview as a table: numbers aligned and grouped by thousands, with the exact value beside for those who sort or copy.

use std::collections::BTreeMap;

use insightgate_operations::queries::preview::{TriedColumn, TriedQuery};
use insightgate_query::column::ColumnType;
use serde_json::value::RawValue;

use super::faults::cut;

/// The most characters of a cell that are shown. The whole is in its value.
const SHOWN: usize = 300;
/// The most characters that are shown on one line.
const LINE: usize = 40;

/// A table of the first rows.
pub(crate) struct Rows {
    pub(crate) heads: Vec<Head>,
    pub(crate) rows: Vec<Vec<Cell>>,
    /// Whether a chart of it says something.
    pub(crate) has_chart: bool,
}

pub(crate) struct Head {
    pub(crate) name: String,
    pub(crate) is_number: bool,
    /// Whether rows are grouped by it. A chart is drawn along such columns.
    pub(crate) is_group: bool,
}

#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Cell {
    pub(crate) shown: String,
    /// What is compared and copied, where it differs from what is shown.
    pub(crate) value: Option<String>,
    pub(crate) is_number: bool,
    /// Whether it is shown on several lines.
    pub(crate) is_long: bool,
}

impl Rows {
    pub(crate) fn of(tried: &TriedQuery) -> Rows {
        let rows: Vec<Vec<Cell>> = tried.preview.rows.iter().map(|row| cells(&tried.columns, row)).collect();
        let has_chart = rows.len() > 1 && has_chart(&tried.columns);
        Rows { heads: tried.columns.iter().map(head).collect(), rows, has_chart }
    }
}

fn head(column: &TriedColumn) -> Head {
    Head { name: column.name.clone(), is_number: is_number(column.kind), is_group: !column.is_metric }
}

/// Metrics by months, dates or groups. Rows without a metric are nothing that could be compared, and a metric without a group is one number.
fn has_chart(columns: &[TriedColumn]) -> bool {
    columns.iter().any(|column| !column.is_metric) && columns.iter().any(|column| column.is_metric && is_number(column.kind))
}

fn is_number(kind: ColumnType) -> bool {
    matches!(kind, ColumnType::Int64 | ColumnType::Float64 | ColumnType::Decimal { .. })
}

fn cells(columns: &[TriedColumn], row: &RawValue) -> Vec<Cell> {
    let values: BTreeMap<String, Box<RawValue>> = serde_json::from_str(row.get()).unwrap_or_default();
    let of = |column: &TriedColumn| cell(values.get(&column.name).map_or("null", |value| value.get()), is_number(column.kind));
    columns.iter().map(of).collect()
}

/// `json` is the value as it was sent, so that no digit of a number is lost.
fn cell(json: &str, is_number: bool) -> Cell {
    if json == "null" {
        return Cell { shown: String::new(), value: None, is_number, is_long: false };
    }
    let text = serde_json::from_str::<String>(json).unwrap_or_else(|_| json.to_owned());
    let shown = if is_number { grouped(&text) } else { cut(&text, SHOWN) };
    let value = (shown != text).then_some(text);
    let is_long = shown.chars().nth(LINE).is_some();
    Cell { shown, value, is_number, is_long }
}

/// A number with a comma before every third digit of its whole part. One with an exponent stays as it is.
fn grouped(number: &str) -> String {
    let (sign, digits) = number.strip_prefix('-').map_or(("", number), |digits| ("-", digits));
    let (whole, fraction) = digits.find('.').map_or((digits, ""), |point| digits.split_at(point));
    if !whole.bytes().all(|byte| byte.is_ascii_digit()) || fraction.contains(['e', 'E']) {
        return number.to_owned();
    }
    let mut shown = sign.to_owned();
    for (index, digit) in whole.chars().enumerate() {
        if index > 0 && (whole.len() - index) % 3 == 0 {
            shown.push(',');
        }
        shown.push(digit);
    }
    shown.push_str(fraction);
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    fn column(name: &str, kind: ColumnType, is_metric: bool) -> TriedColumn {
        TriedColumn { name: name.into(), kind, is_metric }
    }

    #[test]
    fn numbers_are_grouped_and_keep_their_digits() {
        for (json, shown) in [
            ("0", "0"),
            ("-100", "-100"),
            ("1234", "1,234"),
            ("-1234567.80", "-1,234,567.80"),
            ("12345678901234567890123456.123456789", "12,345,678,901,234,567,890,123,456.123456789"),
            ("1.5e300", "1.5e300"),
            ("1e300", "1e300"),
        ] {
            let found = cell(json, true);
            assert_eq!((found.shown.as_str(), found.value.as_deref()), (shown, (shown != json).then_some(json)));
        }
    }

    #[test]
    fn texts_are_cut_and_nulls_are_empty() {
        let long = "ä".repeat(10_000);
        let found = cell(&format!("\"{long}\""), false);
        assert_eq!((found.shown.chars().count(), found.value), (SHOWN + 1, Some(long)));
        assert_eq!(cell("null", false), Cell { shown: String::new(), value: None, is_number: false, is_long: false });
        let quoted = cell("\"a \\\"b\\\" <i>\"", false);
        assert_eq!((quoted.shown.as_str(), quoted.value), ("a \"b\" <i>", None));
    }

    #[test]
    fn a_chart_has_groups_and_their_metrics() {
        let (month, name) = (column("Month", ColumnType::Date, false), column("Name", ColumnType::String, false));
        let (seats, last) = (column("Seats", ColumnType::Int64, true), column("Last", ColumnType::Date, true));
        for drawn in [vec![&month, &seats], vec![&seats, &name], vec![&month, &name, &seats], vec![&name, &last, &seats]] {
            assert!(has_chart(&drawn.into_iter().cloned().collect::<Vec<_>>()));
        }
        // The latest day of a group is a metric too, and no length that could be drawn.
        for none in [vec![], vec![&month], vec![&month, &name], vec![&seats, &seats], vec![&name, &last]] {
            assert!(!has_chart(&none.into_iter().cloned().collect::<Vec<_>>()));
        }
    }

    #[test]
    fn groups_are_told_from_metrics() {
        let heads = [column("Year", ColumnType::Int64, false), column("Seats", ColumnType::Int64, true)].map(|column| head(&column));
        assert_eq!(heads.map(|head| (head.is_number, head.is_group)), [(true, true), (true, false)]);
    }
}
