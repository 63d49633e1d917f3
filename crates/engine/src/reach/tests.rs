//! Checks which parts of the engine's plans cannot leave the process, by their types and by the plans of queries of each strategy.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use std::collections::BTreeMap;
use std::path::Path;

use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::physical_expr::ScalarFunctionExpr;
use datafusion::physical_plan::ExecutionPlan;
use insightgate_query::column::Comparison;
use insightgate_query::metric::{MetricExpression, RowExpression};
use insightgate_query::plan::{Plan, Predicate};
use insightgate_query::timespan::Window;

use super::*;
use crate::rows::held_texts::HeldTexts;
use crate::run::engine::Question;
use crate::tests::{ALICE, AMOUNT, ID, NAME, World, decimal, filtered, metric, ordered, sale, sales, scope, select, string, with};

/// The library's traits through which a type becomes part of a plan.
const TRAITS: [&str; 12] = [
    "ScalarUDFImpl",
    "AggregateUDFImpl",
    "WindowUDFImpl",
    "UserDefinedLogicalNode",
    "UserDefinedLogicalNodeCore",
    "TableProvider",
    "ExecutionPlan",
    "PhysicalExpr",
    "DataSource",
    "FileSource",
    "ParquetFileReaderFactory",
    "PhysicalExprAdapterFactory",
];

fn sources(folder: &Path, found: &mut Vec<(String, String)>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") && !path.ends_with("reach.rs") && !path.ends_with("tests.rs")
        {
            found.push((path.display().to_string(), std::fs::read_to_string(&path).unwrap()));
        }
    }
}

/// Parses a line `impl<…> Trait for Type`; the generics of both are left out.
fn implementation(line: &str) -> Option<(&str, &str)> {
    let line = line.strip_prefix("impl")?;
    let (left, right) = line.split_once(" for ")?;
    let given = left.rsplit([' ', ':']).next()?;
    Some((given.split('<').next()?, right.split(['<', ' ', '{']).next()?))
}

#[test]
fn every_part_of_ours_says_how_far_it_reaches() {
    let mut found = Vec::new();
    sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut found);
    let (mut parts, mut marks) = (Vec::new(), BTreeMap::new());
    for (file, text) in &found {
        for maker in ["ScalarUDF::from", "ScalarUDF::new", "create_udf", "create_udaf", "create_udwf", "SimpleScalarUDF"] {
            assert!(!text.contains(maker), "{file} makes a function by {maker}: reach::function is the way");
        }
        let lines: Vec<&str> = text.lines().collect();
        for (number, line) in lines.iter().enumerate() {
            let Some((given, kind)) = implementation(line) else { continue };
            if given == "PlanPart" {
                let reach = lines[number + 1].trim().trim_start_matches("const REACH: Reach = Reach::").trim_end_matches(';');
                marks.insert(kind, reach);
            } else if TRAITS.contains(&given) {
                parts.push(kind);
            }
        }
    }
    parts.sort_unstable();
    assert_eq!(parts, marks.keys().copied().collect::<Vec<_>>(), "each part of a plan, and only such, is a PlanPart");
    let of = |reach: &str| marks.iter().filter(|(_, known)| **known == reach).map(|(kind, _)| *kind).collect::<Vec<_>>();
    assert_eq!(of("AnyProcess"), ["Meets", "Respelled", "UnsplitAnd", "Widened"]);
    assert_eq!(of("ThisProcess"), ["Code", "Digest", "GuardedReaders", "MayBeFirst", "PinnedTable", "Text"]);
}

/// The engine's own functions in a plan, wherever they are.
fn functions(plan: &Arc<dyn ExecutionPlan>, found: &mut BTreeMap<String, Option<Reach>>) {
    let mut look = |root: &Arc<dyn datafusion::physical_expr::PhysicalExpr>| {
        root.apply(|node| {
            if let Some(call) = node.downcast_ref::<ScalarFunctionExpr>()
                && call.name().starts_with("insightgate_")
            {
                found.insert(call.name().to_owned(), of(call.fun()));
            }
            Ok(TreeNodeRecursion::Continue)
        })
    };
    plan.apply_expressions(&mut look).unwrap();
    for child in plan.children() {
        functions(child, found);
    }
}

#[tokio::test]
async fn the_functions_in_plans_are_marked_and_those_that_stay_are_these() {
    let (world, mut dataset) = (World::new(), sales());
    let text = || RowExpression::Column(NAME);
    dataset.metrics = vec![
        metric("Names", MetricExpression::Count { distinct: true, of: text() }),
        metric("Ids", MetricExpression::Sum(RowExpression::Column(ID))),
    ];
    let rows: Vec<_> = (0..4_000).map(|id| with(sale(id, Some(&format!("name {}", id % 7))), AMOUNT, decimal(id.into(), 2))).collect();
    world.write(&dataset, ALICE, "a.parquet", &rows);
    let like = |plan: Plan| filtered(plan, "Name", Predicate::Like { pattern: "%e%".to_owned(), negated: false });
    let not = |plan: Plan| filtered(plan, "Name", Predicate::Compare(Comparison::NotEqual, string("name 3")));
    let queries = [
        not(like(select(&dataset, &["Id"]))),
        Plan { distinct: true, ..select(&dataset, &["Name"]) },
        ordered(select(&dataset, &["Name", "Names", "Ids"]), &["-Ids"]),
    ];
    let mut found = BTreeMap::new();
    for plan in &queries {
        let owner = scope(ALICE);
        let question = Question { scope: &owner, plan, window: Window::All, at_most: None };
        functions(&world.engine.prepare(question, HeldTexts::Guessed, 2).await.unwrap().physical, &mut found);
    }
    let expected = [
        ("insightgate_code", Reach::ThisProcess),
        ("insightgate_digest", Reach::ThisProcess),
        ("insightgate_may_be_first", Reach::ThisProcess),
        ("insightgate_meets", Reach::AnyProcess),
        ("insightgate_text", Reach::ThisProcess),
        ("insightgate_unsplit_and", Reach::AnyProcess),
        ("insightgate_widened", Reach::AnyProcess),
    ];
    assert_eq!(found, expected.map(|(name, reach)| (name.to_owned(), Some(reach))).into());
}
