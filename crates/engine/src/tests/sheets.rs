//! Workbooks of Excel, down to the XML of their cells. Programs that are not ours read them in `tests-e2e/artifacts`.

use std::collections::BTreeMap;
use std::io::{Cursor, Read};
use std::time::Duration;

use insightgate_query::column::Comparison;
use insightgate_query::sheet::SheetFault;

use super::*;
use crate::{About, ArtifactKey, ExportProgress, ExportedAs};

/// The files in a workbook, by their names.
fn files(bytes: &[u8]) -> BTreeMap<String, String> {
    let mut zip = zip::ZipArchive::new(Cursor::new(bytes)).unwrap();
    let count = zip.len();
    let read = |index| {
        let (mut file, mut text) = (zip.by_index(index).unwrap(), String::new());
        file.read_to_string(&mut text).unwrap();
        (file.name().unwrap().into_owned(), text)
    };
    (0..count).map(read).collect()
}

fn sheet(bytes: &[u8], number: usize) -> String {
    files(bytes).remove(&format!("xl/worksheets/sheet{number}.xml")).unwrap()
}

/// The rows of the first sheet, with its header.
pub(super) fn rows(bytes: &[u8]) -> usize {
    sheet(bytes, 1).matches("<row ").count()
}

/// The cells of a sheet by their places, without their formats.
fn cells(sheet: &str) -> BTreeMap<String, String> {
    let cells = sheet.split("<c r=\"").skip(1).map(|cell| {
        let (place, rest) = cell.split_once('"').unwrap();
        let (head, content) = rest.split_once('>').unwrap();
        let kind = head.split("t=\"").nth(1).map_or("n", |kind| kind.trim_end_matches('"'));
        (place.to_owned(), format!("{kind} {}", content.split("</c>").next().unwrap()))
    });
    cells.collect()
}

fn about(query: &str) -> ExportedAs {
    ExportedAs { format: Format::Xlsx, about: Some(About { query: query.to_owned(), at: instant("2026-03-01T06:00:00Z") }) }
}

async fn workbook(engine: &Engine, plan: &Plan, query: &str) -> Vec<u8> {
    let mut out: Vec<u8> = Vec::new();
    let summary = engine.export_to_writer(&scope(ALICE), plan, Window::All, about(query), &mut out, &|_| {}).await.unwrap();
    assert_eq!(summary.bytes, out.len() as u64);
    out
}

/// The files, with a name or without, that are there in the folder for intermediate results. Its folders are the library's for sorts.
fn held_open(world: &World) -> usize {
    let spill = world.folder.path().canonicalize().unwrap().join("spill");
    let named = std::fs::read_dir(&spill).unwrap().filter(|entry| entry.as_ref().unwrap().file_type().unwrap().is_file()).count();
    let open = std::fs::read_dir("/proc/self/fd").unwrap().filter_map(|entry| std::fs::read_link(entry.ok()?.path()).ok());
    named + open.filter(|path| path.starts_with(&spill)).count()
}

async fn nothing_is_held(world: &World) {
    // What writes the file ends on a thread of its own.
    let gone = async {
        while held_open(world) > 0 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), gone).await.unwrap();
}

