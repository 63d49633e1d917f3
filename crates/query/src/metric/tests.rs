#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use super::types::of_metric;
use super::*;
use crate::datasets::catalog::{Column, ColumnType};

fn columns() -> Vec<Column> {
    let money = ColumnType::Decimal { precision: 18, scale: 2 };
    let rate = ColumnType::Decimal { precision: 10, scale: 4 };
    let kinds = [
        ("Units", ColumnType::Int64),
        ("Price", money),
        ("Rate", rate),
        ("Hours", ColumnType::Float64),
        ("Name", ColumnType::String),
        ("Day", ColumnType::Date),
        ("Flag", ColumnType::Bool),
        ("Order Id", ColumnType::String),
    ];
    let column = |(name, kind): (&str, ColumnType)| Column {
        name: name.to_owned(),
        aliases: Vec::new(),
        kind,
        nullable: true,
        sensitive: false,
        selectable: false,
        description: String::new(),
        allowed: Vec::new(),
        examples: Vec::new(),
    };
    kinds.map(column).to_vec()
}

#[test]
fn trees() {
    let parsed = |text: &str| parse(text, &columns()).unwrap_or_else(|error| panic!("{text}: {error}"));
    let column = RowExpression::Column;
    let zero = || RowExpression::Literal(Value::Int(0));
    assert_eq!(parsed("count(*)"), MetricExpression::CountRows);
    assert_eq!(parsed("COUNT(Name)"), MetricExpression::Count { distinct: false, of: column(4) });
    assert_eq!(
        parsed("COUNT(DISTINCT Name || '|' || \"order id\")"),
        MetricExpression::Count {
            distinct: true,
            of: RowExpression::Concatenate(
                Box::new(RowExpression::Concatenate(Box::new(column(4)), Box::new(RowExpression::Literal(Value::String("|".to_owned()))))),
                Box::new(column(7))
            )
        }
    );
    assert_eq!(
        parsed("SUM(COALESCE(Units,0) + 2.50 * Price)"),
        MetricExpression::Sum(RowExpression::Arithmetic(
            Box::new(RowExpression::Coalesce(vec![column(0), zero()])),
            Operator::Add,
            Box::new(RowExpression::Arithmetic(
                Box::new(RowExpression::Literal(Value::Decimal { unscaled: 25, scale: 1 })),
                Operator::Multiply,
                Box::new(column(1))
            ))
        ))
    );
    assert_eq!(
        parsed("COALESCE((SUM(Units) - MIN(Units)) / COUNT(*), -1)"),
        MetricExpression::Coalesce(vec![
            MetricExpression::Arithmetic(
                Box::new(MetricExpression::Arithmetic(
                    Box::new(MetricExpression::Sum(column(0))),
                    Operator::Subtract,
                    Box::new(MetricExpression::Minimum(column(0)))
                )),
                Operator::Divide,
                Box::new(MetricExpression::CountRows)
            ),
            MetricExpression::Literal(Value::Int(-1)),
        ])
    );
}

#[test]
fn the_columns_that_make_a_value() {
    for (text, expected) in [
        ("COUNT(*)", vec![]),
        ("COUNT(Name)", vec![4]),
        ("COUNT(DISTINCT Name)", vec![]),
        ("COUNT(DISTINCT Name || [Order Id])", vec![4, 7]),
        ("SUM(COALESCE(Units, 0) + 2.50 * Price) / (COUNT(DISTINCT Day) + 1)", vec![0, 1]),
        ("COALESCE(MIN(Day), MAX(Day))", vec![5]),
        ("AVG(Hours) * AVG(Rate)", vec![2, 3]),
    ] {
        assert_eq!(parse(text, &columns()).unwrap_or_else(|error| panic!("{text}: {error}")).columns(), expected, "{text}");
    }
}

#[test]
fn types() {
    let decimal = |scale| ColumnType::Decimal { precision: 38, scale };
    let cases = [
        ("COUNT(*)", ColumnType::Int64),
        ("COUNT(DISTINCT Day)", ColumnType::Int64),
        ("SUM(Units)", ColumnType::Int64),
        ("SUM(Price)", decimal(2)),
        ("SUM(COALESCE(Price, 0) + Rate)", decimal(4)),
        ("SUM(Price * Rate)", decimal(6)),
        ("SUM(Price * Hours)", ColumnType::Float64),
        ("SUM(Price / Units)", ColumnType::Float64),
        ("AVG(Price)", ColumnType::Float64),
        ("MIN(Price)", ColumnType::Decimal { precision: 18, scale: 2 }),
        ("MAX(Name)", ColumnType::String),
        ("MAX(Day)", ColumnType::Date),
        ("SUM(Units) / COUNT(*)", ColumnType::Float64),
        ("SUM(Units) + COUNT(*)", ColumnType::Int64),
        ("COALESCE(SUM(Price), 0)", decimal(2)),
    ];
    for (text, expected) in cases {
        let expression = parse(text, &columns()).unwrap_or_else(|error| panic!("{text}: {error}"));
        assert_eq!(of_metric(&expression, &columns()), Some(expected), "{text}");
    }
}

