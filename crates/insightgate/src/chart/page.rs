//! One self-contained page with charts and the table of the rows: the library that draws is in it, and it asks no network for anything.
//!
//! The rows come from others. Texts are escaped, the charts' numbers lie in the page as data, and the page's policy runs only the script whose digest it
//! names.

use askama::Template;
use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::columns::{self, Kind};
use super::rows::Rows;
use super::{Axis, Chart, Charts};

/// `page.js` and `page.css` of `templates` with what they import, as `cargo xtask console` bundles them.
const SCRIPT: &str = include_str!("../../assets/rows-page/page.js");
const STYLE: &str = include_str!("../../assets/rows-page/page.css");
const LICENCES: &str = include_str!("../../assets/rows-page/licences.txt");

/// Bars of one chart.
const MOST_BARS: usize = 60;
/// Characters of the query that a browser's tab has room for.
const TITLE: usize = 120;

/// What a page shows.
pub struct Contents<'a> {
    pub query: &'a str,
    /// When the server made the rows, as it says it.
    pub generated: Option<&'a str>,
    pub rows: &'a Rows,
    /// Of the whole file, if it is known.
    pub row_count: Option<u64>,
    /// What else should be known of the rows.
    pub notes: &'a [String],
    /// In the place of a chart: why there is none.
    pub charts: Result<&'a Charts, &'a str>,
}

#[derive(Template)]
#[template(path = "page.html")]
struct Page<'a> {
    policy: String,
    title: String,
    heading: String,
    licences: &'static str,
    style: &'static str,
    /// The places of columns of numbers, from 1 on.
    numbers: Vec<usize>,
    /// The places of columns of times.
    times: Vec<usize>,
    query: String,
    count: String,
    generated: Option<String>,
    notes: Vec<String>,
    charts: Vec<String>,
    names: Vec<(String, &'static str)>,
    records: &'a [Vec<String>],
    data: String,
    script: &'static str,
}

/// The page's text.
///
/// # Errors
///
/// When the template cannot be written out.
pub fn page(contents: &Contents) -> Result<String, askama::Error> {
    let columns = columns::of(contents.rows);
    let charts = contents.charts.map(|charts| charts.charts.as_slice()).unwrap_or_default();
    let places = |kind| columns.iter().filter(|column| column.kind == kind).map(|column| column.at + 1).collect();
    let named = contents.charts.ok().and_then(|charts| charts.charts.first()).map(Chart::title);
    let page = Page {
        policy: policy(),
        title: clean(&contents.query.split_whitespace().collect::<Vec<_>>().join(" ")).chars().take(TITLE).collect(),
        heading: clean(&named.unwrap_or_else(|| "Rows".to_owned())),
        licences: LICENCES,
        style: STYLE,
        numbers: places(Kind::Number),
        times: places(Kind::Time),
        query: clean(contents.query.trim()),
        count: count(contents.rows, contents.row_count),
        generated: contents.generated.map(clean),
        notes: notes(contents),
        charts: charts.iter().map(|chart| clean(&chart.title())).collect(),
        names: columns.iter().map(|column| (clean(column.name), if column.kind == Kind::Number { "number" } else { "text" })).collect(),
        records: &contents.rows.records,
        data: embedded(&json!({ "charts": charts.iter().map(data).collect::<Vec<_>>() })),
        script: SCRIPT,
    };
    page.render()
}

fn policy() -> String {
    let script = STANDARD.encode(digest(&SHA256, SCRIPT.as_bytes()));
    format!(
        "default-src 'none'; script-src 'sha256-{script}'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'"
    )
}

/// Of the whole file.
fn count(rows: &Rows, known: Option<u64>) -> String {
    let kept = u64::try_from(rows.records.len()).unwrap_or_default();
    match (rows.more, known) {
        (false, None) => amount(kept),
        (_, Some(known)) => amount(known),
        (true, None) => format!("more than {}", amount(kept)),
    }
}

fn amount(rows: u64) -> String {
    let digits = rows.to_string();
    let mut grouped = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    format!("{grouped} {}", if rows == 1 { "row" } else { "rows" })
}

