//! Literals against each type of column: what the six comparisons and the two lists make of one text agrees.

#![no_main]
// The definition below is read, or nothing can be.
#![allow(clippy::expect_used)]

use std::sync::{Arc, OnceLock};

use insightgate_query::column::{Comparison, Value};
use insightgate_query::datasets::catalog::Catalog;
use insightgate_query::datasets::definition;
use insightgate_query::plan::Predicate;
use libfuzzer_sys::fuzz_target;

const TYPES: [&str; 8] = ["string", "int64", "float64", "decimal(18,2)", "decimal(38,38)", "date", "timestamp", "bool"];

static CATALOG: OnceLock<Catalog> = OnceLock::new();

fn catalog() -> Catalog {
    let columns: String = TYPES.iter().enumerate().map(|(n, kind)| format!("[[columns]]\nname = \"c{n}\"\ntype = \"{kind}\"\n")).collect();
    let read = definition::read(&format!("name = \"D\"\nprogram = \"mpn\"\n{columns}"), "fuzz");
    Catalog::new([Arc::new(read.expect("a definition").dataset)])
}

/// The test of the condition, and whether the plan has a note about it. None where the literal is too long for a query.
fn test(column: usize, condition: &str) -> Option<(Predicate, bool)> {
    let text = format!("SELECT c0 FROM D WHERE c{column} {condition}");
    let mut plan = insightgate_query::plan(&text, CATALOG.get_or_init(catalog)).ok()?;
    Some((plan.row_conditions.pop()?.predicate, !plan.notes.is_empty()))
}

/// As a query would say it.
fn written(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Int(number) => number.to_string(),
        Value::Float(number) => number.to_string(),
        Value::Decimal { unscaled, scale } => {
            let (sign, scale) = (if *unscaled < 0 { "-" } else { "" }, usize::from(scale.unsigned_abs()));
            let digits = format!("{:0>width$}", unscaled.unsigned_abs(), width = scale + 1);
            let (whole, fraction) = digits.split_at(digits.len() - scale);
            if scale == 0 { format!("{sign}{whole}") } else { format!("{sign}{whole}.{fraction}") }
        }
        Value::Date(day) => day.to_string(),
        Value::Timestamp(instant) => instant.to_rfc3339(),
        Value::Bool(flag) => flag.to_string(),
    }
}

// The first byte says of which type the column is.
fuzz_target!(|input: (u8, &str)| {
    use Comparison::{Equal, Greater, GreaterOrEqual, Less, LessOrEqual, NotEqual};
    let (chosen, text) = input;
    let column = usize::from(chosen) % TYPES.len();
    let literal = format!("'{}'", text.replace('\'', "''"));
    let tests: Option<Vec<(Predicate, bool)>> = ["=", "!=", "<", "<=", ">", ">="]
        .into_iter()
        .map(|operator| format!("{operator} {literal}"))
        .chain([format!("IN ({literal})"), format!("NOT IN ({literal})")])
        .map(|condition| test(column, &condition))
        .collect();
    let Some(tests) = tests else { return };
    let notes: Vec<bool> = tests.iter().map(|(_, note)| *note).collect();
    let tests: Vec<Predicate> = tests.into_iter().map(|(test, _)| test).collect();
    let decided: Vec<bool> = tests.iter().map(|test| matches!(test, Predicate::Nothing | Predicate::NotNull)).collect();
    assert_eq!(notes, decided, "a note stands where no value is looked at, and only there: {literal}");
    let [equal, not_equal, less, less_or_equal, greater, greater_or_equal, within, outside] = tests.as_slice() else { return };

    if let Predicate::Compare(Equal, value) = equal {
        let compared = |comparison| Predicate::Compare(comparison, value.clone());
        assert_eq!(
            [not_equal, less, less_or_equal, greater, greater_or_equal],
            [NotEqual, Less, LessOrEqual, Greater, GreaterOrEqual].map(compared).each_ref()
        );
        let listed = |negated| Predicate::In { values: vec![value.clone()], negated };
        assert_eq!([within, outside], [&listed(false), &listed(true)]);
        // What a value says is that value again.
        let written = written(value);
        // A float can take more digits than a literal may have.
        if column != 2 || written.bytes().filter(u8::is_ascii_digit).count() <= 38 {
            let again = test(column, &format!("= '{}'", written.replace('\'', "''")));
            assert_eq!(again.map(|(test, _)| test).as_ref(), Some(equal), "{written}");
        }
        return;
    }
    assert_eq!([equal, not_equal, within, outside], [&Predicate::Nothing, &Predicate::NotNull, &Predicate::Nothing, &Predicate::NotNull]);
    // Without a value that is equal, less is less or equal; and what is not less is greater, if it can be compared at all.
    let comparable = !matches!((less, greater), (Predicate::Nothing, Predicate::Nothing));
    match (less_or_equal, greater_or_equal) {
        (Predicate::Compare(_, below), Predicate::Compare(_, above)) => assert_eq!(below, above),
        (Predicate::NotNull, Predicate::Nothing) | (Predicate::Nothing, Predicate::NotNull) => {}
        (Predicate::Nothing, Predicate::Nothing) => assert!(!comparable),
        other => unreachable!("{literal} is neither above nor below: {other:?}"),
    }
});
