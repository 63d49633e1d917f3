#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::sync::Arc;

use super::*;
use crate::datasets::catalog::Catalog;
use crate::datasets::definition;
use crate::diagnostic::message;
use crate::plan;

const SALES: &str = r#"
name = "Sales"
title = "Sales by day"
program = "mpn"
date_column = "Day"
columns = [
  { name = "Id", type = "int64" },
  { name = "Shop", type = "string", aliases = ["Store"] },
  { name = "Amount", type = "decimal(12,2)" },
  { name = "Ratio", type = "float64" },
  { name = "Day", type = "date" },
  { name = "At", type = "timestamp" },
  { name = "Open", type = "bool" },
]
metrics = [
  { name = "Total", expression = "SUM(Amount)", aliases = ["Turnover"] },
  { name = "Days", expression = "COUNT(DISTINCT Day)" },
]
"#;
const UNDATED: &str = "name = \"Shops\"\nprogram = \"mpn\"\ncolumns = [{ name = \"Shop\", type = \"string\" }]";

fn planned(text: &str) -> Plan {
    let datasets = [SALES, UNDATED].map(|text| Arc::new(definition::read(text, "test").unwrap().dataset));
    plan(text, &Catalog::new(datasets)).unwrap_or_else(|errors| panic!("{text}: {}", message(&errors)))
}

fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

fn said(text: &str, start: Option<&str>, end: Option<&str>) -> Words {
    let (plan, start, end) = (planned(text), start.map(at), end.map(at));
    words(&plan, plan.window(at("2026-11-22T12:00:00Z"), start, end), plan.window_source(start, end))
}

/// The sentences, letter by letter.
#[test]
fn whole_queries() {
    let cases: &[(&str, &[&str])] = &[
        (
            "SELECT Shop, Day FROM Sales",
            &[
                "Takes rows with Day from 2026-05-01T00:00:00Z to before 2026-11-01T00:00:00Z (LAST_6_MONTHS, since the query has no TIMESPAN).",
                "Returns Shop and Day.",
                "The rows come in the order of the files.",
            ],
        ),
        (
            "SELECT Store, Turnover FROM Sales WHERE store IN ('a', 'b') AND Total > 10 ORDER BY Total TIMESPAN LIFETIME",
            &[
                "Takes rows of all times, those without Day too (TIMESPAN LIFETIME).",
                "Keeps rows where Store is one of 'a' and 'b'.",
                "Groups rows by Store, and computes Turnover = SUM(Amount) for each group.",
                "Keeps groups where Turnover is more than 10.00.",
                "Letter case makes no difference, and a null meets no condition.",
                "Returns Store and Turnover.",
                "Orders by Turnover descending, nulls last; equal groups come in ascending order of Store.",
            ],
        ),
        (
            "SELECT Shop, Total, Days FROM Sales WHERE Open = true AND Shop LIKE 'a%' AND Total > 10 ORDER BY Total LIMIT 1 TIMESPAN LIFETIME",
            &[
                "Takes rows of all times, those without Day too (TIMESPAN LIFETIME).",
                "Keeps rows where all of these hold: Open is true; Shop matches the pattern 'a%'.",
                "Groups rows by Shop, and computes Total = SUM(Amount) and Days = COUNT(DISTINCT Day) for each group.",
                "Keeps groups where Total is more than 10.00.",
                "Letter case makes no difference, and a null meets no condition.",
                "Returns Shop, Total and Days.",
                "Orders by Total descending, nulls last; equal groups come in ascending order of Shop.",
                "Ends after 1 row.",
            ],
        ),
        (
            "SELECT Total FROM Sales WHERE Id = 1 TIMESPAN TODAY",
            &[
                "Takes rows with Day from 2026-11-22T00:00:00Z to before 2026-11-22T12:00:00Z (TIMESPAN TODAY).",
                "Keeps rows where Id is 1.",
                "Makes one group of all rows, and computes Total = SUM(Amount).",
                "A null meets no condition.",
                "Returns Total.",
                "There is one group.",
            ],
        ),
        (
            "SELECT DISTINCT Shop FROM Sales ORDER BY Shop ASC LIMIT 20 TIMESPAN YESTERDAY",
            &[
                "Takes rows with Day from 2026-11-21T00:00:00Z to before 2026-11-22T00:00:00Z (TIMESPAN YESTERDAY).",
                "Takes each different row once, where it first occurs.",
                "Returns Shop.",
                "Orders by Shop ascending, nulls last; equal rows come in the order of the files.",
                "Ends after 20 rows.",
            ],
        ),
        (
            "SELECT Shop, Id, Total FROM Sales ORDER BY Shop ASC, Id, Total TIMESPAN LAST_MONTH",
            &[
                "Takes rows with Day from 2026-10-01T00:00:00Z to before 2026-11-01T00:00:00Z (TIMESPAN LAST_MONTH).",
                "Groups rows by Shop and Id, and computes Total = SUM(Amount) for each group.",
                "Returns Shop, Id and Total.",
                "Orders by Shop ascending, then Id descending, then Total descending, nulls last.",
            ],
        ),
        (
            "SELECT Shop FROM Shops",
            &["Takes rows of all times: the dataset has no date column.", "Returns Shop.", "The rows come in the order of the files."],
        ),
    ];
    for (text, expected) in cases {
        assert_eq!(said(text, None, None).sentences(), *expected, "{text}");
    }
    assert_eq!(said("SELECT Shop FROM Sales", None, None).dataset, "Reads the dataset Sales (Sales by day).");
    assert_eq!(said("SELECT Shop FROM Shops", None, None).dataset, "Reads the dataset Shops.");
}