#[tokio::test]
async fn every_value_has_its_cell() {
    let (world, dataset) = (World::new(), sales());
    let row = |id, name: &str| {
        let row = with(with(sale(id, Some(name)), AMOUNT, decimal(-1_230, 2)), RATIO, Value::Float(0.1));
        with(with(with(row, DAY, day("2026-02-28")), AT, at("2026-02-28T12:00:00Z")), ACTIVE, Value::Bool(true))
    };
    let odd = with(with(sale(i64::MAX, Some("_x0041_ <&> \u{1}\r\u{ffff}")), DAY, day("1850-01-01")), RATIO, Value::Float(f64::INFINITY));
    world.write(&dataset, ALICE, "a.parquet", &[row(1, "=1+1"), sale(2, None), odd, row(-3, " https://example.com\n ")]);
    let plan = select(&dataset, &["Id", "Name", "Amount", "Ratio", "Day", "At", "Active", "Name"]);
    let bytes = workbook(&world.engine, &plan, "SELECT …").await;
    let first = sheet(&bytes, 1);
    let expected = [
        ("A1", "inlineStr <is><t>Id</t></is>"),
        ("B1", "inlineStr <is><t>Name</t></is>"),
        ("C1", "inlineStr <is><t>Amount</t></is>"),
        ("D1", "inlineStr <is><t>Ratio</t></is>"),
        ("E1", "inlineStr <is><t>Day</t></is>"),
        ("F1", "inlineStr <is><t>At</t></is>"),
        ("G1", "inlineStr <is><t>Active</t></is>"),
        ("H1", "inlineStr <is><t>Name</t></is>"),
        ("A2", "n <v>1</v>"),
        ("B2", "inlineStr <is><t>=1+1</t></is>"),
        ("C2", "n <v>-12.3</v>"),
        ("D2", "n <v>0.1</v>"),
        ("E2", "n <v>46081</v>"),
        ("F2", "n <v>46081.5</v>"),
        ("G2", "b <v>1</v>"),
        ("H2", "inlineStr <is><t>=1+1</t></is>"),
        ("A3", "n <v>2</v>"),
        ("A4", "inlineStr <is><t>9223372036854775807</t></is>"),
        ("B4", "inlineStr <is><t>_x005F_x0041_ &lt;&amp;&gt; _x0001__x000D__xFFFF_</t></is>"),
        ("D4", "inlineStr <is><t>inf</t></is>"),
        ("E4", "inlineStr <is><t>1850-01-01</t></is>"),
        ("H4", "inlineStr <is><t>_x005F_x0041_ &lt;&amp;&gt; _x0001__x000D__xFFFF_</t></is>"),
        ("A5", "n <v>-3</v>"),
        ("B5", "inlineStr <is><t xml:space=\"preserve\"> https://example.com\n </t></is>"),
        ("C5", "n <v>-12.3</v>"),
        ("D5", "n <v>0.1</v>"),
        ("E5", "n <v>46081</v>"),
        ("F5", "n <v>46081.5</v>"),
        ("G5", "b <v>1</v>"),
        ("H5", "inlineStr <is><t xml:space=\"preserve\"> https://example.com\n </t></is>"),
    ];
    let expected: BTreeMap<String, String> = expected.iter().map(|(place, cell)| ((*place).to_owned(), (*cell).to_owned())).collect();
    assert_eq!(cells(&first), expected);
    assert!(!first.contains("<f>") && !first.contains("hyperlink"));
    assert!(first.contains("<pane ySplit=\"1\" topLeftCell=\"A2\" activePane=\"bottomLeft\" state=\"frozen\"/>"), "{first}");
    let all = files(&bytes);
    let styles = &all["xl/styles.xml"];
    for format in ["<b/>", "\"0.00\"", "yyyy\\-mm\\-dd hh:mm:ss", "quotePrefix=\"1\""] {
        assert!(styles.contains(format) || styles.contains(&format.replace('\\', "")), "{format}: {styles}");
    }
    assert!(all["xl/workbook.xml"].contains("name=\"Data\"") && all["xl/workbook.xml"].contains("name=\"About\""));
    assert!(all["docProps/core.xml"].contains("2026-03-01T06:00:00Z"), "the time of the execution and not of the machine");
    assert_eq!(held_open(&world), 0);
}

#[tokio::test]
async fn a_second_sheet_says_what_the_rows_are() {
    let (world, dataset) = (World::new(), sales());
    world.write(&dataset, ALICE, "a.parquet", &[sale(1, None), sale(2, None)]);
    let plan = select(&dataset, &["Id"]);
    // A query of the greatest length takes two cells.
    let query = format!("SELECT Id {}", "x".repeat(60_000));
    let all = files(&workbook(&world.engine, &plan, &query).await);
    let strings: Vec<&str> = all["xl/sharedStrings.xml"].split("<si><t>").skip(1).map(|text| text.split("</t>").next().unwrap()).collect();
    let [label, start, end, time, number] = strings[..] else { panic!("{} strings", strings.len()) };
    assert_eq!([label, time, number], ["Query", "Time (UTC)", "Rows"]);
    assert!(start.len() == 32_767 && format!("{start}{end}") == query);
    let second = cells(&all["xl/worksheets/sheet2.xml"]);
    assert_eq!((second["B3"].as_str(), second["B4"].as_str()), ("n <v>46082.25</v>", "n <v>2</v>"));
    // A file that is not told what it is about says how many rows it has.
    let mut out: Vec<u8> = Vec::new();
    world.engine.export_to_writer(&scope(ALICE), &plan, Window::All, Format::Xlsx, &mut out, &|_| {}).await.unwrap();
    assert_eq!(cells(&sheet(&out, 2)).len(), 2);
}

#[tokio::test]
async fn what_excel_does_not_hold_is_refused_with_the_limit_and_the_way_out() {
    let (world, mut dataset) = (World::new(), sales());
    dataset.date_column = None;
    let long = "ä".repeat(32_768);
    world.write(&dataset, ALICE, "a.parquet", &[sale(1, Some(&long[2..])), sale(2, Some(&long))]);
    let refused = async |plan: &Plan| {
        let key = ArtifactKey { tenant: ALICE, report: BOB, execution: BOB, epoch: 1, format: Format::Xlsx };
        let refused = world.engine.export(&scope(ALICE), plan, Window::All, Format::Xlsx, &key, &|_| {}).await.unwrap_err();
        assert!(!refused.is_retryable() && matches!(world.engine.open(&key).await, Err(EngineError::NoSuchArtifact)));
        nothing_is_held(&world).await;
        let EngineError::Sheet(fault) = refused else { panic!("{refused:?}") };
        fault
    };
    let plan = select(&dataset, &["Id", "Name"]);
    let text = SheetFault::Text { column: "Name".to_owned(), row: 2, characters: 32_768 };
    assert_eq!(refused(&plan).await, text);
    assert_eq!(refused(&select(&dataset, &["Id"; 16_385])).await, SheetFault::Columns(16_385));
    let one = Plan { limit: Some(1), ..plan };
    assert_eq!(rows(&workbook(&world.engine, &one, "one").await), 2);
}

