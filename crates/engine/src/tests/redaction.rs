//! What a caller without access to sensitive data can find out about it: nothing, whatever the query is.

use insightgate_query::column::Comparison;
use insightgate_query::metric::{MetricExpression as M, Operator, RowExpression as R};

use super::*;

/// Sensitive texts and sensitive hidden numbers; no answer to a redacted caller may contain any of them.
const SECRETS: [&str; 4] = ["secret", "4242", "8484", "99.5"];

const TAX: usize = 9;

/// Id, Name*, Amount*, Ratio, Day, At, Active, MPNId, Hidden*, Tax — those with a star are sensitive.
fn guarded() -> Dataset {
    let mut dataset = sales();
    dataset.columns.push(column("Tax", ColumnType::Int64));
    for index in [NAME, AMOUNT, HIDDEN] {
        dataset.columns[index].sensitive = true;
    }
    let of = R::Column;
    dataset.metrics = vec![
        metric("Rows", M::CountRows),
        metric("Total", M::Sum(of(AMOUNT))),
        metric("Mean", M::Average(of(HIDDEN))),
        metric("HiddenTotal", M::Sum(of(HIDDEN))),
        metric("First", M::Minimum(of(NAME))),
        metric("Last", M::Maximum(of(NAME))),
        metric("Named", M::Count { distinct: false, of: of(NAME) }),
        metric("People", M::Count { distinct: true, of: of(NAME) }),
        metric("Labels", M::Count { distinct: true, of: R::Concatenate(Box::new(of(NAME)), Box::new(of(MPN_ID))) }),
        metric("OrNothing", M::Coalesce(vec![M::Sum(of(AMOUNT)), M::Literal(Value::Int(0))])),
        metric("Charge", M::Sum(R::Arithmetic(Box::new(of(TAX)), Operator::Multiply, Box::new(of(ID))))),
        metric("Charges", M::CountRows),
    ];
    for metric in dataset.metrics.iter_mut().filter(|metric| metric.name.starts_with("Charge")) {
        metric.sensitive = true;
    }
    dataset
}

/// Two rows of location 1, two of location 2, and one without a location.
fn written(world: &World, dataset: &Dataset) {
    let row = |id, name: &str, location: Option<&str>| {
        let mut row = with(sale(id, Some(name)), AMOUNT, decimal(9950, 2));
        row.push(Some(Value::Int(10)));
        row[HIDDEN] = Some(Value::Int(4242));
        row[MPN_ID] = location.map(string);
        row
    };
    let rows = [
        row(1, "secret d", Some("1")),
        row(2, "secret b", Some("1")),
        row(3, "secret c", Some("2")),
        row(4, "secret b", Some("2")),
        row(5, "secret a", None),
    ];
    world.write(dataset, ALICE, "a.parquet", &rows);
}

fn viewer(locations: Locations) -> TenantScope {
    scope_with(ALICE, Program::Mpn, &[(Role::ReportViewer, locations)])
}

/// The rows of location 1 are unredacted, all others are redacted.
fn mixed() -> TenantScope {
    scope_with(ALICE, Program::Mpn, &[(Role::ReportViewer, Locations::Organization), (Role::ExecutiveReportViewer, only(&["1"]))])
}

fn distinct(mut plan: Plan) -> Plan {
    plan.distinct = true;
    plan
}

fn limited(mut plan: Plan, limit: u64) -> Plan {
    plan.limit = Some(limit);
    plan
}

fn equals(value: Value) -> Predicate {
    Predicate::Compare(Comparison::Equal, value)
}

/// The lines after the header; exports and previews agree. A caller for whom nothing is unredacted sees no secret.
async fn answer(world: &World, scope: &TenantScope, plan: &Plan) -> Vec<String> {
    let csv = world.csv_of(scope, plan, Window::All).await.unwrap();
    let json = world.preview(scope, plan).await.unwrap();
    let lines: Vec<String> = csv.lines().skip(1).map(str::to_owned).collect();
    assert_eq!(json.len(), lines.len());
    if scope.unredacted() == &Locations::none() {
        let json = json.join("\n");
        assert!(!SECRETS.iter().any(|secret| csv.contains(secret) || json.contains(secret)), "{csv}\n{json}");
    }
    lines
}

