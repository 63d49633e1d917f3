//! The reference page of the query language, for a terminal. There is one source: the page of the documents, whose examples a test runs.

use unicode_width::UnicodeWidthStr;

use crate::terminal::table::Table;

const PAGE: &str = include_str!("../../../../../docs/query-language.md");
const FENCE: &str = "```";
/// Columns of running text.
const WIDTH: usize = 100;

/// The page without its markup: paragraphs in lines of a terminal's width, tables in columns, and indented code.
pub fn readable() -> String {
    let mut out = String::new();
    for block in blocks(PAGE) {
        let text = match block {
            Block::Heading(level, text) if level <= 2 => plain(text).to_uppercase(),
            Block::Heading(_, text) => plain(text),
            Block::Paragraph(text) => wrapped(&plain(&text)),
            Block::Code { text, .. } => indented(&text, "    "),
            Block::Table(rows) => indented(&aligned(&rows), "  "),
        };
        out.push_str(text.trim_end());
        out.push_str("\n\n");
    }
    out.truncate(out.trim_end().len());
    out.push('\n');
    out
}

/// What the page is made of.
#[derive(Debug, PartialEq)]
enum Block<'p> {
    /// From level 1.
    Heading(usize, &'p str),
    /// Its lines joined.
    Paragraph(String),
    /// Each line with a line feed.
    Code { kind: &'p str, text: String },
    /// The cells of each row, the names first.
    Table(Vec<Vec<&'p str>>),
}

/// Of the Markdown that the page uses.
fn blocks(page: &str) -> Vec<Block<'_>> {
    let mut blocks = Vec::new();
    let mut lines = page.lines().peekable();
    while let Some(line) = lines.next() {
        if let Some(kind) = line.strip_prefix(FENCE) {
            let code = lines.by_ref().take_while(|line| *line != FENCE);
            blocks.push(Block::Code { kind, text: code.map(|line| format!("{line}\n")).collect() });
        } else if line.starts_with('#') {
            let level = line.bytes().take_while(|byte| *byte == b'#').count();
            blocks.push(Block::Heading(level, line.trim_start_matches('#').trim()));
        } else if line.starts_with('|') {
            let mut rows = vec![cells(line)];
            while let Some(row) = lines.next_if(|line| line.starts_with('|')) {
                rows.push(cells(row));
            }
            rows.retain(|row| !row.iter().all(|cell| cell.starts_with("---")));
            blocks.push(Block::Table(rows));
        } else if !line.trim().is_empty() {
            let mut text = line.trim().to_owned();
            while let Some(more) =
                lines.next_if(|line| !line.trim().is_empty() && !line.starts_with(['#', '|']) && !line.starts_with(FENCE))
            {
                text.push(' ');
                text.push_str(more.trim());
            }
            blocks.push(Block::Paragraph(text));
        }
    }
    blocks
}

fn cells(line: &str) -> Vec<&str> {
    let inner = line.trim().strip_prefix('|').unwrap_or(line);
    inner.strip_suffix('|').unwrap_or(inner).split('|').map(str::trim).collect()
}

/// Without signs for code and weight; of a link its text.
fn plain(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find("](") {
        let (before, link) = rest.split_at(start);
        let label = before.rfind('[').unwrap_or(before.len());
        out.push_str(before.get(..label).unwrap_or(before));
        out.push_str(before.get(label + 1..).unwrap_or_default());
        rest = link.find(')').and_then(|end| link.get(end + 1..)).unwrap_or_default();
    }
    out.push_str(rest);
    out.replace("**", "").replace('`', "")
}

fn wrapped(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 16);
    let mut width = 0;
    for word in text.split_whitespace() {
        let wide = word.width();
        if width > 0 && width + 1 + wide > WIDTH {
            out.push('\n');
            width = 0;
        } else if width > 0 {
            out.push(' ');
            width += 1;
        }
        out.push_str(word);
        width += wide;
    }
    out
}

fn aligned(rows: &[Vec<&str>]) -> String {
    let mut rows = rows.iter().map(|row| row.iter().map(|cell| plain(cell)).collect::<Vec<_>>());
    let mut table = Table::of_columns(rows.next().unwrap_or_default());
    rows.for_each(|row| table.row(row));
    table.text()
}

fn indented(text: &str, by: &str) -> String {
    text.lines().map(|line| if line.is_empty() { "\n".to_owned() } else { format!("{by}{line}\n") }).collect()
}

#[cfg(test)]
mod tests;
