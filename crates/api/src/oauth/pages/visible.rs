//! Pages without characters that nobody would see. What a form sends back stays as it is, so that nothing is changed by looking at it.

use insightgate_wire::unseen;

/// The page as people are to see it. Its texts are escaped: no one of them holds a quote or a tag.
pub(super) fn visible(page: String) -> String {
    // Control characters are shown in fields too, where a browser would not have them either.
    let page = if page.contains(is_control) { page.replace(is_control, "\u{fffd}") } else { page };
    if !page.contains(unseen::is_unseen) {
        return page;
    }
    let (mut shown, mut rest) = (String::with_capacity(page.len()), page.as_str());
    while let Some((seen, kept, after)) = field(rest) {
        shown.push_str(&unseen::visible(seen));
        shown.push_str(kept);
        rest = after;
    }
    shown.push_str(&unseen::visible(rest));
    shown
}

/// What stands before the next value of a field, the value, and what comes after it.
fn field(page: &str) -> Option<(&str, &str, &str)> {
    let value = page.find("value=\"");
    // Only as far as the next value, so that a page is read once.
    let area = page.get(..value.unwrap_or(page.len()))?.find("<textarea");
    let (at, start, end) = match area {
        Some(at) => (at, "<textarea", "</textarea>"),
        None => (value?, "value=\"", "\""),
    };
    let (seen, value) = page.split_at_checked(at + start.len())?;
    let (kept, after) = value.split_at_checked(value.find(end)?)?;
    Some((seen, kept, after))
}

/// Blanks stay.
fn is_control(letter: char) -> bool {
    letter.is_control() && !letter.is_whitespace()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_nobody_would_see_is_shown() {
        for (page, shown) in [
            ("<p>Ana</p>", "<p>Ana</p>"),
            ("<p>A\u{200b}na</p><b>\u{2060}\u{feff}\u{200e}</b>", "<p>A\u{fffd}na</p><b>\u{fffd}\u{fffd}\u{fffd}</b>"),
            ("a\u{202e}txt\u{202c} \u{2067}b\u{2069}", "a\u{fffd}txt\u{fffd} \u{fffd}b\u{fffd}"),
            ("\u{1}\u{9f}\u{200f}\t\n", "\u{fffd}\u{fffd}\u{fffd}\t\n"),
            ("\u{3164}", "\u{fffd}"),
            ("<a aria-label=\"Open \u{200b}\">", "<a aria-label=\"Open \u{fffd}\">"),
        ] {
            assert_eq!(visible(page.to_owned()), shown, "{page:?}");
        }
    }

    #[test]
    fn what_a_form_sends_back_stays() {
        for (page, shown) in [
            ("<input value=\"a\u{200b}\"> \u{200b}", "<input value=\"a\u{200b}\"> \u{fffd}"),
            ("\u{200b}<td data-value=\"\u{200b}\">\u{200b}", "\u{fffd}<td data-value=\"\u{200b}\">\u{fffd}"),
            (
                "<textarea name=\"text\">\u{202e} &#34;\u{200b}</textarea>\u{200b}<b value=\"\">\u{200b}",
                "<textarea name=\"text\">\u{202e} &#34;\u{200b}</textarea>\u{fffd}<b value=\"\">\u{fffd}",
            ),
            // As it is in no page.
            ("\u{200b} value=\"\u{200b}", "\u{fffd} value=\"\u{fffd}"),
            // No field of a browser has these.
            ("<input value=\"\u{7}\">", "<input value=\"\u{fffd}\">"),
        ] {
            assert_eq!(visible(page.to_owned()), shown, "{page:?}");
        }
    }
}
