//! `--chart` and `--html`: what is shown of the rows that were downloaded. The first of them are kept while they go by, and looked at once the file is there.

use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};
use clap::Args;
use insightgate_client::Execution;
use insightgate_report::instant;

use crate::chart::page::{Contents, page};
use crate::chart::rows::Head;
use crate::chart::text::{self, Screen};
use crate::chart::{self, NoChart};
use crate::command_error::CommandError;
use crate::commands::export::target::Target;
use crate::terminal::print;
use crate::terminal::table::plain;
use crate::terminal::words::counted;

#[derive(Debug, Clone, Default, Args)]
pub struct ViewArguments {
    /// Draw a chart in the terminal, by month or group; of these columns only, if any are named: --chart=TotalRevenue,Seats
    #[arg(long, value_name = "COLUMNS", num_args = 0..=1, require_equals = true, default_missing_value = "")]
    chart: Option<String>,
    /// Write a page with chart and table, for a browser without network; the rows go to a file only with -o
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
}

pub struct View {
    /// Those of `--chart`: none named means the first ones.
    chart: Option<Vec<String>>,
    page: Option<Target>,
    query: String,
    /// What the page says of the rows beside that.
    notes: Vec<String>,
    head: Head,
}

impl ViewArguments {
    /// None if nothing is to be shown. Looks whether the page can be written before anything else is done.
    pub fn view(&self, output: Option<&Path>, force: bool) -> Result<Option<View>, CommandError> {
        if self.chart.is_none() && self.html.is_none() {
            return Ok(None);
        }
        let stdout = Some(Path::new("-"));
        let on_stdout = [output == stdout, self.chart.is_some(), self.html.as_deref() == stdout];
        if on_stdout.iter().filter(|there| **there).count() > 1 {
            return Err(CommandError::usage("rows, chart and page cannot go to stdout together").hint("name a file with -o or --html"));
        }
        if self.html.is_some() && self.html.as_deref() == output {
            return Err(CommandError::usage("the rows and the page cannot be one file").hint("name another file with -o or --html"));
        }
        let names = |names: &String| names.split(',').map(str::trim).filter(|name| !name.is_empty()).map(str::to_owned).collect();
        let page = self.html.as_deref().map(|path| Target::new(Some(path), force)).transpose()?;
        Ok(Some(View { chart: self.chart.as_ref().map(names), page, query: String::new(), notes: Vec::new(), head: Head::default() }))
    }
}

impl View {
    /// Of the rows of this query, from one time to another if its own span does not count.
    pub fn of(self, query: String, from: Option<DateTime<Utc>>, to: Option<DateTime<Utc>>) -> View {
        let from = from.map(|from| format!(" from {}", instant::format(from)));
        let to = to.map(|to| format!(" before {}", instant::format(to)));
        let span = [from, to].into_iter().flatten().collect::<Vec<_>>().join(" and");
        let notes = if span.is_empty() { Vec::new() } else { vec![format!("Rows{span}, whatever TIMESPAN says.")] };
        View { query, notes, ..self }
    }

    /// Whether stdout is taken.
    pub fn is_on_stdout(&self) -> bool {
        self.chart.is_some() || self.page.as_ref().is_some_and(Target::is_stdout)
    }

    /// A piece of the file.
    pub fn take(&mut self, piece: &[u8]) {
        self.head.take(piece);
    }

    /// Draws the chart and writes the page. `quiet`: without a note of the page's size.
    pub fn show(self, execution: &Execution, quiet: bool) -> Result<(), CommandError> {
        let rows = self.head.rows(delimiter(execution.format.as_deref()).unwrap_or(b','));
        let charts = chart::of(&rows, self.chart.as_deref().unwrap_or_default());
        if let Some(target) = self.page {
            let why = charts.as_ref().map_err(|none| refusal(none).message);
            let notes: Vec<String> = self.notes.into_iter().chain(execution.message().map(str::to_owned)).collect();
            let contents = Contents {
                query: &self.query,
                generated: execution.report_generated_time.as_deref(),
                rows: &rows,
                row_count: execution.row_count(),
                notes: &notes,
                charts: why.as_ref().map(|charts| *charts).map_err(String::as_str),
            };
            let text = page(&contents).map_err(|error| CommandError::failed(format!("the page could not be made: {error}")))?;
            written(target, &text, quiet)?;
        }
        if self.chart.is_none() {
            return Ok(());
        }
        if rows.more {
            eprintln!("note: the chart is of the first {} rows", rows.records.len());
        }
        match &charts {
            Ok(charts) => print(&text::draw(charts, Screen::stdout())),
            Err(NoChart::NoRows) => {
                eprintln!("note: there are no rows, and so no chart");
                Ok(())
            }
            Err(none) => Err(refusal(none)),
        }
    }
}

