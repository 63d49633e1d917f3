use insightgate_query::column::Comparison::{self, Equal, Greater, GreaterOrEqual, Less, LessOrEqual, NotEqual};

use super::*;

fn all_types() -> Vec<Row> {
    let row = |id: i64, name, amount, ratio, date, time, active: bool| {
        let row = with(with(sale(id, Some(name)), AMOUNT, decimal(amount, 2)), RATIO, Value::Float(ratio));
        with(with(with(row, DAY, day(date)), AT, at(time)), ACTIVE, Value::Bool(active))
    };
    vec![
        row(1, "Ärger", -150, -0.5, "2024-01-31", "2024-01-31T23:59:59Z", true),
        row(2, "straße", 0, 0.0, "2024-02-01", "2024-02-01T00:00:00Z", false),
        row(3, "ÄRGER", 150, 0.5, "2024-02-29", "2024-02-29T12:00:00.5Z", true),
        row(4, "50%_a\\b", 155, 2.0, "2024-03-01", "2024-03-01T00:00:00Z", false),
        row(5, "", 10_000, 1e18, "2025-01-01", "2025-01-01T00:00:00Z", true),
        vec![Some(Value::Int(6)), None, None, None, None, None, None, None, None],
    ]
}

async fn world() -> (World, Dataset) {
    let (world, dataset) = (World::new(), sales());
    world.write(&dataset, ALICE, "a.parquet", &all_types());
    (world, dataset)
}

async fn ids(world: &World, dataset: &Dataset, name: &str, test: Predicate) -> String {
    world.lines(&filtered(select(dataset, &["Id"]), name, test)).await.join(" ")
}

#[tokio::test]
async fn every_operator_on_every_type() {
    let (world, dataset) = world().await;
    let cases: Vec<(&str, Comparison, Value, &str)> = vec![
        ("Id", Equal, Value::Int(3), "3"),
        ("Id", NotEqual, Value::Int(3), "1 2 4 5 6"),
        ("Id", Less, Value::Int(3), "1 2"),
        ("Id", LessOrEqual, Value::Int(3), "1 2 3"),
        ("Id", Greater, Value::Int(4), "5 6"),
        ("Id", GreaterOrEqual, Value::Int(4), "4 5 6"),
        ("Id", Less, decimal(25, 1), "1 2"),
        ("Id", GreaterOrEqual, decimal(25, 1), "3 4 5 6"),
        ("Id", Equal, decimal(25, 1), ""),
        ("Id", NotEqual, decimal(25, 1), "1 2 3 4 5 6"),
        ("Id", Equal, decimal(30, 1), "3"),
        ("Id", Greater, decimal(-1, -30), "1 2 3 4 5 6"),
        ("Amount", Equal, decimal(15, 1), "3"),
        ("Amount", NotEqual, decimal(15, 1), "1 2 4 5"),
        ("Amount", Less, decimal(1501, 3), "1 2 3"),
        ("Amount", Greater, decimal(1501, 3), "4 5"),
        ("Amount", GreaterOrEqual, Value::Int(100), "5"),
        ("Amount", Less, Value::Int(i64::MAX), "1 2 3 4 5"),
        ("Amount", Greater, Value::Int(i64::MAX), ""),
        ("Ratio", Equal, Value::Float(0.5), "3"),
        ("Ratio", NotEqual, Value::Float(0.5), "1 2 4 5"),
        ("Ratio", Less, Value::Int(0), "1"),
        ("Ratio", GreaterOrEqual, decimal(5, 1), "3 4 5"),
        ("Day", Equal, day("2024-02-29"), "3"),
        ("Day", NotEqual, day("2024-02-29"), "1 2 4 5"),
        ("Day", Less, day("2024-02-01"), "1"),
        ("Day", LessOrEqual, at("2024-02-01T12:00:00Z"), "1 2"),
        ("Day", Greater, at("2024-02-01T12:00:00Z"), "3 4 5"),
        ("Day", Equal, at("2024-02-01T12:00:00Z"), ""),
        ("At", Equal, at("2024-02-29T12:00:00.5Z"), "3"),
        ("At", Less, day("2024-02-01"), "1"),
        ("At", GreaterOrEqual, at("2024-02-29T12:00:00.5Z"), "3 4 5"),
        ("At", Equal, at("2024-02-29T12:00:00.500000001Z"), ""),
        ("At", Greater, at("2024-02-29T12:00:00.499999999Z"), "3 4 5"),
        ("Active", Equal, Value::Bool(true), "1 3 5"),
        ("Active", NotEqual, Value::Bool(true), "2 4"),
        ("Name", Equal, string("ärger"), "1 3"),
        ("Name", NotEqual, string("äRGER"), "2 4 5"),
        ("Name", Equal, string("STRASSE"), ""),
        ("Name", Equal, string("STRAẞE"), "2"),
        ("Name", Equal, string(""), "5"),
        ("Name", Greater, string("STRAẞE"), "1 3"),
        ("Name", LessOrEqual, string("STRAẞE"), "2 4 5"),
        // Literals of another type equal nothing, and differ from every value.
        ("Id", Equal, string("x"), ""),
        ("Active", NotEqual, Value::Int(1), "1 2 3 4 5"),
    ];
    for (name, comparison, value, expected) in cases {
        let found = ids(&world, &dataset, name, Predicate::Compare(comparison, value.clone())).await;
        assert_eq!(found, expected, "{name} {comparison:?} {value:?}");
    }
}

