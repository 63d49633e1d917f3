//! Randomness and identifiers.

use aws_lc_rs::rand::{SecureRandom, SystemRandom};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, Utc};
use thiserror::Error;
use uuid::Uuid;

/// The operating system's generator.
#[derive(Debug, Default)]
pub struct Random(SystemRandom);

#[derive(Debug, Error)]
#[error("the operating system gives no randomness")]
pub struct NoRandomness;

impl Random {
    pub fn bytes<const LENGTH: usize>(&self) -> Result<[u8; LENGTH], NoRandomness> {
        let mut bytes = [0; LENGTH];
        self.0.fill(&mut bytes).map_err(|_| NoRandomness)?;
        Ok(bytes)
    }

    pub fn uuid(&self) -> Result<Uuid, NoRandomness> {
        Ok(uuid::Builder::from_random_bytes(self.bytes()?).into_uuid())
    }

    /// Begins with the time, so that what is written later stands later in an index and a burst of writes touches few pages.
    pub fn ordered_uuid(&self, now: DateTime<Utc>) -> Result<Uuid, NoRandomness> {
        let milliseconds = u64::try_from(now.timestamp_millis()).unwrap_or_default();
        Ok(uuid::Builder::from_unix_timestamp_millis(milliseconds, &self.bytes()?).into_uuid())
    }

    /// 256 bits as 43 characters that stand in a URL, a header or a form as they are.
    pub fn secret(&self) -> Result<String, NoRandomness> {
        Ok(URL_SAFE_NO_PAD.encode(self.bytes::<32>()?))
    }
}
