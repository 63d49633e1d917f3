//! What is read of files: nothing that the time, the tenant or a condition rules out. The store counts the bytes.

use std::collections::BTreeSet;
use std::fmt;
use std::ops::Range;
use std::sync::Mutex;

use async_trait::async_trait;
use bytes::Bytes;
use datafusion::arrow::array::{ArrayRef, Date32Array, Int64Array, RecordBatch, StringArray};
use datafusion::parquet::arrow::ArrowWriter;
use datafusion::parquet::file::properties::WriterProperties;
use datafusion::parquet::file::reader::{FileReader, SerializedFileReader};
use futures::stream::BoxStream;
use insightgate_query::column::Comparison;
use insightgate_query::datasets::catalog::Tenancy;
use object_store::local::LocalFileSystem;
use object_store::path::Path as StorePath;
use object_store::{
    CopyOptions, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore, PutMultipartOptions, PutOptions, PutPayload,
    PutResult,
};

use super::*;

/// The files, and the ranges of bytes that were requested.
type Noted = Arc<Mutex<Vec<(String, Range<u64>)>>>;

/// A folder that records which bytes are requested.
#[derive(Debug)]
struct Watched {
    folder: LocalFileSystem,
    reads: Noted,
}

impl fmt::Display for Watched {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.folder.fmt(f)
    }
}

impl Watched {
    fn note(&self, location: &StorePath, range: Range<u64>) {
        self.reads.lock().unwrap().push((location.to_string(), range));
    }
}

#[async_trait]
impl ObjectStore for Watched {
    async fn put_opts(&self, to: &StorePath, what: PutPayload, options: PutOptions) -> object_store::Result<PutResult> {
        self.folder.put_opts(to, what, options).await
    }

    async fn put_multipart_opts(&self, to: &StorePath, options: PutMultipartOptions) -> object_store::Result<Box<dyn MultipartUpload>> {
        self.folder.put_multipart_opts(to, options).await
    }

    async fn get_opts(&self, location: &StorePath, options: GetOptions) -> object_store::Result<GetResult> {
        let is_head = options.head;
        let found = self.folder.get_opts(location, options).await?;
        if !is_head {
            self.note(location, found.range.clone());
        }
        Ok(found)
    }

    async fn get_ranges(&self, location: &StorePath, ranges: &[Range<u64>]) -> object_store::Result<Vec<Bytes>> {
        ranges.iter().for_each(|range| self.note(location, range.clone()));
        self.folder.get_ranges(location, ranges).await
    }

    fn delete_stream(
        &self,
        locations: BoxStream<'static, object_store::Result<StorePath>>,
    ) -> BoxStream<'static, object_store::Result<StorePath>> {
        self.folder.delete_stream(locations)
    }

    fn list(&self, prefix: Option<&StorePath>) -> BoxStream<'static, object_store::Result<ObjectMeta>> {
        self.folder.list(prefix)
    }

    async fn list_with_delimiter(&self, prefix: Option<&StorePath>) -> object_store::Result<ListResult> {
        self.folder.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, from: &StorePath, to: &StorePath, options: CopyOptions) -> object_store::Result<()> {
        self.folder.copy_opts(from, to, options).await
    }
}

/// Each file has 4 row groups of 500 rows, in pages of 50 rows.
const GROUPS: usize = 4;
const GROUP_ROWS: usize = 500;
const PAGE_ROWS: usize = 50;
const FILE_ROWS: usize = GROUPS * GROUP_ROWS;

fn dataset(tenancy: Tenancy) -> Dataset {
    let columns = [
        ("Day", ColumnType::Date),
        ("Name", ColumnType::String),
        ("Product", ColumnType::String),
        ("Rare", ColumnType::String),
        ("Text", ColumnType::String),
        ("Amount", ColumnType::Int64),
    ];
    let mut dataset = super::dataset("Reads", columns.map(|(name, kind)| column(name, kind)).to_vec());
    dataset.metrics = vec![metric("Rows", MetricExpression::CountRows)];
    dataset.tenancy = tenancy;
    dataset
}