#[tokio::test]
async fn membership_and_what_is_left_of_literals() {
    let (world, dataset) = world().await;
    let among = |values: Vec<Value>, negated| Predicate::In { values, negated };
    for (name, test, expected) in [
        ("Name", among(vec![string("ärger"), string("")], false), "1 3 5"),
        ("Name", among(vec![string("ärger"), string("")], true), "2 4"),
        ("Id", among(vec![Value::Int(1), decimal(20, 1), decimal(25, 1)], false), "1 2"),
        ("Id", among(vec![Value::Int(1), decimal(25, 1)], true), "2 3 4 5 6"),
        ("Id", among(vec![decimal(25, 1)], false), ""),
        ("Amount", among(vec![decimal(25, 3), decimal(150, 2)], true), "1 2 4 5"),
        ("Ratio", among(vec![Value::Float(0.5), Value::Int(2)], false), "3 4"),
        ("Day", among(vec![day("2024-01-31"), day("2025-01-01")], false), "1 5"),
        ("At", among(vec![at("2024-02-01T00:00:00Z")], true), "1 3 4 5"),
        ("Active", among(vec![Value::Bool(false)], false), "2 4"),
        ("Name", Predicate::Nothing, ""),
        ("Name", Predicate::NotNull, "1 2 3 4 5"),
    ] {
        assert_eq!(ids(&world, &dataset, name, test.clone()).await, expected, "{name} {test:?}");
    }
}

#[tokio::test]
async fn patterns() {
    let (world, dataset) = world().await;
    for (pattern, negated, expected) in [
        ("äRG%", false, "1 3"),
        ("äRG%", true, "2 4 5"),
        ("%", false, "1 2 3 4 5"),
        ("%", true, ""),
        ("%%", false, "1 2 3 4 5"),
        ("", false, "5"),
        ("_rger", false, "1 3"),
        ("_____", false, "1 3"),
        ("%RAS%", false, ""),
        ("%RA_E", false, "2"),
        ("50\\%%", false, "4"),
        ("50\\_%", false, ""),
        ("50%\\%%", false, "4"),
        ("%\\_A\\\\B", false, "4"),
        ("50.%", false, ""),
        ("a%", false, ""),
    ] {
        let test = Predicate::Like { pattern: pattern.to_owned(), negated };
        assert_eq!(ids(&world, &dataset, "Name", test).await, expected, "{pattern} {negated}");
    }
}

