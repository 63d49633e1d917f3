//! Sends what waits in an outbox and is due, a few items at a time, under a lease. What is sent, and what follows from it, is the outbox's own business.
//!
//! Concurrent attempts are limited per process: in all, per tenant and per receiver, so that a receiver that hangs delays nobody else. If the process
//! dies during an attempt, the item is sent again.

pub(crate) mod shares;

use std::sync::Arc;

use chrono::{DateTime, Utc};
use insightgate_store::{Due, StoreError};
use tokio::sync::Notify;
use tokio::task::JoinSet;
use uuid::Uuid;

use self::shares::{Bounds, Share, Shares};
use crate::background::turn::Turn;
use crate::context::{Context, SharedContext};
use crate::failure::Failure;

/// How many due items are read to find some that may be sent now.
const LOOKED_AT: u32 = 1000;

/// An outbox: its rows, and what an attempt at one is.
pub(crate) trait Outbox: Send + 'static {
    type Claimed: Send + Sync + 'static;

    /// What an item is called in the log.
    const WHAT: &'static str;
    const BOUNDS: Bounds;
    /// The length of a lease in milliseconds, by the database's clock. It is several times an exchange.
    const LEASE_MILLISECONDS: i64;

    fn due(
        context: &Context,
        now: DateTime<Utc>,
        lease_now: i64,
        without: &[Uuid],
        limit: u32,
    ) -> impl Future<Output = Result<Vec<Due>, StoreError>> + Send;

    /// Claims it in a committed statement; `None` if another process did.
    fn claim(
        context: &Context,
        id: Uuid,
        now: DateTime<Utc>,
        lease_now: i64,
        lease_until: i64,
    ) -> impl Future<Output = Result<Option<Self::Claimed>, StoreError>> + Send;

    /// By what concurrent attempts are counted beside the tenant.
    fn receiver(due: &Due) -> String;

    /// Makes an attempt and records its outcome.
    fn attempt(context: &Context, claimed: &Self::Claimed) -> impl Future<Output = Result<(), Failure>> + Send;

    /// Wakes whoever sends.
    fn signal(context: &Context) -> &Notify;
}

/// A claimed item, with the share that it holds until its attempt ends.
struct Flight<Claimed> {
    id: Uuid,
    claimed: Claimed,
    _share: Share,
}

/// Sends the items that may be sent now. Each attempt is a task of its own, since recording the outcome of one and claiming others both need the
/// database to themselves, and must not wait for each other.
pub(crate) async fn send_due<O: Outbox>(context: &SharedContext, shares: &Shares, turn: &Turn) -> Result<(), Failure> {
    for flight in take_due::<O>(context, shares).await? {
        let context = Arc::clone(context);
        turn.spawn(async move {
            let recorded = deliver::<O>(&context, flight).await;
            // The share is free, so another one may be sent now.
            O::signal(&context).notify_one();
            recorded
        });
    }
    Ok(())
}

/// Sends all items that are due now, and waits for the attempts. Returns how many there were.
pub(crate) async fn deliver_due<O: Outbox>(context: &SharedContext) -> Result<usize, Failure> {
    let (shares, mut under_way, mut count) = (Shares::new(O::BOUNDS), JoinSet::new(), 0);
    loop {
        let flights = take_due::<O>(context, &shares).await?;
        count += flights.len();
        for flight in flights {
            let context = Arc::clone(context);
            under_way.spawn(async move { deliver::<O>(&context, flight).await });
        }
        if under_way.join_next().await.is_none() {
            return Ok(count);
        }
    }
}

/// Claims the items that may be sent now, each in a committed statement.
async fn take_due<O: Outbox>(context: &Context, shares: &Shares) -> Result<Vec<Flight<O::Claimed>>, Failure> {
    let room = shares.room();
    if room == 0 {
        return Ok(Vec::new());
    }
    let (now, lease_now) = (context.clock.now(), context.store.lease_time().await?);
    let mut flights = Vec::new();
    for due in O::due(context, now, lease_now, &shares.full_tenants(), LOOKED_AT).await? {
        if flights.len() == room {
            break;
        }
        let Some(share) = shares.take(due.tenant, O::receiver(&due)) else { continue };
        let claimed = O::claim(context, due.id, now, lease_now, lease_now + O::LEASE_MILLISECONDS).await;
        if claimed.is_err() && !flights.is_empty() {
            // Those that are claimed are sent. If the error lasts, the next turn meets it again.
            break;
        }
        // `None` if another process claimed it first.
        flights.extend(claimed?.map(|claimed| Flight { id: due.id, claimed, _share: share }));
    }
    Ok(flights)
}

/// Makes an attempt. Returns whether it was made and its outcome recorded.
async fn deliver<O: Outbox>(context: &Context, flight: Flight<O::Claimed>) -> bool {
    let attempted = context.background.in_time(O::attempt(context, &flight.claimed)).await;
    if let Err(error) = &attempted {
        // It is claimed again once its lease has expired.
        tracing::error!(?error, id = %flight.id, "an attempt at a {} could not be made or recorded", O::WHAT);
    }
    attempted.is_ok()
}