/// Writes the rows of file `number`: one day for every 10 rows, ascending names, and `Rare` values in one row group of the second file only.
fn write_file(path: &Path, number: usize, owners: Option<[Uuid; GROUPS]>) {
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    let rows = number * FILE_ROWS..(number + 1) * FILE_ROWS;
    let texts = |text: &dyn Fn(usize) -> String| -> ArrayRef { Arc::new(StringArray::from_iter_values(rows.clone().map(text))) };
    let mut columns: Vec<(&str, ArrayRef)> = vec![
        ("Day", Arc::new(Date32Array::from_iter_values(rows.clone().map(|row| i32::try_from(row / 10).unwrap())))),
        ("Name", texts(&|row| format!("{} {row:06}", ["NAME", "Name"][number]))),
        ("Product", texts(&|row| ["Azure", "OFFICE", "dynamics"][row % 3].to_owned())),
        ("Rare", texts(&|row| if row / GROUP_ROWS == 6 && row % 100 == 0 { "Needle" } else { ["aaa", "zzz"][row % 2] }.to_owned())),
        ("Text", texts(&|row| format!("{:016x}", (row as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15)).repeat(4))),
        ("Amount", Arc::new(Int64Array::from_iter_values(rows.clone().map(|row| i64::try_from(row).unwrap())))),
    ];
    if let Some(owners) = owners {
        columns.push(("Owner", texts(&|row| owners[row % FILE_ROWS / GROUP_ROWS].to_string())));
    }
    let batch = RecordBatch::try_from_iter(columns).unwrap();
    let properties = WriterProperties::builder()
        .set_max_row_group_row_count(Some(GROUP_ROWS))
        .set_data_page_row_count_limit(PAGE_ROWS)
        .set_write_batch_size(PAGE_ROWS)
        .set_column_dictionary_enabled("Text".into(), false)
        .set_column_dictionary_enabled("Name".into(), false)
        .build();
    let mut writer = ArrowWriter::try_new(std::fs::File::create(path).unwrap(), batch.schema(), Some(properties)).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
}

struct Reads {
    world: World,
    dataset: Dataset,
    reads: Noted,
}

/// What a query read: the row groups as (file, row group), and the bytes of pages.
#[derive(Debug)]
struct Read {
    lines: Vec<String>,
    groups: BTreeSet<(String, usize)>,
    bytes: u64,
}

impl Reads {
    /// Two files of Alice and one of Bob.
    async fn folders() -> Reads {
        let reads = Reads::new(dataset(Tenancy::Folder));
        for (tenant, name, number) in [(ALICE, "a.parquet", 0), (ALICE, "b.parquet", 1), (BOB, "c.parquet", 0)] {
            write_file(&reads.world.data_folder(&reads.dataset, Some(tenant)).join(name), number, None);
        }
        reads.warmed().await
    }

    /// Two files in which the row groups of the tenants alternate.
    async fn mixed() -> Reads {
        let holds = insightgate_query::datasets::catalog::TenantKey::TenantId;
        let reads = Reads::new(dataset(Tenancy::Column { name: "Owner".to_owned(), holds }));
        for (name, number) in [("a.parquet", 0), ("b.parquet", 1)] {
            write_file(&reads.world.data_folder(&reads.dataset, None).join(name), number, Some([ALICE, BOB, ALICE, BOB]));
        }
        reads.warmed().await
    }

    fn new(dataset: Dataset) -> Reads {
        let folder = TempDir::new().unwrap();
        let reads: Arc<Mutex<Vec<_>>> = Arc::default();
        let root = folder.path().join("data");
        std::fs::create_dir_all(&root).unwrap();
        let store = Watched { folder: LocalFileSystem::new_with_prefix(root).unwrap(), reads: Arc::clone(&reads) };
        let engine = Engine::over(Arc::new(store), settings(&folder, 64 << 20), crate::Sharing::default()).unwrap();
        Reads { world: World { folder, engine }, dataset, reads }
    }

    /// Footers are read once, so that only rows are counted from now on.
    async fn warmed(self) -> Reads {
        self.read(&select(&self.dataset, &["Rows"]), Window::All).await;
        self
    }

    async fn read(&self, plan: &Plan, window: Window) -> Read {
        self.reads.lock().unwrap().clear();
        let csv = self.world.csv_of(&scope(ALICE), plan, window).await.unwrap();
        let lines = csv.lines().skip(1).map(str::to_owned).collect();
        self.seen(lines)
    }

