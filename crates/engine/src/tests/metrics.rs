use insightgate_query::column::Comparison::{Equal, Greater, LessOrEqual};
use insightgate_query::metric::MetricExpression::{self as M, Average, Coalesce, Count, CountRows, Literal, Maximum, Minimum, Sum};
use insightgate_query::metric::Operator::{Add, Divide, Multiply, Subtract};
use insightgate_query::metric::RowExpression as R;

use super::*;

fn col(index: usize) -> R {
    R::Column(index)
}

fn metrics() -> Vec<(&'static str, M)> {
    let count = |distinct, of| Count { distinct, of };
    let over = |left: M, operator, right: M| M::Arithmetic(Box::new(left), operator, Box::new(right));
    let of = |left: R, operator, right: R| R::Arithmetic(Box::new(left), operator, Box::new(right));
    let joined = |left: R, right: R| R::Concatenate(Box::new(left), Box::new(right));
    vec![
        ("Rows", CountRows),
        ("Named", count(false, col(NAME))),
        ("Names", count(true, col(NAME))),
        ("Pairs", count(true, joined(joined(col(NAME), R::Literal(string("|"))), col(ID)))),
        ("IdSum", Sum(col(ID))),
        ("AmountSum", Sum(col(AMOUNT))),
        ("RatioSum", Sum(col(RATIO))),
        ("IdMean", Average(col(ID))),
        ("AmountMean", Average(col(AMOUNT))),
        ("RatioMean", Average(col(RATIO))),
        ("FirstName", Minimum(col(NAME))),
        ("LastDay", Maximum(col(DAY))),
        ("TopAmount", Maximum(col(AMOUNT))),
        ("Filled", Sum(R::Coalesce(vec![col(AMOUNT), R::Literal(Value::Int(1))]))),
        ("Mixed", Sum(of(col(ID), Multiply, col(AMOUNT)))),
        ("Less", Sum(of(col(ID), Subtract, R::Literal(decimal(5, 1))))),
        ("PerRow", over(Sum(col(AMOUNT)), Divide, CountRows)),
        ("PerNothing", over(CountRows, Divide, over(CountRows, Subtract, CountRows))),
        ("Doubled", over(Sum(col(ID)), Multiply, Literal(Value::Int(2)))),
        ("Both", over(Sum(col(ID)), Add, Sum(col(RATIO)))),
        ("OrZero", Coalesce(vec![Sum(col(AMOUNT)), Literal(Value::Int(0))])),
        ("Hidden", Sum(col(HIDDEN))),
        ("Cube", over(over(Sum(col(ID)), Multiply, Sum(col(ID))), Multiply, Sum(col(ID)))),
    ]
}

fn with_metrics() -> Dataset {
    let mut dataset = sales();
    dataset.columns[HIDDEN].name = "HiddenInput".to_owned();
    dataset.metrics = metrics().into_iter().map(|(name, expression)| metric(name, expression)).collect();
    dataset
}

async fn world() -> (World, Dataset) {
    let (world, dataset) = (World::new(), with_metrics());
    let row =
        |id, name: Option<&str>, amount, ratio: f64| with(with(sale(id, name), AMOUNT, decimal(amount, 2)), RATIO, Value::Float(ratio));
    world.write(
        &dataset,
        ALICE,
        "a.parquet",
        &[
            with(row(1, Some("b"), 100, 0.5), DAY, day("2024-01-01")),
            with(row(2, Some("a"), 250, 1.5), DAY, day("2024-03-01")),
            with(row(3, Some("b"), -50, 2.0), HIDDEN, Value::Int(7)),
            sale(4, None),
        ],
    );
    world.write(&dataset, ALICE, "b.parquet", &[row(5, Some("B"), 1, 0.25), sale(6, Some("empty"))]);
    (world, dataset)
}

#[tokio::test]
async fn every_metric_over_all_rows() {
    let (world, dataset) = world().await;
    for (name, expected) in [
        ("Rows", "6"),
        ("Named", "5"),
        ("Names", "4"),
        ("Pairs", "5"),
        ("IdSum", "21"),
        ("AmountSum", "3.01"),
        ("RatioSum", "4.25"),
        ("IdMean", "3.5"),
        ("AmountMean", "0.7525"),
        ("RatioMean", "1.0625"),
        ("FirstName", "B"),
        ("LastDay", "2024-03-01"),
        ("TopAmount", "2.50"),
        ("Filled", "5.01"),
        ("Mixed", "4.55"),
        ("Less", "18.0"),
        ("PerRow", "0.5016666666666666"),
        ("PerNothing", ""),
        ("Doubled", "42"),
        ("Both", "25.25"),
        ("OrZero", "3.01"),
        ("Hidden", "7"),
        ("Cube", "9261"),
    ] {
        assert_eq!(world.lines(&select(&dataset, &[name])).await, [expected], "{name}");
    }
    assert_eq!(metrics().len(), 23);
}

