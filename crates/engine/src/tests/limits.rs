//! Reaches every limit of the query language, one by one and all at once, with a quarter of the stack that the product's threads have.

use insightgate_identity::role::Role;
use insightgate_query::datasets::catalog::Catalog;
use insightgate_query::metric;

use super::*;
use crate::{ArtifactKey, STACK};

/// The limits of the language.
const NAMES: usize = 1_000;
const CONDITIONS: usize = 256;
const VALUES: usize = 10_000;
const ORDER: usize = 64;
const TEXT: usize = 64 * 1024;

/// The deepest metrics that a definition can have.
const OPERATORS: usize = 24;
const PARENTHESES: usize = 4;

fn deep_sales() -> Dataset {
    let mut dataset = sales();
    dataset.columns[AMOUNT].sensitive = true;
    let texts = [
        ("Added", format!("SUM(Id){}", " + 1".repeat(OPERATORS))),
        ("Divided", format!("SUM(Id){}", " / 1".repeat(OPERATORS))),
        ("Within", format!("{}SUM(Id){}", "COALESCE(".repeat(PARENTHESES), ", 0)".repeat(PARENTHESES))),
        ("Summed", format!("SUM(Id{})", " + Id".repeat(OPERATORS))),
        ("Told", format!("COUNT(DISTINCT Name{})", " || '|' || MPNId".repeat(OPERATORS / 2))),
    ];
    dataset.metrics = texts.map(|(name, text)| super::metric(name, metric::parse(&text, &dataset.columns).unwrap())).to_vec();
    dataset
}

fn world(dataset: &Dataset) -> World {
    let world = World::new();
    for file in 0..3 {
        let rows: Vec<Row> = (1..=20)
            .map(|id| {
                with(with(with(sale(id + file, Some("x")), MPN_ID, string("1")), AMOUNT, decimal(id.into(), 2)), DAY, day("2026-01-05"))
            })
            .collect();
        world.write(dataset, ALICE, &format!("{file}.parquet"), &rows);
    }
    world
}

fn repeated(parts: &[&str], number: usize, between: &str) -> String {
    parts.iter().cycle().take(number).copied().collect::<Vec<_>>().join(between)
}

fn conditions(of: impl Fn(usize) -> String) -> String {
    (0..CONDITIONS).map(of).collect::<Vec<_>>().join(" AND ")
}