    fn seen(&self, lines: Vec<String>) -> Read {
        let mut read = Read { lines, groups: BTreeSet::new(), bytes: 0 };
        for (location, range) in self.reads.lock().unwrap().drain(..) {
            let file = std::fs::File::open(self.world.folder.path().join("data").join(&location)).unwrap();
            let footer = SerializedFileReader::new(file).unwrap();
            let name = location.rsplit('/').next().unwrap().to_owned();
            for (number, group) in footer.metadata().row_groups().iter().enumerate() {
                for part in group.columns() {
                    let (start, length) = part.byte_range();
                    let common = range.end.min(start + length).saturating_sub(range.start.max(start));
                    if common > 0 {
                        read.groups.insert((name.clone(), number));
                        read.bytes += common;
                    }
                }
            }
        }
        read
    }

    /// The stored bytes of these columns in these row groups.
    fn stored(&self, names: &[&str], groups: &[(&str, usize)]) -> u64 {
        let mut bytes = 0;
        for (file, number) in groups {
            let tenant = (self.dataset.tenancy == Tenancy::Folder).then_some(ALICE);
            let path = self.world.data_folder(&self.dataset, tenant).join(file);
            let footer = SerializedFileReader::new(std::fs::File::open(path).unwrap()).unwrap();
            let parts = footer.metadata().row_group(*number).columns();
            bytes += parts
                .iter()
                .filter(|part| names.contains(&part.column_path().string().as_str()))
                .map(|part| part.byte_range().1)
                .sum::<u64>();
        }
        bytes
    }
}

fn groups(expected: &[(&str, usize)]) -> BTreeSet<(String, usize)> {
    expected.iter().map(|(file, number)| ((*file).to_owned(), *number)).collect()
}

/// A window in days, as the files count them.
fn days(start: i64, end: i64) -> Window {
    let at = |day: i64| DateTime::UNIX_EPOCH + chrono::Duration::days(day);
    Window::Between { start: Some(at(start)), end: at(end) }
}

fn equal(text: &str) -> Predicate {
    Predicate::Compare(Comparison::Equal, string(text))
}

#[tokio::test]
async fn a_span_reads_its_row_groups_and_pages() {
    let reads = Reads::folders().await;
    // A row group has 50 days. These are the last day of the first row group and the first day of the second.
    let plan = select(&reads.dataset, &["Amount", "Text"]);
    let read = reads.read(&plan, days(49, 51)).await;
    assert_eq!(read.lines.len(), 20);
    assert_eq!(read.groups, groups(&[("a.parquet", 0), ("a.parquet", 1)]));
    let whole = reads.stored(&["Day", "Amount", "Text"], &[("a.parquet", 0), ("a.parquet", 1)]);
    // One page of 50 rows is read of each row group, which has 500.
    assert!(read.bytes < whole / 5, "{} of {whole} bytes", read.bytes);
    let read = reads.read(&plan, days(1_000, 2_000)).await;
    assert_eq!((read.lines.len(), read.bytes), (0, 0));
}

#[tokio::test]
async fn another_tenants_folder_is_not_read() {
    let reads = Reads::folders().await;
    let read = reads.read(&select(&reads.dataset, &["Amount"]), Window::All).await;
    assert_eq!(read.lines.len(), 2 * FILE_ROWS);
    let all: Vec<(&str, usize)> =
        ["a.parquet", "b.parquet"].iter().flat_map(|file| (0..GROUPS).map(move |number| (*file, number))).collect();
    assert_eq!(read.groups, groups(&all));
    assert_eq!(read.bytes, reads.stored(&["Amount"], &all), "and no other column");
}

#[tokio::test]
async fn another_tenants_row_groups_are_not_read() {
    let reads = Reads::mixed().await;
    let own = [("a.parquet", 0), ("a.parquet", 2), ("b.parquet", 0), ("b.parquet", 2)];
    let read = reads.read(&select(&reads.dataset, &["Amount"]), Window::All).await;
    assert_eq!((read.lines.len(), &read.groups), (FILE_ROWS, &groups(&own)));
    let read = reads.read(&select(&reads.dataset, &["Rows"]), days(200, 350)).await;
    assert_eq!((read.lines.as_slice(), &read.groups), (["1000".to_owned()].as_slice(), &groups(&own[2..])));
}

