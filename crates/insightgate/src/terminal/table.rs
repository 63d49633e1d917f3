//! Answers for people: aligned columns, or one line for each field. Programs use JSON instead.

use unicode_width::UnicodeWidthStr;

/// Rows under a line of names.
pub struct Table {
    rows: Vec<Vec<String>>,
}

impl Table {
    pub fn new(names: &[&str]) -> Table {
        Table { rows: vec![names.iter().map(|name| name.to_uppercase()).collect()] }
    }

    /// With the names as they are, since those of a dataset keep their letter case.
    pub fn of_columns(names: impl IntoIterator<Item = impl AsRef<str>>) -> Table {
        Table { rows: vec![names.into_iter().map(|name| plain(name.as_ref())).collect()] }
    }

    pub fn row(&mut self, cells: impl IntoIterator<Item = impl AsRef<str>>) {
        self.rows.push(cells.into_iter().map(|cell| plain(cell.as_ref())).collect());
    }

    pub fn text(&self) -> String {
        let count = self.rows.iter().map(Vec::len).max().unwrap_or_default();
        let width = |column: usize| self.rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.width()).max();
        let widths: Vec<usize> = (0..count).map(|column| width(column).unwrap_or_default()).collect();
        let line = |row: &Vec<String>| {
            let cells: Vec<String> = row.iter().zip(&widths).map(|(cell, width)| padded(cell, *width)).collect();
            format!("{}\n", cells.join("  ").trim_end())
        };
        self.rows.iter().map(line).collect()
    }
}

/// Names and values of one object. An empty value is left out.
pub fn fields(fields: &[(&str, String)]) -> String {
    let shown: Vec<_> = fields.iter().filter(|(_, value)| !value.is_empty()).collect();
    let width = shown.iter().map(|(name, _)| name.chars().count()).max().unwrap_or_default();
    shown.iter().map(|(name, value)| format!("{name:width$}  {}\n", plain(value))).collect()
}

/// Up to so many columns of a terminal, of which some characters take two.
fn padded(text: &str, width: usize) -> String {
    format!("{text}{}", " ".repeat(width.saturating_sub(text.width())))
}

/// The text comes from others, so it must not control the terminal.
pub fn plain(text: &str) -> String {
    text.chars().map(|character| if controls(character) { '\u{fffd}' } else { character }).collect()
}

/// The same, of a text that has lines.
pub fn plain_lines(text: &str) -> String {
    let kept = |character: char| character == '\n' || !controls(character);
    text.chars().map(|character| if kept(character) { character } else { '\u{fffd}' }).collect()
}

/// Also the marks that turn the direction of what follows.
fn controls(character: char) -> bool {
    let turns = matches!(character, '\u{061c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    character.is_control() || turns
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_aligned_and_lines_end_with_their_text() {
        let mut table = Table::new(&["domain", "name"]);
        table.row(["contoso.example", "Contoso Ltd"]);
        table.row(["ünï.example", ""]);
        assert_eq!(table.text(), "DOMAIN           NAME\ncontoso.example  Contoso Ltd\nünï.example\n");
        let mut table = Table::of_columns(["Name", "Total"]);
        table.row(["売上".to_owned(), "5".to_owned()]);
        assert_eq!(table.text(), "Name  Total\n売上  5\n");
    }

    #[test]
    fn an_object_shows_what_it_has() {
        let text = fields(&[("id", "1".into()), ("reason", String::new()), ("display name", "Sue".into())]);
        assert_eq!(text, "id            1\ndisplay name  Sue\n");
    }

    #[test]
    fn a_name_cannot_steer_the_terminal() {
        let mut table = Table::new(&["name"]);
        table.row(["a\u{1b}[2Jb\nc"]);
        assert_eq!(table.text(), "NAME\na\u{fffd}[2Jb\u{fffd}c\n");
        assert_eq!(fields(&[("name", "a\rb".into())]), "name  a\u{fffd}b\n");
    }
}
