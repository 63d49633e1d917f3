//! Charts on a terminal, of block characters. Labels come from others, so that nothing in them reaches the terminal but letters.
//!
//! Names are drawn as bars with their values, one time series as columns or, where there are too many times for columns, as a line, and several as
//! a row each.

mod bars;
mod over_time;
mod sparks;

use unicode_width::{UnicodeWidthChar as _, UnicodeWidthStr as _};

use super::{Axis, Chart, Charts};
use crate::terminal::table::plain;

/// In a pipe, and where a terminal does not tell.
const USUAL_WIDTH: usize = 80;
/// What no chart is narrower or wider than.
const WIDTHS: (usize, usize) = (40, 200);

/// The colours of a terminal, by number: cyan, yellow, green, magenta, blue, red.
const COLOURS: [u8; 6] = [36, 33, 32, 35, 34, 31];

/// What is drawn on.
#[derive(Debug, Clone, Copy)]
pub struct Screen {
    pub width: usize,
    pub colours: bool,
}

impl Screen {
    /// Stdout, with colours if it is a terminal and `NO_COLOR` does not forbid them.
    pub fn stdout() -> Screen {
        let columns = console::Term::stdout().size_checked().map(|(_, columns)| usize::from(columns)).filter(|columns| *columns > 0);
        // In the last column some terminals begin a new line.
        let width = columns.map_or(USUAL_WIDTH, |columns| columns - 1).clamp(WIDTHS.0, WIDTHS.1);
        Screen { width, colours: console::colors_enabled() }
    }

    fn painted(&self, text: &str, number: usize) -> String {
        match COLOURS.get(number % COLOURS.len()) {
            Some(colour) if self.colours && !text.trim().is_empty() => format!("\u{1b}[{colour}m{text}\u{1b}[0m"),
            _ => text.to_owned(),
        }
    }
}

pub fn draw(charts: &Charts, screen: Screen) -> String {
    let mut drawn: Vec<String> = charts.charts.iter().enumerate().map(|(number, chart)| one(chart, screen, number)).collect();
    if !charts.left_out.is_empty() {
        let names = charts.left_out.iter().map(|name| plain(name)).collect::<Vec<_>>().join(", ");
        drawn.push(format!("Not drawn: {names}. --chart=NAME chooses a column.\n"));
    }
    drawn.join("\n")
}

fn one(chart: &Chart, screen: Screen, number: usize) -> String {
    let body = match (&chart.axis, chart.series.as_slice()) {
        (Axis::Names(names), [series, ..]) => bars::draw(names, &series.values, screen, number),
        (Axis::Time(times, unit), [series]) => over_time::draw(times, *unit, series, screen, number),
        (Axis::Time(times, unit), _) => sparks::draw(chart, times, *unit, screen),
        (Axis::Names(_), []) => String::new(),
    };
    let mut notes = String::new();
    if chart.series_left_out > 0 {
        notes += &format!("… and {} more: ORDER BY and LIMIT, or WHERE, choose which are drawn\n", chart.series_left_out);
    }
    if chart.timeless > 0 {
        notes += &format!("{} without a time not drawn\n", rows(chart.timeless));
    }
    format!("{}\n\n{body}{notes}", fitted(&plain(&chart.title()), screen.width))
}

fn rows(count: usize) -> String {
    if count == 1 { "1 row".to_owned() } else { format!("{count} rows") }
}

/// Cut to so many columns of a terminal, with an ellipsis where something is missing.
fn fitted(text: &str, width: usize) -> String {
    if text.width() <= width {
        return text.to_owned();
    }
    let (mut fitted, mut room) = (String::new(), width.saturating_sub(1));
    for character in text.chars() {
        let Some(rest) = room.checked_sub(character.width().unwrap_or_default()) else { break };
        room = rest;
        fitted.push(character);
    }
    fitted.push('…');
    fitted
}

/// Cut or filled up to so many columns.
fn left(text: &str, width: usize) -> String {
    let fitted = fitted(text, width);
    format!("{fitted}{}", " ".repeat(width.saturating_sub(fitted.width())))
}

/// The same, with the text at the end.
fn right(text: &str, width: usize) -> String {
    let fitted = fitted(text, width);
    format!("{}{fitted}", " ".repeat(width.saturating_sub(fitted.width())))
}

/// The column that the longest of the labels takes, of less than half of the screen.
fn label_width<'a>(labels: impl Iterator<Item = &'a str>, screen: Screen) -> usize {
    labels.map(|label| label.width()).max().unwrap_or_default().min(screen.width * 2 / 5)
}

/// So many eighths of a cell, filled from below or from the left.
fn eighths(blocks: [char; 9], eighths: usize) -> char {
    blocks.get(eighths.min(8)).copied().unwrap_or(' ')
}

const FROM_BELOW: [char; 9] = [' ', '▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
const FROM_THE_LEFT: [char; 9] = [' ', '▏', '▎', '▍', '▌', '▋', '▊', '▉', '█'];
