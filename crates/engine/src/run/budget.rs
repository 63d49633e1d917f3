//! Decides how much of the engine's memory each query reserves before it starts.
//!
//! Every query reserves the bytes that its row groups need while they are read. A query that also holds rows (to sort, group or remove duplicates)
//! reserves a whole share, so that a query that succeeds alone also succeeds beside others. A preview of few rows reserves a small share, of which
//! there are more.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use datafusion::execution::memory_pool::{FairSpillPool, MemoryConsumer, MemoryPool, MemoryReservation};
use datafusion::execution::runtime_env::RuntimeEnv;
use datafusion::execution::{SessionState, TaskContext};
use uuid::Uuid;

use crate::error::EngineError;
use crate::rows::reading::Reading;
use crate::run::ledger::Ledger;
use crate::run::turns::Rules;

/// The smallest share in bytes into which the memory is split.
const SMALLEST_SHARE: usize = 40 << 20;

/// The most shares. More memory makes each of them larger.
const MOST_SHARES: usize = 4;

/// With less memory than this, nothing is kept back for others; no server has so little.
const LEAST_TO_SPARE: usize = 32 << 20;

/// A small share is a whole share divided by this.
const SMALL_PART: usize = 4;

/// The bytes that a held row takes in addition to its values.
const ROW: u64 = 32;

/// The bytes of a query that reads next to nothing: its plan, and the rows in flight.
const LEAST: usize = 256 << 10;

/// A share divided by this is the room for values that were read for a condition and are kept to be shown.
const PART_FOR_CACHE: usize = 8;

/// The library's own limit for these values, in bytes.
const LARGEST_CACHE: usize = 100 << 20;

/// How tenants share the engine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sharing {
    /// The most previews and explanations that run or wait; one tenant may have a quarter of them.
    pub waiting: usize,
    /// The longest time that a preview or an explanation waits for its turn.
    pub longest_wait: Duration,
    /// The weights of tenants; a tenant that is not in the map has the weight 1.
    pub weights: HashMap<Uuid, u32>,
}

impl Default for Sharing {
    fn default() -> Self {
        Sharing { waiting: DEFAULT_WAITING, longest_wait: DEFAULT_WAIT, weights: HashMap::new() }
    }
}

/// Each one keeps a request open, and little else.
pub const DEFAULT_WAITING: usize = 400;

/// Half of the time that a preview may take.
const DEFAULT_WAIT: Duration = Duration::from_secs(50);

pub(crate) struct Budget {
    /// The bytes of a query that holds rows.
    pub(crate) share: usize,
    small: usize,
    pub(crate) longest_wait: Duration,
    pub(crate) ledger: Ledger,
}

/// How much memory a query that holds rows is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Room {
    /// A small share if its rows are likely to be few. It may turn out to be too little.
    AsLikely,
    Whole,
}

/// The memory that a query needs, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Need {
    pub(crate) bytes: usize,
    /// The bytes among them for rows that are held.
    pub(crate) pool: usize,
    /// How many row groups are read at once, if the engine itself reads them in parallel.
    pub(crate) at_once: usize,
}

impl Budget {
    pub(crate) fn new(memory_limit: usize, sharing: Sharing) -> Budget {
        let shares = (memory_limit / SMALLEST_SHARE).clamp(1, MOST_SHARES);
        let spare = match shares {
            1 if memory_limit < LEAST_TO_SPARE => 0,
            1 => memory_limit / 4,
            _ => memory_limit / shares,
        };
        let share = if shares == 1 { memory_limit - spare } else { memory_limit / shares };
        let small = share / SMALL_PART;
        let exports_of_one = memory_limit - if shares > 2 { 2 * spare } else { spare };
        let rules = Rules { limit: memory_limit, spare, exports_of_one, small, weights: sharing.weights };
        Budget { share, small, longest_wait: sharing.longest_wait, ledger: Ledger::new(rules, sharing.waiting) }
    }

    /// The bytes of one row group's values that were read for a condition and are kept to be shown.
    pub(crate) fn cache(&self) -> usize {
        (self.share / PART_FOR_CACHE).min(LARGEST_CACHE)
    }

    /// The bytes that reading is limited to by reading fewer row groups at once. A single row group may take more.
    pub(crate) fn for_reading(&self, holds_rows: bool) -> usize {
        if holds_rows { self.share / 2 } else { self.share }
    }

    /// The memory that a query takes. At most `at_most` row groups are read at once, or fewer if that takes too much; `None` leaves the plan as it is.
    pub(crate) fn need(&self, reading: &Reading, holds_rows: bool, room: Room, at_most: Option<usize>) -> Result<Need, EngineError> {
        let most = self.for_reading(holds_rows);
        let fitting = |at_most: usize| (1..=at_most).rev().find(|at_once| reading.bytes(*at_once) <= most).unwrap_or(1);
        let at_once = at_most.map_or(usize::MAX, fitting);
        let read = reading.bytes(at_once).max(LEAST.min(self.ledger.limit()));
        let need = if !holds_rows {
            Need { bytes: read, pool: 0, at_once }
        } else {
            let rows = usize::try_from(reading.unpacked.saturating_add(reading.rows.saturating_mul(ROW))).unwrap_or(usize::MAX);
            let likely = read.saturating_add(rows);
            let bytes = if room == Room::AsLikely && likely <= self.small {
                self.small
            } else {
                self.share.max(read.saturating_add(self.share / 2))
            };
            Need { bytes, pool: bytes.saturating_sub(read), at_once }
        };
        match &reading.largest {
            Some(largest) if need.bytes > self.ledger.limit() => Err(EngineError::RowGroupTooLarge {
                file: largest.file.clone(),
                number: largest.number,
                stored: largest.stored,
                needed: need.bytes,
                memory_limit: self.ledger.limit(),
            }),
            _ => Ok(need),
        }
    }

