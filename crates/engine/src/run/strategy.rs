//! How an answer is computed: one strategy for each kind of query, chosen once. The code below a strategy never asks again what kind of query it is.
//!
//! A query's way through the engine, for first-time readers; [`Engine::prepare`](crate::Engine) takes the steps 1 to 7 in this order:
//!
//! 1. [`Lake`](crate::rows::lake::Lake) pins the files of the dataset, and returns their shapes under the dataset's names.
//! 2. [`Lowering::new`](crate::lower::Lowering::new) turns the metrics into aggregates, which shows whether a float depends on the order of rows.
//! 3. [`Strategy::of`] chooses the strategy.
//! 4. [`tenant_rows`](crate::rows::scan::tenant_rows) makes a scan of the files that returns rows as the strategy [wants](Strategy::rows) them, with
//!    the filters on tenant and locations; what the scope may not see is null from here on.
//! 5. [`Lowering::onto`](crate::lower::Lowering::onto) adds conditions, groups, order and limit. Texts are grouped as numbers if there is
//!    [room](crate::rows::held_texts::TextRoom) for them.
//! 6. The library makes a physical plan, in a session that has the strategy's [streams](Strategy::streams).
//! 7. [`pruned`](crate::rows::pruning::pruned) marks the row groups that need not be read, and [`Reading`](crate::rows::reading::Reading) estimates
//!    the memory that the others take.
//! 8. If that is too much, the query is prepared again with [fewer streams](Strategy::narrower). Then it waits for its turn.
//! 9. It runs: row groups in parallel through [`in_order`](crate::run::in_order::in_order), everything else as the library runs it. If a
//!    [guess](Strategy::guesses) fails, the query is prepared again without it.
//!
//! The [reach](crate::reach) of each part of a physical plan says whether it can leave this process.

use insightgate_query::plan::Plan;

use crate::rows::held_texts::HeldTexts;
use crate::rows::pruning::Handed;
use crate::rows::scan::Rows;

/// Up to this many distinct rows are taken from the stream as they come.
const FEW_DISTINCT: u64 = 10_000;

/// The number of rows that a sort can keep in each of its streams without a noticeable cost.
const FEW_ROWS: u64 = 1_000;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Strategy {
    /// Rows in the order of the files, perhaps filtered: row groups are read in parallel and returned in order, and the code that returns them counts
    /// the limit.
    SideBySide { limit: Option<u64> },
    /// The first rows that exist, whatever they contain: one stream that ends at the limit.
    FirstRows,
    /// The first few distinct rows, as they are met: one stream that ends at the limit.
    FirstDistinct,
    /// Rows by ORDER BY; of equal rows, the first in the files comes first.
    Sorted(Streams),
    /// Each distinct row at the place where it first occurs, or by ORDER BY.
    Distinct(Streams, HeldTexts),
    /// Groups whose metrics do not depend on the order of rows.
    Grouped(Streams, HeldTexts),
    /// Groups with a metric of floats, which depends on the order of rows: one stream.
    GroupedInOrder,
}

/// How a strategy that takes rows in any order is split.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Streams {
    /// The number of streams, at least 1.
    pub(crate) width: usize,
    /// The answer has few rows, so that each stream sorts on its own.
    pub(crate) few: bool,
}

impl Strategy {
    /// The strategy for a query of at most `limit` rows. `order_matters` says that a metric depends on the order of rows. `texts` and `width` are the
    /// most that the strategy may choose.
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

    /// The same strategy, once it is known which texts are held.
    pub(crate) fn holding(self, texts: HeldTexts) -> Strategy {
        match self {
            Strategy::Distinct(streams, _) => Strategy::Distinct(streams, texts),
            Strategy::Grouped(streams, _) => Strategy::Grouped(streams, texts),
            other => other,
        }
    }

    /// The order in which the scan returns rows.
    pub(crate) fn rows(self) -> Rows {
        match self {
            Strategy::SideBySide { .. } | Strategy::FirstRows | Strategy::FirstDistinct | Strategy::GroupedInOrder => Rows::InOrder,
            Strategy::Grouped(..) => Rows::InAnyOrder,
            Strategy::Sorted(_) | Strategy::Distinct(..) => Rows::Numbered,
        }
    }

    /// The streams; `None` means one stream, in the order of files and rows.
    pub(crate) fn streams(self) -> Option<Streams> {
        match self {
            Strategy::Sorted(streams) | Strategy::Distinct(streams, _) | Strategy::Grouped(streams, _) => Some(streams),
            Strategy::SideBySide { .. } | Strategy::FirstRows | Strategy::FirstDistinct | Strategy::GroupedInOrder => None,
        }
    }

    /// Half as many streams; `None` if there is only one.
    pub(crate) fn narrower(self) -> Option<usize> {
        self.streams().map(|streams| streams.width).filter(|width| *width > 1).map(|width| width / 2)
    }

    /// Groups that are returned as they are met cannot be taken back, so that a guess is only allowed for groups that are returned at the end.
    pub(crate) fn texts(self) -> HeldTexts {
        match self {
            Strategy::Distinct(_, texts) | Strategy::Grouped(_, texts) => texts,
            _ => HeldTexts::Proven,
        }
    }

    /// Whether it may fail because the texts are too many to be held; the query is then prepared again without the guess.
    pub(crate) fn guesses(self) -> bool {
        self.texts() == HeldTexts::Guessed
    }

    /// Whether row groups are read in parallel and returned in order.
    pub(crate) fn is_side_by_side(self) -> bool {
        matches!(self, Strategy::SideBySide { .. })
    }

    /// How the scan's files are distributed among its partitions.
    pub(crate) fn handed(self) -> Handed {
        if self.is_side_by_side() { Handed::ByRowGroup } else { Handed::Planned }
    }

    /// Whether it may have enough rows before all of them are read.
    pub(crate) fn ends_early(self) -> bool {
        matches!(self, Strategy::FirstRows | Strategy::FirstDistinct | Strategy::SideBySide { limit: Some(_) })
    }

    /// Whether rows or groups are held until they are returned, which takes memory, or else disk.
    pub(crate) fn holds_rows(self) -> bool {
        !matches!(self, Strategy::SideBySide { .. } | Strategy::FirstRows)
    }

    /// Whether rows are grouped by their values.
    pub(crate) fn groups(self) -> bool {
        matches!(self, Strategy::FirstDistinct | Strategy::Distinct(..) | Strategy::Grouped(..) | Strategy::GroupedInOrder)
    }
}

#[cfg(test)]
mod tests;
