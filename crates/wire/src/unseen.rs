//! Characters that nobody would see. A name of such characters alone would be no name, a link no link, and two names would look the same that are not:
//! wherever people read a name that others chose, each is shown as one that cannot be shown.

use std::borrow::Cow;

const SHOWN: char = '\u{fffd}';

/// The text as people are to see it. What forms one sign with its neighbours stays.
pub fn visible(text: &str) -> Cow<'_, str> {
    if !text.contains(is_unseen) {
        return Cow::Borrowed(text);
    }
    let (mut shown, mut before) = (String::with_capacity(text.len()), None);
    let mut letters = text.chars().peekable();
    while let Some(letter) = letters.next() {
        let is_seen = !is_unseen(letter) || before.is_some_and(|before| changes(before, letter, letters.peek().copied()));
        shown.push(if is_seen { letter } else { SHOWN });
        before = Some(if is_seen { letter } else { SHOWN });
    }
    Cow::Owned(shown)
}

/// What Unicode calls default ignorable, separators of lines, marks of annotations, and letters without a form.
pub fn is_unseen(letter: char) -> bool {
    letter >= '\u{ad}'
        && matches!(
            letter,
            '\u{ad}'
                | '\u{34f}'
                | '\u{61c}'
                | '\u{115f}'..='\u{1160}'
                | '\u{17b4}'..='\u{17b5}'
                | '\u{180b}'..='\u{180f}'
                | '\u{200b}'..='\u{200f}'
                | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}'
                | '\u{2800}'
                | '\u{3164}'
                | '\u{fe00}'..='\u{fe0f}'
                | '\u{feff}'
                | '\u{ffa0}'
                | '\u{fff0}'..='\u{fffb}'
                | '\u{1bca0}'..='\u{1bca3}'
                | '\u{1d173}'..='\u{1d17a}'
                | '\u{e0000}'..='\u{e0fff}'
        )
}

/// Whether an unseen character changes how its neighbours look: a joiner in Persian, in the scripts of India and in pictures made of several, and a choice
/// among the forms of a picture or of an ideograph.
fn changes(before: char, letter: char, after: Option<char>) -> bool {
    match letter {
        '\u{200c}' | '\u{200d}' => takes_joiners(before) && after.is_some_and(takes_joiners),
        '\u{fe0e}' | '\u{fe0f}' => is_picture(before) || (is_key(before) && after == Some('\u{20e3}')),
        '\u{fe00}'..='\u{fe02}' | '\u{e0100}'..='\u{e01ef}' => is_ideograph(before),
        _ => false,
    }
}

fn takes_joiners(letter: char) -> bool {
    let is_script = matches!(letter, '\u{600}'..='\u{dff}') && !is_unseen(letter);
    is_script || is_picture(letter) || letter == '\u{fe0f}'
}

fn is_picture(letter: char) -> bool {
    matches!(letter, '\u{a9}' | '\u{ae}' | '\u{203c}' | '\u{2049}' | '\u{2122}' | '\u{2139}' | '\u{2190}'..='\u{27ff}' | '\u{2900}'..='\u{2bff}')
        || matches!(letter, '\u{3030}' | '\u{303d}' | '\u{3297}' | '\u{3299}' | '\u{1f000}'..='\u{1faff}')
}

fn is_key(letter: char) -> bool {
    letter.is_ascii_digit() || matches!(letter, '#' | '*')
}

fn is_ideograph(letter: char) -> bool {
    matches!(letter, '\u{3400}'..='\u{9fff}' | '\u{f900}'..='\u{faff}' | '\u{20000}'..='\u{3ffff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_nobody_would_see_is_shown() {
        for (text, shown) in [
            ("Ana ünï 売上", "Ana ünï 売上"),
            ("A\u{200b}na \u{2060}\u{feff}\u{200e}", "A\u{fffd}na \u{fffd}\u{fffd}\u{fffd}"),
            ("a\u{202e}txt\u{202c} \u{2067}b\u{2069}", "a\u{fffd}txt\u{fffd} \u{fffd}b\u{fffd}"),
            ("Insightgate\u{ad} con\u{e0041}sole\u{34f}", "Insightgate\u{fffd} con\u{fffd}sole\u{fffd}"),
            ("\u{3164}\u{115f}\u{180e}\u{2028}\u{fff9}\u{1d173}\u{e0001}\u{17b4}", &"\u{fffd}".repeat(8)),
            ("A\u{fe0f}\u{fe00} 1\u{fe0f} \u{e0100}", "A\u{fffd}\u{fffd} 1\u{fffd} \u{fffd}"),
        ] {
            assert_eq!(visible(text), shown, "{text:?}");
        }
    }

    #[test]
    fn what_changes_its_neighbours_stays() {
        for (text, shown) in [
            // Persian, Hindi, a family, a heart on fire, a key, a variant of an ideograph.
            ("می\u{200c}خواهم", "می\u{200c}خواهم"),
            ("क्\u{200d}ष", "क्\u{200d}ष"),
            ("\u{1f468}\u{200d}\u{1f469}", "\u{1f468}\u{200d}\u{1f469}"),
            ("\u{2764}\u{fe0f}\u{200d}\u{1f525}", "\u{2764}\u{fe0f}\u{200d}\u{1f525}"),
            ("1\u{fe0f}\u{20e3}", "1\u{fe0f}\u{20e3}"),
            ("葛\u{e0100}城", "葛\u{e0100}城"),
            ("A\u{200d}B \u{200c}", "A\u{fffd}B \u{fffd}"),
            ("می\u{200c}\u{200c}خ", "می\u{fffd}\u{fffd}خ"),
            ("م\u{200c}", "م\u{fffd}"),
            ("葛\u{e0100}\u{e0100}", "葛\u{e0100}\u{fffd}"),
        ] {
            assert_eq!(visible(text), shown, "{text:?}");
        }
    }
}
