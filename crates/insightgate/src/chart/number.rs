//! Numbers as a chart shows them: short, and on round ticks.

const UNITS: [(f64, &str); 4] = [(1e3, "K"), (1e6, "M"), (1e9, "B"), (1e12, "T")];

/// With a digit or two behind the point at most: 855, 12.5, 767.2K, 50.1M.
pub fn short(number: f64) -> String {
    let size = number.abs();
    if size == 0.0 {
        return "0".to_owned();
    }
    if size < 0.01 {
        return format!("{number:.1e}");
    }
    if size < 99.995 {
        return trimmed(format!("{number:.2}"));
    }
    if size < 9999.95 {
        return trimmed(format!("{number:.1}"));
    }
    // What rounds up to a thousand belongs to the next unit.
    match UNITS.iter().find(|(unit, _)| size / unit < 999.95) {
        Some((unit, name)) => format!("{}{name}", trimmed(format!("{:.1}", number / unit))),
        None => format!("{number:.1e}"),
    }
}

fn trimmed(digits: String) -> String {
    digits.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// Round numbers from below the smallest value to above the largest.
#[derive(Debug, PartialEq)]
pub struct Ticks {
    pub step: f64,
    /// The first and the last one, in steps from zero.
    pub first: i64,
    pub last: i64,
}

impl Ticks {
    pub fn new(low: f64, high: f64) -> Ticks {
        let high = if low < high { high } else { low + 1.0 };
        // In parts, since the whole may be more than a number can be.
        let rough = (high / 4.0 - low / 4.0).max(f64::MIN_POSITIVE);
        let magnitude = 10_f64.powf(rough.log10().floor());
        let round = [1.0, 2.0, 2.5, 5.0, 10.0].into_iter().find(|round| round * magnitude >= rough * (1.0 - 1e-9));
        let step = round.unwrap_or(10.0) * magnitude;
        let (first, last) = ((low / step).floor() as i64, (high / step).ceil() as i64);
        Ticks { step, first, last: last.max(first.saturating_add(1)) }
    }

    /// At least one.
    pub fn count(&self) -> usize {
        usize::try_from(self.last.saturating_sub(self.first)).unwrap_or(1).clamp(1, 10)
    }

    pub fn shown(&self, tick: i64) -> String {
        short(tick as f64 * self.step)
    }

    /// Where a value lies between the first tick, which is 0, and the last, which is 1.
    pub fn part(&self, value: f64) -> f64 {
        let part = (value / self.step - self.first as f64) / (self.last - self.first) as f64;
        if part.is_finite() { part.clamp(0.0, 1.0) } else { 0.0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short() {
        for (number, expected) in [
            (0.0, "0"),
            (-0.0, "0"),
            (855.0, "855"),
            (12.5, "12.5"),
            (0.126, "0.13"),
            (0.0001, "1.0e-4"),
            (99.999, "100"),
            (1460.0, "1460"),
            (9999.96, "10K"),
            (767_175.0, "767.2K"),
            (999_949.0, "999.9K"),
            (999_950.0, "1M"),
            (50_117_940.0, "50.1M"),
            (-1.5e9, "-1.5B"),
            (2e12, "2T"),
            (1.26e18, "1.3e18"),
            (f64::MAX, "1.8e308"),
        ] {
            assert_eq!(short(number), expected, "{number}");
        }
    }

    #[test]
    fn ticks_are_round_and_hold_every_value() {
        let ticks = |low, high| {
            let ticks = Ticks::new(low, high);
            (ticks.first..=ticks.last).map(|tick| ticks.shown(tick)).collect::<Vec<_>>().join(" ")
        };
        assert_eq!(ticks(0.0, 47.0), "0 20 40 60");
        assert_eq!(ticks(0.0, 100.0), "0 25 50 75 100");
        assert_eq!(ticks(-30.0, 70.0), "-50 -25 0 25 50 75");
        assert_eq!(ticks(0.0, 50_117_940.0), "0 20M 40M 60M");
        assert_eq!(ticks(0.0, 0.0), "0 0.25 0.5 0.75 1");
        assert_eq!(ticks(15.2, 19.8), "14 16 18 20");
        for (low, high) in [(f64::MIN, f64::MAX), (0.0, f64::MAX), (0.0, f64::MIN_POSITIVE), (0.0, 5e-324), (1e17, 1e17 + 16.0)] {
            let ticks = Ticks::new(low, high);
            assert!(ticks.count() >= 1 && ticks.part(low) <= ticks.part(high), "{low} {high}");
        }
    }
}