#[test]
fn a_given_start_and_end() {
    let (start, end) = ("2026-01-01T00:00:00Z", "2026-02-01T12:30:00Z");
    let because = "(the start and end that were given go before TIMESPAN)";
    for (start, end, expected) in [
        (Some(start), Some(end), format!("Takes rows with Day from {start} to before {end} {because}.")),
        (Some(start), None, format!("Takes rows with Day from {start} to before 2026-11-22T12:00:00Z {because}.")),
        (None, Some(end), format!("Takes rows with Day before {end} {because}.")),
    ] {
        assert_eq!(said("SELECT Shop FROM Sales TIMESPAN LAST_MONTH", start, end).time, expected);
        assert_eq!(said("SELECT Shop FROM Shops", start, end).time, "Takes rows of all times: the dataset has no date column.");
    }
}

#[test]
fn each_condition() {
    let cases = [
        ("Shop = 'it''s'", "Shop is 'it''s'"),
        ("Shop != 'a\nb\u{1b}'", "Shop is not 'a b\u{fffd}'"),
        ("Shop < 'b'", "Shop is less than 'b'"),
        ("Shop >= 5", "Shop is at least '5'"),
        ("Shop IN ('a')", "Shop is one of 'a'"),
        ("Shop NOT IN ('a', 'b', 'c')", "Shop is none of 'a', 'b' and 'c'"),
        ("Id IN (1,2,3,4,5,6,7,8,9,10,11,12)", "Id is one of 1, 2, 3, 4, 5, 6, 7, 8, 9, 10 and 2 more"),
        ("Shop NOT LIKE '%x\\_'", "Shop does not match the pattern '%x\\_'"),
        ("Id LIKE '1%'", "Id, as CSV writes it, matches the pattern '1%'"),
        ("Id <= 5", "Id is at most 5"),
        ("Id > 1.25", "Id is at least 2"),
        ("Id >= -1.25", "Id is at least -1"),
        ("Id < 1.25", "Id is at most 1"),
        ("Id <= -1.25", "Id is at most -2"),
        ("Amount > 1.005", "Amount is at least 1.01"),
        ("Amount < -0.005", "Amount is at most -0.01"),
        ("Amount = -0.5", "Amount is -0.50"),
        ("Ratio != 1.50", "Ratio is not 1.5"),
        ("Day = '2026-01-31'", "Day is 2026-01-31"),
        ("Day < '2026-01-31'", "Day is before 2026-01-31"),
        ("Day <= '2026-01-31 10:00:00'", "Day is on or before 2026-01-31"),
        ("Day > '2026-01-31'", "Day is after 2026-01-31"),
        ("Day >= '2026-01-31'", "Day is on or after 2026-01-31"),
        ("At < '2026-01-31'", "At is before 2026-01-31T00:00:00Z"),
        ("At <= '2026-01-31T10:00:00.25Z'", "At is at or before 2026-01-31T10:00:00.250Z"),
        ("At >= '2026-01-31T10:00:00+01:00'", "At is at or after 2026-01-31T09:00:00Z"),
        ("Open = 0", "Open is false"),
        ("Id = 'x'", "Id has a value that it cannot have, so that nothing is left"),
        ("Id != 'x'", "Id has a value"),
    ];
    for (condition, expected) in cases {
        let said = said(&format!("SELECT Shop FROM Sales WHERE {condition}"), None, None);
        assert_eq!(said.conditions, [expected], "{condition}");
        assert!(said.sentences().contains(&format!("Keeps rows where {expected}.")));
    }
    let said = said("SELECT Shop, Days FROM Sales WHERE Days >= 2.5 AND Total NOT LIKE '%.00'", None, None);
    assert_eq!(said.group_conditions, ["Days is at least 3", "Total, as CSV writes it, does not match the pattern '%.00'"]);
}
