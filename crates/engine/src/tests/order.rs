use datafusion::arrow::array::{ArrayRef, Date32Array, Int64Array, RecordBatch};
use datafusion::parquet::arrow::ArrowWriter;
use datafusion::parquet::file::properties::WriterProperties;
use datafusion::physical_plan::execute_stream;
use futures::StreamExt;

use super::*;

/// Three files whose paths do not sort in the order in which they were written, with ties across them.
async fn world() -> (World, Dataset) {
    let (world, dataset) = (World::new(), sales());
    for (file, rows) in [
        ("b.parquet", [(4, Some("x")), (5, None), (6, Some("B"))]),
        ("a/z.parquet", [(1, Some("x")), (2, Some("a")), (3, None)]),
        ("c.parquet", [(7, Some("x")), (8, Some("a")), (9, Some("ä"))]),
    ] {
        let rows: Vec<_> = rows.into_iter().map(|(id, name)| with(sale(id, name), ACTIVE, Value::Bool(id % 2 == 0))).collect();
        world.write(&dataset, ALICE, file, &rows);
    }
    (world, dataset)
}

#[tokio::test]
async fn rows_come_by_file_and_number() {
    let (world, dataset) = world().await;
    assert_eq!(world.lines(&select(&dataset, &["Id"])).await.join(""), "123456789");
    let mut plan = select(&dataset, &["Id"]);
    plan.limit = Some(4);
    assert_eq!(world.lines(&plan).await.join(""), "1234");
    plan.limit = Some(0);
    assert_eq!(world.csv(&plan).await.unwrap(), "Id\n");
}

#[tokio::test]
async fn ties_keep_the_order_of_files_and_nulls_come_last() {
    let (world, dataset) = world().await;
    // Names are compared as bytes: B, a, x, ä.
    for (order, expected) in [
        (vec!["Name"], "628147935"),
        (vec!["-Name"], "914728635"),
        (vec!["Active"], "135792468"),
        (vec!["-Active", "Name"], "628417935"),
        (vec!["Name", "-Id"], "682741953"),
    ] {
        let plan = ordered(select(&dataset, &["Id"]), &order);
        let found = world.lines(&plan).await.join("");
        let limited = Plan { limit: Some(4), ..plan.clone() };
        assert_eq!(found, expected, "{order:?}");
        assert_eq!(world.lines(&limited).await.join(""), expected[..4], "{order:?}");
        assert_eq!(world.lines(&plan).await.join(""), found, "{order:?}");
    }
}

#[tokio::test]
async fn distinct_rows_stand_where_they_first_occur() {
    let (world, dataset) = world().await;
    let mut plan = select(&dataset, &["Name", "Name"]);
    plan.distinct = true;
    assert_eq!(world.lines(&plan).await, ["x,x", "a,a", ",", "B,B", "ä,ä"]);
    assert_eq!(world.lines(&ordered(plan.clone(), &["-Name"])).await, ["ä,ä", "x,x", "a,a", "B,B", ","]);
    plan.limit = Some(2);
    assert_eq!(world.lines(&plan).await, ["x,x", "a,a"]);
    let mut pairs = select(&dataset, &["Active", "Name"]);
    pairs.distinct = true;
    assert_eq!(world.lines(&ordered(pairs, &["Active"])).await, ["false,x", "false,", "false,ä", "true,a", "true,x", "true,B"]);
}

#[tokio::test]
async fn a_repeated_export_is_byte_identical() {
    let (world, mut dataset) = (World::new(), sales());
    dataset.metrics = vec![
        metric("Mean", insightgate_query::metric::MetricExpression::Average(insightgate_query::metric::RowExpression::Column(RATIO))),
        metric("Rows", insightgate_query::metric::MetricExpression::CountRows),
    ];
    for file in 0..5 {
        let rows: Vec<_> = (0..3_000)
            .map(|number| {
                let id = file * 3_000 + number;
                let name = format!("name {}", id * 7_919 % 101);
                with(sale(id, Some(&name)), RATIO, Value::Float((id as f64).sin() * 10_f64.powi((id % 20) as i32 - 10)))
            })
            .collect();
        world.write(&dataset, ALICE, &format!("part-{file}.parquet"), &rows);
    }
    let mut distinct = select(&dataset, &["Name"]);
    distinct.distinct = true;
    for plan in [
        select(&dataset, &["Id", "Ratio"]),
        ordered(select(&dataset, &["Id"]), &["Name"]),
        distinct,
        select(&dataset, &["Name", "Rows"]),
        ordered(select(&dataset, &["Name", "Rows"]), &["-Rows"]),
        select(&dataset, &["Name", "Mean"]),
        select(&dataset, &["Mean"]),
    ] {
        let first = world.csv(&plan).await.unwrap();
        assert!(first.lines().count() > 1);
        for _ in 0..4 {
            assert!(world.csv(&plan).await.unwrap() == first, "{:?}", plan.outputs);
        }
    }
}

/// A limit reserves no memory for rows that never come.
#[tokio::test]
async fn the_greatest_limit_is_one_like_any_other() {
    let (world, dataset) = world().await;
    for plan in [
        select(&dataset, &["Name"]),
        ordered(select(&dataset, &["Name"]), &["Name"]),
        Plan { distinct: true, ..select(&dataset, &["Name"]) },
        Plan { distinct: true, ..ordered(select(&dataset, &["Name"]), &["-Name"]) },
        Plan { grouped: true, ..select(&dataset, &["Name"]) },
        Plan { grouped: true, ..ordered(select(&dataset, &["Name"]), &["-Name"]) },
    ] {
        let all = world.lines(&plan).await;
        assert_eq!(world.lines(&Plan { limit: Some(i64::MAX as u64), ..plan }).await, all);
    }
}

