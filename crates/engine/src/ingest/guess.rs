//! Guesses the type that fits all values of a column; for a column that stays text, what it looks like and the flag that would change its type.
//!
//! Values are given one by one, and a type comes out. Nothing is converted here.

use insightgate_query::datasets::catalog::ColumnType;
use insightgate_query::datasets::definition;

use super::text::number_text;
use super::text::number_text::Look;
use super::text::value;

/// Numbers with more decimals are measured or computed, not counted, so that they become floats, and so do their sums.
const MOST_DECIMALS: u32 = 9;
/// A decimal gets this many digits if they are enough, so that further rows have room; otherwise it gets as many as possible.
const USUAL_DIGITS: u8 = 18;
const MOST_DIGITS: u8 = 38;

/// Words that people and programs write for "no value".
const NULL_WORDS: [&str; 14] = ["NA", "N/A", "#N/A", "n/a", "NULL", "null", "Null", "None", "NaN", "nan", "-", "--", "?", "\\N"];

/// The date formats that are recognised.
const DATES: [&str; 14] = [
    "%d.%m.%Y",
    "%d/%m/%Y",
    "%m/%d/%Y",
    "%d-%m-%Y",
    "%m-%d-%Y",
    "%Y/%m/%d",
    "%Y.%m.%d",
    "%d.%m.%y",
    "%m/%d/%y",
    "%d/%m/%y",
    "%d-%B-%Y",
    "%d %B %Y",
    "%B %d %Y",
    "%B %d, %Y",
];
/// The formats of a time of day that may follow a date.
const TIMES: [&str; 5] = [" %H:%M", " %H:%M:%S", " %H:%M:%S%.f", " %I:%M %p", " %I:%M:%S %p"];

/// Describes a column that stays text but looks like another type, or whose numbers are ambiguous.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    pub column: String,
    /// The type that the column gets.
    pub kind: ColumnType,
    /// The words that follow the column's name in a message.
    pub looks: String,
    /// The flags that change the type, quoted for a shell.
    pub flags: String,
}

/// The types that fit all values so far.
#[derive(Debug, Clone)]
pub(super) struct Guess {
    decimal_comma: bool,
    /// Numbers are already told apart from words: a value with an exponent is a number, and a word never is.
    is_json: bool,
    all: Common,
    /// What the values have in common, leaving out the words for "no value".
    without_nulls: Common,
    null_words: Vec<&'static str>,
    /// The formats that fit all values except those words.
    formats: Option<Vec<String>>,
    /// The digits before and behind the point once currencies and separators of groups are removed: in the file's style and in the other one.
    money: Option<(u32, u32)>,
    other_money: Option<(u32, u32)>,
}

#[derive(Debug, Clone)]
struct Common {
    is_seen: bool,
    boolean: bool,
    number: Option<Numbers>,
    date: bool,
    timestamp: bool,
}

#[derive(Debug, Clone, Copy, Default)]
struct Numbers {
    whole: u32,
    scale: u32,
    least_scale: u32,
    has_point: bool,
    lacks_point: bool,
    has_exponent: bool,
    /// Some exponent has a sign, which numbers have and codes do not.
    has_signed_exponent: bool,
    /// Some integer is beyond Int64.
    is_large: bool,
}

impl Default for Common {
    fn default() -> Self {
        Common { is_seen: false, boolean: true, number: Some(Numbers::default()), date: true, timestamp: true }
    }
}

impl Common {
    fn see(&mut self, text: &str, look: Option<Look>) {
        self.is_seen = true;
        self.boolean = self.boolean && value::boolean(text).is_some();
        self.number = match (self.number, look) {
            (Some(numbers), Some(look)) => Some(numbers.and(look, text)),
            _ => None,
        };
        self.timestamp = self.timestamp && value::timestamp(text).is_some();
        self.date = self.date && self.timestamp && value::date(text).is_some();
    }

