//! Whether two texts are the same query: white space between words and a last semicolon make no difference. Text in quotes does.

/// The text with one blank where there is any white space outside of quotes.
fn plainly(text: &str) -> String {
    let (mut plainly, mut quoted, mut space) = (String::with_capacity(text.len()), false, false);
    for character in text.trim().trim_end_matches(';').trim_end().chars() {
        quoted ^= character == '\'';
        if !quoted && character.is_whitespace() {
            space = true;
            continue;
        }
        if std::mem::take(&mut space) {
            plainly.push(' ');
        }
        plainly.push(character);
    }
    plainly
}

pub fn same(one: &str, other: &str) -> bool {
    plainly(one) == plainly(other)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn white_space_makes_no_difference_except_in_quotes() {
        assert!(same("SELECT a\n\tFROM b WHERE c = 'x  y' ;", " SELECT a FROM b WHERE  c = 'x  y'"));
        assert!(!same("SELECT a FROM b WHERE c = 'x  y'", "SELECT a FROM b WHERE c = 'x y'"));
        assert!(!same("SELECT a FROM b", "SELECT a FROM b LIMIT 1"));
        assert!(same("SELECT a FROM b WHERE c = 'it''s  so'", "SELECT a  FROM b WHERE c = 'it''s  so'"));
        assert!(!same("SELECT a FROM b WHERE c = 'it''s  so'", "SELECT a FROM b WHERE c = 'it''s so'"));
    }
}
