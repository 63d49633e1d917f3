//! How tenants share memory and turns: what queries take from the ledger, which ones wait, and which ones are refused.

use std::time::Duration;

use datafusion::arrow::array::{ArrayRef, Int64Array, StringArray};
use datafusion::arrow::record_batch::RecordBatch;
use datafusion::parquet::arrow::ArrowWriter;
use datafusion::parquet::file::properties::WriterProperties;
use futures::FutureExt;
use insightgate_query::column::Comparison;
use insightgate_query::datasets::catalog::{Tenancy, TenantKey};
use insightgate_query::metric::MetricExpression;

use super::*;
use crate::run::ledger::Share;
use crate::run::turns::{Asked, Lane};

const MIB: usize = 1 << 20;

/// Row groups of this many rows, whose texts hardly compress.
fn row_groups(world: &World, dataset: &Dataset, tenant: Uuid, groups: i64, rows: i64) {
    let text = |row: i64| format!("{:016x}{:016x}", row.wrapping_mul(0x1e37_79b9_7f4a_7c15), row.wrapping_mul(0x2545_f491_4f6c_dd1d));
    let all = 0..groups * rows;
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("Id", Arc::new(Int64Array::from_iter_values(all.clone()))),
        ("Name", Arc::new(all.map(|row| Some(text(row))).collect::<StringArray>())),
    ];
    let batch = RecordBatch::try_from_iter(columns).unwrap();
    let folder = world.data_folder(dataset, Some(tenant));
    std::fs::create_dir_all(&folder).unwrap();
    let rows = usize::try_from(rows).unwrap();
    let properties = WriterProperties::builder().set_max_row_group_row_count(Some(rows)).set_dictionary_enabled(false).build();
    let file = std::fs::File::create(folder.join("a.parquet")).unwrap();
    let mut writer = ArrowWriter::try_new(file, batch.schema(), Some(properties)).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
}

fn preview(tenant: Uuid, bytes: usize) -> Asked {
    Asked { tenant, lane: Lane::Preview, bytes }
}

/// Takes all memory that one tenant may hold, as if its queries were running.
fn all_of(world: &World, tenant: Uuid) -> Vec<Share> {
    let ledger = &world.engine.inner.budget.ledger;
    std::iter::from_fn(|| ledger.take_now(preview(tenant, 64 << 10))).collect()
}

fn grouped() -> (Dataset, Plan) {
    let mut dataset = sales();
    dataset.metrics = vec![metric("Rows", MetricExpression::CountRows)];
    let plan = select(&dataset, &["Rows"]);
    (dataset, plan)
}

