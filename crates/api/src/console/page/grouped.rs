//! Ids, whose groups stay whole where a line ends.

use std::fmt;

use askama::filters::{Escaper as _, Html};

/// A text with ids in it: a line may end behind a hyphen, which browsers would not do before a digit. Where an id is copied, nothing is added to it.
pub(crate) struct Grouped<Text>(pub(crate) Text);

impl<Text: fmt::Display> fmt::Display for Grouped<Text> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = self.0.to_string();
        for (at, group) in text.split('-').enumerate() {
            if at > 0 {
                f.write_str("-<wbr>")?;
            }
            Html.write_escaped_str(&mut *f, group)?;
        }
        Ok(())
    }
}

/// It has escaped what it shows.
impl<Text: fmt::Display> askama::filters::HtmlSafe for Grouped<Text> {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_ends_between_groups_and_what_is_shown_is_text() {
        for (text, shown) in
            [("", ""), ("one", "one"), ("0a1b2c3d-0a1b-2c3d", "0a1b2c3d-<wbr>0a1b-<wbr>2c3d"), ("<b>-&", "&#60;b&#62;-<wbr>&#38;")]
        {
            assert_eq!(Grouped(text).to_string(), shown);
        }
    }
}
