//! One series over time: a column for each place, in the order of time, or a line where there are more places than room for columns.

use unicode_width::UnicodeWidthStr as _;

use super::{FROM_BELOW, Screen, eighths, right};
use crate::chart::Series;
use crate::chart::number::Ticks;
use crate::chart::time::Unit;

/// Rows of a terminal, about.
const HEIGHT: usize = 10;
/// Of one column, with the gap behind it.
const WIDEST: usize = 10;

pub fn draw(times: &[i64], unit: Unit, series: &Series, screen: Screen, number: usize) -> String {
    let there = || series.values.iter().copied().flatten();
    let (low, high) = there().fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| (low.min(value), high.max(value)));
    if low > high {
        return "no values\n".to_owned();
    }
    let from_zero = Ticks::new(low.min(0.0), high.max(0.0));
    let most = screen.width.saturating_sub(margin(&from_zero)) / 2;
    match unit.places(times, most) {
        Some(places) => {
            let places: Vec<(i64, Option<f64>)> =
                places.iter().map(|(time, at)| (*time, at.and_then(|at| series.values.get(at).copied().flatten()))).collect();
            columns(&places, unit, &from_zero, screen, number)
        }
        None => line(times, unit, &series.values, &Ticks::new(low, high), screen, number),
    }
}

/// What the ticks and the axis take.
fn margin(ticks: &Ticks) -> usize {
    (ticks.first..=ticks.last).map(|tick| ticks.shown(tick).width()).max().unwrap_or_default() + 2
}

/// Rows of the chart, of which each tick has the same number.
fn height(ticks: &Ticks) -> usize {
    ticks.count() * (HEIGHT / ticks.count()).max(1)
}

/// The rows from above with ticks and axis before them, and the times below.
fn framed(rows: &[String], ticks: &Ticks, below: &str, screen: Screen, number: usize) -> String {
    let (margin, each) = (margin(ticks), (rows.len() / ticks.count()).max(1));
    let mut framed = String::new();
    for (from_above, row) in rows.iter().enumerate() {
        // A tick stands where a row ends above.
        let tick = if from_above.is_multiple_of(each) {
            ticks.shown(ticks.last - i64::try_from(from_above / each).unwrap_or_default())
        } else {
            String::new()
        };
        let axis = if tick.is_empty() { '│' } else { '┤' };
        framed += format!("{} {axis}{}", right(&tick, margin - 2), screen.painted(row.trim_end(), number)).trim_end();
        framed.push('\n');
    }
    let width = rows.iter().map(|row| row.width()).max().unwrap_or_default();
    framed += &format!("{} ┼{}\n", right(&ticks.shown(ticks.first), margin - 2), "─".repeat(width));
    framed += format!("{}{below}", " ".repeat(margin)).trim_end();
    framed.push('\n');
    framed
}

fn columns(places: &[(i64, Option<f64>)], unit: Unit, ticks: &Ticks, screen: Screen, number: usize) -> String {
    let room = screen.width.saturating_sub(margin(ticks));
    let each = (room / places.len().max(1)).clamp(2, WIDEST);
    let height = height(ticks);
    let zero = (ticks.part(0.0) * height as f64).round() as usize;
    let cell = |from_below: usize, value: Option<f64>| {
        let Some(value) = value else { return ' ' };
        let (end, row) = (ticks.part(value) * height as f64, from_below as f64);
        if value >= 0.0 && from_below >= zero {
            let smallest = usize::from(value > 0.0 && from_below == zero);
            return eighths(FROM_BELOW, (((end - row).clamp(0.0, 1.0) * 8.0).round() as usize).max(smallest));
        }
        if value < 0.0 && from_below < zero {
            // Of blocks that begin above there are these.
            return match (row + 1.0 - end).clamp(0.0, 1.0) {
                part if part >= 0.75 => '█',
                part if part >= 0.25 => '▀',
                part if part > 0.0 || from_below + 1 == zero => '▔',
                _ => ' ',
            };
        }
        ' '
    };
    let row = |from_below: usize| -> String {
        places.iter().map(|(_, value)| format!("{}{}", cell(from_below, *value).to_string().repeat(each - 1), " ")).collect()
    };
    let rows: Vec<String> = (0..height).rev().map(row).collect();
    let mut below = String::new();
    for (place, (time, _)) in places.iter().enumerate() {
        let name = unit.shown(*time);
        let begins = place * each;
        let first = below.is_empty();
        if (first || begins > below.width()) && begins + name.width() <= room {
            below += &" ".repeat(begins.saturating_sub(below.width()));
            below += &name;
        }
    }
    framed(&rows, ticks, &below, screen, number)
}

/// Dots of which each cell has two beside and four above each other.
struct Canvas {
    width: usize,
    cells: Vec<u8>,
}

impl Canvas {
    fn dot(&mut self, x: usize, from_above: usize) {
        let bit = match (x % 2, from_above % 4) {
            (0, 3) => 0x40,
            (_, 3) => 0x80,
            (0, row) => 1 << row,
            (_, row) => 8 << row,
        };
        let cell = if x / 2 < self.width { self.cells.get_mut(from_above / 4 * self.width + x / 2) } else { None };
        if let Some(cell) = cell {
            *cell |= bit;
        }
    }

    fn rows(&self) -> Vec<String> {
        let shown = |cell: &u8| if *cell == 0 { ' ' } else { char::from_u32(0x2800 + u32::from(*cell)).unwrap_or(' ') };
        self.cells.chunks(self.width.max(1)).map(|row| row.iter().map(shown).collect()).collect()
    }
}

fn line(times: &[i64], unit: Unit, values: &[Option<f64>], ticks: &Ticks, screen: Screen, number: usize) -> String {
    let width = screen.width.saturating_sub(margin(ticks)).max(8);
    let height = height(ticks);
    let (Some(first), Some(last)) = (times.first(), times.last()) else { return String::new() };
    let mut canvas = Canvas { width, cells: vec![0; width * height] };
    let (most_x, most_y) = ((width * 2 - 1) as f64, (height * 4 - 1) as f64);
    let place = |time: i64, value: f64| {
        let x = (time - first) as f64 / (last - first).max(1) as f64;
        (x * most_x, (1.0 - ticks.part(value)) * most_y)
    };
    let mut before: Option<(f64, f64)> = None;
    for (time, value) in times.iter().zip(values) {
        // A null breaks the line.
        let here = value.map(|value| place(*time, value));
        if let Some((x, y)) = here {
            let (from_x, from_y) = before.unwrap_or((x, y));
            let steps = (x - from_x).abs().max((y - from_y).abs()).ceil().max(1.0) as usize;
            for step in 0..=steps {
                let part = step as f64 / steps as f64;
                canvas.dot((from_x + (x - from_x) * part).round() as usize, (from_y + (y - from_y) * part).round() as usize);
            }
        }
        before = here;
    }
    let (begins, ends) = (unit.shown(*first), unit.shown(*last));
    let below = format!("{begins}{}", right(&ends, width.saturating_sub(begins.width())));
    framed(&canvas.rows(), ticks, &below, screen, number)
}