    fn kind(&self, is_json: bool) -> ColumnType {
        if !self.is_seen {
            return ColumnType::String;
        }
        if self.boolean {
            return ColumnType::Bool;
        }
        if let Some(kind) = self.number.and_then(|numbers| numbers.kind(is_json)) {
            return kind;
        }
        match (self.date, self.timestamp) {
            (true, _) => ColumnType::Date,
            (false, true) => ColumnType::Timestamp,
            _ => ColumnType::String,
        }
    }
}

impl Numbers {
    fn and(self, look: Look, text: &str) -> Numbers {
        Numbers {
            whole: self.whole.max(look.whole),
            scale: self.scale.max(look.scale),
            least_scale: self.least_scale.max(look.least_scale),
            has_point: self.has_point || look.has_point,
            lacks_point: self.lacks_point || !look.has_point,
            has_exponent: self.has_exponent || look.has_exponent,
            has_signed_exponent: self.has_signed_exponent || (look.has_exponent && text.contains(['+', '-'])),
            is_large: self.is_large || (!look.has_point && !look.has_exponent && value::integer(text).is_none()),
        }
    }

    /// `None` for values that are rather codes: `32E0134`, or more digits than a number in a table has.
    fn kind(self, is_json: bool) -> Option<ColumnType> {
        if self.has_exponent {
            return (is_json || !self.lacks_point).then_some(ColumnType::Float64);
        }
        if !self.has_point {
            return match self.is_large {
                false => Some(ColumnType::Int64),
                true if is_json => Some(decimal(self.whole, 0).unwrap_or(ColumnType::Float64)),
                true => None,
            };
        }
        let scale = if self.scale <= MOST_DECIMALS { self.scale } else { self.least_scale };
        let kind = (scale <= MOST_DECIMALS).then(|| decimal(self.whole, scale)).flatten();
        Some(kind.unwrap_or(ColumnType::Float64))
    }
}

/// `None` if no decimal has that many digits.
fn decimal(whole: u32, scale: u32) -> Option<ColumnType> {
    let digits = whole.checked_add(scale)?;
    let precision = if digits <= u32::from(USUAL_DIGITS) { USUAL_DIGITS } else { MOST_DIGITS };
    (digits <= u32::from(precision)).then_some(ColumnType::Decimal { precision, scale: i8::try_from(scale).ok()? })
}

impl Guess {
    pub(super) fn new(decimal_comma: bool, is_json: bool) -> Guess {
        Guess {
            decimal_comma,
            is_json,
            all: Common::default(),
            without_nulls: Common::default(),
            null_words: Vec::new(),
            formats: None,
            money: Some((0, 0)),
            other_money: Some((0, 0)),
        }
    }

    /// The JSON column has texts, so that its values are dates, times or words.
    pub(super) fn no_number(&mut self) {
        for common in [&mut self.all, &mut self.without_nulls] {
            (common.boolean, common.number) = (false, None);
        }
        (self.money, self.other_money) = (None, None);
    }

    pub(super) fn see(&mut self, text: &str) {
        // An empty text in quotes says nothing about the type.
        if text.is_empty() {
            return;
        }
        let with_point = if self.decimal_comma { number_text::with_point(text) } else { None };
        let number = if self.decimal_comma { with_point.as_deref() } else { Some(text) };
        let look = number.and_then(number_text::look);
        self.all.see(text, look);
        if let Some(word) = NULL_WORDS.into_iter().find(|word| *word == text) {
            if !self.null_words.contains(&word) {
                self.null_words.push(word);
            }
            return;
        }
        self.without_nulls.see(text, look);
        self.see_formats(text);
        for (money, comma) in [(&mut self.money, self.decimal_comma), (&mut self.other_money, !self.decimal_comma)] {
            let Some((whole, scale)) = *money else { continue };
            let is_plain = |look: &Look| !look.has_exponent && (!look.has_point || comma == self.decimal_comma);
            // Leading zeros are part of a code.
            let found = look.filter(is_plain).or_else(|| number_text::look(&number_text::plain(text, comma)?));
            *money = found.map(|look| (whole.max(look.whole), scale.max(look.scale)));
        }
    }

