//! Explanations: what would be read, computed from the scope's own rows only.

use insightgate_query::column::Comparison;
use insightgate_query::datasets::catalog::{Tenancy, TenantKey};

use super::*;
use crate::Parts;

/// Writes three files of a tenant with 10, 20 and 30 rows, each of one month.
fn written(world: &World, dataset: &Dataset, tenant: Uuid, prefix: i64) {
    for month in 1..=3 {
        let rows: Vec<Row> = (0..month * 10)
            .map(|id| {
                with(
                    with(sale(prefix + id, Some("x")), DAY, day(&format!("2026-0{month}-05"))),
                    MPN_ID,
                    string(if id % 2 == 0 { "1" } else { "2" }),
                )
            })
            .collect();
        world.write(dataset, tenant, &format!("{month}.parquet"), &rows);
    }
}

fn month(number: u32) -> Window {
    Window::Between {
        start: Some(instant(&format!("2026-0{number}-01T00:00:00Z"))),
        end: instant(&format!("2026-0{}-01T00:00:00Z", number + 1)),
    }
}

#[tokio::test]
async fn folders_are_explained_by_their_footers() {
    let (world, dataset) = (World::new(), sales());
    written(&world, &dataset, ALICE, 0);
    written(&world, &dataset, BOB, 1_000);
    let plan = filtered(select(&dataset, &["Id", "Name"]), "Name", Predicate::Like { pattern: "X%".to_owned(), negated: false });
    let explained = world.engine.explain(&scope(ALICE), &plan, month(2)).await.unwrap();
    assert_eq!((explained.visible_rows, explained.estimated_rows), (60, 20));
    assert_eq!((explained.files, explained.row_groups), (Parts { read: 1, skipped: 2 }, Parts { read: 1, skipped: 2 }));
    assert_eq!(explained.columns, ["Id", "Name", "Day"]);
    assert!(explained.estimated_bytes > 0 && explained.data_as_of.is_some());
    // Statistics rule values out case-insensitively too.
    let absent = filtered(select(&dataset, &["Id"]), "Name", Predicate::Compare(Comparison::Equal, string("Q")));
    let explained = world.engine.explain(&scope(ALICE), &absent, Window::All).await.unwrap();
    assert_eq!((explained.estimated_rows, explained.files), (0, Parts { read: 0, skipped: 3 }));
    // A condition that nothing can meet reads nothing.
    let nothing = filtered(select(&dataset, &["Id"]), "Name", Predicate::Nothing);
    let explained = world.engine.explain(&scope(ALICE), &nothing, Window::All).await.unwrap();
    assert_eq!((explained.visible_rows, explained.files), (60, Parts { read: 0, skipped: 3 }));
    let stranger = world.engine.explain(&scope(Uuid::from_u128(9)), &plan, Window::All).await.unwrap();
    assert_eq!((stranger.visible_rows, stranger.files, stranger.data_as_of), (0, Parts::default(), None));
}

/// Rows are read once for each distinct count, and the explanation covers all of these reads.
#[tokio::test]
async fn columns_of_all_distinct_counts_are_named() {
    let (world, mut dataset) = (World::new(), sales());
    let distinct = |column| MetricExpression::Count { distinct: true, of: insightgate_query::metric::RowExpression::Column(column) };
    dataset.metrics =
        vec![metric("Names", distinct(NAME)), metric("Places", distinct(MPN_ID)), metric("Rows", MetricExpression::CountRows)];
    written(&world, &dataset, ALICE, 0);
    written(&world, &dataset, BOB, 1_000);
    let is_even = |plan| filtered(plan, "MPNId", Predicate::Compare(Comparison::Equal, string("1")));
    let plan = is_even(select(&dataset, &["Day", "Names", "Places", "Rows"]));
    let explained = world.engine.explain(&scope(ALICE), &plan, month(2)).await.unwrap();
    assert_eq!(explained.columns, ["Name", "Day", "MPNId"]);
    assert_eq!((explained.estimated_rows, explained.row_groups), (20, Parts { read: 1, skipped: 2 }));
    assert_eq!(world.csv_of(&scope(ALICE), &plan, month(2)).await.unwrap(), "Day,Names,Places,Rows\n2026-02-05,1,1,10\n");
    assert_eq!(world.lines(&is_even(select(&dataset, &["Names", "Places", "Rows"]))).await, ["1,1,30"]);
}

#[tokio::test]
async fn viewers_of_locations_are_told_of_their_rows_only() {
    let (world, dataset) = (World::new(), sales());
    written(&world, &dataset, ALICE, 0);
    let plan = select(&dataset, &["Id"]);
    for (locations, visible) in [(vec!["1"], 30), (vec!["1", "2"], 60), (vec!["3"], 0)] {
        let explained = world.engine.explain(&scope_of(ALICE, &locations), &plan, month(3)).await.unwrap();
        assert_eq!((explained.visible_rows, explained.estimated_rows), (visible, visible / 2), "{locations:?}");
        assert_eq!(explained.files, if visible == 0 { Parts::default() } else { Parts { read: 1, skipped: 2 } });
    }
}

/// The explanation is the same, whatever rows others have.
#[tokio::test]
async fn an_explanation_does_not_depend_on_others_rows() {
    let mut dataset = sales();
    dataset.columns.push(column("Owner", ColumnType::String));
    dataset.tenancy = Tenancy::Column { name: "Owner".to_owned(), holds: TenantKey::TenantId };
    let owned = |tenant: Uuid, id: i64| {
        let mut row = with(sale(id, Some("x")), DAY, day("2026-01-05"));
        row.push(Some(string(&tenant.to_string())));
        row
    };
    let own: Vec<Row> = (0..10).map(|id| owned(ALICE, id)).collect();
    let mut explained = Vec::new();
    for others in [0, 7, 3_000] {
        let world = World::new();
        let rows: Vec<Row> = own.iter().cloned().chain((0..others).map(|id| owned(BOB, 500_000 + id))).collect();
        let folder = world.data_folder(&dataset, None);
        write_rows(&folder.join("a.parquet"), &dataset, &rows);
        if others > 0 {
            write_rows(&folder.join("b.parquet"), &dataset, &[owned(BOB, 1)]);
        }
        for test in [
            Predicate::NotNull,
            Predicate::Compare(Comparison::Greater, Value::Int(400_000)),
            Predicate::Compare(Comparison::Greater, Value::Int(4)),
        ] {
            let plan = filtered(select(&dataset, &["Id", "Name"]), "Id", test);
            let mut one = world.engine.explain(&scope(ALICE), &plan, month(1)).await.unwrap();
            // The time of the files does not depend on their rows.
            one.data_as_of = None;
            explained.push(one);
        }
    }
    assert_eq!(explained[0].visible_rows, 10);
    assert!(explained[0].estimated_bytes > 0);
    assert_eq!(explained[..3], explained[3..6]);
    assert_eq!(explained[..3], explained[6..9]);
}