/// The whole second row group is within the window and would fill the limit, but the first rows are in the first row group.
#[tokio::test]
async fn a_limit_takes_the_first_rows_not_the_surest() {
    let (world, dataset) = (World::new(), sales());
    let columns: [(&str, ArrayRef); 2] = [
        ("Id", Arc::new(Int64Array::from_iter_values(1..=8))),
        ("Day", Arc::new(Date32Array::from(vec![None, Some(10), Some(90), Some(11), Some(12), Some(13), Some(14), Some(15)]))),
    ];
    let batch = RecordBatch::try_from_iter(columns).unwrap();
    let path = world.data_folder(&dataset, Some(ALICE)).join("a.parquet");
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    let properties = WriterProperties::builder().set_max_row_group_row_count(Some(4)).build();
    let mut writer = ArrowWriter::try_new(std::fs::File::create(path).unwrap(), batch.schema(), Some(properties)).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
    let window = Window::Between { start: None, end: instant("1970-02-01T00:00:00Z") };
    let plan = Plan { limit: Some(2), ..select(&dataset, &["Id"]) };
    assert_eq!(world.csv_of(&scope(ALICE), &plan, window).await.unwrap(), "Id\n2\n4\n");
    let preview = world.engine.preview(&scope(ALICE), &select(&dataset, &["Id"]), window, 1).await.unwrap();
    assert_eq!(preview.rows.iter().map(|row| row.get()).collect::<Vec<_>>(), [r#"{"Id":2}"#]);
}

/// Many texts in a dictionary: with enough memory rows are compared by numbers, and otherwise by the texts themselves.
#[tokio::test]
async fn texts_that_are_more_than_was_guessed_change_nothing() {
    const ROWS: i64 = 300_000;
    const TEXTS: i64 = 52_000;
    let mut dataset = sales();
    dataset.metrics = vec![metric("Rows", MetricExpression::CountRows)];
    let text = |row: i64| (row % 1_000 > 0).then(|| format!("a text of some length {:05}", row * 7_919 % TEXTS));
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("Id", Arc::new(Int64Array::from_iter_values(0..ROWS))),
        ("Name", Arc::new((0..ROWS).map(text).collect::<datafusion::arrow::array::StringArray>())),
    ];
    let batch = RecordBatch::try_from_iter(columns).unwrap();
    let mut answers = Vec::new();
    for memory in [64 << 20, 10 << 20] {
        let world = World::with_memory(memory);
        let folder = world.data_folder(&dataset, Some(ALICE));
        std::fs::create_dir_all(&folder).unwrap();
        let properties = WriterProperties::builder().set_dictionary_page_size_limit(4 << 20).build();
        let file = std::fs::File::create(folder.join("a.parquet")).unwrap();
        let mut writer = ArrowWriter::try_new(file, batch.schema(), Some(properties)).unwrap();
        writer.write(&batch).unwrap();
        writer.close().unwrap();
        let distinct = Plan { distinct: true, ..select(&dataset, &["Name"]) };
        let grouped = ordered(select(&dataset, &["Name", "Rows"]), &["-Rows", "Name"]);
        let owner = scope(ALICE);
        let question = crate::run::engine::Question { scope: &owner, plan: &distinct, window: Window::All, at_most: None };
        let prepared = world.engine.prepare(question, crate::rows::held_texts::HeldTexts::Guessed, 2).await.unwrap();
        assert!(prepared.strategy.guesses());
        let first = execute_stream(prepared.physical, world.engine.inner.parallel.task_ctx()).unwrap().next().await.unwrap();
        assert_eq!(first.is_err_and(|error| crate::functions::codes::are_too_many(&error)), memory == 10 << 20);
        answers.push([world.csv(&distinct).await.unwrap(), world.csv(&grouped).await.unwrap()]);
    }
    assert_eq!(answers[0], answers[1]);
    let mut seen = std::collections::HashSet::new();
    let first: Vec<_> = (0..ROWS).map(text).filter(|text| seen.insert(text.clone())).map(Option::unwrap_or_default).collect();
    assert_eq!(answers[0][0].lines().skip(1).collect::<Vec<_>>(), first);
}

/// What does not fit into the memory spills to the disk, which is limited too.
#[tokio::test]
async fn a_query_may_use_so_much_disk() {
    let folder = TempDir::new().unwrap();
    let engine = |spill_limit| Engine::new(EngineSettings { spill_limit, partitions: 1, ..settings(&folder, 16 << 20) }).unwrap();
    let dataset = sales();
    let world = World { engine: engine(1 << 30), folder: TempDir::new().unwrap() };
    let rows: Vec<Row> = (0..300_000).map(|id| sale(id, Some(&format!("{:0100}", id * 7919 % 300_000)))).collect();
    write_rows(&local_folder(&folder.path().join("data"), Program::Mpn, &dataset.name, Some(ALICE)).join("a.parquet"), &dataset, &rows);
    let plan = ordered(select(&dataset, &["Id", "Name"]), &["Name"]);
    assert_eq!(world.lines(&plan).await.len(), 300_000);
    let world = World { engine: engine(1 << 20), ..world };
    let error = world.csv(&plan).await.unwrap_err();
    assert!(matches!(&error, EngineError::Spill(_)), "{error:?}");
    assert!(error.caller_message().contains("engine.spill_gib") && !error.caller_message().contains('/'), "{error}");
}
