//! Retries what failed because the connection was lost or the database ended the transaction.

use std::future::Future;

use crate::StoreError;

/// How often a statement is tried, each time on another connection, if its connection is lost. A failover or a restarting proxy ends the second
/// connection as well as the first.
pub(crate) const ATTEMPTS: usize = 4;

/// Retries on another connection if the connection was lost, or if the database ended the transaction because of a conflict. This is for reads and
/// for whole transactions: a transaction that was cut or ended has not taken place, unless it was being committed; then the error is
/// [`StoreError::Interrupted`].
pub(crate) async fn again<T, Tried: Future<Output = Result<T, StoreError>>>(attempt: impl Fn() -> Tried) -> Result<T, StoreError> {
    for _ in 1..ATTEMPTS {
        match attempt().await {
            Err(error) if error.is_cut() || error.met_others() => {}
            outcome => return outcome,
        }
    }
    attempt().await
}