#[tokio::test]
async fn products_finer_than_any_decimal_are_floats() {
    let world = World::new();
    let mut dataset = dataset("Fine", vec![column("N", ColumnType::Decimal { precision: 38, scale: 20 })]);
    let product = R::Arithmetic(Box::new(col(0)), Multiply, Box::new(col(0)));
    dataset.metrics = vec![metric("Squares", Sum(product))];
    world.write(&dataset, ALICE, "a.parquet", &[vec![Some(decimal(15, 1))], vec![Some(decimal(5, 1))]]);
    assert_eq!(world.lines(&select(&dataset, &["Squares"])).await, ["2.5"]);
}

#[tokio::test]
async fn groups_are_ordered_by_their_keys() {
    let (world, dataset) = world().await;
    let plan = select(&dataset, &["IdSum", "Name", "Rows", "AmountSum", "Name"]);
    assert_eq!(world.lines(&plan).await, ["5,B,1,0.01,B", "2,a,1,2.50,a", "4,b,2,0.50,b", "6,empty,1,,empty", "4,,1,,"]);
    // Ties are ordered by the keys, ascending; nulls come last.
    assert_eq!(world.lines(&ordered(select(&dataset, &["Name", "IdSum"]), &["-IdSum"])).await, ["empty,6", "B,5", "b,4", ",4", "a,2"]);
    assert_eq!(
        world.lines(&ordered(select(&dataset, &["Name"]), &["-AmountSum"]).grouped_by_order()).await,
        ["a", "b", "B", "empty", "\"\""].map(|name| if name == "\"\"" { "" } else { name })
    );
    let plan = ordered(select(&dataset, &["Name", "Rows"]), &["-Rows"]);
    assert_eq!(world.lines(&Plan { limit: Some(2), ..plan }).await, ["b,2", "B,1"]);
}

#[tokio::test]
async fn groups_are_filtered_after_they_are_made() {
    let (world, dataset) = world().await;
    let plan = |name: &str, test| filtered(select(&dataset, &["Name", "Rows"]), name, test);
    assert_eq!(world.lines(&plan("Rows", Predicate::Compare(Greater, Value::Int(1)))).await, ["b,2"]);
    assert_eq!(world.lines(&plan("AmountSum", Predicate::Compare(LessOrEqual, decimal(5, 1)))).await, ["B,1", "b,2"]);
    assert_eq!(world.lines(&plan("FirstName", Predicate::Compare(Equal, string("B")))).await, ["B,1", "b,2"]);
    assert_eq!(world.lines(&plan("RatioSum", Predicate::In { values: vec![Value::Float(2.5)], negated: false })).await, ["b,2"]);
    assert_eq!(world.lines(&plan("AmountSum", Predicate::Compare(Equal, decimal(1, 3)))).await, [""; 0]);
    // Conditions on rows apply before those on groups.
    let both = filtered(plan("Rows", Predicate::Compare(Equal, Value::Int(1))), "Id", Predicate::Compare(Greater, Value::Int(1)));
    assert_eq!(world.lines(&both).await, ["B,1", "a,1", "b,1", "empty,1", ",1"]);
}

#[tokio::test]
async fn metrics_of_nothing() {
    let (world, dataset) = world().await;
    let none = |names: &[&str]| filtered(select(&dataset, names), "Id", Predicate::Nothing);
    assert_eq!(world.lines(&none(&["Rows", "Names", "AmountSum", "IdMean", "OrZero", "LastDay"])).await, ["0,0,,,0.00,"]);
    assert_eq!(world.lines(&none(&["Name", "Rows"])).await, [""; 0]);
    let plan = select(&dataset, &["Rows", "IdSum"]);
    assert_eq!(world.csv_of(&scope(BOB), &plan, Window::All).await.unwrap(), "Rows,IdSum\n0,\n");
}

