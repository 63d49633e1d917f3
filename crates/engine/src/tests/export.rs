use std::sync::Mutex;

use aws_lc_rs::digest;
use futures::TryStreamExt;
use insightgate_query::metric::{MetricExpression, RowExpression};

use super::*;
use crate::storage::block_sums::{BLOCK, block_sums};
use crate::storage::upload::Upload;
use crate::{ArtifactKey, ExportProgress, HowFar};

fn key(execution: u128, format: Format) -> ArtifactKey {
    ArtifactKey { tenant: ALICE, report: Uuid::from_u128(2), execution: Uuid::from_u128(execution), epoch: 3, format }
}

fn artifacts(world: &World) -> Vec<String> {
    fn walk(folder: &Path, found: &mut Vec<String>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() { walk(&path, found) } else { found.push(path.file_name().unwrap().to_str().unwrap().to_owned()) }
        }
    }
    let mut found = Vec::new();
    walk(&world.folder.path().join("artifacts"), &mut found);
    found
}

fn hex(bytes: &[u8]) -> String {
    digest::digest(&digest::SHA256, bytes).as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

async fn read(world: &World, key: &ArtifactKey, range: std::ops::Range<u64>) -> Result<Vec<u8>, EngineError> {
    let mut reader = world.engine.open_reader(key).await?;
    let end = range.end.min(reader.size());
    Ok(reader.read(range.start..end.max(range.start), None).await?.to_vec())
}

#[tokio::test]
async fn an_artifact_is_what_its_summary_says() {
    let (world, dataset) = (World::new(), sales());
    world.write(&dataset, ALICE, "a.parquet", &[sale(1, Some("a\tb")), sale(2, Some("c,d")), sale(3, None)]);
    let plan = select(&dataset, &["Id", "Name"]);
    for (format, expected) in [(Format::Csv, "Id,Name\n1,a\tb\n2,\"c,d\"\n3,\n"), (Format::Tsv, "Id\tName\n1\t\"a\tb\"\n2\tc,d\n3\t\n")] {
        let heard = Mutex::new(Vec::new());
        let key = key(1, format);
        let progress = |progress| heard.lock().unwrap().push(progress);
        let summary = world.engine.export(&scope(ALICE), &plan, Window::All, format, &key, &progress).await.unwrap();
        let bytes = read(&world, &key, 0..u64::MAX).await.unwrap();
        assert_eq!(std::str::from_utf8(&bytes).unwrap(), expected);
        assert_eq!((summary.rows, summary.bytes, summary.sha256), (3, bytes.len() as u64, hex(&bytes)));
        let snapshot = world.engine.snapshot(&scope(ALICE), &dataset).await.unwrap();
        assert!(summary.data_as_of == snapshot.data_as_of && !summary.no_files);
        assert_eq!(heard.lock().unwrap().last(), Some(&ExportProgress { rows: 3, bytes: bytes.len() as u64 }));
        let meta = world.engine.open(&key).await.unwrap();
        assert!(meta.size == bytes.len() as u64 && meta.etag.is_some());
        assert_eq!(read(&world, &key, 3..7).await.unwrap(), &bytes[3..7]);
        assert_eq!(read(&world, &key, 5..5).await.unwrap(), b"");
        assert!(summary.blocks == block_sums([bytes.as_slice()]) && summary.blocks.len() == 1);
        assert_eq!(key.to_string().parse::<ArtifactKey>().unwrap(), key);
    }
    assert_eq!(artifacts(&world).len(), 2);
    for &format in Format::ALL {
        world.engine.delete(&key(1, format)).await.unwrap();
        world.engine.delete(&key(1, format)).await.unwrap();
        assert!(matches!(world.engine.open(&key(1, format)).await, Err(EngineError::NoSuchArtifact)));
        assert!(matches!(read(&world, &key(1, format), 0..1).await, Err(EngineError::NoSuchArtifact)));
    }
    assert_eq!(artifacts(&world).len(), 0);
}

/// How often a file or folder was flushed.
static FLUSHED: std::sync::atomic::AtomicUsize = std::sync::atomic::AtomicUsize::new(0);

#[tokio::test]
async fn an_artifact_is_flushed_with_its_folders_or_is_none() {
    let (dataset, flushed) = (sales(), || FLUSHED.load(std::sync::atomic::Ordering::Relaxed));
    let counted: crate::storage::flush::Flush = |path| {
        // It has its name by then.
        assert!(path.exists());
        FLUSHED.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        Ok(())
    };
    let fails: crate::storage::flush::Flush = |_| Err(std::io::Error::other("the disk is gone"));
    for (flush, succeeds) in [(counted, true), (fails, false)] {
        let mut world = World::new();
        world.write(&dataset, ALICE, "a.parquet", &[sale(1, None)]);
        Arc::get_mut(&mut world.engine.inner).unwrap().flush = flush;
        let plan = select(&dataset, &["Id"]);
        let exported = world.engine.export(&scope(ALICE), &plan, Window::All, Format::Csv, &key(1, Format::Csv), &|_| {}).await;
        assert_eq!((exported.is_ok(), artifacts(&world).len()), (succeeds, usize::from(succeeds)), "{exported:?}");
        assert_eq!(flushed(), 4, "the file, its two folders and the root");
    }
}

#[tokio::test]
async fn a_stretch_is_all_that_was_written_or_an_error() {
    let world = World::new();
    let key = key(1, Format::Csv);
    let size = 4 * BLOCK + 7;
    let bytes: Vec<u8> = (0..size).map(|position| (position % 251) as u8).collect();
    let sums = block_sums([bytes.as_slice()]);
    let path = world.folder.path().join("artifacts").join(key.to_string());
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(&path, &bytes).unwrap();
    let mut reader = world.engine.open_reader(&key).await.unwrap();
    assert!(reader.size() == size && reader.most_at_once() == 2 * BLOCK);
    let of = |range: &std::ops::Range<u64>| sums[(range.start / BLOCK) as usize..range.end.div_ceil(BLOCK) as usize].to_vec();
    for range in [0..2 * BLOCK, BLOCK..2 * BLOCK, 3 * BLOCK..size, 4 * BLOCK..size] {
        let found = reader.read(range.clone(), Some(of(&range))).await.unwrap();
        assert!(found == bytes[range.start as usize..range.end as usize], "{range:?}");
    }
    assert_eq!(reader.read(5..8, None).await.unwrap(), bytes[5..8]);
    // A byte of the third block is changed.
    let mut damaged = bytes.clone();
    damaged[2 * BLOCK as usize + 5] ^= 1;
    std::fs::write(&path, &damaged).unwrap();
    for (range, block) in
        [(2 * BLOCK..3 * BLOCK, Some(2 * BLOCK)), (BLOCK..3 * BLOCK, Some(2 * BLOCK)), (BLOCK..2 * BLOCK, None), (4 * BLOCK..size, None)]
    {
        match (reader.read(range.clone(), Some(of(&range))).await, block) {
            (Ok(_), None) => {}
            (Err(EngineError::Damaged { detail }), Some(at)) => assert!(detail.contains(&format!("block at byte {at} ")), "{detail}"),
            (other, _) => panic!("{range:?}: {other:?}"),
        }
    }
    // A file that becomes shorter while it is read ends with an error, and not as if it were complete.
    std::fs::OpenOptions::new().write(true).open(&path).unwrap().set_len(BLOCK + 1).unwrap();
    for sums in [None, Some(of(&(BLOCK..2 * BLOCK)))] {
        assert!(matches!(reader.read(BLOCK..2 * BLOCK, sums).await, Err(EngineError::Damaged { .. })));
    }
    assert!(world.engine.open_reader(&key).await.unwrap().size() == BLOCK + 1);
}

#[tokio::test]
async fn an_upload_in_parts_has_the_checksums_of_all_its_blocks() {
    let world = World::new();
    let key = key(1, Format::Csv);
    let store = Arc::clone(&world.engine.inner.artifacts.store);
    let mut upload = Upload::new(store, key.path(), None);
    // Three parts, of which the last does not end at a block.
    let bytes: Vec<u8> = (0..(17_u32 << 20) + 5).map(|position| (position.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    for chunk in bytes.chunks(1_000_003) {
        upload.write(chunk).await.unwrap();
    }
    let sums = upload.finish().await.unwrap();
    assert!(sums == block_sums([bytes.as_slice()]) && sums.len() == 137);
    assert!(std::fs::read(world.folder.path().join("artifacts").join(key.to_string())).unwrap() == bytes);
}

#[tokio::test]
async fn listing_finds_every_artifact_and_nothing_else() {
    let (world, dataset) = (World::new(), sales());
    assert!(world.engine.list_artifacts().try_collect::<Vec<_>>().await.unwrap().is_empty());
    world.write(&dataset, ALICE, "a.parquet", &[sale(1, None)]);
    let plan = select(&dataset, &["Id"]);
    let mut expected = Vec::new();
    for (number, format) in Format::ALL.iter().copied().enumerate() {
        let key = key(number as u128, format);
        let summary = world.engine.export(&scope(ALICE), &plan, Window::All, format, &key, &|_| {}).await.unwrap();
        expected.push((key.to_string(), summary.bytes));
    }
    // Files whose names are not those of artifacts, and one that is not complete yet.
    let folder = world.folder.path().join("artifacts");
    for name in ["note.txt".to_owned(), format!("{}.bak", key(1, Format::Csv)), format!("{}#1", key(1, Format::Csv))] {
        std::fs::write(folder.join(name), "x").unwrap();
    }
    // What a disk and its owner may have beside the folders of tenants. A list of it ends with an error.
    std::fs::create_dir(folder.join("lost+found")).unwrap();
    #[cfg(unix)]
    std::os::unix::fs::symlink(&folder, folder.join("lost+found").join("loop")).unwrap();
    let mut found = Vec::new();
    for listed in world.engine.list_artifacts().try_collect::<Vec<_>>().await.unwrap() {
        assert_eq!(listed.last_modified, world.engine.open(&listed.key).await.unwrap().last_modified);
        found.push((listed.key.to_string(), listed.size));
    }
    found.sort();
    expected.sort();
    assert_eq!(found, expected);
    assert!(world.engine.signed_address(&key(1, Format::Csv), std::time::Duration::from_secs(60)).await.unwrap().is_none());
}

#[tokio::test]
async fn a_folder_that_is_gone_is_not_ready() {
    let world = World::new();
    world.engine.check_artifacts(false).await.unwrap();
    world.engine.check_artifacts(true).await.unwrap();
    world.engine.check_rows().await.unwrap();
    for name in ["artifacts", "data"] {
        std::fs::rename(world.folder.path().join(name), world.folder.path().join("elsewhere").with_extension(name)).unwrap();
    }
    let told = world.engine.check_artifacts(true).await.unwrap_err();
    assert_eq!(told.trouble(), "cannot be used");
    world.engine.check_rows().await.unwrap_err();
    assert!(!world.folder.path().join("artifacts").exists(), "looking makes none");
}

#[test]
fn keys_are_made_of_identifiers_only() {
    for text in [
        "",
        "../x",
        "a/b/c.csv",
        &format!("{ALICE}/{ALICE}/{ALICE}-1.exe"),
        &format!("{ALICE}/{ALICE}/{ALICE}-01.csv"),
        &format!("/{}", key(1, Format::Csv)),
    ] {
        assert!(text.parse::<ArtifactKey>().is_err(), "{text}");
    }
}

#[tokio::test]
async fn no_files_yet_gives_a_header() {
    let (world, dataset) = (World::new(), sales());
    let plan = ordered(select(&dataset, &["Id", "Name"]), &["Id"]);
    let summary = world.engine.export(&scope(ALICE), &plan, Window::All, Format::Csv, &key(1, Format::Csv), &|_| {}).await.unwrap();
    assert!(summary.no_files && summary.rows == 0 && summary.data_as_of.is_none());
    assert_eq!(read(&world, &key(1, Format::Csv), 0..100).await.unwrap(), b"Id,Name\n");
}

/// Enough rows for many batches and several parts of an upload.
fn many(world: &World, dataset: &Dataset, files: i64, rows: i64) {
    for file in 0..files {
        let path = world.data_folder(dataset, Some(ALICE)).join(format!("part-{file}.parquet"));
        let mut writer = TableWriter::create(&path, dataset).unwrap();
        for start in (0..rows).step_by(50_000) {
            let ids: Vec<i64> = (start..(start + 50_000).min(rows)).map(|number| file * rows + number).collect();
            let mut columns: Vec<Vec<Option<Value>>> = vec![vec![None; ids.len()]; dataset.columns.len()];
            columns[ID] = ids.iter().map(|id| Some(Value::Int(*id))).collect();
            columns[NAME] = ids
                .iter()
                .map(|id| Some(string(&format!("a name that is long enough to fill a file {}", id * 7_919 % 1_000_003))))
                .collect();
            writer.write(&columns).unwrap();
        }
        writer.finish().unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn exports_hold_a_few_batches_whatever_the_row_count() {
    let (world, mut dataset) = (World::with_memory(24 << 20), sales());
    dataset.metrics = vec![metric("Rows", MetricExpression::CountRows)];
    many(&world, &dataset, 3, 60_000);
    let size = |summary: &crate::ArtifactSummary| (summary.rows, summary.bytes > (9 << 20));
    // Rows in the order of the files; and sorted, distinct and grouped ones, each of which exceeds the budget and spills to the disk.
    let plain = select(&dataset, &["Id", "Name"]);
    let distinct = Plan { distinct: true, ..plain.clone() };
    let grouped = ordered(select(&dataset, &["Id", "Name", "Rows"]), &["-Rows", "Name"]);
    let mut digests = Vec::new();
    for (number, plan) in [plain.clone(), ordered(plain, &["-Name"]), distinct, grouped].into_iter().enumerate() {
        let mut first_chunk = None;
        let heard = Mutex::new(&mut first_chunk);
        let progress = |progress: ExportProgress| {
            if progress.rows > 0 {
                heard.lock().unwrap().get_or_insert(progress.rows);
            }
        };
        let key = key(number as u128, Format::Csv);
        let summary = world.engine.export(&scope(ALICE), &plan, Window::All, Format::Csv, &key, &progress).await.unwrap();
        assert_eq!(size(&summary), (180_000, true));
        assert!(first_chunk.is_some_and(|rows| rows <= 8_192), "rows leave batch by batch");
        digests.push(summary.sha256);
    }
    // Every row is distinct, and first occurs at its own place.
    assert!(digests[0] != digests[1] && digests[0] == digests[2]);
    assert_eq!(
        std::fs::read_dir(world.folder.path().join("spill"))
            .unwrap()
            .flat_map(|entry| std::fs::read_dir(entry.unwrap().path()).unwrap())
            .count(),
        0
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn distinct_counts_go_to_the_disk_and_a_budget_that_is_too_small_is_named() {
    let mut dataset = sales();
    dataset.metrics = vec![
        metric("Names", MetricExpression::Count { distinct: true, of: RowExpression::Column(NAME) }),
        metric("Ids", MetricExpression::Count { distinct: true, of: RowExpression::Column(ID) }),
    ];
    let counts = select(&dataset, &["Names", "Ids"]);
    let world = World::with_memory(16 << 20);
    many(&world, &dataset, 3, 100_000);
    assert_eq!(world.csv(&counts).await.unwrap(), "Names,Ids\n300000,300000\n");
    // A few long texts, which are small in the file but large where rows are compared.
    let rows: Vec<Row> = (0..20_000).map(|id| sale(id, Some(&format!("{}{}", "x".repeat(4_000), id % 5)))).collect();
    world.write(&dataset, BOB, "long.parquet", &rows);
    let sorted = ordered(select(&dataset, &["Name", "Id"]), &["Name"]);
    let failed = world.csv_of(&scope(BOB), &sorted, Window::All).await.unwrap_err();
    assert!(matches!(failed, EngineError::Budget { memory_limit, .. } if memory_limit == 16 << 20), "{failed:?}");
    assert!(failed.caller_message().contains("16 MiB"), "{}", failed.caller_message());
}

/// A writer that accepts this many bytes, and then fails as a full disk does.
struct FullDisk(usize);

impl tokio::io::AsyncWrite for FullDisk {
    fn poll_write(
        mut self: std::pin::Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
        bytes: &[u8],
    ) -> std::task::Poll<std::io::Result<usize>> {
        let taken = bytes.len().min(self.0);
        self.0 -= taken;
        std::task::Poll::Ready(if taken > 0 { Ok(taken) } else { Err(std::io::ErrorKind::StorageFull.into()) })
    }

    fn poll_flush(self: std::pin::Pin<&mut Self>, _: &mut std::task::Context<'_>) -> std::task::Poll<std::io::Result<()>> {
        std::task::Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: std::pin::Pin<&mut Self>, _: &mut std::task::Context<'_>) -> std::task::Poll<std::io::Result<()>> {
        std::task::Poll::Ready(Ok(()))
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn failures_leave_nothing() {
    let (world, dataset) = (World::new(), sales());
    many(&world, &dataset, 3, 100_000);
    let plan = select(&dataset, &["Id", "Name"]);
    let full =
        world.engine.export_to_writer(&scope(ALICE), &plan, Window::All, Format::Csv, &mut FullDisk(100_000), &|_| {}).await.unwrap_err();
    assert!(full.is_storage_full(), "{full:?}");
    assert_eq!(full.caller_message(), "The server has no storage left.");

    // The files change after the scan has begun, once the first rows are returned.
    let path = world.data_folder(&dataset, Some(ALICE)).join("part-2.parquet");
    let change = |progress: ExportProgress| {
        if progress.rows == 300_000 {
            write_rows(&path, &dataset, &[sale(1, None)]);
        }
    };
    let changed = world.engine.export(&scope(ALICE), &plan, Window::All, Format::Csv, &key(1, Format::Csv), &change).await.unwrap_err();
    assert!(matches!(&changed, EngineError::FilesChanged { file } if file.ends_with("part-2.parquet")), "{changed:?}");
    assert!(matches!(world.engine.open(&key(1, Format::Csv)).await, Err(EngineError::NoSuchArtifact)));

    // An export that is dropped half-way, after parts of the upload are on disk. Several parts are still to come, of which only a few can be in
    // flight at once, so that the artifact cannot have got its name yet.
    let plan = select(&dataset, &["Id", "Name", "Name", "Name", "Name"]);
    let (reached, mut waiting) = tokio::sync::watch::channel(false);
    let progress = move |progress: ExportProgress| {
        if progress.bytes > 10 << 20 {
            let _ = reached.send(true);
        }
    };
    let scope = scope(ALICE);
    let cancelled = key(2, Format::Csv);
    tokio::select! {
        biased;
        _ = waiting.wait_for(|reached| *reached) => {}
        done = world.engine.export(&scope, &plan, Window::All, Format::Csv, &cancelled, &progress) => panic!("{done:?}"),
    }
    assert!(matches!(world.engine.open(&key(2, Format::Csv)).await, Err(EngineError::NoSuchArtifact)));
    // The store removes its unfinished file on a thread of its own.
    let removed = async {
        while !artifacts(&world).is_empty() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(30), removed).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_export_says_how_much_it_has_read() {
    let (world, dataset) = (World::new(), sales());
    many(&world, &dataset, 4, 10);
    let rows = select(&dataset, &["Id", "Name"]);
    for plan in [Plan { distinct: true, ..rows.clone() }, rows] {
        let how_far = HowFar::default();
        assert_eq!(how_far.percent(), 0);
        let (key, room) = (key(1, Format::Csv), |_: u64| Ok(()));
        world.engine.export_within(&scope(ALICE), &plan, Window::All, Format::Csv, (&key, &room, &how_far), &|_| {}).await.unwrap();
        assert_eq!(how_far.percent(), 75, "the last of the four row groups is not known to be read");
    }
}

#[tokio::test]
async fn a_file_ends_where_there_is_no_room_for_it() {
    let (world, mut dataset) = (World::new(), sales());
    dataset.date_column = None;
    let rows: Vec<Row> = (0..20_000).map(|id| sale(id, Some("a name of some length"))).collect();
    world.write(&dataset, ALICE, "a.parquet", &rows);
    let asked = Mutex::new(Vec::new());
    let most = 100_000;
    let room = |bytes: u64| {
        asked.lock().unwrap().push(bytes);
        if bytes > most { Err(EngineError::NoRoom("too large".to_owned())) } else { Ok(()) }
    };
    let narrow = select(&dataset, &["Id", "Name"]);
    let within = async |plan: &Plan| {
        let key = key(1, Format::Csv);
        world.engine.export_within(&scope(ALICE), plan, Window::All, Format::Csv, (&key, &room, &HowFar::default()), &|_| {}).await
    };
    let error = within(&narrow).await.unwrap_err();
    assert!(matches!(&error, EngineError::NoRoom(_)) && !error.is_retryable(), "{error}");
    // The callback gets first the least size of the artifact, then its size as it grows. Nothing is left behind.
    let heard = std::mem::take(&mut *asked.lock().unwrap());
    assert!(heard[0] == 40_000 && heard.len() > 1 && heard.is_sorted_by(|one, other| one <= other || *one == 40_000), "{heard:?}");
    assert_eq!(artifacts(&world).len(), 0);
    // A column that is selected very often is known to take too much room before the first row is read.
    let wide = select(&dataset, &["Id"; 1_000]);
    assert!(matches!(within(&wide).await, Err(EngineError::NoRoom(_))));
    assert_eq!(*asked.lock().unwrap(), [20_000_000]);
    assert!(within(&Plan { limit: Some(10), ..wide }).await.is_ok());
}
