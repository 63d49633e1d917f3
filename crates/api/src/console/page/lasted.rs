//! How long something took or has waited, for people.

use std::fmt;
use std::time::Duration;

/// With its two largest units.
pub(in crate::console) struct Lasted(pub(in crate::console) Duration);

impl fmt::Display for Lasted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.0.as_secs();
        let (days, hours, minutes) = (seconds / 86_400, seconds / 3600 % 24, seconds / 60 % 60);
        match (days, hours, minutes) {
            (0, 0, 0) if seconds == 0 => write!(f, "{} ms", self.0.as_millis()),
            (0, 0, 0) => write!(f, "{seconds} s"),
            (0, 0, _) => write!(f, "{minutes} min {} s", seconds % 60),
            (0, _, _) => write!(f, "{hours} h {minutes} min"),
            _ => write!(f, "{days} d {hours} h"),
        }
    }
}

/// Its text is only digits and fixed words, so that it needs no escaping.
impl askama::filters::HtmlSafe for Lasted {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_shown_with_its_two_largest_units() {
        for (milliseconds, shown) in
            [(0, "0 ms"), (999, "999 ms"), (59_000, "59 s"), (61_000, "1 min 1 s"), (3_700_000, "1 h 1 min"), (180_000_000, "2 d 2 h")]
        {
            assert_eq!(Lasted(Duration::from_millis(milliseconds)).to_string(), shown);
        }
    }
}
