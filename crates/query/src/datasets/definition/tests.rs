#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use super::*;
use crate::datasets::builtin;
use crate::datasets::catalog::{RowFormat, Tenancy, TenantKey};

const FLIGHTS: &str = r#"
name = "Flights"
title = "Flights"
program = "mpn"
date_column = "Day"
tenant_column = "owner"
tenant_key = "global-account-id"

[[columns]]
name = "Day"
type = "timestamp"

[[columns]]
name = "Fare (USD)"
type = "decimal"
aliases = ["Fare"]
nullable = false
examples = ["12.50"]

[[columns]]
name = "Delay"
type = "int64"
selectable = false

[[columns]]
name = "Rate"
type = "decimal(38, 10)"

[[metrics]]
name = "MeanDelay"
expression = "SUM(delay) / COUNT(*)"
sensitive = true
description = "Minutes"
"#;

#[test]
fn defaults_and_values() {
    let Definition { program, dataset } = read(FLIGHTS, "flights.toml").unwrap();
    assert_eq!(program, "mpn");
    assert_eq!(dataset.tenancy, Tenancy::Column { name: "owner".to_owned(), holds: TenantKey::GlobalAccountId });
    assert_eq!((dataset.grain, dataset.date_column, dataset.location_column), (Grain::Day, Some(0), None));
    assert_eq!(dataset.date_ranges, TimeSpan::ALL);
    assert_eq!((dataset.minimum_interval_hours, dataset.format), (4, RowFormat::Parquet));
    let flags: Vec<_> = dataset.columns.iter().map(|column| (column.nullable, column.sensitive, column.selectable)).collect();
    assert_eq!(flags, [(true, false, true), (false, false, true), (true, false, false), (true, false, true)]);
    assert_eq!(dataset.columns[1].kind, ColumnType::Decimal { precision: 18, scale: 2 });
    assert_eq!(dataset.columns[3].kind, ColumnType::Decimal { precision: 38, scale: 10 });
    assert_eq!((dataset.metrics[0].sensitive, dataset.metrics[0].text.as_str()), (true, "SUM(delay) / COUNT(*)"));
}

#[test]
fn what_is_written_reads_back() {
    let flights = read(FLIGHTS, "flights.toml").unwrap();
    let mut strange = flights.clone();
    strange.dataset.title = "a \"b\" \\ 'c'\n\u{1}ü".to_owned();
    strange.dataset.columns[0].description = "'''\n\"\"\"".to_owned();
    strange.dataset.date_ranges = vec![TimeSpan::Today];
    strange.dataset.columns[1].allowed = vec!["1.00".to_owned(), "-2".to_owned()];
    let mut table = flights.clone();
    table.dataset.format = RowFormat::Delta;
    assert!(write(&table).contains("\nformat = \"delta\"\n") && !write(&flights).contains("format ="));
    let built_in = builtin::definitions().into_iter().map(|(origin, text)| read(text, origin).unwrap());
    for definition in built_in.chain([flights, strange, table]) {
        let text = write(&definition);
        assert_eq!(read(&text, "again").unwrap_or_else(|errors| panic!("{errors}\n{text}")), definition);
    }
}

/// The messages, letter by letter.
#[test]
fn problems_are_reported_at_once() {
    let text = r#"name = "9 lives"
program = "msp"
titel = "x"
date_column = "Dey"
grain = "week"
date_ranges = ["LAST_MONTH", "LAST_MONTHS", "LAST_MONTH"]
minimum_interval_hours = 3
location_column = "Count"
tenant_key = "tenant-id"

[[columns]]
name = "Day"
type = "datetime"
nullable = "no"

[[columns]]
name = "Count"
type = "int64"
aliases = ["day"]
allowed = ["1", "x"]
examples = [1]

[[columns]]
type = "string"

[[metrics]]
name = "count"
expression = "SUM(Cuont)"
"#;
    let errors = read(text, "nine.toml").unwrap_err();
    let lines: Vec<String> = errors.to_string().lines().map(str::to_owned).collect();
    let expected = [
        "nine.toml:1:8 name: '9 lives' cannot name a dataset or its folder; a dataset's name is letters, digits and _, starts with a letter and has at most 128 characters",
        "nine.toml:2:11 program: 'msp' is not a program; write \"mpn\" or \"cmp\"",
        "nine.toml:3:1 titel: 'titel' is no key of the definition; did you mean title?",
        "nine.toml:4:15 date_column: date_column names 'Dey', which is not among the columns; did you mean 'Day'?",
        "nine.toml:5:9 grain: grain cannot be 'week'; a row stands for a \"day\" or a \"month\"",
        "nine.toml:6:30 date_ranges: 'LAST_MONTHS' is not a time span; did you mean LAST_MONTH?",
        "nine.toml:6:45 date_ranges: LAST_MONTH stands twice in date_ranges",
        "nine.toml:7:26 minimum_interval_hours: minimum_interval_hours cannot be 3; reports run every 4 to 2160 hours",
        "nine.toml:8:19 location_column: location_column names 'Count', which is int64; it must be a string",
        "nine.toml:9:14 tenant_key: tenant_key needs a tenant_column; without one, files lie in tenant=<tenant id> folders",
        "nine.toml:13:8 columns.type: 'datetime' is not a type; the types are string, int64, float64, decimal(precision,scale), date, timestamp and bool",
        "nine.toml:14:12 columns.nullable: nullable of column 'Day' must be true or false, not 'no'",
        "nine.toml:19:12 columns.aliases: 'day' names column 'Count' and column 'Day'; names ignore case and must differ",
        "nine.toml:20:17 columns.allowed: 'x' among the allowed of column 'Count' is not a number",
        "nine.toml:21:13 columns.examples: examples of column 'Count' holds a whole number; write all of its values as strings",
        "nine.toml:23:1: column 3 has no name; add name = \"…\"",
        "nine.toml:27:8 metrics.name: 'count' names metric 'count' and column 'Count'; names ignore case and must differ",
        "nine.toml:28:14 metrics.expression: the expression of metric 'count' is wrong: 'Cuont' at line 1, column 5 is not a column; did you mean 'Count'?",
    ];
    assert_eq!(lines, expected);
}