    fn see_formats(&mut self, text: &str) {
        match &mut self.formats {
            Some(formats) => formats.retain(|format| value::has_format(text, format)),
            // All formats are tried only on a value that could be a date.
            None if !text.contains(|c: char| c.is_ascii_digit()) || !text.contains(['.', '/', '-', ' ']) => self.formats = Some(Vec::new()),
            None => {
                let with_time = DATES.iter().flat_map(|day| TIMES.iter().map(move |time| format!("{day}{time}")));
                let all = DATES.iter().map(|day| (*day).to_owned()).chain(with_time);
                self.formats = Some(all.filter(|format| value::has_format(text, format)).collect());
            }
        }
    }

    pub(super) fn kind(&self) -> ColumnType {
        self.all.kind(self.is_json)
    }

    /// Whether no value so far says anything about the type.
    pub(super) fn is_empty(&self) -> bool {
        !self.all.is_seen
    }

    /// A note for a column that stays text but looks like something else.
    pub(super) fn note(&self, column: &str) -> Option<Note> {
        if self.kind() != ColumnType::String || !self.without_nulls.is_seen {
            return None;
        }
        let nulls: String = self.null_words.iter().map(|word| null_flag(word)).collect();
        let beside = match self.null_words.as_slice() {
            [] => String::new(),
            words => format!(" beside {}", words.iter().map(|word| format!("'{word}'")).collect::<Vec<_>>().join(" and ")),
        };
        let note = |looks: String, flags: String| {
            let flags = format!("{nulls}{flags}").trim_end().to_owned();
            Some(Note { column: column.to_owned(), kind: ColumnType::String, looks, flags })
        };
        let typed = |kind: &str| format!("--type {}", quoted(&format!("{column}={kind}")));
        let inner = self.without_nulls.kind(self.is_json);
        if inner != ColumnType::String {
            return note(format!("looks like {}{beside}", words(inner)), String::new());
        }
        if let Some(formats) = self.formats.as_deref().filter(|formats| !formats.is_empty()) {
            let kind = if formats.iter().any(|format| format.contains(":%M")) { "timestamp" } else { "date" };
            let is_wider = |format: &&String| format.strip_suffix("%.f").is_some_and(|narrow| formats.iter().any(|other| other == narrow));
            let flags: Vec<_> =
                formats.iter().filter(|format| !is_wider(format)).take(3).map(|format| typed(&format!("{kind}:{format}"))).collect();
            return note(format!("looks like {}{beside}", if kind == "date" { "dates" } else { "times" }), flags.join(" or "));
        }
        if let Some(numbers) = self.without_nulls.number.filter(|numbers| numbers.has_exponent) {
            if !numbers.has_point && !numbers.has_signed_exponent {
                return None;
            }
            return note(format!("looks like numbers with an exponent{beside}"), typed("float64"));
        }
        if let Some(numbers) = self.without_nulls.number {
            return decimal(numbers.whole, 0)
                .and_then(|kind| note(format!("looks like integers{beside}"), typed(&definition::type_name(kind))));
        }
        let of_money = |digits: (u32, u32)| decimal(digits.0, digits.1).map(definition::type_name);
        if let Some(kind) = self.money.and_then(of_money) {
            return note(format!("looks like numbers{beside}"), typed(&kind));
        }
        if let Some(kind) = self.other_money.and_then(of_money).filter(|_| !self.decimal_comma) {
            return note(format!("looks like numbers with a decimal comma{beside}"), format!("--decimal-comma {}", typed(&kind)));
        }
        None
    }

    /// A note for numbers that all look like `1.234`: if the comma is decimal, the points separate thousands.
    pub(super) fn thousands(&self, column: &str) -> Option<Note> {
        let kind = self.kind();
        // Read with a decimal comma, a point can only stand before three digits.
        let (whole, _) = self.other_money.filter(|_| !self.decimal_comma && matches!(kind, ColumnType::Decimal { scale: 1.., .. }))?;
        let flag = quoted(&format!("{column}={}", definition::type_name(decimal(whole, 2)?)));
        let looks = "may have points between thousands".to_owned();
        Some(Note { column: column.to_owned(), kind, looks, flags: format!("--decimal-comma --type {flag}") })
    }
}