    /// The session's context with `bytes` of memory for the rows that a query holds. With `groups_and_sorts` both operators hold rows at once; the
    /// groups get the most, since at most as many rows as there are groups have to be sorted.
    pub(crate) fn context(session: &SessionState, groups_and_sorts: bool, bytes: usize) -> Arc<TaskContext> {
        let (pool, for_sorts): (Arc<dyn MemoryPool>, usize) = if groups_and_sorts {
            let for_sorts = bytes / 4;
            (Arc::new(Parts { sorts: FairSpillPool::new(for_sorts), others: FairSpillPool::new(bytes - for_sorts) }), for_sorts)
        } else {
            (Arc::new(FairSpillPool::new(bytes)), bytes)
        };
        let mut runtime = RuntimeEnv::clone(session.runtime_env());
        runtime.memory_pool = pool;
        // A sort reserves this for merging what it has sorted, which needs nearly as much memory as the rows themselves.
        let config = session.config().clone().with_sort_spill_reservation_bytes(for_sorts / 5 * 2);
        Arc::new(TaskContext::from(session).with_session_config(config).with_runtime(Arc::new(runtime)))
    }
}

/// Two pools, so that a sort that starts while it receives groups finds memory.
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
    use crate::rows::reading::LargeGroup;

    const MIB: usize = 1 << 20;

    /// Row groups of `bytes` each, with as many read at once as there are streams.
    fn reading(streams: u64, bytes: usize, rows: u64, unpacked: u64) -> Reading {
        let largest = LargeGroup { file: "a/b.parquet".to_owned(), number: 3, stored: bytes as u64 / 2, bytes: bytes as u64 };
        Reading { scans: vec![(streams, bytes as u64)], largest: Some(largest), groups: 1, rows, unpacked }
    }

    #[test]
    fn memory_is_split_and_some_is_left_to_others() {
        for (limit, share, spare) in
            [(1, 1, 0), (32 * MIB, 24 * MIB, 8 * MIB), (80 * MIB, 40 * MIB, 40 * MIB), (4096 * MIB, 1024 * MIB, 1024 * MIB)]
        {
            let budget = Budget::new(limit, Sharing::default());
            assert_eq!(budget.share, share);
            // One tenant's share beside another tenant's.
            let own = crate::run::turns::Asked { tenant: Uuid::from_u128(1), lane: crate::run::turns::Lane::Preview, bytes: limit - spare };
            let held = budget.ledger.take_now(own).unwrap();
            assert!(budget.ledger.take_now(crate::run::turns::Asked { bytes: 1, ..own }).is_none());
            let other = crate::run::turns::Asked { tenant: Uuid::from_u128(2), bytes: spare, ..own };
            assert!(budget.ledger.take_now(other).is_some());
            drop(held);
        }
    }

    #[test]
    fn who_streams_takes_what_its_row_groups_hold_and_reads_fewer_of_them_where_they_are_large() {
        let budget = Budget::new(120 * MIB, Sharing::default());
        let need = |bytes, at_most| budget.need(&reading(8, bytes, 1, 1), false, Room::Whole, Some(at_most)).unwrap();
        assert_eq!(need(5 * MIB, 2), Need { bytes: 10 * MIB, pool: 0, at_once: 2 });
        assert_eq!(need(15 * MIB, 8), Need { bytes: 30 * MIB, pool: 0, at_once: 2 });
        assert_eq!(need(100 * MIB, 8), Need { bytes: 100 * MIB, pool: 0, at_once: 1 });
        let failed = budget.need(&reading(1, 121 * MIB, 1, 1), false, Room::Whole, Some(1)).unwrap_err();
        assert!(!failed.is_retryable());
        for part in ["a/b.parquet", "row group 3", "61 MiB", "121 MiB", "120 MiB", "engine.memory_mib"] {
            assert!(failed.to_string().contains(part), "{failed}");
        }
        let told = failed.caller_message();
        assert!(told.contains("b.parquet") && !told.contains("a/") && told.contains("engine.memory_mib"), "{told}");
    }

    #[test]
    fn who_holds_rows_takes_a_share_and_a_quick_query_of_few_rows_a_small_one() {
        let budget = Budget::new(120 * MIB, Sharing::default());
        let need = |bytes, rows, room| budget.need(&reading(2, bytes, rows, rows * 100), true, room, Some(2)).unwrap();
        assert_eq!(need(MIB, 1_000, Room::AsLikely), Need { bytes: 10 * MIB, pool: 8 * MIB, at_once: 2 });
        assert_eq!(need(MIB, 1_000, Room::Whole), Need { bytes: 40 * MIB, pool: 38 * MIB, at_once: 2 });
        assert_eq!(need(MIB, 1_000_000, Room::AsLikely), Need { bytes: 40 * MIB, pool: 38 * MIB, at_once: 2 });
        // A large row group leaves no less memory for the rows.
        assert_eq!(need(70 * MIB, 1, Room::AsLikely), Need { bytes: 90 * MIB, pool: 20 * MIB, at_once: 1 });
    }
}
