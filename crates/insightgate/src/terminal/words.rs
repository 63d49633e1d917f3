//! Numbers and lengths of time as people read them.

use std::time::Duration;

/// A number with what it counts: `1 row`, `2 rows`. The noun is one whose plural ends with s.
pub fn counted(count: u64, noun: &str) -> String {
    if count == 1 { format!("{count} {noun}") } else { format!("{count} {noun}s") }
}

/// Units with their seconds, the largest first.
const UNITS: [(u64, &str); 4] = [(86_400, "day"), (3600, "hour"), (60, "minute"), (1, "second")];

/// A length of time in its two largest units: `2 hours`, `1 hour 30 minutes`, `0.5 seconds`.
pub fn lasting(time: Duration) -> String {
    let (seconds, milliseconds) = (time.as_secs(), time.subsec_millis());
    if seconds < 60 && milliseconds > 0 {
        let fraction = format!("{milliseconds:03}");
        return format!("{seconds}.{} seconds", fraction.trim_end_matches('0'));
    }
    let mut rest = seconds;
    let mut parts = Vec::new();
    for (size, noun) in UNITS {
        let count = rest / size;
        rest %= size;
        // The second unit is the next smaller one: nobody reads days with seconds.
        if count > 0 {
            parts.push(counted(count, noun));
        }
        if !parts.is_empty() && (parts.len() == 2 || count == 0) {
            break;
        }
    }
    if parts.is_empty() { counted(0, "second") } else { parts.join(" ") }
}

/// Nobody waits longer, and no sum of times overflows.
const LONGEST: Duration = Duration::from_secs(365 * 86_400);

/// A number of seconds, or one with s, m, h or d behind it, up to a year.
pub fn duration(text: &str) -> Result<Duration, String> {
    let wrong = || "write it as a number with s, m, h or d: 90s, 15m, 2h or 1d".to_owned();
    let text = text.trim();
    let (number, unit) = match text.char_indices().next_back() {
        Some((at, unit)) if unit.is_ascii_alphabetic() => (text.get(..at).unwrap_or_default(), unit.to_ascii_lowercase()),
        _ => (text, 's'),
    };
    let seconds = match unit {
        's' => 1,
        'm' => 60,
        'h' => 3600,
        'd' => 86_400,
        _ => return Err(wrong()),
    };
    let number: u64 = number.trim().parse().map_err(|_| wrong())?;
    if number == 0 {
        return Err("a time of nothing is no wait: it should be more than 0".to_owned());
    }
    let duration = number.checked_mul(seconds).map(Duration::from_secs).ok_or_else(wrong)?;
    if duration > LONGEST { Err("365d are the longest".to_owned()) } else { Ok(duration) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_is_not_several() {
        assert_eq!([0, 1, 2].map(|count| counted(count, "row")), ["0 rows", "1 row", "2 rows"]);
    }

    #[test]
    fn times_have_their_two_largest_units() {
        for (milliseconds, text) in [
            (0, "0 seconds"),
            (500, "0.5 seconds"),
            (1000, "1 second"),
            (1250, "1.25 seconds"),
            (59_000, "59 seconds"),
            (90_000, "1 minute 30 seconds"),
            (3_600_000, "1 hour"),
            (3_601_000, "1 hour"),
            (7_200_000, "2 hours"),
            (5_400_000, "1 hour 30 minutes"),
            (86_400_000, "1 day"),
            (93_600_000, "1 day 2 hours"),
            (7 * 86_400_000, "7 days"),
        ] {
            assert_eq!(lasting(Duration::from_millis(milliseconds)), text);
        }
    }

    #[test]
    fn durations_have_a_unit_or_are_seconds() {
        let seconds = |text: &str| duration(text).ok().map(|duration| duration.as_secs());
        assert_eq!(
            ["90", "90s", "15m", "2h", "1D", " 3 m "].map(seconds),
            [Some(90), Some(90), Some(900), Some(7200), Some(86_400), Some(180)]
        );
        assert_eq!(seconds("365d"), Some(365 * 86_400));
        for text in ["", "0", "m", "1w", "-1s", "1.5h", "366d", "9223372036854775807", "99999999999999999999", "99999999999999999d", "1ü"]
        {
            assert_eq!(seconds(text), None, "{text}");
        }
    }
}
