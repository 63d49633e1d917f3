use insightgate_query::datasets::catalog::{Tenancy, TenantKey};
use insightgate_query::metric::{MetricExpression, RowExpression};

use super::*;

/// A value that Alice must never see, in no row, count or maximum.
const MARKER: &str = "BOBS-SECRET";
const MARKER_ID: i64 = 666_666;

fn rows(owner: &str, id: i64, tag: &str) -> Vec<Row> {
    (0..5)
        .map(|number| {
            let row = with(sale(id + number, Some(&format!("{owner}{number}"))), MPN_ID, string(["100", "200"][(number % 2) as usize]));
            with(with(row, AMOUNT, decimal((id + number).into(), 2)), HIDDEN, Value::Int(tag.len() as i64))
        })
        .collect()
}

fn with_metrics(mut dataset: Dataset) -> Dataset {
    dataset.metrics = vec![
        metric("Rows", MetricExpression::CountRows),
        metric("Last", MetricExpression::Maximum(RowExpression::Column(NAME))),
        metric("Top", MetricExpression::Maximum(RowExpression::Column(ID))),
        metric("Names", MetricExpression::Count { distinct: true, of: RowExpression::Column(NAME) }),
    ];
    dataset
}

fn plans(dataset: &Dataset) -> Vec<Plan> {
    let anything = || Predicate::Like { pattern: "%".to_owned(), negated: false };
    let mut distinct = select(dataset, &["Name"]);
    distinct.distinct = true;
    vec![
        select(dataset, &["Id", "Name", "Amount", "MPNId"]),
        ordered(select(dataset, &["Name", "Id"]), &["-Name", "Id"]),
        filtered(select(dataset, &["Name"]), "Name", anything()),
        filtered(
            select(dataset, &["Name"]),
            "Name",
            Predicate::Compare(insightgate_query::column::Comparison::Equal, string(&format!("{MARKER}0"))),
        ),
        filtered(select(dataset, &["Name"]), "Id", Predicate::In { values: vec![Value::Int(MARKER_ID), Value::Int(1)], negated: false }),
        distinct,
        select(dataset, &["Rows", "Last", "Top", "Names"]),
        ordered(select(dataset, &["MPNId", "Last", "Rows"]), &["-Rows"]),
        filtered(select(dataset, &["MPNId", "Last"]), "Last", anything()),
    ]
}

async fn sees_only_its_own(world: &World, dataset: &Dataset, scope: &TenantScope, hidden: &[&str], shown: &[&str]) {
    let mut everything = String::new();
    for plan in plans(dataset) {
        let csv = world.csv_of(scope, &plan, Window::All).await.unwrap();
        let json = world.preview(scope, &plan).await.unwrap().join("\n");
        for hidden in hidden {
            assert!(!csv.contains(hidden) && !json.contains(hidden), "{hidden} in {csv}\n{json}");
        }
        everything += &csv;
        everything += &json;
    }
    for shown in shown {
        assert!(everything.contains(shown), "{shown} not in {everything}");
    }
}

#[tokio::test]
async fn folders_keep_tenants_apart() {
    let world = World::new();
    let dataset = with_metrics(sales());
    world.write(&dataset, ALICE, "a.parquet", &rows("alice", 1, "x"));
    world.write(&dataset, BOB, "b.parquet", &rows(MARKER, MARKER_ID, "y"));
    // A file outside the folders belongs to no tenant.
    write_rows(&world.data_folder(&dataset, None).join("loose.parquet"), &dataset, &rows("nobody", 777_777, "z"));
    sees_only_its_own(&world, &dataset, &scope(ALICE), &[MARKER, "66666", "nobody", "77777"], &["alice4", "5,alice4"]).await;
    sees_only_its_own(&world, &dataset, &scope(BOB), &["alice", "nobody"], &[MARKER]).await;
    let stranger = scope(Uuid::from_u128(7));
    assert!(world.engine.preview(&stranger, &plans(&dataset)[0], Window::All, 10).await.unwrap().no_files);
    sees_only_its_own(&world, &dataset, &stranger, &[MARKER, "alice", "nobody"], &["Name"]).await;
}

#[tokio::test]
async fn the_tenant_filter_is_a_node_of_the_plan() {
    let world = World::new();
    let dataset = sales();
    world.write(&dataset, ALICE, "a.parquet", &rows("alice", 1, "x"));
    let snapshot = world.engine.snapshot(&scope(ALICE), &dataset).await.unwrap();
    let store = datafusion::execution::object_store::ObjectStoreUrl::parse("data://root").unwrap();
    // Even a listing that contained another tenant's files would return none of their rows.
    let shapes: Vec<_> = snapshot.files.iter().map(|_| unread()).collect();
    let rows =
        crate::rows::scan::tenant_rows(&scope_of(BOB, &["100"]), &dataset, &snapshot, &shapes, &store, crate::rows::scan::Rows::InOrder)
            .unwrap();
    let text = rows.build().unwrap().display_indent().to_string();
    let lines: Vec<_> = text.lines().map(str::trim).collect();
    assert!(lines[0].starts_with("Filter: Sales.MPNId IN"), "{text}");
    assert!(lines[1].starts_with("Filter: Sales.:tenant = ") && lines[1].contains(&BOB.to_string()), "{text}");
    assert!(lines[2].starts_with("TableScan: Sales"), "{text}");
}