#[tokio::test]
async fn what_each_viewer_reads() {
    let world = World::new();
    let dataset = guarded();
    written(&world, &dataset);
    let select = |names: &[&str]| select(&dataset, names);
    let everyone = scope(ALICE);
    let (rv, rv_of_two, mixed) = (viewer(Locations::Organization), viewer(only(&["2"])), mixed());
    let anything = || Predicate::Like { pattern: "%".to_owned(), negated: false };
    let nothing: &[&str] = &[];
    // The plan, and then its result for Executive report viewers, for Report viewers, for those of location 2, and for those who see location 1 unredacted.
    let cases: Vec<(Plan, [&[&str]; 4])> = vec![
        (
            select(&["Id", "Name", "Amount"]),
            [
                &["1,secret d,99.50", "2,secret b,99.50", "3,secret c,99.50", "4,secret b,99.50", "5,secret a,99.50"],
                &["1,,", "2,,", "3,,", "4,,", "5,,"],
                &["3,,", "4,,"],
                &["1,secret d,99.50", "2,secret b,99.50", "3,,", "4,,", "5,,"],
            ],
        ),
        // Filters: a null meets no predicate, negated or not.
        (filtered(select(&["Id"]), "Name", equals(string("secret b"))), [&["2", "4"], nothing, nothing, &["2"]]),
        (
            filtered(select(&["Id"]), "Name", Predicate::Compare(Comparison::NotEqual, string("secret b"))),
            [&["1", "3", "5"], nothing, nothing, &["1"]],
        ),
        (
            filtered(select(&["Id"]), "Name", Predicate::In { values: vec![string("secret a"), string("secret d")], negated: false }),
            [&["1", "5"], nothing, nothing, &["1"]],
        ),
        (
            filtered(select(&["Id"]), "Name", Predicate::In { values: vec![string("secret a")], negated: true }),
            [&["1", "2", "3", "4"], nothing, nothing, &["1", "2"]],
        ),
        (filtered(select(&["Id"]), "Name", anything()), [&["1", "2", "3", "4", "5"], nothing, nothing, &["1", "2"]]),
        (
            filtered(select(&["Id"]), "Name", Predicate::Like { pattern: "x%".to_owned(), negated: true }),
            [&["1", "2", "3", "4", "5"], nothing, nothing, &["1", "2"]],
        ),
        (filtered(select(&["Id"]), "Name", Predicate::NotNull), [&["1", "2", "3", "4", "5"], nothing, nothing, &["1", "2"]]),
        (
            filtered(select(&["Id"]), "Amount", Predicate::Compare(Comparison::Greater, decimal(0, 0))),
            [&["1", "2", "3", "4", "5"], nothing, nothing, &["1", "2"]],
        ),
        // The value is out of every file's range: statistics must not reveal that either.
        (filtered(select(&["Id"]), "Amount", Predicate::Compare(Comparison::Less, decimal(1, 0))), [nothing; 4]),
        (
            filtered(
                filtered(select(&["Id", "Name"]), "Name", anything()),
                "Id",
                Predicate::Compare(Comparison::GreaterOrEqual, Value::Int(2)),
            ),
            [&["2,secret b", "3,secret c", "4,secret b", "5,secret a"], nothing, nothing, &["2,secret b"]],
        ),
        // Other columns are filtered as usual.
        (
            filtered(select(&["Id", "Name"]), "MPNId", equals(string("2"))),
            [&["3,secret c", "4,secret b"], &["3,", "4,"], &["3,", "4,"], &["3,", "4,"]],
        ),
        // Order: nulls are equal, and keep the order of the file.
        (
            ordered(select(&["Id"]), &["Name"]),
            [&["5", "2", "4", "3", "1"], &["1", "2", "3", "4", "5"], &["3", "4"], &["2", "1", "3", "4", "5"]],
        ),
        (
            ordered(select(&["Id"]), &["-Name"]),
            [&["1", "3", "2", "4", "5"], &["1", "2", "3", "4", "5"], &["3", "4"], &["1", "2", "3", "4", "5"]],
        ),
        (limited(ordered(select(&["Id"]), &["Name"]), 1), [&["5"], &["1"], &["3"], &["2"]]),
        // Distinct rows and groups.
        (
            distinct(ordered(select(&["Name"]), &["Name"])),
            [&["secret a", "secret b", "secret c", "secret d"], &[""], &[""], &["secret b", "secret d", ""]],
        ),
        (
            select(&["Name", "Rows"]),
            [&["secret a,1", "secret b,2", "secret c,1", "secret d,1"], &[",5"], &[",2"], &["secret b,1", "secret d,1", ",3"]],
        ),
        // Metrics, including those of hidden columns.
        (
            select(&["Rows", "Total", "Mean", "HiddenTotal", "First", "Last", "Named", "OrNothing"]),
            [
                &["5,497.50,4242.0,21210,secret a,secret d,5,497.50"],
                &["5,,,,,,0,0.00"],
                &["2,,,,,,0,0.00"],
                &["5,199.00,4242.0,8484,secret b,secret d,2,199.00"],
            ],
        ),
        // Distinct counts are not sensitive, but an expression over more than the column is.
        (select(&["People", "Labels"]), [&["4,4"], &["4,0"], &["2,0"], &["4,2"]]),
        (select(&["MPNId", "People"]), [&["1,2", "2,2", ",1"], &["1,2", "2,2", ",1"], &["2,2"], &["1,2", "2,2", ",1"]]),
        // A metric that is sensitive although its columns are not.
        (select(&["Charge", "Charges"]), [&["150,5"], &[",0"], &[",0"], &["30,2"]]),
        (filtered(select(&["MPNId"]), "Charge", Predicate::NotNull), [&["1", "2", ""], nothing, nothing, &["1"]]),
        (
            filtered(select(&["MPNId"]), "Total", Predicate::Compare(Comparison::Greater, decimal(100, 0))),
            [&["1", "2"], nothing, nothing, &["1"]],
        ),
        (
            ordered(select(&["MPNId", "Last"]), &["-Last"]),
            [&["1,secret d", "2,secret c", ",secret a"], &["1,", "2,", ","], &["2,"], &["1,secret d", "2,", ","]],
        ),
    ];
    for (number, (mut plan, answers)) in cases.into_iter().enumerate() {
        plan.grouped |= !plan.group_conditions.is_empty();
        for (scope, wanted) in [&everyone, &rv, &rv_of_two, &mixed].into_iter().zip(answers) {
            assert_eq!(answer(&world, scope, &plan).await, wanted, "case {number} {:?}", scope.unredacted());
        }
    }
}