fn texts() -> Vec<String> {
    let columns = ["Id", "Name", "Day", "MPNId"];
    let names = repeated(&columns, NAMES, ",");
    let list = (0..VALUES).map(|value| value.to_string()).collect::<Vec<_>>().join(",");
    let short_list = (0..VALUES - 1).map(|value| (value % 10).to_string()).collect::<Vec<_>>().join(",");
    let strings = (0..VALUES - 1).map(|_| "''").collect::<Vec<_>>().join(",");
    let kinds = |number: usize| match number % 8 {
        0 => format!("Id!=-{number}"),
        1 => format!("Id>-{number}"),
        2 => "Name LIKE '%x%'".to_owned(),
        3 => "Name!='y'".to_owned(),
        4 => format!("Day!='2020-01-{:02}'", number % 28 + 1),
        5 => "MPNId IN ('1','2','3')".to_owned(),
        6 => format!("Id NOT IN (-1,-{number},-3)"),
        _ => "Day IN ('2026-01-05','2026-01-06')".to_owned(),
    };
    let row_conditions = conditions(kinds);
    let selected = |what: &str| format!("SELECT {what} FROM Sales WHERE {row_conditions} TIMESPAN LIFETIME");
    let ordered = format!("ORDER BY {}", repeated(&["Id", "Name DESC", "Day", "MPNId ASC"], ORDER, ","));
    let metrics = repeated(&["Added", "Divided", "Within", "Summed", "Told", "MPNId"], NAMES, ",");
    let of_groups = conditions(|number| format!("{}>=0", ["Added", "Divided", "Within", "Summed", "Told"][number % 5]));
    let both = conditions(|number| if number % 2 == 0 { kinds(number / 2) } else { "Added>=0".to_owned() });
    let many = (1..CONDITIONS).map(kinds).collect::<Vec<_>>().join(" AND ");
    let mut texts = vec![
        selected(&names),
        selected(&format!("DISTINCT {names}")),
        selected(&metrics),
        format!("SELECT {names} FROM Sales WHERE {row_conditions} {ordered} TIMESPAN LIFETIME"),
        format!("SELECT DISTINCT {names} FROM Sales WHERE {row_conditions} {ordered} LIMIT 10 TIMESPAN LIFETIME"),
        format!("SELECT {metrics} FROM Sales WHERE {of_groups} TIMESPAN LIFETIME"),
        format!("SELECT {metrics} FROM Sales WHERE {both} ORDER BY Added,MPNId TIMESPAN LIFETIME"),
        // One long list together with as many conditions as allowed.
        format!("SELECT Id FROM Sales WHERE Id IN ({list}) TIMESPAN LIFETIME"),
        format!("SELECT {} FROM Sales WHERE Id IN ({short_list},11) AND {many} TIMESPAN LIFETIME", repeated(&["Id"], NAMES, ",")),
        format!("SELECT {} FROM Sales WHERE Name IN ({strings},'X') AND {many} TIMESPAN LIFETIME", repeated(&["Id"], NAMES, ",")),
        format!("SELECT {} FROM Sales WHERE Id NOT IN ({list}) AND Id NOT IN (10001) TIMESPAN LIFETIME", repeated(&["Id"], NAMES, ",")),
    ];
    // Each kind of condition alone, since the optimizer merges some of them.
    for kind in 0..8 {
        texts.push(format!("SELECT Id FROM Sales WHERE {} TIMESPAN LIFETIME", conditions(|number| kinds(kind + 8 * number))));
    }
    let amounts = conditions(|number| format!("Amount>-{number}.5"));
    texts.push(format!("SELECT Id,Amount FROM Sales WHERE {amounts} TIMESPAN LIFETIME"));
    texts
}

/// A chain of conditions that is too deep ends the process, and with it the test.
fn with_little_stack(work: impl Future<Output = ()> + Send + 'static) {
    let stack = STACK / 4;
    let run = move || {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).thread_stack_size(stack).enable_all().build().unwrap();
        runtime.block_on(async { tokio::spawn(work).await.unwrap() });
    };
    std::thread::Builder::new().stack_size(stack).spawn(run).unwrap().join().unwrap();
}

#[test]
fn queries_at_every_limit_of_the_language_are_answered() {
    with_little_stack(async {
        let dataset = deep_sales();
        let world = world(&dataset);
        let catalog = Catalog::new([Arc::new(dataset)]);
        let viewer =
            scope_with(ALICE, Program::Mpn, &[(Role::ExecutiveReportViewer, only(&["1", "2"])), (Role::ReportViewer, only(&["1", "3"]))]);
        for (number, text) in texts().into_iter().enumerate() {
            assert!(text.len() <= TEXT, "query {number} has {} bytes", text.len());
            let plan = insightgate_query::plan(&text, &catalog).unwrap_or_else(|all| panic!("query {number}: {all:?}"));
            for scope in [&scope(ALICE), &viewer] {
                let explained =
                    world.engine.explain(scope, &plan, Window::All).await.unwrap_or_else(|error| panic!("query {number}: {error}"));
                assert_eq!(explained.visible_rows, 60, "query {number}");
                let preview =
                    world.engine.preview(scope, &plan, Window::All, 100).await.unwrap_or_else(|error| panic!("query {number}: {error}"));
                let key = ArtifactKey {
                    tenant: ALICE,
                    report: Uuid::from_u128(1),
                    execution: Uuid::from_u128(number as u128),
                    epoch: 1,
                    format: Format::Csv,
                };
                let summary = world.engine.export(scope, &plan, Window::All, Format::Csv, &key, &|_| {}).await;
                let summary = summary.unwrap_or_else(|error| panic!("query {number}: {error}"));
                assert_eq!(summary.rows, preview.rows.len() as u64, "query {number}");
                // The negated list leaves no row; the sum of all others is selected.
                assert_eq!(summary.rows == 0, text.contains("NOT IN (0,"), "query {number}");
            }
        }
    });
}
