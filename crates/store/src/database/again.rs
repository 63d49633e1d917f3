//! Trying again what the database cut off or ended.

use std::future::Future;

use crate::StoreError;

/// How often a statement is tried, each time on another connection, if its connection is lost. A failover or a restarting proxy ends the second
/// connection as well as the first.
pub(crate) const ATTEMPTS: usize = 4;

/// Tries again on another connection where its own was cut, and where the database ended it for others that it met. For what only reads, and for whole
/// transactions: one that was cut or ended has not taken place, unless its end was under way, and then it says [`StoreError::Interrupted`].
pub(crate) async fn again<T, Tried: Future<Output = Result<T, StoreError>>>(attempt: impl Fn() -> Tried) -> Result<T, StoreError> {
    for _ in 1..ATTEMPTS {
        match attempt().await {
            Err(error) if error.is_cut() || error.met_others() => {}
            outcome => return outcome,
        }
    }
    attempt().await
}