/// The answer is the same, whatever the redacted values are: the strongest way to say that none of them can be inferred.
#[tokio::test]
async fn an_answer_does_not_depend_on_what_is_redacted() {
    let dataset = guarded();
    let mut answers = Vec::new();
    for (names, amounts) in [(["a", "b", "c"], [1, 2, 3]), (["z", "y", "x"], [i64::MAX, -5, 0])] {
        let world = World::new();
        let rows: Vec<Row> = (0..3)
            .map(|index| {
                let mut row = with(sale(index as i64, Some(names[index])), AMOUNT, decimal((amounts[index] % 1_000).into(), 2));
                row.push(Some(Value::Int(1)));
                row[HIDDEN] = Some(Value::Int(amounts[index]));
                row[MPN_ID] = Some(string("2"));
                row
            })
            .collect();
        world.write(&dataset, ALICE, "a.parquet", &rows);
        let mut told = Vec::new();
        for scope in [viewer(Locations::Organization), viewer(only(&["2"])), mixed()] {
            for names in
                [&["Id", "Name", "Amount"][..], &["Name"], &["Total", "HiddenTotal", "Mean", "Last"], &["People"], &["Name", "Rows"]]
            {
                for plan in [
                    select(&dataset, names),
                    filtered(select(&dataset, names), "Name", equals(string("a"))),
                    filtered(select(&dataset, names), "Amount", Predicate::Compare(Comparison::LessOrEqual, decimal(2, 2))),
                ] {
                    told.push(world.csv_of(&scope, &plan, Window::All).await.unwrap());
                }
            }
            told.push(world.csv_of(&scope, &ordered(select(&dataset, &["Id"]), &["-Name", "Amount"]), Window::All).await.unwrap());
        }
        answers.push(told);
    }
    assert_eq!(answers[0], answers[1]);
}

/// A redacted date is in no window, and a location may be sensitive itself.
#[tokio::test]
async fn dates_and_locations_can_be_sensitive() {
    let world = World::new();
    let mut dataset = sales();
    dataset.columns[DAY].sensitive = true;
    dataset.columns[MPN_ID].sensitive = true;
    let row = |id, location: &str| with(with(sale(id, None), DAY, day("2026-11-01")), MPN_ID, string(location));
    world.write(&dataset, ALICE, "a.parquet", &[row(1, "1"), row(2, "2")]);
    let window = Window::Between { start: Some(instant("2026-10-01T00:00:00Z")), end: instant("2026-12-01T00:00:00Z") };
    let plan = select(&dataset, &["Id", "MPNId", "Day"]);
    for (scope, within, whole) in [
        (scope(ALICE), "1,1,2026-11-01\n2,2,2026-11-01\n", "1,1,2026-11-01\n2,2,2026-11-01\n"),
        (viewer(Locations::Organization), "", "1,,\n2,,\n"),
        (viewer(only(&["2"])), "", "2,,\n"),
        (mixed(), "1,1,2026-11-01\n", "1,1,2026-11-01\n2,,\n"),
    ] {
        assert_eq!(world.csv_of(&scope, &plan, window).await.unwrap(), format!("Id,MPNId,Day\n{within}"));
        assert_eq!(world.csv_of(&scope, &plan, Window::All).await.unwrap(), format!("Id,MPNId,Day\n{whole}"));
    }
}

