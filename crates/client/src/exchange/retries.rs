//! How often a call is made again, and after how long: only where making it twice does what making it once does, or where it was not taken at all.

use std::time::Duration;

use reqwest::StatusCode;
use reqwest::header::{HeaderMap, RETRY_AFTER};

/// The waits double from the first to the longest. A `Retry-After` of the server counts instead, where it is longer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retries {
    /// How often a call is made again; 0 never. A download counts anew whenever bytes have arrived.
    pub most: u32,
    pub first_wait: Duration,
    /// A server that asks for more is not waited for: its refusal is the answer.
    pub longest_wait: Duration,
}

impl Default for Retries {
    fn default() -> Self {
        Retries { most: 4, first_wait: Duration::from_millis(500), longest_wait: Duration::from_secs(60) }
    }
}

/// What a call did, if anything, when it brought no result.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Trouble {
    /// The server turned it away before it did anything (429).
    TurnedAway,
    /// The server answered that it cannot now (503), or the connection ended before the answer. Something may have been done.
    Unclear,
    /// There is no server. `seen`: there was one before.
    NoServer { seen: bool },
    /// Another try would fare alike.
    Final,
}

impl Trouble {
    pub fn of_status(status: StatusCode) -> Trouble {
        match status {
            StatusCode::TOO_MANY_REQUESTS => Trouble::TurnedAway,
            StatusCode::SERVICE_UNAVAILABLE => Trouble::Unclear,
            _ => Trouble::Final,
        }
    }

    /// A call that got no answer in time is not made again: it would wait as long once more.
    pub fn of_error(error: &reqwest::Error, seen: bool) -> Trouble {
        if error.is_builder() || error.is_timeout() {
            Trouble::Final
        } else if error.is_connect() {
            Trouble::NoServer { seen }
        } else {
            Trouble::Unclear
        }
    }
}

impl Retries {
    /// How long to wait before the call is made again; None if it is not. `made`: how often it was made again already. `repeatable`: whether twice
    /// does what once does. `asked`: the seconds of a `Retry-After`.
    pub(crate) fn wait(&self, made: u32, trouble: Trouble, repeatable: bool, asked: Option<u64>) -> Option<Duration> {
        let again = match trouble {
            Trouble::TurnedAway => true,
            Trouble::NoServer { seen } => seen,
            Trouble::Unclear => repeatable,
            Trouble::Final => false,
        };
        let asked = Duration::from_secs(asked.unwrap_or_default());
        if !again || made >= self.most || asked > self.longest_wait {
            return None;
        }
        let doubled = self.first_wait.saturating_mul(1_u32.checked_shl(made).unwrap_or(u32::MAX));
        Some(doubled.min(self.longest_wait).max(asked))
    }
}

/// `Retry-After` in seconds. A date in it, which this API never sends, counts as not given.
pub(crate) fn retry_after(headers: &HeaderMap) -> Option<u64> {
    headers.get(RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_until_the_longest_and_end() {
        let retries = Retries { most: 9, first_wait: Duration::from_secs(1), longest_wait: Duration::from_secs(10) };
        let waits: Vec<_> = (0..10).map(|made| retries.wait(made, Trouble::Unclear, true, None).map(|wait| wait.as_secs())).collect();
        assert_eq!(waits, [Some(1), Some(2), Some(4), Some(8), Some(10), Some(10), Some(10), Some(10), Some(10), None]);
        let many = Retries { most: u32::MAX, ..retries };
        assert_eq!(many.wait(4_000_000_000, Trouble::Unclear, true, None), Some(Duration::from_secs(10)));
    }

    #[test]
    fn the_server_says_how_long_unless_it_is_too_long() {
        let retries = Retries { most: 4, first_wait: Duration::from_secs(1), longest_wait: Duration::from_secs(10) };
        let wait = |asked| retries.wait(0, Trouble::TurnedAway, false, asked).map(|wait| wait.as_secs());
        assert_eq!([wait(None), wait(Some(0)), wait(Some(7)), wait(Some(10)), wait(Some(11))], [Some(1), Some(1), Some(7), Some(10), None]);
    }

    #[test]
    fn only_what_may_be_done_twice_or_was_not_done_is_repeated() {
        let again = |trouble, repeatable| Retries::default().wait(0, trouble, repeatable, None).is_some();
        assert!(again(Trouble::TurnedAway, false) && again(Trouble::Unclear, true) && again(Trouble::NoServer { seen: true }, false));
        assert!(!again(Trouble::Unclear, false) && !again(Trouble::NoServer { seen: false }, true) && !again(Trouble::Final, true));
        let of = |status| Trouble::of_status(StatusCode::from_u16(status).unwrap());
        assert_eq!([of(429), of(503), of(500), of(404)], [Trouble::TurnedAway, Trouble::Unclear, Trouble::Final, Trouble::Final]);
    }
}