fn notes(contents: &Contents) -> Vec<String> {
    let mut notes = contents.notes.to_vec();
    if contents.rows.more {
        let kept = amount(u64::try_from(contents.rows.records.len()).unwrap_or_default());
        notes.push(format!("This page shows the first {kept}; the rest is neither in the table nor in a chart."));
    }
    let charts = match contents.charts {
        Ok(charts) => charts,
        Err(why) => {
            notes.push(format!("No chart: {why}."));
            return notes.iter().map(|note| clean(note)).collect();
        }
    };
    if !charts.left_out.is_empty() {
        notes.push(format!("Not drawn: {}.", charts.left_out.join(", ")));
    }
    // Every metric is drawn by the same columns of the same rows.
    if let Some(chart) = charts.charts.first() {
        let bars = if let Axis::Names(names) = &chart.axis { names.len().saturating_sub(MOST_BARS) } else { 0 };
        match bars + chart.series_left_out {
            0 => {}
            1 => notes.push("One more group is in the table alone.".to_owned()),
            more => notes.push(format!("{more} more groups are in the table alone.")),
        }
        if chart.timeless > 0 {
            notes.push(format!("Without a time and not drawn: {}.", amount(u64::try_from(chart.timeless).unwrap_or_default())));
        }
    }
    notes.iter().map(|note| clean(note)).collect()
}

/// What the script draws.
fn data(chart: &Chart) -> Value {
    let series = |most: usize| -> Vec<Value> {
        let drawn = |series: &super::Series| {
            let name = if series.name.is_empty() { &chart.metric } else { &series.name };
            json!({ "name": name, "values": series.values.iter().take(most).collect::<Vec<_>>() })
        };
        chart.series.iter().map(drawn).collect()
    };
    match &chart.axis {
        Axis::Time(times, unit) => {
            let labels: Vec<String> = times.iter().map(|time| unit.shown(*time)).collect();
            // The first is the time; the others name the lines.
            json!({ "by": chart.by.first(), "times": times, "labels": labels, "series": series(usize::MAX) })
        }
        Axis::Names(names) => {
            let by = if chart.by.is_empty() { "row".to_owned() } else { chart.by.join(", ") };
            json!({ "by": by, "names": names.iter().take(MOST_BARS).collect::<Vec<_>>(), "series": series(MOST_BARS) })
        }
    }
}

/// JSON that no text in it can end or leave: in a page it lies between tags.
fn embedded(value: &Value) -> String {
    let mut embedded = String::new();
    for character in value.to_string().chars() {
        match character {
            '<' | '>' | '&' | '\'' | '\u{2028}' | '\u{2029}' => embedded += &format!("\\u{:04x}", u32::from(character)),
            other => embedded.push(other),
        }
    }
    embedded
}

