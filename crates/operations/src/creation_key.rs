//! `Idempotency-Key`: a creation that a client sends again, since it lost the answer, is made once.
//!
//! The same key with the same fields leads to what the first creation made, for a day. A creation that was refused is tried again.

use aws_lc_rs::digest;
use chrono::{DateTime, Utc};
use insightgate_store::{Creation, CreationKey, KEYS_OF_AN_OWNER};
use serde::Serialize;
use uuid::Uuid;

use crate::callers::caller::Caller;
use crate::context::Context;
use crate::failure::Failure;

/// Characters.
const LONGEST_KEY: usize = 255;

/// The key as the store keeps it, if one was sent. `what` is made; `fields` are those of the body, once it is read.
pub(crate) fn creation_key(
    caller: &Caller,
    what: &str,
    sent: Option<&str>,
    fields: &impl Serialize,
    now: DateTime<Utc>,
) -> Result<Option<CreationKey>, Failure> {
    let Some(sent) = sent.map(str::trim) else { return Ok(None) };
    if sent.is_empty() || sent.len() > LONGEST_KEY || !sent.bytes().all(|byte| byte.is_ascii_graphic() || byte == b' ') {
        return Err(Failure::Invalid(format!("Idempotency-Key should be one, of 1 to {LONGEST_KEY} printable ASCII characters.")));
    }
    let fields = serde_json::to_vec(fields).map_err(Failure::internal)?;
    let digest = sum(format!("{what}\n{sent}").as_bytes());
    Ok(Some(CreationKey { owner: caller.owner(), program: caller.program, digest, body: sum(&fields), now }))
}

/// What this key made before, if anything.
pub(crate) async fn made_before(context: &Context, key: Option<&CreationKey>) -> Result<Option<Uuid>, Failure> {
    match key {
        Some(key) => instead(context.store.creation_before(key).await?.unwrap_or(Creation::Made)),
        None => Ok(None),
    }
}

/// What was made before, instead of now.
pub(crate) fn instead(creation: Creation) -> Result<Option<Uuid>, Failure> {
    match creation {
        Creation::Made => Ok(None),
        Creation::Before(id) => Ok(Some(id)),
        Creation::OtherBody => Err(Failure::KeyReused),
        Creation::NoRoom(wait) => Err(Failure::ShareTaken {
            told: format!("{KEYS_OF_AN_OWNER} keys of creations are kept for a day. Try again later, or without Idempotency-Key."),
            wait_seconds: u32::try_from(wait.num_seconds().max(1)).unwrap_or(u32::MAX),
        }),
    }
}

/// For a key whose item is not there any more.
pub(crate) fn deleted_since() -> Failure {
    Failure::Conflict("What this Idempotency-Key made was deleted since. Use another key to make it again.".to_owned())
}

fn sum(bytes: &[u8]) -> String {
    hex::encode(digest::digest(&digest::SHA256, bytes))
}
