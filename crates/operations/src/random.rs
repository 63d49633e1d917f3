//! Randomness and identifiers.

use std::sync::{Mutex, PoisonError};

use aws_lc_rs::rand::{SecureRandom, SystemRandom};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, Utc};
use thiserror::Error;
use uuid::Uuid;

/// The operating system's random number generator.
#[derive(Debug, Default)]
pub struct Random {
    system: SystemRandom,
    last: Mutex<Last>,
}

/// The time and place of the last ordered id.
#[derive(Debug, Default)]
struct Last {
    milliseconds: u64,
    /// How many ids came before it in the same millisecond.
    place: u32,
}

#[derive(Debug, Error)]
#[error("the operating system gives no randomness")]
pub struct NoRandomness;

impl Random {
    /// # Errors
    /// When the operating system gives no randomness.
    pub fn bytes<const LENGTH: usize>(&self) -> Result<[u8; LENGTH], NoRandomness> {
        let mut bytes = [0; LENGTH];
        self.system.fill(&mut bytes).map_err(|_| NoRandomness)?;
        Ok(bytes)
    }

    /// # Errors
    /// When the operating system gives no randomness.
    pub fn uuid(&self) -> Result<Uuid, NoRandomness> {
        Ok(uuid::Builder::from_random_bytes(self.bytes()?).into_uuid())
    }

    /// An id that begins with the time (a UUID of version 7), so that later rows come later in an index and a burst of writes touches few pages. Ids of one
    /// millisecond count up, so that lists can show them in the order in which this process made them.
    ///
    /// # Errors
    /// When the operating system gives no randomness.
    pub fn ordered_uuid(&self, now: DateTime<Utc>) -> Result<Uuid, NoRandomness> {
        let milliseconds = u64::try_from(now.timestamp_millis()).unwrap_or_default();
        let mut rest: [u8; 10] = self.bytes()?;
        // The first byte shares its place with the version, and the third with the variant, so both are left alone.
        let [_, first, _, second, third, fourth, ..] = &mut rest;
        [*first, *second, *third, *fourth] = self.place(milliseconds).to_be_bytes();
        let [version, _, variant, ..] = &mut rest;
        (*version, *variant) = (0, 0);
        Ok(uuid::Builder::from_unix_timestamp_millis(milliseconds, &rest).into_uuid())
    }

    fn place(&self, milliseconds: u64) -> u32 {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let place = if last.milliseconds == milliseconds { last.place.wrapping_add(1) } else { 0 };
        *last = Last { milliseconds, place };
        place
    }

    /// 256 bits as 43 characters that need no encoding in a URL, a header or a form.
    ///
    /// # Errors
    /// When the operating system gives no randomness.
    pub fn secret(&self) -> Result<String, NoRandomness> {
        Ok(URL_SAFE_NO_PAD.encode(self.bytes::<32>()?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identifiers_of_one_millisecond_keep_their_order() {
        let random = Random::default();
        let at = |milliseconds| DateTime::from_timestamp_millis(milliseconds).unwrap();
        let mut made = Vec::new();
        for milliseconds in [1_700_000_000_000, 1_700_000_000_001] {
            made.extend((0..1000).map(|_| random.ordered_uuid(at(milliseconds)).unwrap()));
        }
        assert!(made.is_sorted() && made.windows(2).all(|two| two[0] != two[1]));
        assert!(made.iter().all(|id| id.get_version_num() == 7));
        // Another process counts on its own. The random part keeps its ids different.
        let other = Random::default().ordered_uuid(at(1_700_000_000_000)).unwrap();
        assert!(!made.contains(&other));
    }
}