#[tokio::test]
async fn columns_keep_tenants_apart() {
    let world = World::new();
    for (name, holds) in [("Owner", TenantKey::TenantId), ("Owner", TenantKey::GlobalAccountId)] {
        // The owner's column is in the files, but is not one of the dataset's columns.
        let mut stored = sales();
        stored.name = format!("{holds:?}");
        stored.columns.push(column("owner", ColumnType::String));
        let owned = |tenant: Uuid, marker: &str, id: i64| -> Vec<Row> {
            let owner = match holds {
                TenantKey::TenantId => tenant.to_string(),
                TenantKey::GlobalAccountId => format!("account-{tenant}"),
            };
            let mut rows = rows(marker, id, "x");
            rows.iter_mut().for_each(|row| row.push(Some(string(&owner))));
            rows
        };
        let mut all = owned(ALICE, "alice", 1);
        all.extend(owned(BOB, MARKER, MARKER_ID));
        // Rows without a valid owner: null, or another spelling.
        for (owner, name) in [(None, "nobody1"), (Some(ALICE.to_string().to_uppercase()), "nobody2"), (Some("%".to_owned()), "nobody3")] {
            let mut row = sale(9, Some(name));
            row.push(owner.as_deref().map(string));
            all.push(row);
        }
        write_rows(&world.data_folder(&stored, None).join("all.parquet"), &stored, &all);
        let mut dataset = with_metrics(sales());
        dataset.name = stored.name.clone();
        dataset.tenancy = Tenancy::Column { name: name.to_owned(), holds };
        sees_only_its_own(&world, &dataset, &scope(ALICE), &[MARKER, "66666", "nobody"], &["alice4"]).await;
        sees_only_its_own(&world, &dataset, &scope(BOB), &["alice", "nobody"], &[MARKER]).await;
        let no_account = TenantScope::operator(ALICE, None, Program::Mpn);
        let hidden: &[&str] = if holds == TenantKey::TenantId { &[MARKER] } else { &[MARKER, "alice", "nobody"] };
        sees_only_its_own(&world, &dataset, &no_account, hidden, &["Name"]).await;
    }
}

#[tokio::test]
async fn a_tenant_column_may_be_a_column_of_the_dataset_and_a_number() {
    let world = World::new();
    let mut dataset = dataset("Numbers", vec![column("Account", ColumnType::Int64), column("Name", ColumnType::String)]);
    dataset.tenancy = Tenancy::Column { name: "account".to_owned(), holds: TenantKey::GlobalAccountId };
    let rows = [(Some(12), "mine"), (Some(123), "other"), (None, "nobody")]
        .map(|(account, name)| vec![account.map(Value::Int), Some(string(name))]);
    write_rows(&world.data_folder(&dataset, None).join("all.parquet"), &dataset, &rows);
    let scope = TenantScope::operator(ALICE, Some("12".to_owned()), Program::Mpn);
    let csv = world.csv_of(&scope, &select(&dataset, &["Account", "Name"]), Window::All).await.unwrap();
    assert_eq!(csv, "Account,Name\n12,mine\n");
}

#[tokio::test]
async fn locations_are_kept_apart() {
    let world = World::new();
    let mut dataset = with_metrics(sales());
    let mut some = rows("shown", 1, "x");
    some.iter_mut().for_each(|row| row[MPN_ID] = Some(string("100a")));
    let mut hidden = rows("hidden", MARKER_ID, "y");
    for (row, location) in hidden.iter_mut().zip([Some("100A"), Some("100"), None, Some(""), Some("200")]) {
        row[MPN_ID] = location.map(string);
    }
    some.extend(hidden);
    world.write(&dataset, ALICE, "a.parquet", &some);
    let viewer = scope_of(ALICE, &["100a", "300"]);
    sees_only_its_own(&world, &dataset, &viewer, &["hidden", "66666", "200"], &["shown4"]).await;
    sees_only_its_own(&world, &dataset, &scope_of(ALICE, &[]), &["hidden", "shown"], &["Name"]).await;
    sees_only_its_own(&world, &dataset, &scope_of(BOB, &["100a"]), &["hidden", "shown"], &["Name"]).await;

    dataset.location_column = None;
    let refused = world.preview(&viewer, &select(&dataset, &["Name"])).await.unwrap_err();
    assert!(matches!(refused, EngineError::LocationScopeUnsupported { .. }), "{refused:?}");
    assert!(!refused.is_retryable());
}