/// A condition that reads the texts of all rows and that none meets.
fn nowhere(dataset: &Dataset) -> Plan {
    filtered(select(dataset, &["Id", "Name"]), "Name", Predicate::Like { pattern: "%nowhere%".to_owned(), negated: false })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn previews_that_only_stream_stay_within_the_limit_together() {
    let (world, dataset) = (World::with_memory(32 * MIB), sales());
    row_groups(&world, &dataset, ALICE, 2, 100_000);
    row_groups(&world, &dataset, BOB, 2, 100_000);
    let ledger = &world.engine.inner.budget.ledger;
    let one = world.preview(&scope(ALICE), &nowhere(&dataset)).await.unwrap();
    assert!(one.is_empty());
    let alone = ledger.most();
    // The stored bytes of a row group and its pages, for two row groups at once.
    assert!((6 * MIB..24 * MIB).contains(&alone), "{alone}");
    let plan = nowhere(&dataset);
    let (alice, bob) = (scope(ALICE), scope(BOB));
    let all = (0..20).map(|number| world.preview(if number % 2 == 0 { &alice } else { &bob }, &plan));
    for answer in futures::future::join_all(all).await {
        assert!(answer.unwrap().is_empty());
    }
    assert!(ledger.most() <= 32 * MIB && ledger.most() >= alone, "{}", ledger.most());
    assert_eq!((ledger.held(), ledger.waiting()), (0, 0));
    // The first rows only need the row group that contains them.
    let world = World::with_memory(32 * MIB);
    row_groups(&world, &dataset, ALICE, 2, 100_000);
    assert_eq!(world.preview(&scope(ALICE), &select(&dataset, &["Id"])).await.unwrap().len(), 100);
    assert!(world.engine.inner.budget.ledger.most() < 4 * MIB, "{}", world.engine.inner.budget.ledger.most());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_tenant_with_many_previews_leaves_room_for_anothers() {
    let world = World::with_memory(128 * MIB);
    let (dataset, plan) = grouped();
    for tenant in [ALICE, BOB] {
        world.write(&dataset, tenant, "a.parquet", &[sale(1, None), sale(2, None)]);
    }
    let held = all_of(&world, ALICE);
    let (alice, bob) = (scope(ALICE), scope(BOB));
    let mut waiting = Box::pin(world.preview(&alice, &plan));
    assert!(waiting.as_mut().now_or_never().is_none());
    assert_eq!(world.preview(&bob, &plan).await.unwrap(), [r#"{"Rows":2}"#]);
    assert_eq!(world.csv_of(&bob, &plan, Window::All).await.unwrap(), "Rows\n2\n");
    assert!(waiting.as_mut().now_or_never().is_none(), "it waits on");
    drop(held);
    assert_eq!(waiting.await.unwrap(), [r#"{"Rows":2}"#]);
    let ledger = &world.engine.inner.budget.ledger;
    assert_eq!((ledger.held(), ledger.waiting()), (0, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_waits_too_long_is_told_whose_queries_stand_before_it() {
    let world = World::shared(128 * MIB, Sharing { longest_wait: Duration::ZERO, ..Sharing::default() });
    let mut dataset = sales();
    dataset.columns.push(column("Owner", ColumnType::String));
    dataset.tenancy = Tenancy::Column { name: "Owner".to_owned(), holds: TenantKey::TenantId };
    let mut row = sale(1, None);
    row.push(Some(string(&BOB.to_string())));
    write_rows(&world.data_folder(&dataset, None).join("a.parquet"), &dataset, &[row]);
    let plan = select(&dataset, &["Id"]);
    let crowded = |error: EngineError| match error {
        EngineError::Crowded { by_own } => by_own,
        other => panic!("{other:?}"),
    };
    let own = all_of(&world, BOB);
    assert!(crowded(world.preview(&scope(BOB), &plan).await.unwrap_err()));
    // An explanation counts rows if rows of others are in the same files.
    assert!(crowded(world.engine.explain(&scope(BOB), &plan, Window::All).await.unwrap_err()));
    drop(own);
    let others: Vec<_> = [ALICE, Uuid::from_u128(7), Uuid::from_u128(8)].map(|tenant| all_of(&world, tenant)).into();
    assert!(!crowded(world.preview(&scope(BOB), &plan).await.unwrap_err()));
    assert!(!crowded(world.engine.explain(&scope(BOB), &plan, Window::All).await.unwrap_err()));
    drop(others);
    assert_eq!(world.preview(&scope(BOB), &plan).await.unwrap(), [r#"{"Id":1}"#]);
    assert_eq!(world.engine.explain(&scope(BOB), &plan, Window::All).await.unwrap().visible_rows, 1);
    assert_eq!(world.engine.inner.budget.ledger.held(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_row_group_that_cannot_fit_is_named_before_it_is_read() {
    let (world, dataset) = (World::with_memory(6 * MIB), sales());
    row_groups(&world, &dataset, ALICE, 1, 200_000);
    let failed = world.preview(&scope(ALICE), &nowhere(&dataset)).await.unwrap_err();
    let EngineError::RowGroupTooLarge { file, number: 0, memory_limit, .. } = &failed else { panic!("{failed:?}") };
    assert!(file.ends_with("a.parquet") && *memory_limit == 6 * MIB);
    assert!(matches!(world.csv(&nowhere(&dataset)).await, Err(EngineError::RowGroupTooLarge { .. })));
    assert_eq!(world.engine.inner.budget.ledger.most(), 0);
    // With fewer columns it fits.
    let ids = filtered(select(&dataset, &["Id"]), "Id", Predicate::Compare(Comparison::Less, Value::Int(2)));
    assert_eq!(world.lines(&ids).await, ["0", "1"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn large_row_groups_are_read_in_fewer_streams_with_the_same_answer() {
    let (mut dataset, _) = grouped();
    dataset.metrics.push(metric("Last", MetricExpression::Maximum(insightgate_query::metric::RowExpression::Column(ID))));
    let plan = ordered(select(&dataset, &["Name", "Rows", "Last"]), &["-Last"]);
    let plan = Plan { limit: Some(3), ..plan };
    let mut answers = Vec::new();
    for (memory, width) in [(256 * MIB, 2), (24 * MIB, 1)] {
        let world = World::with_memory(memory);
        row_groups(&world, &dataset, ALICE, 2, 100_000);
        let owner = scope(ALICE);
        let question = crate::run::engine::Question { scope: &owner, plan: &plan, window: Window::All, at_most: None };
        let (prepared, need) = world.engine.sized(question, crate::run::budget::Room::Whole).await.unwrap();
        assert_eq!(prepared.strategy.streams().map(|streams| streams.width), Some(width));
        assert!(need.pool >= world.engine.inner.budget.share / 2, "{need:?}");
        answers.push(world.csv(&plan).await.unwrap());
        assert!(world.engine.inner.budget.ledger.most() <= memory);
    }
    assert!(answers[0] == answers[1] && answers[0].lines().count() == 4);
}

/// A preview of few rows that take much memory: the small share turns out to be too little, and the preview takes a whole one.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_preview_that_a_small_share_does_not_hold_gets_a_whole_one() {
    let (world, dataset) = (World::with_memory(160 * MIB), sales());
    let rows: Vec<Row> = (0..9_000).map(|id| sale(id, Some(&format!("{}{}", "x".repeat(1_500), id % 5)))).collect();
    world.write(&dataset, ALICE, "a.parquet", &rows);
    let sorted = ordered(select(&dataset, &["Name", "Id"]), &["Name"]);
    let owner = scope(ALICE);
    let question = crate::run::engine::Question { scope: &owner, plan: &sorted, window: Window::All, at_most: Some(100) };
    let (_, need) = world.engine.sized(question, crate::run::budget::Room::AsLikely).await.unwrap();
    assert_eq!(need.bytes, 10 * MIB);
    assert_eq!(world.preview(&owner, &sorted).await.unwrap().len(), 100);
    assert_eq!(world.engine.inner.budget.ledger.held(), 0);
}

#[tokio::test]
async fn what_is_dropped_while_it_waits_leaves_no_trace() {
    let world = World::with_memory(128 * MIB);
    let (dataset, plan) = grouped();
    world.write(&dataset, ALICE, "a.parquet", &[sale(1, None)]);
    let held = all_of(&world, ALICE);
    let alice = scope(ALICE);
    let ledger = &world.engine.inner.budget.ledger;
    {
        let mut waiting = std::pin::pin!(futures::future::join_all((0..5).map(|_| world.preview(&alice, &plan))));
        while ledger.waiting() < 5 {
            assert!(waiting.as_mut().now_or_never().is_none(), "they wait");
            tokio::task::yield_now().await;
        }
    }
    while ledger.waiting() > 0 {
        tokio::task::yield_now().await;
    }
    drop(held);
    assert_eq!(ledger.held(), 0);
    assert_eq!(world.preview(&alice, &plan).await.unwrap(), [r#"{"Rows":1}"#]);
}