/// In a dataset without locations, a role for some locations makes no row unredacted, and a caller with only such roles is refused.
#[tokio::test]
async fn a_dataset_without_locations() {
    let world = World::new();
    let mut dataset = guarded();
    dataset.location_column = None;
    written(&world, &dataset);
    let plan = limited(select(&dataset, &["Id", "Name", "Total"]), 1);
    assert_eq!(answer(&world, &scope(ALICE), &plan).await, ["1,secret d,99.50"]);
    for scope in [viewer(Locations::Organization), mixed()] {
        assert_eq!(answer(&world, &scope, &plan).await, ["1,,"]);
    }
    let refused = world.preview(&viewer(only(&["1"])), &plan).await.unwrap_err();
    assert!(matches!(refused, EngineError::LocationScopeUnsupported { .. }), "{refused:?}");
}

#[tokio::test]
async fn redaction_is_below_everything_in_the_plan() {
    let world = World::new();
    let dataset = guarded();
    written(&world, &dataset);
    let scope = viewer(only(&["1"]));
    let snapshot = world.engine.snapshot(&scope, &dataset).await.unwrap();
    let store = datafusion::execution::object_store::ObjectStoreUrl::parse("data://root").unwrap();
    let shapes: Vec<_> = snapshot.files.iter().map(|_| unread()).collect();
    let rows = crate::rows::scan::tenant_rows(&scope, &dataset, &snapshot, &shapes, &store, crate::rows::scan::Rows::InOrder).unwrap();
    let text = rows.build().unwrap().display_indent().to_string();
    let lines: Vec<_> = text.lines().map(str::trim).collect();
    assert!(
        lines[0].starts_with("Projection: ") && lines[0].contains("Utf8(NULL) AS Name") && !lines[0].contains("Sales.Hidden"),
        "{text}"
    );
    assert!(lines[1].starts_with("Filter: Sales.MPNId"), "{text}");
}

#[tokio::test]
async fn roles_open_datasets() {
    let world = World::new();
    let developer = scope_with(ALICE, Program::Cmp, &[(Role::Developer, Locations::Organization)]);
    let manager = scope_with(ALICE, Program::Cmp, &[(Role::Manager, Locations::Organization)]);
    for (name, refused) in [("ISVUsage", false), ("ISVOrder", true)] {
        let mut dataset = sales();
        dataset.name = name.to_owned();
        dataset.columns[NAME].sensitive = true;
        let folder = local_folder(&world.folder.path().join("data"), Program::Cmp, name, Some(ALICE));
        write_rows(&folder.join("a.parquet"), &dataset, &[sale(1, Some("secret"))]);
        let plan = select(&dataset, &["Id", "Name"]);
        assert_eq!(answer(&world, &manager, &plan).await, ["1,secret"]);
        match world.csv_of(&developer, &plan, Window::All).await {
            Ok(csv) => assert!(!refused && csv == "Id,Name\n1,\n", "{csv}"),
            Err(error) => {
                assert!(refused && !error.is_retryable(), "{error}");
                assert_eq!(error.caller_message(), "The role Developer opens usage reports only: 'ISVOrder' needs the role Manager.");
                assert!(world.preview(&developer, &plan).await.is_err());
            }
        }
    }
    let mut propensity = guarded();
    propensity.name = "CLASAzurePropensity".to_owned();
    written(&world, &propensity);
    let plan = select(&propensity, &["Id"]);
    assert_eq!(answer(&world, &viewer(Locations::Organization), &plan).await.len(), 5);
    assert!(matches!(world.preview(&viewer(only(&["1"])), &plan).await.unwrap_err(), EngineError::DatasetRefused(_)));
    let both = scope_with(ALICE, Program::Mpn, &[(Role::ReportViewer, only(&["2"])), (Role::ExecutiveReportViewer, only(&["1"]))]);
    assert_eq!(answer(&world, &both, &plan).await, ["1", "2"]);
}
