//! How running queries share the engine's memory.
//!
//! A query that must hold rows (to sort, group or tell apart) waits for a share of its own: what succeeds alone then succeeds beside others,
//! and all of them together stay within the limit. Queries that only stream wait for nothing.

use std::fmt;
use std::sync::Arc;

use datafusion::execution::memory_pool::{FairSpillPool, MemoryConsumer, MemoryPool, MemoryReservation};
use datafusion::execution::runtime_env::RuntimeEnv;
use datafusion::execution::{SessionState, TaskContext};
use tokio::sync::{AcquireError, OwnedSemaphorePermit, Semaphore};

use crate::error::EngineError;

/// Bytes below which memory is not split further.
const SMALLEST_SHARE: usize = 40 << 20;

/// More memory than these need makes each of them larger.
const MOST_SHARES: usize = 4;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lane {
    /// Somebody waits for it.
    Preview,
    /// May run long: one share is left for previews where there is more than one.
    Export,
}

pub(crate) struct Budget {
    /// Bytes.
    pub(crate) share: usize,
    shares: Arc<Semaphore>,
    exports: Arc<Semaphore>,
}

/// A share of the memory, given back when dropped.
pub(crate) struct Share {
    _of_all: OwnedSemaphorePermit,
    _of_exports: Option<OwnedSemaphorePermit>,
}

impl Budget {
    pub(crate) fn new(memory_limit: usize) -> Budget {
        let shares = (memory_limit / SMALLEST_SHARE).clamp(1, MOST_SHARES);
        Budget {
            share: memory_limit / shares,
            shares: Arc::new(Semaphore::new(shares)),
            exports: Arc::new(Semaphore::new(shares.saturating_sub(1).max(1))),
        }
    }

    pub(crate) async fn take(&self, lane: Lane) -> Result<Share, EngineError> {
        let closed = |error: AcquireError| EngineError::Plan(error.to_string());
        let of_exports = match lane {
            Lane::Preview => None,
            Lane::Export => Some(Arc::clone(&self.exports).acquire_owned().await.map_err(closed)?),
        };
        let of_all = Arc::clone(&self.shares).acquire_owned().await.map_err(closed)?;
        Ok(Share { _of_all: of_all, _of_exports: of_exports })
    }

    /// The session's context with one share as its memory. `groups_and_sorts`: both operators hold rows at once; groups get the most, since
    /// there are at most as many of them to be sorted.
    pub(crate) fn context(&self, session: &SessionState, groups_and_sorts: bool) -> Arc<TaskContext> {
        let (pool, for_sorts): (Arc<dyn MemoryPool>, usize) = if groups_and_sorts {
            let for_sorts = self.share / 4;
            (Arc::new(Parts { sorts: FairSpillPool::new(for_sorts), others: FairSpillPool::new(self.share - for_sorts) }), for_sorts)
        } else {
            (Arc::new(FairSpillPool::new(self.share)), self.share)
        };
        let mut runtime = RuntimeEnv::clone(session.runtime_env());
        runtime.memory_pool = pool;
        // A sort keeps this back for merging what it has sorted, which needs nearly as much as the rows themselves.
        let config = session.config().clone().with_sort_spill_reservation_bytes(for_sorts / 5 * 2);
        Arc::new(TaskContext::from(session).with_session_config(config).with_runtime(Arc::new(runtime)))
    }
}

/// Two pools, so that a sort that starts while groups are handed to it finds memory.
#[derive(Debug)]
struct Parts {
    sorts: FairSpillPool,
    others: FairSpillPool,
}

impl Parts {
    fn of(&self, consumer: &MemoryConsumer) -> &FairSpillPool {
        if consumer.name().starts_with("ExternalSorter") { &self.sorts } else { &self.others }
    }
}

impl fmt::Display for Parts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "sorts: {}, others: {}", self.sorts, self.others)
    }
}

impl MemoryPool for Parts {
    fn name(&self) -> &str {
        "parts"
    }

    fn register(&self, consumer: &MemoryConsumer) {
        self.of(consumer).register(consumer);
    }

    fn unregister(&self, consumer: &MemoryConsumer) {
        self.of(consumer).unregister(consumer);
    }

    fn grow(&self, reservation: &MemoryReservation, additional: usize) {
        self.of(reservation.consumer()).grow(reservation, additional);
    }

    fn shrink(&self, reservation: &MemoryReservation, shrink: usize) {
        self.of(reservation.consumer()).shrink(reservation, shrink);
    }

    fn try_grow(&self, reservation: &MemoryReservation, additional: usize) -> datafusion::error::Result<()> {
        self.of(reservation.consumer()).try_grow(reservation, additional)
    }

    fn reserved(&self) -> usize {
        self.sorts.reserved() + self.others.reserved()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[tokio::test]
    async fn exports_leave_a_share_for_previews() {
        let budget = Budget::new(80 << 20);
        assert_eq!(budget.share, 40 << 20);
        let export = budget.take(Lane::Export).await.unwrap();
        assert!(budget.exports.try_acquire().is_err());
        let preview = budget.take(Lane::Preview).await.unwrap();
        assert!(budget.shares.try_acquire().is_err());
        drop((export, preview));
        assert!(budget.exports.try_acquire().is_ok() && budget.shares.try_acquire_many(2).is_ok());
        assert_eq!(Budget::new(4096 << 20).share, 1024 << 20);
        // However little there is, somebody can run.
        let small = Budget::new(1 << 20);
        assert_eq!(small.share, 1 << 20);
        drop(small.take(Lane::Export).await.unwrap());
        drop(small.take(Lane::Preview).await.unwrap());
    }
}
