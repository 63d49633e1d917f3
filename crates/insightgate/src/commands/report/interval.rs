//! The interval of a schedule, as people write and read it.

use crate::terminal::words::duration;

/// Whole hours, as a number or as a time.
pub fn hours(text: &str) -> Result<u32, String> {
    if let Ok(hours) = text.trim().parse() {
        return Ok(hours);
    }
    let seconds = duration(text)?.as_secs();
    let wrong = || "write it in hours or days: 24h, 7d".to_owned();
    if seconds % 3600 == 0 { u32::try_from(seconds / 3600).map_err(|_| wrong()) } else { Err(wrong()) }
}

/// The same as a time, for people.
pub fn interval(hours: i64) -> String {
    match hours {
        ..=0 => "once".to_owned(),
        _ if hours % 24 == 0 => format!("{}d", hours / 24),
        _ => format!("{hours}h"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn intervals_are_hours_or_days() {
        for (text, expected) in
            [("24", Some(24)), ("24h", Some(24)), ("7d", Some(168)), ("90m", None), ("60m", Some(1)), ("1w", None), ("", None)]
        {
            assert_eq!(hours(text).ok(), expected, "{text}");
        }
        assert_eq!([interval(-1), interval(4), interval(24), interval(168)], ["once", "4h", "1d", "7d"]);
        for hours_of in [4, 24, 36, 168, 2160] {
            assert_eq!(hours(&interval(hours_of)).map(i64::from), Ok(hours_of));
        }
    }
}