#[test]
fn other_problems() {
    let column = "[[columns]]\nname = \"a\"\ntype = \"string\"\n";
    let head = "name = \"A\"\nprogram = \"cmp\"\n";
    let cases = [
        (
            String::new(),
            "x:1:1: the definition has no name; add name = \"…\"\nx:1:1: the definition has no program; add program = \"…\"\nx:1:1: the definition has no columns; add a [[columns]] table for each",
        ),
        (
            format!("{head}columns = 5\n"),
            "x:1:1: the definition has no columns; add a [[columns]] table for each\nx:3:11 columns: columns of the definition must be a list of tables; write [[columns]] above each, not a whole number",
        ),
        (
            format!("{head}grain = \"day\"\n{column}"),
            "x:3:9 grain: grain needs a date_column; name the column that time spans apply to, or leave grain out",
        ),
        (
            format!("{head}date_column = \"a\"\n{column}"),
            "x:3:15 date_column: date_column names 'a', which is string; it must be a date or timestamp",
        ),
        (
            format!("{head}date_ranges = [\"TODAY\"]\n{column}"),
            "x:3:16 date_ranges: TODAY needs a date_column; without one only LIFETIME can be offered",
        ),
        (
            format!("{head}tenant_column = \"t\"\ntenant_key = \"name\"\n{column}"),
            "x:4:14 tenant_key: tenant_key cannot be 'name'; write \"tenant-id\" or \"global-account-id\"",
        ),
        (
            format!("{head}format = \"iceberg\"\n{column}"),
            "x:3:10 format: format cannot be 'iceberg'; write \"parquet\", the default, or \"delta\" for a Delta table",
        ),
        (format!("{head}{column}description = \"x\"\ntype = \"int64\"\n"), "x:7:1: this is not TOML: duplicate key"),
        (
            format!("{head}[[columns]]\nname = \" a\"\ntype = \"decimal(39,2)\"\n"),
            "x:4:8 columns.name: ' a' cannot be a name: it is empty, starts or ends with a blank, or holds a control character\nx:5:8 columns.type: 'decimal(39,2)' is not a type; the types are string, int64, float64, decimal(precision,scale), date, timestamp and bool",
        ),
    ];
    for (text, expected) in cases {
        assert_eq!(read(&text, "x").expect_err(expected).to_string(), expected);
    }
    assert!(read(&format!("name = \"{}\"\nprogram = \"mpn\"\n{column}", "a".repeat(129)), "x").is_err());
    assert!(read(&format!("name = \"../a\"\nprogram = \"mpn\"\n{column}"), "x").is_err());
    let long = "#".repeat(4 * 1024 * 1024 + 1);
    assert_eq!(read(&long, "x").unwrap_err().to_string(), "x:1:1: the definition has 4194305 bytes; at most 4194304 are taken");
}

#[test]
fn problems_that_are_not_told_are_counted() {
    let unknown: String = (0..70).map(|number| format!("k{number} = 1\n")).collect();
    let errors = read(&format!("name = \"A\"\nprogram = \"mpn\"\n{unknown}"), "x").unwrap_err();
    // 70 problems with keys, and one for the missing columns.
    assert_eq!((errors.problems.len(), errors.more), (50, 21));
    assert!(errors.to_string().ends_with("\nx: and 21 more"), "{errors}");
}

#[test]
fn any_text_is_read_or_refused() {
    let nested =
        ["[".repeat(200_000), format!("a = {}", "[".repeat(200_000)), format!("a = {}", "{b=".repeat(60_000)), "a.".repeat(60_000)];
    let unknown = (0..20_000).map(|number| format!("k{number} = 1\n")).collect::<String>();
    let cut = (0..FLIGHTS.len()).filter_map(|end| FLIGHTS.get(..end).map(str::to_owned));
    for text in cut.chain(nested).chain([unknown]) {
        if let Err(errors) = read(&text, "x") {
            assert!((1..=50).contains(&errors.problems.len()), "{} problems", errors.problems.len());
            assert!(errors.more == 0 || errors.problems.len() == 50);
        }
    }
}
