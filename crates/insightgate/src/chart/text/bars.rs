//! A bar for each name, from the left to the right, with its value at its end. Negative ones lie on the other side of zero.

use unicode_width::UnicodeWidthStr as _;

use super::{FROM_THE_LEFT, Screen, eighths, label_width, left};
use crate::chart::number::short;
use crate::terminal::table::plain;

/// Names that are drawn.
const MOST: usize = 40;

pub fn draw(names: &[String], values: &[Option<f64>], screen: Screen, number: usize) -> String {
    let shown: Vec<(String, Option<f64>)> = names.iter().zip(values).take(MOST).map(|(name, value)| (plain(name), *value)).collect();
    let written = |value: Option<f64>| value.map_or("–".to_owned(), short);
    let labels = label_width(shown.iter().map(|(name, _)| name.as_str()), screen);
    let numbers = shown.iter().map(|(_, value)| written(*value).width()).max().unwrap_or_default();
    let room = screen.width.saturating_sub(labels + numbers + 3).max(8);
    let (low, high) =
        shown.iter().filter_map(|(_, value)| *value).fold((0.0, 0.0), |(low, high): (f64, f64), value| (low.min(value), high.max(value)));
    // In halves, since the whole may be more than a number can be.
    let part = |value: f64| if low < high { (value / 2.0) / (high / 2.0 - low / 2.0) } else { 0.0 };
    // Each side that has a value has a cell.
    let before = ((part(-low) * room as f64).ceil() as usize).clamp(usize::from(low < 0.0), room - usize::from(high > 0.0));
    let behind = room.saturating_sub(before);
    let line = |(name, value): &(String, Option<f64>)| {
        let number_of = written(*value);
        let value = value.unwrap_or_default();
        let bar = if value < 0.0 {
            // There are no blocks that begin at the right, except for halves.
            let halves = ((part(-value) * room as f64 * 2.0).round() as usize).clamp(1, before * 2);
            let bar = format!("{}{}", if halves % 2 == 1 { "▐" } else { "" }, "█".repeat(halves / 2));
            format!("{}{}", " ".repeat(before.saturating_sub(bar.width())), screen.painted(&bar, number))
        } else {
            let smallest = usize::from(value > 0.0);
            let parts = ((part(value) * room as f64 * 8.0).round() as usize).clamp(smallest, (behind * 8).max(smallest));
            let rest = if parts % 8 > 0 { eighths(FROM_THE_LEFT, parts % 8).to_string() } else { String::new() };
            format!("{}{}", " ".repeat(before), screen.painted(&format!("{}{rest}", "█".repeat(parts / 8)), number))
        };
        let line = format!("{}  {bar} {number_of}", left(name, labels));
        format!("{}\n", if labels == 0 { line.trim_start() } else { &line })
    };
    let lines: String = shown.iter().map(line).collect();
    match names.len().saturating_sub(MOST) {
        0 => lines,
        more => format!("{lines}… and {more} more: ORDER BY and LIMIT choose which are drawn\n"),
    }
}