fn written(mut target: Target, text: &str, quiet: bool) -> Result<(), CommandError> {
    let name = target.name();
    if target.write(text.as_bytes())? {
        target.finish()?;
    }
    if !quiet {
        eprintln!("a page of {}: {name}", counted(text.len() as u64, "byte"));
    }
    Ok(())
}

/// None for a format that no chart is drawn from.
pub fn delimiter(format: Option<&str>) -> Option<u8> {
    match format.unwrap_or("csv").to_ascii_lowercase().as_str() {
        "csv" => Some(b','),
        "tsv" => Some(b'\t'),
        _ => None,
    }
}

/// A report that is there has the format that it has.
pub fn other_format(format: &str) -> CommandError {
    CommandError::usage(format!("charts and pages are made of csv or tsv, and this report writes {}", plain(format)))
        .hint("run its query anew with --query, or leave --chart and --html away")
}

fn refusal(none: &NoChart) -> CommandError {
    match none {
        NoChart::NoRows => CommandError::usage("there are no rows"),
        NoChart::NoNumbers => CommandError::usage("no column holds numbers")
            .hint("a chart shows a metric, such as TotalRevenue, by a month or a group: add one to SELECT"),
        NoChart::NotNumbers(name, numbers) => {
            let named = |name: &String| plain(name);
            let hint = match numbers.as_slice() {
                [] => "no column of the rows holds numbers".to_owned(),
                numbers => format!("these do: {}", numbers.iter().map(named).collect::<Vec<_>>().join(", ")),
            };
            CommandError::usage(format!("'{}' is no column of numbers", plain(name))).hint(hint)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn view(chart: Option<&str>, html: Option<&str>, output: Option<&str>) -> Result<Option<View>, CommandError> {
        let arguments = ViewArguments { chart: chart.map(str::to_owned), html: html.map(PathBuf::from) };
        arguments.view(output.map(Path::new), false)
    }

    #[test]
    fn stdout_is_for_one_thing() {
        assert!(view(None, None, None).is_ok_and(|view| view.is_none()));
        assert!(view(Some(""), None, None).is_ok_and(|view| view.is_some_and(|view| view.is_on_stdout())));
        assert!(view(None, Some("-"), None).is_ok_and(|view| view.is_some_and(|view| view.is_on_stdout())));
        for (chart, html, output) in [(Some(""), None, Some("-")), (Some(""), Some("-"), None), (None, Some("-"), Some("-"))] {
            assert_eq!(view(chart, html, output).err().map(|error| error.code), Some(2));
        }
        assert!(view(None, Some("a.html"), Some("a.html")).is_err_and(|error| error.message.contains("one file")));
    }

    #[test]
    fn columns_are_named_with_commas_between_them() {
        let names = |text| view(Some(text), None, None).ok().flatten().and_then(|view| view.chart).unwrap();
        assert_eq!(names("TotalRevenue, Seats,"), ["TotalRevenue", "Seats"]);
        assert!(names("").is_empty());
    }

    #[test]
    fn text_formats_alone_are_drawn() {
        let of = |format| delimiter(Some(format));
        assert_eq!((of("CSV"), of("tsv"), delimiter(None)), (Some(b','), Some(b'\t'), Some(b',')));
        assert_eq!(["csv.gz", "parquet", "jsonl", "xlsx", ""].map(of), [None; 5]);
    }
}
