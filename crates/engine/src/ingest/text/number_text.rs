//! Numbers as people and programs write them: `1234.5`, `1234,5` with a decimal comma, and `$1,234.50`, which is accepted only on request.

/// The form of a plain number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Look {
    /// Digits before the point, without leading zeros.
    pub(crate) whole: u32,
    /// Digits after the point.
    pub(crate) scale: u32,
    /// Digits after the point, without trailing zeros.
    pub(crate) least_scale: u32,
    pub(crate) has_point: bool,
    pub(crate) has_exponent: bool,
}

/// `None` for texts that a number type would not reproduce, such as `007` and `+1`, which are rather codes.
pub(crate) fn look(text: &str) -> Option<Look> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let (number, exponent) = match digits.split_once(['e', 'E']) {
        Some((number, exponent)) => (number, Some(exponent)),
        None => (digits, None),
    };
    let (whole, fraction) = match number.split_once('.') {
        Some((whole, fraction)) => (whole, Some(fraction)),
        None => (number, None),
    };
    let all_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let behind = fraction.unwrap_or_default();
    let exponent_holds = exponent.is_none_or(|text| {
        let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
        !digits.is_empty() && all_digits(digits)
    });
    let is_code = whole.len() > 1 && whole.starts_with('0');
    if is_code || !exponent_holds || !all_digits(whole) || !all_digits(behind) || (whole.is_empty() && behind.is_empty()) {
        return None;
    }
    let length = |text: &str| u32::try_from(text.len()).unwrap_or(u32::MAX);
    Some(Look {
        whole: if whole == "0" { 0 } else { length(whole) },
        scale: length(behind),
        least_scale: length(behind.trim_end_matches('0')),
        has_point: fraction.is_some(),
        has_exponent: exponent.is_some(),
    })
}

/// Whether the text is a number such as `-1234,5` or `1.234,50`, whose comma can only be decimal, provided that commas do not separate values.
pub(crate) fn has_decimal_comma(text: &str) -> bool {
    let Some((whole, fraction)) = text.strip_prefix('-').unwrap_or(text).split_once(',') else { return false };
    let all_digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    all_digits(fraction) && (all_digits(whole) || grouped(whole, '.').is_some())
}

/// The text with a point instead of the comma. `None` if the text already has a point, whose meaning is then unknown.
pub(crate) fn with_point(text: &str) -> Option<String> {
    (!text.contains('.')).then(|| text.replacen(',', ".", 1))
}

/// The plain form of a number with a currency, separators of groups, blanks, brackets or a trailing sign: `-1234.50` for `(1,234.50 €)`. `None` for a
/// text that is not a number or is ambiguous.
pub(crate) fn plain(text: &str, decimal_comma: bool) -> Option<String> {
    let is_blank = |c: char| matches!(c, ' ' | '\u{a0}' | '\u{202f}' | '\u{2009}' | '\t');
    let mut rest = text.trim_matches(is_blank);
    let mut negative = false;
    if let Some(inner) = rest.strip_prefix('(').and_then(|rest| rest.strip_suffix(')')) {
        (rest, negative) = (inner.trim_matches(is_blank), true);
    }
    let mut signed = negative;
    let mut currencies = 0;
    // Removes a sign and a currency, in either order and on either side, at most once each.
    loop {
        let before = rest;
        for sign in ['-', '\u{2212}', '+'] {
            if let Some(inner) = rest.strip_prefix(sign).or_else(|| rest.strip_suffix(sign)).filter(|_| !signed) {
                (rest, signed, negative) = (inner.trim_matches(is_blank), true, sign != '+');
            }
        }
        if currencies == 0
            && let Some(inner) = without_currency(rest)
        {
            (rest, currencies) = (inner.trim_matches(is_blank), 1);
        }
        if before == rest {
            break;
        }
    }
    let (point, group) = if decimal_comma { (',', '.') } else { ('.', ',') };
    let (whole, fraction) = match rest.split_once(point) {
        Some((whole, fraction)) => (whole, Some(fraction)),
        None => (rest, None),
    };
    let all_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let fraction = fraction.unwrap_or_default();
    let whole = if all_digits(whole) {
        whole.to_owned()
    } else {
        [group, ' ', '\u{a0}', '\u{202f}', '\u{2009}', '\'', '\u{2019}'].into_iter().find_map(|group| grouped(whole, group))?
    };
    if !all_digits(fraction) || (whole.is_empty() && fraction.is_empty()) {
        return None;
    }
    let sign = if negative { "-" } else { "" };
    let whole = if whole.is_empty() { "0" } else { &whole };
    Some(if fraction.is_empty() { format!("{sign}{whole}") } else { format!("{sign}{whole}.{fraction}") })
}

