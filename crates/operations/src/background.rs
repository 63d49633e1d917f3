//! What runs without a request: the scheduler, the runners, the deliverer of callbacks, the keeper of keys and the sweeper.

use std::time::Duration;

use crate::failure::Failure;

/// More than the database allows any statement.
const LONGEST: Duration = Duration::from_secs(90);

/// The outcome, or a failure when there is none in time: a connection may fall silent without ending, and nobody waits for an answer for ever.
pub(crate) async fn in_time<T, E>(work: impl Future<Output = Result<T, E>>) -> Result<T, Failure>
where
    Failure: From<E>,
{
    match tokio::time::timeout(LONGEST, work).await {
        Ok(outcome) => Ok(outcome?),
        Err(_) => Err(Failure::internal(format!("the database did not answer within {} seconds", LONGEST.as_secs()))),
    }
}
