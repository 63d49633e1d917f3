//! The strategy of each kind of query, and what follows from it.

use super::*;
use crate::tests::{filtered, ordered, sales, select};
use insightgate_query::datasets::catalog::Dataset;
use insightgate_query::metric::MetricExpression;
use insightgate_query::plan::Predicate;

fn dataset() -> Dataset {
    let mut dataset = sales();
    dataset.metrics = vec![crate::tests::metric("Rows", MetricExpression::CountRows)];
    dataset
}

fn of(plan: &Plan) -> Strategy {
    Strategy::of(plan, plan.limit, false, HeldTexts::Guessed, 4)
}

#[test]
fn each_kind_of_query_has_its_strategy() {
    let dataset = dataset();
    let plain = select(&dataset, &["Name"]);
    let limited = |plan: &Plan, limit| Plan { limit: Some(limit), ..plan.clone() };
    let filtered = filtered(plain.clone(), "Id", Predicate::NotNull);
    let distinct = Plan { distinct: true, ..plain.clone() };
    let grouped = ordered(select(&dataset, &["Name", "Rows"]), &["-Rows"]);
    let (many, few) = (Streams { width: 4, few: false }, Streams { width: 4, few: true });
    for (plan, strategy) in [
        (plain.clone(), Strategy::SideBySide { limit: None }),
        (limited(&plain, 5), Strategy::FirstRows),
        (filtered.clone(), Strategy::SideBySide { limit: None }),
        (limited(&filtered, 5), Strategy::SideBySide { limit: Some(5) }),
        (ordered(plain.clone(), &["Id"]), Strategy::Sorted(many)),
        (limited(&ordered(plain.clone(), &["Id"]), 1_000), Strategy::Sorted(few)),
        (limited(&ordered(plain, &["Id"]), 1_001), Strategy::Sorted(many)),
        (distinct.clone(), Strategy::Distinct(many, HeldTexts::Guessed)),
        (limited(&distinct, 10_000), Strategy::FirstDistinct),
        (limited(&distinct, 10_001), Strategy::Distinct(many, HeldTexts::Guessed)),
        (limited(&ordered(distinct, &["Name"]), 5), Strategy::Distinct(few, HeldTexts::Guessed)),
        (grouped.clone(), Strategy::Grouped(many, HeldTexts::Guessed)),
        (limited(&grouped, 5), Strategy::Grouped(few, HeldTexts::Guessed)),
    ] {
        assert_eq!(of(&plan), strategy);
    }
    assert_eq!(Strategy::of(&grouped, Some(5), true, HeldTexts::Guessed, 4), Strategy::GroupedInOrder);
}

#[test]
fn only_what_takes_rows_in_any_order_is_split_and_only_what_ends_at_once_is_guessed_at() {
    let streams = Streams { width: 4, few: false };
    let one = Streams { width: 1, few: false };
    for (strategy, rows, narrower, holds, groups, early) in [
        (Strategy::SideBySide { limit: None }, Rows::InOrder, None, false, false, false),
        (Strategy::SideBySide { limit: Some(1) }, Rows::InOrder, None, false, false, true),
        (Strategy::FirstRows, Rows::InOrder, None, false, false, true),
        (Strategy::FirstDistinct, Rows::InOrder, None, true, true, true),
        (Strategy::Sorted(streams), Rows::Numbered, Some(2), true, false, false),
        (Strategy::Sorted(one), Rows::Numbered, None, true, false, false),
        (Strategy::Distinct(streams, HeldTexts::Proven), Rows::Numbered, Some(2), true, true, false),
        (Strategy::Grouped(streams, HeldTexts::Proven), Rows::InAnyOrder, Some(2), true, true, false),
        (Strategy::GroupedInOrder, Rows::InOrder, None, true, true, false),
    ] {
        let found = (strategy.rows(), strategy.narrower(), strategy.holds_rows(), strategy.groups(), strategy.ends_early());
        assert_eq!(found, (rows, narrower, holds, groups, early), "{strategy:?}");
        assert_eq!(strategy.streams().is_none(), rows == Rows::InOrder);
        let guessed = strategy.holding(HeldTexts::Guessed);
        assert_eq!(guessed.guesses(), groups && rows != Rows::InOrder, "{strategy:?}");
        assert!(!guessed.holding(HeldTexts::Proven).guesses());
    }
}