#[test]
fn refusals() {
    let cases = [
        ("", "the end of the expression at line 1, column 1: here can stand a column, a number, a string, a function or '('"),
        ("Units", "column Units at line 1, column 1 has several values in a group; put it into COUNT, SUM, AVG, MIN or MAX"),
        ("1 + 2", "the expression at line 1, column 3 is the same for every group; a metric needs COUNT, SUM, AVG, MIN or MAX"),
        ("SUM(Unit)", "'Unit' at line 1, column 5 is not a column; did you mean 'Units'?"),
        ("SUM(Name)", "SUM at line 1, column 1 takes numbers, and this is a text"),
        ("AVG(Day)", "AVG at line 1, column 1 takes numbers, and this is a date such as '2026-01-31'"),
        ("SUM(Units + Name)", "the operator at line 1, column 11 takes numbers on both sides"),
        ("SUM(Units) + MAX(Name)", "the operator at line 1, column 12 takes numbers on both sides"),
        ("COUNT(Units || Name)", "'||' at line 1, column 13 joins texts; both of its sides must be string columns or strings"),
        ("MAX(Name) || 'x'", "'||' at line 1, column 11 joins texts of a row; it stands only within COUNT, MIN or MAX"),
        ("SUM(COALESCE(Units, Name))", "the values of COALESCE at line 1, column 5 must be of one type"),
        ("SUM(COUNT(Units))", "the function at line 1, column 5 stands within another; only COALESCE can"),
        ("SUM(DISTINCT Units)", "'DISTINCT' at line 1, column 5: DISTINCT stands only in COUNT"),
        ("SUM(*)", "'*' at line 1, column 5: here can stand a column, a number, a string, a function or '('"),
        ("SUM(Units, Price)", "',' at line 1, column 10: ')' is missing here"),
        ("SUM(Units", "the end of the expression at line 1, column 10: ')' is missing here"),
        ("SUM(Units) x", "'x' at line 1, column 12: here can stand an operator or the end"),
        ("MEDIAN(Units)", "'MEDIAN' at line 1, column 1 is not a function; the functions are COUNT, SUM, AVG, MIN, MAX, COALESCE"),
        ("-SUM(Units)", "'SUM' at line 1, column 2: a minus stands before a number or between two expressions"),
        ("SUM(Units * 99999999999999999999)", "'99999999999999999999' at line 1, column 13: the number is too great"),
        ("SUM('Units)", "the string that opens with ' at line 1, column 5 is not closed; add ' where it ends"),
    ];
    for (text, expected) in cases {
        assert_eq!(parse(text, &columns()).expect_err(text).message, expected, "{text}");
    }
}

#[test]
fn depth_and_length_are_bounded() {
    let nested = |depth: usize| format!("{}COUNT(*){}", "(".repeat(depth), ")".repeat(depth));
    assert!(parse(&nested(32), &columns()).is_ok());
    assert!(parse(&nested(33), &columns()).unwrap_err().message.ends_with("the expression is nested more than 32 deep"));
    assert!(parse(&nested(4000), &columns()).is_err());
    let within = |depth: usize| format!("SUM({}Units{})", "COALESCE(".repeat(depth), ", 0)".repeat(depth));
    assert!(parse(&within(8), &columns()).is_ok());
    assert!(parse(&within(9), &columns()).unwrap_err().message.contains("stands within 8 others"));
    assert!(parse(&[within(8), within(8)].join(" + "), &columns()).is_ok());
    let chain = |length: usize| vec!["COUNT(*)"; length].join("+");
    assert!(parse(&chain(129), &columns()).is_ok());
    assert!(parse(&chain(130), &columns()).unwrap_err().message.ends_with("the expression has more than 128 operators"));
    assert_eq!(parse(&"(".repeat(9000), &columns()).unwrap_err().message, "the expression has 9000 bytes; at most 8192 are taken");
}