/// The flags with which a value that is not of the type would become one.
pub(super) fn advice(text: &str, column: &str, kind: ColumnType, decimal_comma: bool) -> Option<String> {
    if let Some(word) = NULL_WORDS.into_iter().find(|word| *word == text) {
        return Some(null_flag(word).trim_end().to_owned());
    }
    let mut guess = Guess::new(decimal_comma, false);
    guess.see(text);
    let typed = |format: Option<&str>| {
        let format = format.map(|format| format!(":{format}")).unwrap_or_default();
        format!("--type {}", quoted(&format!("{column}={}{format}", definition::type_name(kind))))
    };
    let scale_fits = |(_, scale): (u32, u32)| match kind {
        ColumnType::Int64 => scale == 0,
        ColumnType::Float64 => true,
        ColumnType::Decimal { scale: most, .. } => u32::try_from(most).is_ok_and(|most| scale <= most),
        _ => false,
    };
    match kind {
        ColumnType::Date | ColumnType::Timestamp => {
            let formats = guess.formats?;
            let is_wider = |format: &&String| !format.ends_with("%.f");
            let flags: Vec<_> = formats.iter().filter(is_wider).take(3).map(|format| typed(Some(format))).collect();
            (!flags.is_empty()).then(|| flags.join(" or "))
        }
        ColumnType::Int64 | ColumnType::Float64 | ColumnType::Decimal { .. } if guess.kind() != ColumnType::String => None,
        ColumnType::Int64 | ColumnType::Float64 | ColumnType::Decimal { .. } if guess.money.is_some_and(scale_fits) => Some(typed(None)),
        ColumnType::Int64 | ColumnType::Float64 | ColumnType::Decimal { .. }
            if guess.other_money.is_some_and(scale_fits) && !decimal_comma =>
        {
            Some(format!("--decimal-comma {}", typed(None)))
        }
        _ => None,
    }
}

/// The flags with which the value is a number of the type because its comma is decimal, and that number. For example, `1.234` is then 1234.
pub(super) fn with_comma(text: &str, column: &str, kind: ColumnType, decimal_comma: bool) -> Option<(String, String)> {
    let plain = number_text::plain(text, true).filter(|_| !decimal_comma)?;
    let fits = match kind {
        ColumnType::Int64 => value::integer(&plain).is_some(),
        ColumnType::Float64 => value::float(&plain).is_some(),
        ColumnType::Decimal { scale, .. } => value::decimal(&plain, scale).is_some(),
        _ => false,
    };
    let flag = quoted(&format!("{column}={}", definition::type_name(kind)));
    fits.then(|| (format!("--decimal-comma --type {flag}"), plain))
}

fn words(kind: ColumnType) -> &'static str {
    match kind {
        ColumnType::Bool => "true and false",
        ColumnType::Date => "dates",
        ColumnType::Timestamp => "times",
        _ => "numbers",
    }
}

fn null_flag(word: &str) -> String {
    let between = if word.starts_with('-') { '=' } else { ' ' };
    format!("--null{between}{} ", quoted(word))
}