#[tokio::test]
async fn letter_case_does_not_cost_pruning() {
    let reads = Reads::folders().await;
    let whole = reads.stored(&["Name", "Amount"], &[("b.parquet", 1)]);
    let group = groups(&[("b.parquet", 1)]);
    let tests = [
        (equal("nAmE 002700"), 1),
        (Predicate::In { values: vec![string("name 002700"), string("NAME 002701")], negated: false }, 2),
        (Predicate::Like { pattern: "NaMe 00270_".to_owned(), negated: false }, 10),
        (Predicate::Like { pattern: "name 00270%".to_owned(), negated: false }, 10),
    ];
    for (test, rows) in tests {
        let read = reads.read(&filtered(select(&reads.dataset, &["Amount"]), "Name", test.clone()), Window::All).await;
        assert_eq!((read.lines.len(), &read.groups), (rows, &group), "{test:?}");
        assert!(read.bytes <= whole, "{test:?}: {} of {whole} bytes", read.bytes);
    }
}

#[tokio::test]
async fn a_preview_stops_when_it_has_its_rows() {
    let reads = Reads::folders().await;
    let plan = select(&reads.dataset, &["Amount", "Text"]);
    for plan in [plan.clone(), filtered(plan, "Product", equal("azure")), {
        let mut plan = select(&reads.dataset, &["Text"]);
        plan.distinct = true;
        plan
    }] {
        reads.reads.lock().unwrap().clear();
        let preview = reads.world.engine.preview(&scope(ALICE), &plan, Window::All, 100).await.unwrap();
        assert_eq!(preview.rows.len(), 100);
        let read = reads.seen(Vec::new());
        assert!(read.groups.iter().all(|(file, _)| file == "a.parquet") && read.groups.len() <= 2, "{:?} {:?}", plan.distinct, read.groups);
    }
}

#[tokio::test]
async fn shown_columns_are_read_where_conditions_hold() {
    let reads = Reads::folders().await;
    let plan = filtered(select(&reads.dataset, &["Text"]), "Amount", Predicate::Compare(Comparison::Equal, Value::Int(2_600)));
    let read = reads.read(&plan, Window::All).await;
    assert_eq!((read.lines.len(), &read.groups), (1, &groups(&[("b.parquet", 1)])));
    let plan = filtered(select(&reads.dataset, &["Text"]), "Rare", equal("NEEDLE"));
    let read = reads.read(&plan, Window::All).await;
    assert_eq!(read.lines.len(), 5);
    let whole = reads.stored(&["Text", "Rare"], &[("b.parquet", 2)]);
    // In the other row groups the value lies between minimum and maximum; their dictionaries, which precede the rows, rule them out.
    let dictionaries = 7 * 64;
    assert!(read.bytes < whole + dictionaries, "{} of {whole} bytes", read.bytes);
    let absent = filtered(select(&reads.dataset, &["Text"]), "Rare", Predicate::Like { pattern: "%NOWHERE%".to_owned(), negated: false });
    let read = reads.read(&absent, Window::All).await;
    assert!(read.lines.is_empty() && read.bytes < 8 * 64, "{} bytes", read.bytes);
}

/// Statistics of columns that a scope may not see are not used: a condition on such a column reads as much as any other.
#[tokio::test]
async fn hidden_values_do_not_prune() {
    let mut reads = Reads::folders().await;
    reads.dataset.columns[3].sensitive = true;
    let viewer = scope_with(ALICE, Program::Mpn, &[(Role::ReportViewer, Locations::Organization)]);
    let mut read = Vec::new();
    for value in ["needle", "aaa", "nowhere"] {
        let plan = filtered(select(&reads.dataset, &["Text"]), "Rare", equal(value));
        reads.reads.lock().unwrap().clear();
        let csv = reads.world.csv_of(&viewer, &plan, Window::All).await.unwrap();
        assert_eq!(csv.lines().count(), 1);
        read.push(reads.seen(Vec::new()).bytes);
    }
    assert_eq!(read[0], read[1]);
    assert_eq!(read[1], read[2]);
}