/// Without control characters, for whoever shows the page's source on a terminal.
fn clean(text: &str) -> String {
    let unclean = |character: char| character.is_control() && !matches!(character, '\n' | '\t');
    text.chars().map(|character| if unclean(character) { '\u{fffd}' } else { character }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chart::rows::{Head, MOST_ROWS};
    use crate::chart::{self};

    fn of(text: &str, row_count: Option<u64>) -> String {
        let mut head = Head::default();
        head.take(text.as_bytes());
        let rows = head.rows(b',');
        let charts = chart::of(&rows, &[]);
        let charts = charts.as_ref().map_err(|_| "no column holds numbers");
        let generated = Some("2026-11-26T14:14:36Z");
        let notes = ["Rows from <b>\u{1b}".to_owned()];
        page(&Contents { query: "SELECT Name, Total\nFROM Sales", generated, rows: &rows, row_count, notes: &notes, charts }).unwrap()
    }

    fn between<'a>(page: &'a str, begin: &str, end: &str) -> &'a str {
        page.split_once(begin).unwrap().1.split_once(end).unwrap().0
    }

    #[test]
    fn a_page_has_its_rows_its_charts_and_where_they_come_from() {
        let page = of("Name,Total\nA,1.50\n売上,-2\n", None);
        assert!(page.starts_with("<!DOCTYPE html>"));
        assert!(page.contains("<title>SELECT Name, Total FROM Sales</title>") && page.contains("<h1>Total by Name</h1>"));
        assert!(page.contains("Rows from &#60;b&#62;\u{fffd}</p>"));
        assert!(page.contains("2 rows") && page.contains("2026-11-26T14:14:36Z"));
        assert!(page.contains("<tr><td>A</td><td>1.50</td></tr>") && page.contains("td:nth-child(2)"));
        let data: Value = serde_json::from_str(between(&page, "id=\"data\">", "</script>")).unwrap();
        assert_eq!(data["charts"][0]["names"], json!(["A", "売上"]));
        assert_eq!(data["charts"][0]["by"], "Name");
        assert_eq!(data["charts"][0]["series"], json!([{ "name": "Total", "values": [1.5, -2.0] }]));
        assert!(page.contains(LICENCES.trim()) && LICENCES.contains("uplot") && !LICENCES.contains("--"), "the licences lie in a comment");
        assert!(of("Name\nA\n", None).contains("No chart: no column holds numbers."));
        let many: String = (0..MOST_BARS + 3).map(|at| format!("g{at},1,2\n")).collect();
        assert_eq!(of(&format!("Name,A,B\n{many}"), None).matches("3 more groups are in the table alone.").count(), 1);
        assert!(of("Month,A\n2026-01-01,5\n,4\n", None).contains("Without a time and not drawn: 1 row."));
    }

    #[test]
    fn what_rows_hold_cannot_leave_its_place() {
        let hostile = "</script><script>alert(1)</script><!-- <img src=x onerror=alert(1)> \u{1b}]0;x\u{7} \u{2028} & '";
        let page = of(&format!("\"{hostile}\",Total\n\"{hostile}\",1\n=cmd|' /C calc'!A0,2\n"), None);
        assert_eq!(page.matches("<script").count(), 2, "the data, and the script that draws it");
        assert_eq!(page.matches("</script").count(), 2);
        assert!(!page.contains("<img") && !page.contains('\u{1b}') && !page.contains('\u{7}'));
        let data: Value = serde_json::from_str(between(&page, "id=\"data\">", "</script>")).unwrap();
        assert_eq!(data["charts"][0]["names"][0], hostile, "the data is what it was");
        assert!(page.contains("=cmd|"));
    }

    #[test]
    fn only_the_one_script_runs_and_nothing_is_loaded() {
        let page = of("Name,Total\nA,1\n", None);
        let policy = between(&page, "http-equiv=\"Content-Security-Policy\" content=\"", "\"").replace("&#39;", "'");
        assert!(policy.starts_with("default-src 'none'; script-src 'sha256-") && !policy.contains("unsafe-eval"));
        let scripts: Vec<&str> = page.split("<script>").skip(1).map(|rest| rest.split_once("</script>").unwrap().0).collect();
        assert_eq!(scripts.len(), 1);
        let digest = STANDARD.encode(digest(&SHA256, scripts[0].as_bytes()));
        assert!(policy.contains(&format!("script-src 'sha256-{digest}';")), "the text between the tags is what the policy names");
        for outside in ["src=\"", "url(", "@import", "href=\"http"] {
            assert!(!page.contains(outside), "{outside}");
        }
    }

    #[test]
    fn a_long_file_is_shown_in_part() {
        let text = format!("Name,Total\n{}", "A,1\n".repeat(MOST_ROWS + 5));
        let page = of(&text, Some(10_005));
        assert!(page.contains("10,005 rows") && page.contains("the first 10,000 rows;"));
        assert_eq!(page.matches("<tr>").count(), MOST_ROWS + 1);
        assert!(of(&text, None).contains("more than 10,000 rows"));
        assert_eq!([1, 999, 1000, 1_234_567].map(amount), ["1 row", "999 rows", "1,000 rows", "1,234,567 rows"]);
    }
}
