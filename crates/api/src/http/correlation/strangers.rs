//! Log lines for answers to callers who proved nothing, other than refusals: pages, keys, checks of health. There are at most some lines a second, with the
//! number of those left out, so that nobody can fill the disk by asking for what everybody may read.
//!
//! This module keeps two numbers, never a request.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

const SECOND: Duration = Duration::from_secs(1);
/// Lines of one second, for all callers together.
const MOST: u32 = 20;

/// The lines of this second. All listeners share one.
#[derive(Debug, Default)]
pub(crate) struct AnswersToStrangers(Mutex<Option<Told>>);

#[derive(Debug)]
struct Told {
    since: Instant,
    lines: u32,
    left_out: u64,
}

impl AnswersToStrangers {
    /// `None` if this second has its lines already, and otherwise how many answers were left out since the last line.
    pub(crate) fn tell(&self, now: Instant) -> Option<u64> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let told = kept.get_or_insert(Told { since: now, lines: 0, left_out: 0 });
        if now.duration_since(told.since) >= SECOND {
            (told.since, told.lines) = (now, 0);
        }
        if told.lines >= MOST {
            told.left_out = told.left_out.saturating_add(1);
            return None;
        }
        told.lines += 1;
        Some(std::mem::take(&mut told.left_out))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_has_so_many_lines_and_the_next_one_says_how_many_are_missing() {
        let (answers, start) = (AnswersToStrangers::default(), Instant::now());
        let lines = (0..1000).filter(|_| answers.tell(start).is_some()).count();
        assert_eq!(lines, MOST as usize);
        assert_eq!(answers.tell(start + SECOND / 2), None);
        assert_eq!(answers.tell(start + SECOND), Some(1000 - u64::from(MOST) + 1));
        assert_eq!(answers.tell(start + SECOND), Some(0));
    }
}
