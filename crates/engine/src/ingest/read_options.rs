//! What a person declares about files that do not say it themselves. No file is read here.

use insightgate_query::datasets::catalog::{ColumnType, same_name};
use insightgate_query::datasets::definition;

/// How text files are read. By default everything is detected.
#[derive(Debug, Clone, Default)]
pub struct ReadOptions {
    /// The separator of values; `None` detects it in the first rows.
    pub delimiter: Option<u8>,
    /// A name such as `windows-1252`; `None` means UTF-8, or UTF-16 if the file begins with a byte-order mark.
    pub encoding: Option<TextEncoding>,
    /// Values that stand for "no value", besides an empty one.
    pub nulls: Vec<String>,
    /// Numbers have a decimal comma, whatever the separator is.
    pub decimal_comma: bool,
    pub types: Vec<GivenType>,
}

/// An encoding, named by one of its labels in the WHATWG Encoding Standard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TextEncoding(pub(super) &'static encoding_rs::Encoding);

/// What a person declares about one column: `Column=date:%d.%m.%Y`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GivenType {
    pub column: String,
    pub kind: ColumnType,
    /// The format of a date or timestamp, in strftime placeholders.
    pub format: Option<String>,
}

impl ReadOptions {
    pub(super) fn given(&self, column: &str) -> Option<&GivenType> {
        self.types.iter().find(|given| same_name(&given.column, column))
    }
}

impl std::str::FromStr for TextEncoding {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        let found = encoding_rs::Encoding::for_label_no_replacement(name.trim().as_bytes());
        found.map(TextEncoding).ok_or_else(|| {
            format!("'{name}' is no encoding that is known; others are utf-8, utf-16le, windows-1252, iso-8859-15, shift_jis")
        })
    }
}

impl std::str::FromStr for GivenType {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let example = "it should be like Day=date:%d.%m.%Y or Price=decimal(18,2)";
        // A column's name may contain equals signs and colons.
        let format_at = ["=date:", "=timestamp:", "=int64:", "=float64:", "=string:", "=bool:"]
            .iter()
            .find_map(|mark| Some(text.find(mark)? + mark.len()));
        let (head, format) = match format_at {
            Some(at) => (text.get(..at - 1).unwrap_or_default(), text.get(at..).map(str::to_owned)),
            None => (text, None),
        };
        let Some((column, kind)) = head.rsplit_once('=').filter(|(column, _)| !column.is_empty()) else {
            return Err(format!("'{text}' names no column and type: {example}"));
        };
        let Some(kind) = definition::column_type(&kind.replace(' ', "")) else {
            return Err(format!(
                "'{kind}' is no type: there are string, int64, float64, decimal(precision,scale), date, timestamp and bool; {example}"
            ));
        };
        if let Some(format) = &format {
            if !matches!(kind, ColumnType::Date | ColumnType::Timestamp) {
                return Err(format!("only a date or a timestamp has a format, not {}: {example}", definition::type_name(kind)));
            }
            if !format.contains('%') || chrono::format::StrftimeItems::new(format).any(|item| item == chrono::format::Item::Error) {
                return Err(format!(
                    "'{format}' is no format: %Y is the year, %m the month, %d the day, %H the hour, %M the minute, %S the second, as in %d.%m.%Y"
                ));
            }
        }
        Ok(GivenType { column: column.to_owned(), kind, format })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn types_are_given_with_or_without_a_format() {
        for (text, column, kind, format) in [
            ("Day=date:%d.%m.%Y", "Day", ColumnType::Date, Some("%d.%m.%Y")),
            ("Sold at=timestamp:%d.%m.%Y %H:%M", "Sold at", ColumnType::Timestamp, Some("%d.%m.%Y %H:%M")),
            ("a=b=decimal(18, 2)", "a=b", ColumnType::Decimal { precision: 18, scale: 2 }, None),
            ("Zip=string", "Zip", ColumnType::String, None),
        ] {
            let given: GivenType = text.parse().unwrap();
            assert_eq!((given.column.as_str(), given.kind, given.format.as_deref()), (column, kind, format), "{text}");
        }
        for (text, why) in [
            ("Day", "names no column"),
            ("=date", "names no column"),
            ("Day=day", "is no type"),
            ("Day=int64:%d", "only a date"),
            ("Day=date:", "is no format"),
            ("Day=date:dd.MM.yyyy", "%d the day"),
            ("Day=date:%Q!", "is no format"),
        ] {
            let refused = text.parse::<GivenType>().unwrap_err();
            assert!(refused.contains(why), "{text}: {refused}");
        }
        assert!("klingon".parse::<TextEncoding>().unwrap_err().contains("windows-1252"));
        assert_eq!("Latin1".parse::<TextEncoding>().unwrap().0.name(), "windows-1252");
    }
}
