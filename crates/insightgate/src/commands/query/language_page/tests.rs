//! Executes the page's examples with the real engine on the page's own dataset, as `insightgate run` would, and compares the results with the page.

use std::collections::BTreeSet;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use insightgate_engine::{ReadOptions, import};
use insightgate_identity::program::Program;
use insightgate_identity::scope::TenantScope;
use insightgate_operations::datasets::catalogs::Catalogs;
use insightgate_operations::queries::explain::explain_local;
use insightgate_operations::queries::run_locally::{LocalRun, RunFault, run_query};
use insightgate_query::datasets::definition;
use insightgate_query::format::Format;
use insightgate_query::timespan::{TimeSpan, Window};
use insightgate_query::{diagnostic, plan};
use insightgate_report::instant;
use uuid::Uuid;

use super::*;
use crate::commands::query::text::not_valid;
use crate::data_folder::DataFolder;
use crate::server::{EngineLimits, Roots, open_engine};

const TENANT: Uuid = Uuid::from_u128(1);
/// The time at which the examples are executed, as the page says.
const NOW: &str = "2026-03-15T12:00:00Z";
const LIFETIME: &str = "TIMESPAN LIFETIME";

struct Example {
    engine: insightgate_engine::Engine,
    catalogs: Catalogs,
    scope: TenantScope,
    _folder: tempfile::TempDir,
}

impl Example {
    /// The dataset that the page describes, with its rows.
    fn new() -> Example {
        let code = |wanted: &str| {
            blocks(PAGE).into_iter().find_map(|block| match block {
                Block::Code { kind, text } if kind == wanted => Some(text),
                _ => None,
            })
        };
        let (toml, csv) = (code("toml").unwrap(), code("csv").unwrap());
        let temporary = tempfile::tempdir().unwrap();
        let folder = DataFolder::open(temporary.path()).unwrap_or_else(|error| panic!("{error}"));
        let dataset = definition::read(&toml, "the page").unwrap_or_else(|errors| panic!("{errors}")).dataset;
        let definitions = folder.definitions().join("mpn");
        std::fs::create_dir_all(&definitions).unwrap();
        std::fs::write(definitions.join(format!("{}.toml", dataset.name)), toml).unwrap();
        let rows = temporary.path().join("rows.csv");
        std::fs::write(&rows, csv).unwrap();
        let place = insightgate_engine::local_folder(&folder.data(), Program::Mpn, &dataset.name, None);
        import(&[rows], &dataset, &place, Some(TENANT), &ReadOptions::default(), &|_| {}).unwrap();
        let limits = EngineLimits { memory: 64 << 20, spill: 1 << 30, partitions: 2 };
        let engine = open_engine(&folder, Roots::of(&folder), limits).unwrap_or_else(|error| panic!("{error}"));
        let catalogs = Catalogs::new(folder.definitions());
        Example { engine, catalogs, scope: TenantScope::operator(TENANT, None, Program::Mpn), _folder: temporary }
    }

    /// Returns the CSV and the notes, or what a terminal shows of the refusal.
    async fn run(&self, text: &str) -> Result<(String, Vec<String>), String> {
        let mut out = Vec::new();
        let local = LocalRun { text, anchor: now(), format: Format::Csv };
        match run_query(&self.engine, &self.catalogs, &self.scope, local, &mut out, &|_| {}).await {
            Ok(ran) => Ok((String::from_utf8(out).unwrap(), ran.notes)),
            Err(RunFault::Query { diagnostics, .. }) => Err(format!("error: {}\n", not_valid(text, &diagnostics))),
            Err(fault) => panic!("{text}: {fault}"),
        }
    }

    /// Returns the Ids of the rows that a condition keeps, as a cell shows them, and the notes.
    async fn ids(&self, condition: &str, span: &str) -> (String, String) {
        let text = format!("SELECT Id FROM Orders {condition} ORDER BY Id ASC {span}");
        let (csv, notes) = self.run(&text).await.unwrap_or_else(|error| panic!("{text}: {error}"));
        let ids: Vec<&str> = csv.lines().skip(1).collect();
        (if ids.is_empty() { "none".to_owned() } else { ids.join(", ") }, notes.join(" "))
    }
}

fn now() -> DateTime<Utc> {
    instant::parse(NOW).unwrap()
}

fn code_in(cell: &str) -> &str {
    cell.strip_prefix('`').and_then(|cell| cell.strip_suffix('`')).unwrap_or_else(|| panic!("{cell} is no code"))
}

