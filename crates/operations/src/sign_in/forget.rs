//! Removes expired data of sign-ins, and surplus refresh tokens. Every process does this, since only it knows which sign-ins it issued tokens to.

use chrono::{DateTime, Utc};

use crate::context::Context;
use crate::failure::Failure;

/// The most batches of one turn; the next turn continues.
const BATCHES: u32 = 40;

pub async fn forget_sign_ins(context: &Context, now: DateTime<Utc>) -> Result<(), Failure> {
    context.store.trim_refresh_tokens().await?;
    let long = context.clock_watch.may_remove(&context.clock, &context.store).await?;
    for _ in 0..BATCHES {
        if context.store.forget_ended_sign_ins(now, long).await? == 0 {
            break;
        }
    }
    Ok(())
}