/// Quotes the word so that a shell takes it as one word.
fn quoted(word: &str) -> String {
    let is_plain = |c: char| c.is_alphanumeric() || matches!(c, '.' | '/' | '-' | '_' | '=' | ':' | '%' | ',' | '+');
    if word.chars().all(is_plain) { word.to_owned() } else { format!("'{}'", word.replace('\'', r"'\''")) }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn guess(values: &[&str]) -> Guess {
        let mut guess = Guess::new(false, false);
        values.iter().for_each(|value| guess.see(value));
        guess
    }

    #[test]
    fn numbers_are_exact_where_they_can_be() {
        let decimal = |precision, scale| ColumnType::Decimal { precision, scale };
        for (values, kind) in [
            (&["0.10", "0.20", "0.30"][..], decimal(18, 2)),
            (&["123456789012345678.91", "1"], decimal(38, 2)),
            (&["1", "2.5"], decimal(18, 1)),
            (&["0.123456789", "1.0"], decimal(18, 9)),
            (&["0.1234567890", "1.0"], decimal(18, 9)),
            (&["0.12345678901", "1.0"], ColumnType::Float64),
            (&["1234567890123456789012345678901234567.25"], ColumnType::Float64),
            (&["32E0134", "12E0001"], ColumnType::String),
            (&["32E0134", "1.5"], ColumnType::String),
            (&["1.5E3", "2.5"], ColumnType::Float64),
            (&["1e5"], ColumnType::String),
            (&["12345678901234567890"], ColumnType::String),
            (&["12345678901234567890", "1.5"], decimal(38, 1)),
            (&["007", "1"], ColumnType::String),
            (&["-1", ""], ColumnType::Int64),
            (&["", ""], ColumnType::String),
            (&["true", "FALSE"], ColumnType::Bool),
            (&["2026-01-01", "2026-01-01T10:00"], ColumnType::Timestamp),
        ] {
            assert_eq!(guess(values).kind(), kind, "{values:?}");
        }
        let mut comma = Guess::new(true, false);
        ["1234,5", "7"].iter().for_each(|value| comma.see(value));
        assert_eq!(comma.kind(), decimal(18, 1));
        comma.see("1.5");
        assert_eq!(comma.kind(), ColumnType::String);
    }

    #[test]
    fn points_that_may_stand_between_thousands_are_said() {
        let flags = |values: &[&str], decimal_comma| {
            let mut guess = Guess::new(decimal_comma, false);
            values.iter().for_each(|value| guess.see(value));
            guess.thousands("A").map(|note| (definition::type_name(note.kind), note.flags))
        };
        let said = Some(("decimal(18,3)".to_owned(), "--decimal-comma --type 'A=decimal(18,2)'".to_owned()));
        for values in [&["1.234", "2.500"][..], &["-1.234", "12.000", "500"], &["", "999.999"]] {
            assert_eq!(flags(values, false), said, "{values:?}");
            assert_eq!(flags(values, true), None, "{values:?}");
        }
        for values in [&["1.234", "2.5"][..], &["0.123"], &["1234.567"], &["1.234", "1e3"], &["12"], &["1.2345"], &["Oslo"], &[]] {
            assert_eq!(flags(values, false), None, "{values:?}");
        }
    }

    #[test]
    fn what_stays_text_is_said_with_the_flag_that_changes_it() {
        let flags = |values: &[&str]| guess(values).note("Day").map(|note| note.flags);
        for (values, expected) in [
            (&["31.12.2026", "1.2.2026"][..], "--type Day=date:%d.%m.%Y"),
            (&["12/31/2026"], "--type Day=date:%m/%d/%Y"),
            (&["31/12/2026 10:30"], "--type 'Day=timestamp:%d/%m/%Y %H:%M'"),
            (&["01/02/2026"], "--type Day=date:%d/%m/%Y or --type Day=date:%m/%d/%Y"),
            (&["31-Dec-2026"], "--type Day=date:%d-%B-%Y"),
            (&["Jan 1 2000", "Dec 31 2000"], "--type 'Day=date:%B %d %Y'"),
            (&["January 1, 2000"], "--type 'Day=date:%B %d, %Y'"),
            (&["$12.50", "$1,000"], "--type 'Day=decimal(18,2)'"),
            (&["1,234.56"], "--type 'Day=decimal(18,2)'"),
            (&["1.234,56", "1,50"], "--decimal-comma --type 'Day=decimal(18,2)'"),
            (&["1", "NA", "2"], "--null NA"),
            (&["1.5", "N/A", "-"], "--null N/A --null=-"),
            (&["2026-01-01", "NULL"], "--null NULL"),
            (&["31.12.2026", "NA"], "--null NA --type Day=date:%d.%m.%Y"),
            (&["1e-05", "2"], "--type Day=float64"),
            (&["12345678901234567890"], "--type 'Day=decimal(38,0)'"),
        ] {
            assert_eq!(flags(values).as_deref(), Some(expected), "{values:?}");
        }
        for values in [&["Oslo", "NA"][..], &["007", "012"], &["NA"], &["A1"], &["1.2.3"], &["10-20"], &["32E0134"], &["2026-01-01"], &[""]]
        {
            assert_eq!(flags(values), None, "{values:?}");
        }
    }
}
