//! Several series over the same time: a row each, from zero to its own largest value, which stands at its end with its last one.

use unicode_width::UnicodeWidthStr as _;

use super::{FROM_BELOW, Screen, eighths, label_width, left, right};
use crate::chart::number::short;
use crate::chart::time::Unit;
use crate::chart::{Chart, Series};
use crate::terminal::table::plain;

/// Cells of one place.
const WIDEST: usize = 6;

/// The names of the columns of values, and which value of a series each shows.
type Summary = (&'static str, fn(&Series) -> Option<f64>);
const SUMMARIES: [Summary; 2] = [
    ("MAX", |series| series.values.iter().copied().flatten().reduce(f64::max)),
    ("LAST", |series| series.values.iter().copied().flatten().last()),
];

pub fn draw(chart: &Chart, times: &[i64], unit: Unit, screen: Screen) -> String {
    let names: Vec<String> = chart.series.iter().map(|series| plain(&series.name)).collect();
    let labels = label_width(names.iter().map(String::as_str), screen);
    let written = |of: fn(&Series) -> Option<f64>| chart.series.iter().map(move |series| of(series).map_or("–".to_owned(), short));
    let numbers =
        SUMMARIES.iter().flat_map(|(name, of)| written(*of).map(|text| text.width()).chain([name.width()])).max().unwrap_or_default();
    let room = screen.width.saturating_sub(labels + 2 + (numbers + 2) * SUMMARIES.len()).max(8);
    let places = unit.places(times, room + 1);
    let each = places.as_ref().map_or(1, |places| (room / places.len().max(1)).clamp(1, WIDEST));
    let width = places.as_ref().map_or(room, Vec::len) * each;
    let row = |series: &Series| -> String {
        let values = match &places {
            Some(places) => places.iter().map(|(_, at)| at.and_then(|at| series.values.get(at).copied().flatten())).collect(),
            None => squeezed(times, &series.values, room),
        };
        let (low, high) = values.iter().flatten().fold((0.0, 0.0), |(low, high), value| (f64::min(low, *value), f64::max(high, *value)));
        // In halves, since the whole may be more than a number can be.
        let part = |value: f64| if low < high { (value / 2.0 - low / 2.0) / (high / 2.0 - low / 2.0) } else { 0.0 };
        // What is there can be told from what is not.
        let block = |value: f64| eighths(FROM_BELOW, (part(value) * 7.0).round() as usize + 1);
        values.into_iter().map(|value| value.map_or(' ', block).to_string().repeat(each)).collect()
    };
    let ends = |time: Option<&i64>| time.map(|time| unit.shown(*time)).unwrap_or_default();
    let (begin, end) = (ends(times.first()), ends(times.last()));
    // A short row has no room for both times.
    let span =
        if begin.width() + end.width() < width { format!("{begin}{}", right(&end, width - begin.width())) } else { left(&begin, width) };
    let heads: String = SUMMARIES.iter().map(|(name, _)| format!("  {}", right(name, numbers))).collect();
    let mut lines = format!("{}  {span}{heads}\n", left("", labels));
    for (number, (series, name)) in chart.series.iter().zip(&names).enumerate() {
        let summary = |of: fn(&Series) -> Option<f64>| format!("  {}", right(&of(series).map_or("–".to_owned(), short), numbers));
        let summaries: String = SUMMARIES.iter().map(|(_, of)| summary(*of)).collect();
        lines += &format!("{}  {}{summaries}\n", left(name, labels), screen.painted(&row(series), number));
    }
    format!("{lines}Each row has its own scale.\n")
}

/// The mean of the values that share a place.
fn squeezed(times: &[i64], values: &[Option<f64>], room: usize) -> Vec<Option<f64>> {
    let (Some(first), Some(last)) = (times.first(), times.last()) else { return Vec::new() };
    let mut places = vec![(0.0, 0_u32); room];
    for (time, value) in times.iter().zip(values) {
        let part = (time - first) as f64 / (last - first).max(1) as f64;
        let place = places.get_mut((part * (room.saturating_sub(1)) as f64).round() as usize);
        if let (Some((sum, count)), Some(value)) = (place, value) {
            *sum += value;
            *count += 1;
        }
    }
    places.into_iter().map(|(sum, count)| if count > 0 { Some(sum / f64::from(count)) } else { None }).collect()
}
