//! How an answer comes about: one strategy for each kind of query, chosen once. Nothing below asks the query again of which kind it is.
//!
//! A query's way through the engine, for who reads it for the first time; [`Engine::prepare`](crate::Engine) walks the steps 1 to 7 in this order:
//!
//! 1. [`Lake`](crate::rows::lake::Lake) pins the files of the dataset, and tells their shapes under the dataset's names.
//! 2. [`Lowering::new`](crate::lower::Lowering::new) makes aggregates of the metrics. Then it is known whether a float depends on the order of rows.
//! 3. [`Strategy::of`] chooses.
//! 4. [`tenant_rows`](crate::rows::scan::tenant_rows) makes a scan of the files, which hands rows out as the strategy [wants](Strategy::rows) them, with the
//!    filters on tenant and locations; what the scope may not see is null from here on.
//! 5. [`Lowering::onto`](crate::lower::Lowering::onto) puts conditions, groups, order and limit on it. Texts are grouped as numbers where there is
//!    [room](crate::rows::held_texts::TextRoom) for them.
//! 6. The library makes a physical plan, in a session that has the strategy's [streams](Strategy::streams).
//! 7. [`pruned`](crate::rows::pruning::pruned) marks the row groups that need not be read, and [`Reading`](crate::rows::reading::Reading) says what
//!    the others take in memory.
//! 8. Where that is too much, the query is prepared again with [fewer streams](Strategy::narrower). Then it waits for its turn.
//! 9. It runs: row groups side by side through [`in_order`](crate::run::in_order::in_order), all else as the library runs it. A [guess](Strategy::guesses)
//!    that fails is prepared again without.
//!
//! What of a physical plan cannot leave this process, each part of it says by its [reach](crate::reach).

use insightgate_query::plan::Plan;

use crate::rows::held_texts::HeldTexts;
use crate::rows::pruning::Handed;
use crate::rows::scan::Rows;

/// Distinct rows that are so few are taken from the stream as they come.
const FEW_DISTINCT: u64 = 10_000;

/// Rows that a sort can keep in each of its streams without being felt.
const FEW_ROWS: u64 = 1_000;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Strategy {
    /// Rows as they lie, some of them perhaps left out: row groups are read side by side and handed out in line, and whoever does that counts the limit.
    SideBySide { limit: Option<u64> },
    /// The first rows that there are, whatever they hold: one stream that ends at the limit.
    FirstRows,
    /// The first few distinct rows, as they are met: one stream that ends at the limit.
    FirstDistinct,
    /// Rows by ORDER BY; of equal ones, the first in the files comes first.
    Sorted(Streams),
    /// Each distinct row where it first occurs, or by ORDER BY.
    Distinct(Streams, HeldTexts),
    /// Groups whose metrics are the same in whatever order rows come.
    Grouped(Streams, HeldTexts),
    /// Groups with a metric of floats, which the order of rows decides: one stream.
    GroupedInOrder,
}

/// How a strategy is split that takes rows in any order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Streams {
    /// How many there are. At least 1.
    pub(crate) width: usize,
    /// The answer has few rows: each stream then sorts for itself.
    pub(crate) few: bool,
}

impl Strategy {
    /// For a query of at most `limit` rows. `order_matters`: the order of rows decides a metric. `texts` and `width` are the most that it may
    /// choose.
    pub(crate) fn of(plan: &Plan, limit: Option<u64>, order_matters: bool, texts: HeldTexts, width: usize) -> Strategy {
        let at_most = |rows: u64| limit.is_some_and(|limit| limit <= rows);
        let streams = Streams { width, few: at_most(FEW_ROWS) };
        let has_order = !plan.order.is_empty();
        if plan.grouped {
            return if order_matters { Strategy::GroupedInOrder } else { Strategy::Grouped(streams, texts) };
        }
        match (plan.distinct, has_order) {
            (true, false) if at_most(FEW_DISTINCT) => Strategy::FirstDistinct,
            (true, _) => Strategy::Distinct(streams, texts),
            (false, true) => Strategy::Sorted(streams),
            (false, false) if plan.row_conditions.is_empty() && limit.is_some() => Strategy::FirstRows,
            (false, false) => Strategy::SideBySide { limit },
        }
    }

    /// The same, once it is known which texts are held.
    pub(crate) fn holding(self, texts: HeldTexts) -> Strategy {
        match self {
            Strategy::Distinct(streams, _) => Strategy::Distinct(streams, texts),
            Strategy::Grouped(streams, _) => Strategy::Grouped(streams, texts),
            other => other,
        }
    }

    /// How the scan hands rows out.
    pub(crate) fn rows(self) -> Rows {
        match self {
            Strategy::SideBySide { .. } | Strategy::FirstRows | Strategy::FirstDistinct | Strategy::GroupedInOrder => Rows::InOrder,
            Strategy::Grouped(..) => Rows::InAnyOrder,
            Strategy::Sorted(_) | Strategy::Distinct(..) => Rows::Numbered,
        }
    }

    /// None for one stream, in the order of files and rows.
    pub(crate) fn streams(self) -> Option<Streams> {
        match self {
            Strategy::Sorted(streams) | Strategy::Distinct(streams, _) | Strategy::Grouped(streams, _) => Some(streams),
            Strategy::SideBySide { .. } | Strategy::FirstRows | Strategy::FirstDistinct | Strategy::GroupedInOrder => None,
        }
    }

    /// Half as many streams; None where there is but one.
    pub(crate) fn narrower(self) -> Option<usize> {
        self.streams().map(|streams| streams.width).filter(|width| *width > 1).map(|width| width / 2)
    }

    /// Groups that are handed out as they are met cannot be taken back, so that only those which come at the end may be guessed at.
    pub(crate) fn texts(self) -> HeldTexts {
        match self {
            Strategy::Distinct(_, texts) | Strategy::Grouped(_, texts) => texts,
            _ => HeldTexts::Proven,
        }
    }

    /// It may fail for texts that are too many to be held; then it has to be made again without the guess.
    pub(crate) fn guesses(self) -> bool {
        self.texts() == HeldTexts::Guessed
    }

    /// Whether row groups are read side by side and handed out in line.
    pub(crate) fn is_side_by_side(self) -> bool {
        matches!(self, Strategy::SideBySide { .. })
    }

    /// How the scan's files are dealt to its partitions.
    pub(crate) fn handed(self) -> Handed {
        if self.is_side_by_side() { Handed::ByRowGroup } else { Handed::Planned }
    }

    /// Whether it may have enough before all rows are read.
    pub(crate) fn ends_early(self) -> bool {
        matches!(self, Strategy::FirstRows | Strategy::FirstDistinct | Strategy::SideBySide { limit: Some(_) })
    }

    /// Whether rows or groups are held until they are handed out, which takes memory, or else disk.
    pub(crate) fn holds_rows(self) -> bool {
        !matches!(self, Strategy::SideBySide { .. } | Strategy::FirstRows)
    }

    /// Whether rows are put together by what they hold.
    pub(crate) fn groups(self) -> bool {
        matches!(self, Strategy::FirstDistinct | Strategy::Distinct(..) | Strategy::Grouped(..) | Strategy::GroupedInOrder)
    }
}

#[cfg(test)]
mod tests;
