//! ISO 8601 durations, as the sandbox reads and writes them.

use std::time::Duration;

use chrono::TimeDelta;

/// Weeks, days, hours, minutes and seconds of an ISO 8601 duration: months and years have no fixed length.
pub(super) fn duration(text: &str) -> Option<TimeDelta> {
    let rest = text.trim().to_ascii_uppercase();
    let rest = rest.strip_prefix('P')?;
    let (days, time) = rest.split_once('T').map_or((rest, None), |(days, time)| (days, Some(time)));
    if days.is_empty() && time.is_none_or(str::is_empty) || time.is_some_and(str::is_empty) {
        return None;
    }
    let seconds =
        sum(days, &[('W', 604_800), ('D', 86_400)])?.checked_add(sum(time.unwrap_or_default(), &[('H', 3600), ('M', 60), ('S', 1)])?)?;
    TimeDelta::try_seconds(seconds)
}

/// Numbers with these units, each at most once and in this order.
fn sum(mut text: &str, units: &[(char, i64)]) -> Option<i64> {
    let mut seconds: i64 = 0;
    for (unit, length) in units {
        if let Some((number, rest)) = text.split_once(*unit) {
            let number: u32 = number.parse().ok()?;
            seconds = seconds.checked_add(i64::from(number).checked_mul(*length)?)?;
            text = rest;
        }
    }
    text.is_empty().then_some(seconds)
}

/// As a duration, of which the seconds may have a fraction.
pub(super) fn delay(text: &str) -> Option<Duration> {
    let Some((whole, fraction)) = text.split_once('.') else { return duration(text)?.to_std().ok() };
    let digits = fraction.strip_suffix(['S', 's'])?;
    let is_number = (1..=3).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit());
    let milliseconds: u64 = format!("{digits:0<3}").parse().ok().filter(|_| is_number)?;
    Some(duration(&format!("{whole}S"))?.to_std().ok()? + Duration::from_millis(milliseconds))
}

pub(super) fn real_seconds(delay: Duration) -> String {
    match delay.subsec_millis() {
        0 => format!("PT{}S", delay.as_secs()),
        milliseconds => format!("PT{}.{milliseconds:03}S", delay.as_secs()),
    }
}

/// In the largest units that it has: `PT2H`, `P1DT30M`.
pub(super) fn iso(span: TimeDelta) -> String {
    let mut rest = span.num_seconds();
    let mut text = String::from("P");
    for (size, unit) in [(86_400, 'D'), (3600, 'H'), (60, 'M'), (1, 'S')] {
        let count = rest / size;
        rest %= size;
        if count == 0 {
            continue;
        }
        if unit != 'D' && !text.contains('T') {
            text.push('T');
        }
        text.push_str(&format!("{count}{unit}"));
    }
    if text == "P" { "PT0S".to_owned() } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations() {
        for (text, seconds) in [
            ("PT24H", Some(86_400)),
            ("PT4H10M", Some(15_000)),
            ("P1DT1S", Some(86_401)),
            ("p2w", Some(1_209_600)),
            ("PT0S", Some(0)),
            ("P", None),
            ("PT", None),
            ("P1DT", None),
            ("P1M", None),
            ("PT1H1H", None),
            ("PT5", None),
            ("PT-5S", None),
            ("24H", None),
        ] {
            assert_eq!(duration(text).map(|span| span.num_seconds()), seconds, "{text}");
        }
    }

    #[test]
    fn delays_may_have_fractions() {
        for (text, milliseconds) in [
            ("PT2S", Some(2000)),
            ("PT0.5S", Some(500)),
            ("pt1m1.25s", Some(61_250)),
            ("PT0.0001S", None),
            ("PT.5S", None),
            ("PT0.5M", None),
            ("PT0.-5S", None),
            ("2", None),
        ] {
            assert_eq!(delay(text).map(|delay| delay.as_millis()), milliseconds, "{text}");
            if let Some(found) = delay(text) {
                assert_eq!(delay(&real_seconds(found)), Some(found));
            }
        }
    }

    #[test]
    fn a_time_is_shown_in_the_largest_units_that_it_has() {
        for (seconds, text) in [(0, "PT0S"), (90, "PT1M30S"), (7200, "PT2H"), (86_400, "P1D"), (95_400, "P1DT2H30M")] {
            assert_eq!(iso(TimeDelta::seconds(seconds)), text);
            assert_eq!(duration(text), Some(TimeDelta::seconds(seconds)));
        }
    }
}
