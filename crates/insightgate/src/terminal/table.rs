//! Answers for people: aligned columns, or one line for each field. Programs use JSON instead.

use insightgate_wire::unseen::visible;
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

/// The text comes from others: it must not control the terminal, and what it has is to be seen.
pub fn plain(text: &str) -> String {
    visible(text).chars().map(|character| if character.is_control() { '\u{fffd}' } else { character }).collect()
}

/// The same, of a text that has lines.
pub fn plain_lines(text: &str) -> String {
    let kept = |character: char| character == '\n' || !character.is_control();
    visible(text).chars().map(|character| if kept(character) { character } else { '\u{fffd}' }).collect()
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
        // Nor hide: marks of direction, and characters without a width.
        assert_eq!(fields(&[("name", "a\u{202e}b\u{200b}c\u{ad}".into())]), "name  a\u{fffd}b\u{fffd}c\u{fffd}\n");
        assert_eq!(plain_lines("a\nb\u{2067}\u{3164}"), "a\nb\u{fffd}\u{fffd}");
    }
}
