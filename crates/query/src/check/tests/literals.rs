//! Literals compared with each type, and the notes about them.

use chrono::{DateTime, NaiveDate, Utc};

use super::*;
use crate::datasets::catalog::ColumnType;
use crate::syntax::ast::LiteralValue;
use crate::syntax::literal::{Converted, convert};

fn text(text: &str) -> LiteralValue {
    LiteralValue::String(text.to_owned())
}

fn day(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

fn time(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

fn decimal(unscaled: i128, scale: i8) -> Value {
    Value::Decimal { unscaled, scale }
}

#[test]
fn conversions() {
    use Converted::{Above, Below, Between, No, Within};
    let is = Converted::Value;
    let (int, float, bool) = (ColumnType::Int64, ColumnType::Float64, ColumnType::Bool);
    let money = ColumnType::Decimal { precision: 5, scale: 2 };
    let wide = ColumnType::Decimal { precision: 38, scale: 2 };
    let (date, timestamp) = (ColumnType::Date, ColumnType::Timestamp);
    let nines = "9".repeat(38);
    let cases = [
        (int, "1", is(Value::Int(1))),
        (int, " -7 ", is(Value::Int(-7))),
        (int, "007", is(Value::Int(7))),
        (int, "5.00", is(Value::Int(5))),
        (int, "1.25", Between(decimal(15, 1))),
        (int, "-1.25", Between(decimal(-15, 1))),
        (int, "9223372036854775807", is(Value::Int(i64::MAX))),
        (int, "-9223372036854775808", is(Value::Int(i64::MIN))),
        (int, "9223372036854775808", Above),
        (int, "-9223372036854775809", Below),
        (int, &nines, Above),
        (int, "1e5", No),
        (int, "+5", No),
        (int, "", No),
        (int, "-", No),
        (int, "1.", No),
        (int, ".5", No),
        (int, "False", No),
        (int, "١", No),
        (float, "1.5", is(Value::Float(1.5))),
        (float, "-0", is(Value::Float(0.0))),
        (float, "NaN", No),
        (float, "inf", No),
        (money, "12.5", is(decimal(1250, 2))),
        (money, "-999.99", is(decimal(-99_999, 2))),
        (money, "1000", Above),
        (money, "-1000", Below),
        (money, "1.005", Between(decimal(1005, 3))),
        (money, "1.0071", Between(decimal(1005, 3))),
        (money, "-1.001", Between(decimal(-1005, 3))),
        (money, &nines, Above),
        (wide, &nines, Above),
        (wide, "x", No),
        (bool, "0", is(Value::Bool(false))),
        (bool, "1", is(Value::Bool(true))),
        (bool, " TRUE ", is(Value::Bool(true))),
        (bool, "False", is(Value::Bool(false))),
        (bool, "yes", No),
        (date, "2024-02-29", is(Value::Date(day("2024-02-29")))),
        (date, " 2024-02-29 ", is(Value::Date(day("2024-02-29")))),
        (date, "2024-02-29T00:00:00Z", is(Value::Date(day("2024-02-29")))),
        (date, "2024-02-29 10:00:00", Within(day("2024-02-29"))),
        (date, "2024-02-28T22:00:00-05:00", Within(day("2024-02-29"))),
        (date, "2023-02-29", No),
        (date, "2024-2-9", No),
        (date, "29/02/2024", No),
        (date, "20240229", No),
        (date, "2024-02-2é", No),
        (timestamp, "2024-02-29", is(Value::Timestamp(time("2024-02-29T00:00:00Z")))),
        (timestamp, "2024-02-29T10:00:00.25Z", is(Value::Timestamp(time("2024-02-29T10:00:00.25Z")))),
        (timestamp, "2024-02-29 10:00:00", is(Value::Timestamp(time("2024-02-29T10:00:00Z")))),
        (timestamp, "2024-02-29T25:00:00Z", No),
        (timestamp, "now", No),
        (ColumnType::String, " x ", is(Value::String(" x ".to_owned()))),
    ];
    for (kind, written, expected) in cases {
        assert_eq!(convert(&text(written), kind), expected, "{written} as {kind:?}");
    }
    let number = LiteralValue::Number("0100".to_owned());
    assert_eq!(convert(&number, ColumnType::String), is(Value::String("0100".to_owned())));
    assert_eq!(convert(&LiteralValue::Bool(true), ColumnType::String), is(Value::String("true".to_owned())));
}

#[test]
fn tests_and_notes() {
    let compare = |comparison, value| Predicate::Compare(comparison, value);
    let (less_or_equal, greater) = (Comparison::LessOrEqual, Comparison::Greater);
    let units = |rest: &str| format!("PaidAvailableUnits {rest}");
    let month = |rest: &str| format!("Month {rest}");
    let like = |pattern: &str, negated| Predicate::Like { pattern: pattern.to_owned(), negated };
    let cases: [(String, Predicate, &[&str]); 20] = [
        (units("= '5'"), compare(Comparison::Equal, Value::Int(5)), &[]),
        (units("> 1.5"), compare(greater, decimal(15, 1)), &[]),
        (units("= 1.5"), Predicate::Nothing, &["'1.5' is not a whole number, so the condition on PaidAvailableUnits matches no row"]),
        (
            units("!= 'x'"),
            Predicate::NotNull,
            &["'x' is not a number, so the condition on PaidAvailableUnits matches every row with a value"],
        ),
        (units("> ''"), Predicate::Nothing, &["'' is not a number, so the condition on PaidAvailableUnits matches no row"]),
        (
            units("< 99999999999999999999"),
            Predicate::NotNull,
            &[
                "'99999999999999999999' is beyond all that PaidAvailableUnits can hold, so the condition on PaidAvailableUnits matches every row with a value",
            ],
        ),
        (
            units("< -99999999999999999999"),
            Predicate::Nothing,
            &[
                "'-99999999999999999999' is beyond all that PaidAvailableUnits can hold, so the condition on PaidAvailableUnits matches no row",
            ],
        ),
        (units("IN (1, '2')"), Predicate::In { values: vec![Value::Int(1), Value::Int(2)], negated: false }, &[]),
        (
            units("NOT IN (1, 'x', 2.5)"),
            Predicate::In { values: vec![Value::Int(1)], negated: true },
            &["'x' is not a number, like 1 other value of the list, so the list for PaidAvailableUnits is read without them"],
        ),
        (units("IN ('x')"), Predicate::Nothing, &["'x' is not a number, so the condition on PaidAvailableUnits matches no row"]),
        (
            units("NOT IN ('x')"),
            Predicate::NotNull,
            &["'x' is not a number, so the condition on PaidAvailableUnits matches every row with a value"],
        ),
        (month("<= '2024-05-31 12:00:00'"), compare(less_or_equal, Value::Date(day("2024-05-31"))), &[]),
        (month(">= '2024-05-31 12:00:00'"), compare(greater, Value::Date(day("2024-05-31"))), &[]),
        (
            month("= '2024-05-31 12:00:00'"),
            Predicate::Nothing,
            &["'2024-05-31 12:00:00' is not a whole day, so the condition on Month matches no row"],
        ),
        (month("= 202405"), Predicate::Nothing, &["'202405' is not a date such as '2026-01-31', so the condition on Month matches no row"]),
        ("CustomerName NOT LIKE '%x'".to_owned(), like("%x", true), &[]),
        // A pattern is not a value of the field's type: numbers and truth values are used as they are written.
        (units("LIKE '1%'"), like("1%", false), &[]),
        (units("LIKE -1.50"), like("-1.50", false), &[]),
        (month("NOT LIKE '2024-__-01'"), like("2024-__-01", true), &[]),
        ("CustomerName LIKE TRUE".to_owned(), like("true", false), &[]),
    ];
    for (condition, expected, notes) in cases {
        let plan = mpn(&format!("SELECT Month FROM OfficeUsage WHERE {condition}"));
        assert_eq!(
            (&plan.row_conditions[0].predicate, plan.notes.iter().map(String::as_str).collect()),
            (&expected, notes.to_vec()),
            "{condition}"
        );
    }
}

/// Whatever literal is compared with whatever field, the plan contains only values of the field's type, or decimals for whole numbers.
#[test]
fn values_have_the_type_of_their_field() {
    let literals = [
        "'x'",
        "''",
        "' 7 '",
        "0",
        "-1.5",
        "1.005",
        "99999999999999999999",
        "-9999999999999999999999999999999999999.9",
        "true",
        "'2024-02-29'",
        "'2024-02-29 01:00:00'",
    ];
    let fits = |kind: ColumnType, value: &Value| match (kind, value) {
        (ColumnType::Int64, Value::Int(_) | Value::Decimal { scale: 1, .. }) => true,
        (ColumnType::Decimal { scale, .. }, Value::Decimal { scale: given, .. }) => *given == scale || *given == scale + 1,
        (ColumnType::String, Value::String(_)) | (ColumnType::Float64, Value::Float(_)) | (ColumnType::Bool, Value::Bool(_)) => true,
        (ColumnType::Date, Value::Date(_)) | (ColumnType::Timestamp, Value::Timestamp(_)) => true,
        _ => false,
    };
    let mut seen = 0;
    for program in ["mpn", "cmp"] {
        let catalog = builtin::catalog(program);
        for dataset in catalog.datasets() {
            let columns = dataset.columns.iter().filter(|column| column.selectable).map(|column| &column.name);
            let kinds = columns.chain(dataset.metrics.iter().map(|metric| &metric.name));
            let mut known = Vec::new();
            for name in kinds {
                let kind = dataset.field_type(dataset.field(name).unwrap());
                if known.contains(&kind) {
                    continue;
                }
                known.push(kind);
                let comparisons =
                    ["=", "!=", "<", "<=", ">", ">="].iter().flat_map(|sign| literals.map(|literal| format!("{sign} {literal}")));
                let lists = [format!("IN ({})", literals.join(",")), format!("NOT IN ({})", literals.join(","))];
                for condition in comparisons.chain(lists) {
                    let text = format!("SELECT \"{name}\" FROM {} WHERE \"{name}\" {condition}", dataset.name);
                    let plan = plan(&text, &catalog).unwrap_or_else(|errors| panic!("{text}: {}", message(&errors)));
                    let condition = plan.row_conditions.iter().chain(&plan.group_conditions).next().unwrap();
                    let values = match &condition.predicate {
                        Predicate::Compare(_, value) => std::slice::from_ref(value),
                        Predicate::In { values, .. } => values.as_slice(),
                        Predicate::Nothing | Predicate::NotNull => {
                            assert!(!plan.notes.is_empty(), "{text}");
                            continue;
                        }
                        Predicate::Like { .. } => panic!("{text}"),
                    };
                    // Metrics are compared before they are converted to their type.
                    let is_wider = |value: &Value| match value {
                        Value::Decimal { unscaled, scale: 0 } => {
                            matches!(condition.field, Field::Metric(_)) && kind == ColumnType::Int64 && i64::try_from(*unscaled).is_err()
                        }
                        _ => false,
                    };
                    let fit = values.iter().all(|value| fits(kind, value) || is_wider(value));
                    assert!(!values.is_empty() && fit, "{text}: {values:?} for {kind:?}");
                    seen += 1;
                }
            }
        }
    }
    assert!(seen > 1000, "only {seen}");
}