#[tokio::test]
async fn no_number_wraps_around() {
    let (world, dataset) = (World::new(), with_metrics());
    world.write(&dataset, ALICE, "a.parquet", &[sale(i64::MAX, Some("x")), sale(i64::MAX, Some("x")), sale(i64::MIN, Some("y"))]);
    let failed = world.csv(&select(&dataset, &["Name", "IdSum"])).await.unwrap_err();
    assert!(matches!(failed, EngineError::OutOfRange(_)), "{failed:?}");
    assert!(!failed.is_retryable());
    // Wider numbers are used in between, so that the sum of all three fits again.
    assert_eq!(world.lines(&select(&dataset, &["IdSum"])).await, ["9223372036854775806"]);
    let half = filtered(select(&dataset, &["IdMean", "Name"]), "Name", Predicate::Compare(Equal, string("x")));
    assert_eq!(world.lines(&half).await, ["9.223372036854776e+18,x"]);
    let failed = world.csv(&filtered(select(&dataset, &["Doubled"]), "Name", Predicate::Compare(Equal, string("y")))).await.unwrap_err();
    assert!(matches!(failed, EngineError::OutOfRange(_)), "{failed:?}");
    // A condition compares the value itself, whether or not it fits into its type.
    let beyond = |metric, comparison, value| {
        filtered(Plan { grouped: true, ..select(&dataset, &["Name"]) }, metric, Predicate::Compare(comparison, value))
    };
    let past_int64 = decimal(i128::from(i64::MAX) + 1, 0);
    for (metric, comparison, expected) in
        [("IdSum", Greater, vec!["x"]), ("IdSum", LessOrEqual, vec!["y"]), ("Doubled", Greater, vec!["x"]), ("Cube", Greater, vec!["x"])]
    {
        assert_eq!(world.lines(&beyond(metric, comparison, past_int64.clone())).await, expected, "{metric} {comparison:?}");
    }
}

#[tokio::test]
async fn wide_decimals_sum_exactly() {
    let world = World::new();
    let mut dataset = dataset("Wide", vec![column("N", ColumnType::Decimal { precision: 38, scale: 2 })]);
    dataset.metrics = vec![metric("Total", Sum(col(0))), metric("Mean", Average(col(0)))];
    let nines = 10_i128.pow(38) - 1;
    let rows: Vec<Row> = [nines, -nines, nines - 5, 6].map(|n| vec![Some(decimal(n, 2))]).to_vec();
    world.write(&dataset, ALICE, "a.parquet", &rows[..3]);
    assert_eq!(world.lines(&select(&dataset, &["Total"])).await, ["999999999999999999999999999999999999.94"]);
    world.write(&dataset, ALICE, "b.parquet", &rows[3..]);
    let failed = world.csv(&select(&dataset, &["Total"])).await.unwrap_err();
    assert!(matches!(failed, EngineError::OutOfRange(_)), "{failed:?}");
    assert_eq!(world.lines(&select(&dataset, &["Mean"])).await, ["2.5e+35"]);
}

/// A query that only orders by a metric is grouped too.
trait GroupedByOrder {
    fn grouped_by_order(self) -> Plan;
}

impl GroupedByOrder for Plan {
    fn grouped_by_order(self) -> Plan {
        Plan { grouped: true, ..self }
    }
}

/// A group without key columns exists even if there is no row; only conditions on metrics can leave it out.
#[tokio::test]
async fn conditions_that_nothing_meets_leave_no_group() {
    let (world, dataset) = world().await;
    let is = |value| Predicate::Compare(Equal, Value::Int(value));
    let one_of = |value| Predicate::In { values: vec![Value::Int(value)], negated: false };
    for tests in [
        vec![("Rows", Predicate::Nothing)],
        vec![("Rows", Predicate::Nothing), ("Names", Predicate::NotNull)],
        vec![("Rows", Predicate::NotNull), ("Names", Predicate::Nothing)],
        // Conditions that are false only together.
        vec![("Rows", is(6)), ("Rows", is(7))],
        vec![("Rows", one_of(6)), ("Rows", is(i64::MIN))],
        vec![("Rows", one_of(6)), ("Rows", one_of(5))],
    ] {
        let mut plan = select(&dataset, &["IdSum"]);
        for (name, test) in tests {
            plan = filtered(plan, name, test);
        }
        assert_eq!(world.csv(&plan).await.unwrap(), "IdSum\n");
        assert_eq!(world.preview(&scope(ALICE), &ordered(plan, &["-Rows"])).await.unwrap(), [""; 0]);
    }
}

/// Orders by a metric to which the conditions leave a single value, with a small limit: the order of the groups remains.
#[tokio::test]
async fn groups_of_one_value_can_be_ordered_by_it() {
    let (world, dataset) = world().await;
    let mean = |plan, test| filtered(filtered(plan, "Rows", Predicate::NotNull), "IdMean", test);
    for test in [
        Predicate::Compare(Equal, Value::Float(2.0)),
        Predicate::In { values: vec![Value::Float(2.0)], negated: false },
        Predicate::In { values: vec![Value::Float(2.0); 3], negated: false },
    ] {
        for order in [vec!["IdMean"], vec!["-IdMean", "-Rows"]] {
            let plan = mean(ordered(select(&dataset, &["Id"]), &order), test.clone());
            assert_eq!(world.preview(&scope(ALICE), &Plan { grouped: true, ..plan }).await.unwrap(), [r#"{"Id":2}"#]);
        }
    }
}