/// The digits of a number such as `1,234,567`: groups of three digits after a first group of one to three.
fn grouped(text: &str, separator: char) -> Option<String> {
    let mut groups = text.split(separator);
    let first = groups.next()?;
    let is_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let mut digits = first.to_owned();
    if !(1..=3).contains(&first.len()) || !is_digits(first) {
        return None;
    }
    for group in groups {
        if group.len() != 3 || !is_digits(group) {
            return None;
        }
        digits.push_str(group);
    }
    (digits.len() > first.len()).then_some(digits)
}

fn without_currency(text: &str) -> Option<&str> {
    const SIGNS: [char; 12] = ['$', '€', '£', '¥', '₹', '₽', '₩', '₺', '₴', '₪', '₫', '¢'];
    if let Some(inner) = text.strip_prefix(SIGNS).or_else(|| text.strip_suffix(SIGNS)) {
        return Some(inner);
    }
    // Currencies are written as in `USD 12`, `12 EUR`, `kr 12` and `12 zł`.
    for word in ["kr", "zł", "Fr."] {
        if let Some(inner) = text.strip_prefix(word).or_else(|| text.strip_suffix(word)) {
            return Some(inner);
        }
    }
    let is_code = |code: &str| code.len() == 3 && code.bytes().all(|byte| byte.is_ascii_uppercase());
    if text.get(..3).is_some_and(is_code) {
        return text.get(3..);
    }
    let start = text.len().checked_sub(3)?;
    if text.get(start..).is_some_and(is_code) { text.get(..start) } else { None }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn plain_numbers_are_looked_at() {
        let seen = |text: &str| look(text).map(|look| (look.whole, look.scale, look.has_point, look.has_exponent));
        for (text, expected) in [
            ("12", Some((2, 0, false, false))),
            ("-0.50", Some((0, 2, true, false))),
            (".5", Some((0, 1, true, false))),
            ("5.", Some((1, 0, true, false))),
            ("1.5e-3", Some((1, 1, true, true))),
            ("32E0134", Some((2, 0, false, true))),
            ("0", Some((0, 0, false, false))),
            ("007", None),
            ("00.5", None),
            ("+1", None),
            ("", None),
            ("-", None),
            (".", None),
            ("1e", None),
            ("1.2.3", None),
            ("inf", None),
            ("１２", None),
        ] {
            assert_eq!(seen(text), expected, "{text}");
        }
        assert_eq!(look("1.2500").unwrap().least_scale, 2);
    }

    #[test]
    fn money_is_read_on_request() {
        for (text, comma, expected) in [
            ("$12.50", false, Some("12.50")),
            ("-$1,234.56", false, Some("-1234.56")),
            ("$-1", false, Some("-1")),
            ("(1,234.50)", false, Some("-1234.50")),
            ("USD 12", false, Some("12")),
            ("1\u{a0}234,50 €", true, Some("1234.50")),
            ("1.234.567,8", true, Some("1234567.8")),
            ("1'234.50", false, Some("1234.50")),
            ("12.50-", false, Some("-12.50")),
            (" 12 ", false, Some("12")),
            (".5", false, Some("0.5")),
            ("1,23", false, None),
            ("1.23", true, None),
            ("12,34,567", false, None),
            ("--1", false, None),
            ("$", false, None),
            ("$$1", false, None),
            ("12 %", false, None),
            ("A12", false, None),
            ("", false, None),
        ] {
            assert_eq!(plain(text, comma).as_deref(), expected, "{text}");
        }
        for (text, comma) in [("1,5", true), ("-1.234,50", true), ("1,2,3", false), ("1.23,5", false), (",5", false), ("1", false)] {
            assert_eq!(has_decimal_comma(text), comma, "{text}");
        }
    }
}
