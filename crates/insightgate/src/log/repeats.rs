//! One line a minute for one cause. A full disk or a missing database affects every request and every loop, and thousands of equal lines would hide
//! all others and fill the disk.
//!
//! The cause is the text of the event and of its error, without numbers and identifiers. Lines that were left out are counted, and the next line has
//! their number. Events without an error, and those below a warning, always pass, and so does everything at `debug`.

use std::collections::HashMap;
use std::fmt::{Debug, Write as _};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;
use tracing::field::{Field, Visit};
use tracing::level_filters::LevelFilter;
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;

use super::LogFormat;
use super::lines::left_out;
use super::sink::Sink;

const PERIOD: Duration = Duration::from_secs(60);
/// The most causes that are remembered; beyond them, those that are over are dropped first.
const MOST: usize = 256;
/// Fields that say why.
const CAUSES: [&str; 4] = ["error", "cause", "fault", "reason"];

pub struct Repeats {
    told: Mutex<HashMap<u64, Told>>,
    format: LogFormat,
    sink: Sink,
}

#[derive(Debug)]
struct Told {
    at: Instant,
    left_out: u64,
}

impl Repeats {
    pub fn new(format: LogFormat, sink: Sink) -> Repeats {
        Repeats { told: Mutex::default(), format, sink }
    }

    /// None for one that was told already; else how often it was left out since.
    fn pass(&self, key: u64, now: Instant) -> Option<u64> {
        let mut all = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(told) = all.get_mut(&key) {
            if now.duration_since(told.at) < PERIOD {
                told.left_out += 1;
                return None;
            }
            let left_out = told.left_out;
            *told = Told { at: now, left_out: 0 };
            return Some(left_out);
        }
        if all.len() >= MOST {
            all.retain(|_, told| now.duration_since(told.at) < PERIOD);
        }
        if all.len() < MOST {
            all.insert(key, Told { at: now, left_out: 0 });
        }
        Some(0)
    }
}

impl<S: Subscriber> Layer<S> for Repeats {
    fn event_enabled(&self, event: &Event<'_>, _: Context<'_, S>) -> bool {
        let metadata = event.metadata();
        if *metadata.level() > Level::WARN || LevelFilter::current() >= LevelFilter::DEBUG {
            return true;
        }
        let mut found = Found { hasher: DefaultHasher::new(), has_cause: false };
        (metadata.target(), metadata.line()).hash(&mut found.hasher);
        event.record(&mut found);
        if !found.has_cause {
            return true;
        }
        match self.pass(found.hasher.finish(), Instant::now()) {
            None => false,
            Some(0) => true,
            Some(count) => {
                // The line that it is about follows, and takes it along.
                self.sink.take(&left_out(self.format, count), false);
                true
            }
        }
    }
}

struct Found {
    hasher: DefaultHasher,
    has_cause: bool,
}

impl Visit for Found {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        let is_cause = CAUSES.contains(&field.name());
        if is_cause || field.name() == "message" {
            self.has_cause |= is_cause;
            let mut text = String::new();
            let _ = write!(text, "{value:?}");
            for word in
                text.split(|character: char| !character.is_alphanumeric()).filter(|word| !word.contains(|c: char| c.is_ascii_digit()))
            {
                word.hash(&mut self.hasher);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_a_minute_passes_and_the_others_are_counted() {
        let (repeats, start) = (Repeats::new(LogFormat::Text, Sink::stderr()), Instant::now());
        let after = |seconds| start + Duration::from_secs(seconds);
        assert_eq!(repeats.pass(1, start), Some(0));
        for second in 0..59 {
            assert_eq!(repeats.pass(1, after(second)), None);
        }
        assert_eq!(repeats.pass(2, after(1)), Some(0), "another cause");
        assert_eq!(repeats.pass(1, after(61)), Some(59));
        assert_eq!(repeats.pass(1, after(62)), None);
        // However many causes there are, no more are kept; those that find no place pass.
        for key in 0..10_000 {
            let _ = repeats.pass(key, after(62));
        }
        assert_eq!(repeats.told.lock().unwrap().len(), MOST);
        assert_eq!(repeats.pass(10_001, after(130)), Some(0));
        assert!(repeats.told.lock().unwrap().len() < MOST);
    }
}