/// Each `sql` block with the block that follows it.
fn examples() -> Vec<(String, &'static str, String)> {
    let mut blocks = blocks(PAGE).into_iter();
    let mut found = Vec::new();
    while let Some(block) = blocks.next() {
        let Block::Code { kind: "sql", text } = block else { continue };
        let Some(Block::Code { kind: shown @ ("csv" | "text"), text: result }) = blocks.next() else {
            panic!("no result is shown behind {text}")
        };
        found.push((text.trim_end().to_owned(), shown, result));
    }
    found
}

/// The rows of all tables whose columns have these names.
fn tables(names: &[&str]) -> Vec<Vec<&'static str>> {
    let rows = blocks(PAGE).into_iter().filter_map(|block| match block {
        Block::Table(rows) if rows[0] == names => Some(rows.into_iter().skip(1).collect::<Vec<_>>()),
        _ => None,
    });
    rows.flatten().collect()
}

#[tokio::test]
async fn every_example_shows_its_result() {
    let example = Example::new();
    let examples = examples();
    assert!(examples.len() > 20, "{}", examples.len());
    let mut wrong = Vec::new();
    for (query, kind, shown) in examples {
        let found = match example.run(&query).await {
            Ok((csv, notes)) if kind == "csv" => {
                // The note about an answer without TIMESPAN is on the page too.
                assert_eq!(notes.is_empty(), query.to_uppercase().contains("TIMESPAN"), "{query}: {notes:?}");
                assert!(notes.iter().all(|note| PAGE.contains(&format!("\n{note}\n"))), "{query}: {notes:?}");
                csv
            }
            Ok(_) => {
                let explained = explain_local(&example.engine, &example.catalogs, &example.scope, &query, now()).await.unwrap();
                let lasting = explained.sentences.iter().filter(|sentence| !sentence.starts_with("The newest file was written"));
                lasting.map(|sentence| format!("{sentence}\n")).collect()
            }
            Err(refusal) => refusal,
        };
        if found != shown {
            wrong.push(format!("{query}\n--- shown\n{shown}--- found\n{found}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

#[tokio::test]
async fn every_condition_keeps_its_rows() {
    let example = Example::new();
    let plain = tables(&["condition", "rows"]).into_iter().map(|row| (row[0], row[1], ""));
    let noted = tables(&["condition", "rows", "note"]).into_iter().map(|row| (row[0], row[1], row[2]));
    let cases: Vec<_> = plain.chain(noted).collect();
    assert!(cases.len() > 90, "{}", cases.len());
    let mut wrong = Vec::new();
    for (condition, rows, note) in cases {
        let (ids, notes) = example.ids(&format!("WHERE {}", code_in(condition)), LIFETIME).await;
        if (ids.as_str(), notes.as_str()) != (rows, note) {
            wrong.push(format!("{condition}: shown {rows} | {note}, found {ids} | {notes}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test]
async fn every_refusal_says_what_the_page_says() {
    let example = Example::new();
    let catalog = example.catalogs.of(Program::Mpn);
    let cases = tables(&["query", "error"]);
    assert!(cases.len() > 15, "{}", cases.len());
    let mut wrong = Vec::new();
    for row in cases {
        let refused = diagnostic::message(&plan(code_in(row[0]), &catalog).expect_err(row[0]));
        if refused != row[1] {
            wrong.push(format!("| {} | {refused} |", row[0]));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test]
async fn every_span_has_its_bounds_and_rows() {
    let example = Example::new();
    let cases = tables(&["span", "from", "to", "bounds", "rows"]);
    let names: Vec<&str> = cases.iter().map(|row| code_in(row[0])).collect();
    assert_eq!(names, TimeSpan::KEYWORDS, "the spans of the language, in their order");
    let mut wrong = Vec::new();
    for row in cases {
        let bounds = match TimeSpan::from_keyword(code_in(row[0])).unwrap().window(now()) {
            Window::All => "none".to_owned(),
            Window::Between { start, end } => format!("{}, {}", instant::format(start.unwrap()), instant::format(end)),
        };
        let (ids, _) = example.ids("", &format!("TIMESPAN {}", code_in(row[0]))).await;
        if (bounds.as_str(), ids.as_str()) != (row[3], row[4]) {
            wrong.push(format!("{}: {bounds} | {ids}", row[0]));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The keywords and operators of the documented query specification.
const KEYWORDS: [&str; 14] =
    ["SELECT", "DISTINCT", "FROM", "WHERE", "AND", "LIKE", "NOT LIKE", "IN", "NOT IN", "ORDER BY", "ASC", "DESC", "LIMIT", "TIMESPAN"];
const OPERATORS: [&str; 10] = ["=", ">", "<", ">=", "<=", "!=", "LIKE", "NOT LIKE", "IN", "NOT IN"];

#[test]
fn nothing_of_the_language_is_missing() {
    let answered = examples().into_iter().filter(|(_, kind, _)| *kind == "csv").map(|(query, ..)| query);
    let answered: Vec<String> = answered.map(|query| query.split_whitespace().collect::<Vec<_>>().join(" ")).collect();
    let conditions: Vec<&str> =
        [tables(&["condition", "rows"]), tables(&["condition", "rows", "note"])].concat().iter().map(|row| code_in(row[0])).collect();
    for keyword in KEYWORDS {
        let wanted = format!(" {keyword} ");
        let in_query = answered.iter().any(|query| format!(" {query} ").contains(&wanted));
        assert!(in_query || conditions.iter().any(|condition| condition.contains(&wanted)), "no example has {keyword}");
    }
    // Tests each operator on each type.
    for column in ["Customer", "Seats", "Price", "Rating", "Day", "PaidAt", "Renews"] {
        let shown: BTreeSet<&str> = conditions
            .iter()
            .filter_map(|condition| condition.strip_prefix(column)?.strip_prefix(' '))
            .filter_map(|rest| OPERATORS.into_iter().filter(|operator| rest.starts_with(&format!("{operator} "))).max_by_key(|o| o.len()))
            .collect();
        assert_eq!(shown, BTreeSet::from(OPERATORS), "operators on {column}");
    }
    // All columns except the Id, so that each type of the language is tested.
    let Some(Block::Code { text, .. }) = blocks(PAGE).into_iter().find(|block| matches!(block, Block::Code { kind: "toml", .. })) else {
        panic!("the page has no definition")
    };
    let dataset = Arc::new(definition::read(&text, "the page").unwrap().dataset);
    let kinds: BTreeSet<_> =
        dataset.columns.iter().map(|column| std::mem::discriminant(&column.kind)).map(|kind| format!("{kind:?}")).collect();
    assert_eq!(kinds.len(), 7, "types of the example's columns");
    // The limits are those of the code, wherever they are defined.
    for limit in ["64 KiB", "1000", "256", "10,000", "64", "38", "1,000", "100"] {
        assert!(tables(&["limit", ""]).iter().any(|row| row[1] == limit), "{limit}");
    }
}

#[test]
fn a_terminal_shows_no_markup() {
    let page = readable();
    assert!(page.starts_with("THE QUERY LANGUAGE\n\nA query reads one dataset and returns columns and metrics."));
    assert!(page.contains("\n\nCONDITIONS\n\n") && page.contains("\n\nLIKE\n\n") && page.contains("\n    SELECT Id, Day FROM Orders\n"));
    assert!(page.contains("\n  Customer = 'CONTOSO'                      1, 2\n"), "{page}");
    assert!(!page.contains("```") && !page.contains("](") && !page.contains("**") && !page.contains("| ---"));
    assert!(page.lines().all(|line| line.starts_with(' ') || line.chars().count() <= WIDTH), "running text is wrapped");
    assert!(page.ends_with('\n') && !page.ends_with("\n\n"));
}

#[test]
fn blocks_of_a_page() {
    let page = "# A\ntext `b`\nmore [link](x.md) end\n\n| a | b |\n| --- | --- |\n| 1 | |\n```sql\nx\n\ny\n```\ntail";
    let expected = [
        Block::Heading(1, "A"),
        Block::Paragraph("text `b` more [link](x.md) end".to_owned()),
        Block::Table(vec![vec!["a", "b"], vec!["1", ""]]),
        Block::Code { kind: "sql", text: "x\n\ny\n".to_owned() },
        Block::Paragraph("tail".to_owned()),
    ];
    assert_eq!(blocks(page), expected);
    assert_eq!(plain("text `b` **more** [link](x.md) end"), "text b more link end");
    assert_eq!(wrapped(&"word ".repeat(30)), format!("{}\n{}", ["word"; 20].join(" "), ["word"; 10].join(" ")));
}