/// A file with this many rows that take little room.
fn many(world: &World, dataset: &Dataset, rows: usize) {
    let mut writer = TableWriter::create(&world.data_folder(dataset, Some(ALICE)).join("a.parquet"), dataset).unwrap();
    let columns: Vec<Vec<Option<Value>>> = (0..dataset.columns.len()).map(|_| vec![Some(Value::Int(1)); rows]).collect();
    writer.write(&columns).unwrap();
    writer.finish().unwrap();
}

#[tokio::test]
async fn too_many_rows_are_refused_before_the_first_is_read_where_their_number_is_certain() {
    let (world, dataset) = (World::with_memory(256 << 20), dataset("Tall", vec![column("Id", ColumnType::Int64)]));
    many(&world, &dataset, 1 << 20);
    let heard = std::sync::Mutex::new(0);
    let export = async |plan: &Plan| {
        let progress = |progress: ExportProgress| *heard.lock().unwrap() = progress.rows;
        let mut out: Vec<u8> = Vec::new();
        world.engine.export_to_writer(&scope(ALICE), plan, Window::All, Format::Xlsx, &mut out, &progress).await
    };
    let plan = select(&dataset, &["Id"]);
    assert!(matches!(export(&plan).await, Err(EngineError::Sheet(SheetFault::Rows))));
    assert_eq!(*heard.lock().unwrap(), 0);
    assert!(export(&Plan { limit: Some(10), ..plan.clone() }).await.is_ok());
    // Where conditions decide, the export ends with the first row that has no place.
    let all = filtered(plan, "Id", Predicate::Compare(Comparison::Equal, Value::Int(1)));
    assert!(matches!(export(&all).await, Err(EngineError::Sheet(SheetFault::Rows))));
    assert!((1_000_000..1 << 20).contains(&*heard.lock().unwrap()));
    nothing_is_held(&world).await;
}

#[tokio::test]
async fn a_sheet_keeps_to_the_disk_that_one_query_may_use() {
    let (world, dataset) = (World::new(), sales());
    let rows: Vec<Row> = (0..20_000).map(|id| sale(id, Some("a name of some length & more"))).collect();
    world.write(&dataset, ALICE, "a.parquet", &rows);
    let engine = |spill_limit| Engine::new(EngineSettings { spill_limit, ..settings(&world.folder, 64 << 20) }).unwrap();
    let plan = select(&dataset, &["Id", "Name"]);
    let refused =
        engine(1 << 20).export_to_writer(&scope(ALICE), &plan, Window::All, Format::Xlsx, &mut Vec::new(), &|_| {}).await.unwrap_err();
    assert!(matches!(refused, EngineError::Spill(_)), "{refused:?}");
    assert!(refused.caller_message().contains("engine.spill_gib"));
    nothing_is_held(&world).await;
    // The bound counts generously, by less than three times here.
    let bytes = workbook(&engine(6 << 20), &plan, "all").await;
    assert!((2 << 20..6 << 20).contains(&sheet(&bytes, 1).len()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_execution_gives_the_same_bytes_and_one_that_is_dropped_leaves_nothing() {
    let (world, dataset) = (World::new(), sales());
    for file in 0..2 {
        let row = |number: i64| {
            let name = number.wrapping_mul(7_919_777_777_777).to_string();
            with(sale(file * 40_000 + number, Some(&name)), AT, at("2026-02-28T12:00:00Z"))
        };
        let rows: Vec<Row> = (0..40_000).map(row).collect();
        world.write(&dataset, ALICE, &format!("{file}.parquet"), &rows);
    }
    let plan = filtered(select(&dataset, &["Id", "Name", "At", "Name"]), "Id", Predicate::Compare(Comparison::Greater, Value::Int(5)));
    let once = workbook(&world.engine, &plan, "SELECT …").await;
    let again =
        workbook(&Engine::new(EngineSettings { partitions: 1, ..settings(&world.folder, 64 << 20) }).unwrap(), &plan, "SELECT …").await;
    assert!(once == again && once.len() > 2 << 20, "{} and {} bytes", once.len(), again.len());

    // Once while rows are written, and once while the file is compressed, of which then most parts are still to come: few can be in flight at once, so
    // that the artifact cannot have got its name yet.
    let key = ArtifactKey { tenant: ALICE, report: BOB, execution: BOB, epoch: 1, format: Format::Xlsx };
    for compressing in [false, true] {
        let (reached, mut waiting) = tokio::sync::watch::channel(false);
        let progress = move |progress: ExportProgress| {
            let is_there = if compressing { progress.bytes > 0 } else { progress.rows > 0 };
            if is_there {
                let _ = reached.send(true);
            }
        };
        let scope = scope(ALICE);
        tokio::select! {
            biased;
            _ = waiting.wait_for(|reached| *reached) => {}
            done = world.engine.export(&scope, &plan, Window::All, about("x"), &key, &progress) => panic!("{done:?}"),
        }
        nothing_is_held(&world).await;
        assert!(matches!(world.engine.open(&key).await, Err(EngineError::NoSuchArtifact)));
    }
}