#[tokio::test]
async fn conditions_are_joined_by_and() {
    let (world, dataset) = world().await;
    let plan = filtered(select(&dataset, &["Id"]), "Id", Predicate::Compare(Greater, Value::Int(1)));
    let plan = filtered(plan, "Name", Predicate::Compare(Equal, string("ärger")));
    assert_eq!(world.lines(&plan).await, ["3"]);
}

#[tokio::test]
async fn windows_are_half_open_and_hide_null_dates() {
    let (world, dataset) = world().await;
    let plan = select(&dataset, &["Id"]);
    let between = |start: Option<&str>, end: &str| Window::Between { start: start.map(instant), end: instant(end) };
    for (window, expected) in [
        (Window::All, "1 2 3 4 5 6"),
        (between(Some("2024-02-01T00:00:00Z"), "2024-03-01T00:00:00Z"), "2 3"),
        (between(None, "2024-03-01T00:00:00Z"), "1 2 3"),
        // The end may be the time of day of an execution: the row of that day is at its midnight, and so before the end.
        (between(Some("2024-03-01T00:00:00Z"), "2024-03-01T00:00:00.000001Z"), "4"),
        (between(Some("2024-03-01T00:00:01Z"), "2024-03-02T00:00:00Z"), ""),
    ] {
        let csv = world.csv_of(&scope(ALICE), &plan, window).await.unwrap();
        assert_eq!(csv.lines().skip(1).collect::<Vec<_>>().join(" "), expected, "{window:?}");
    }
    let mut by_time = dataset.clone();
    by_time.date_column = Some(AT);
    let window = between(Some("2024-02-29T12:00:00.5Z"), "2025-01-01T00:00:00Z");
    let csv = world.csv_of(&scope(ALICE), &select(&by_time, &["Id"]), window).await.unwrap();
    assert_eq!(csv, "Id\n3\n4\n");
}

#[tokio::test]
async fn each_type_as_csv_and_json() {
    let (world, dataset) = world().await;
    let names = ["Id", "Name", "Amount", "Ratio", "Day", "At", "Active", "Id"];
    let csv = world.csv(&select(&dataset, &names)).await.unwrap();
    assert_eq!(
        csv,
        "Id,Name,Amount,Ratio,Day,At,Active,Id\n\
         1,Ärger,-1.50,-0.5,2024-01-31,2024-01-31T23:59:59Z,true,1\n\
         2,straße,0.00,0.0,2024-02-01,2024-02-01T00:00:00Z,false,2\n\
         3,ÄRGER,1.50,0.5,2024-02-29,2024-02-29T12:00:00.5Z,true,3\n\
         4,50%_a\\b,1.55,2.0,2024-03-01,2024-03-01T00:00:00Z,false,4\n\
         5,\"\",100.00,1e+18,2025-01-01,2025-01-01T00:00:00Z,true,5\n\
         6,,,,,,,6\n"
    );
    let rows = world.preview(&scope(ALICE), &select(&dataset, &names)).await.unwrap();
    assert_eq!(
        rows[2],
        r#"{"Id":3,"Name":"ÄRGER","Amount":1.50,"Ratio":0.5,"Day":"2024-02-29","At":"2024-02-29T12:00:00.5Z","Active":true}"#
    );
    assert_eq!(rows[5], r#"{"Id":6,"Name":null,"Amount":null,"Ratio":null,"Day":null,"At":null,"Active":null}"#);
    // A preview ends at the lower of the two limits.
    let mut plan = select(&dataset, &["Id"]);
    plan.limit = Some(3);
    for (limit, expected) in [(2, 2), (100, 3)] {
        assert_eq!(world.engine.preview(&scope(ALICE), &plan, Window::All, limit).await.unwrap().rows.len(), expected);
    }
}
