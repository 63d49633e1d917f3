#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use super::ast::{Condition, Literal, LiteralValue, Name, OrderItem, Predicate, SpanClause};
use super::*;
use crate::column::Comparison;
use crate::timespan::TimeSpan;

mod generated;

fn messages(text: &str) -> Vec<String> {
    parse(text).expect_err(text).into_iter().map(|d| d.message).collect()
}

fn name(text: &str) -> Name {
    Name { text: text.to_owned(), at: Span::default() }
}

fn literal(value: LiteralValue) -> Literal {
    Literal { value, at: Span::default() }
}

#[test]
fn a_name_is_quoted_where_it_has_to_be() {
    for bare in ["Seats", "3PApps", "_", "Umsätze", "字体", "हिंदी", "True", "Price(USD)", "Price(US2)"] {
        assert_eq!(written_name(bare), bare);
    }
    for quoted in [
        "Net price",
        "Order",
        "in",
        "2024",
        "20.5",
        "a-b",
        "%",
        "",
        "[a]",
        "it's",
        "COUNT(Seats)",
        "Price(IN)",
        "Price(2)",
        "Price( USD)",
        "A, B",
        "A FROM B",
        "DISTINCT A",
        "A;",
        " A",
        "A ",
    ] {
        assert_eq!(written_name(quoted), format!("\"{quoted}\""));
    }
    assert_eq!(written_name("a\"b"), "\"a\"\"b\"");
    for name in ["a\"b", "\"a\"", "Net price", "Price(USD)", "2024"] {
        let select = parse(&format!("SELECT {} FROM D", written_name(name))).unwrap();
        assert_eq!(select.names[0].text, name);
    }
}

#[test]
fn every_clause() {
    let text = "select distinct A, \"b \"\"c\", [d ]] e], 3PApps from X where a = 'it''s' and b != -1.50 AND c NOT in (1, 'x') \
                and d like '%' AND e Not Like 5 and f >= TRUE order by a, b asc, c DESC limit 10 timespan last_7_days ;";
    let string = |text: &str| literal(LiteralValue::String(text.to_owned()));
    let number = |text: &str| literal(LiteralValue::Number(text.to_owned()));
    let condition = |field: &str, predicate| Condition { name: name(field), predicate };
    let order = |field: &str, descending| OrderItem { name: name(field), descending };
    let expected = Select {
        distinct: true,
        names: vec![name("A"), name("b \"c"), name("d ] e"), name("3PApps")],
        dataset: name("X"),
        conditions: vec![
            condition("a", Predicate::Compare(Comparison::Equal, string("it's"))),
            condition("b", Predicate::Compare(Comparison::NotEqual, number("-1.50"))),
            condition("c", Predicate::In { values: vec![number("1"), string("x")], negated: true }),
            condition("d", Predicate::Like { pattern: string("%"), negated: false }),
            condition("e", Predicate::Like { pattern: number("5"), negated: true }),
            condition("f", Predicate::Compare(Comparison::GreaterOrEqual, literal(LiteralValue::Bool(true)))),
        ],
        order: vec![order("a", true), order("b", false), order("c", true)],
        limit: Some(10),
        span: Some(SpanClause { span: TimeSpan::Last7Days, at: Span::default() }),
    };
    assert_eq!(parse(text), Ok(expected.clone()));
    let normal = "SELECT DISTINCT A, \"b \"\"c\", \"d ] e\", 3PApps FROM X WHERE a = 'it''s' AND b != -1.50 AND c NOT IN (1, 'x') AND d LIKE '%' \
                  AND e NOT LIKE 5 AND f >= true ORDER BY a DESC, b ASC, c DESC LIMIT 10 TIMESPAN LAST_7_DAYS";
    assert_eq!(expected.to_string(), normal);
    assert_eq!(parse(normal), Ok(expected));
}

#[test]
fn places_are_lines_and_characters() {
    let select = parse("\u{feff}SELECT a,\r\n  \"ü\" ,b FROM x WHERE b = 'é\n' AND c = 1").unwrap();
    let places: Vec<_> = select.names.iter().map(|name| (name.at.line, name.at.column, name.at.length)).collect();
    assert_eq!(places, [(1, 9, 1), (2, 3, 3), (2, 8, 1)]);
    let Predicate::Compare(_, value) = &select.conditions[0].predicate else { panic!("{select:?}") };
    assert_eq!((value.at.line, value.at.column, value.at.length), (2, 27, 4));
    assert_eq!((select.conditions[1].name.at.line, select.conditions[1].name.at.column), (3, 7));
}

/// The messages, letter by letter.
#[test]
fn refusals() {
    let cases: &[(&str, &[&str])] = &[
        ("", &["the query at line 1, column 1 is empty; write SELECT names FROM dataset"]),
        (" \n ; ", &["the query at line 1, column 1 is empty; write SELECT names FROM dataset"]),
        ("DROP TABLE x", &["'DROP' at line 1, column 1 stands where a query starts; it starts with SELECT"]),
        ("SELECT * FROM x", &["SELECT * at line 1, column 8 is not supported; name the columns and metrics to return"]),
        ("SELECT FROM x", &["a column or metric is missing before 'FROM' at line 1, column 8"]),
        ("SELECT a, FROM x", &["a column or metric is missing before 'FROM' at line 1, column 11"]),
        ("SELECT a", &["FROM is missing at line 1, column 9; write SELECT names FROM dataset"]),
        ("FROM x", &["SELECT is missing at line 1, column 1; write SELECT names FROM dataset"]),
        ("LIMIT 5", &["SELECT and FROM are missing at line 1, column 1; write SELECT names FROM dataset"]),
        ("SELECT a FROM", &["a dataset is missing before the end of the query at line 1, column 14"]),
        ("SELECT a b FROM x", &["',' is missing before 'b' at line 1, column 10"]),
        ("SELECT a AS b FROM x", &["'AS' at line 1, column 10: AS is not supported; columns and metrics keep the names of the dataset"]),
        (
            "SELECT SUM(a) FROM x",
            &["'(' at line 1, column 11: functions are not supported; name a column or metric, in double quotes if it holds a parenthesis"],
        ),
        ("SELECT a + 1 FROM x", &["'+' at line 1, column 10: expressions are not supported; name a column or metric of the dataset"]),
        (
            "SELECT 'a' FROM x",
            &["'a' at line 1, column 8 is a string where a column or metric is expected; names stand bare or in double quotes: \"a\""],
        ),
        (
            "SELECT by FROM x",
            &[
                "'by' at line 1, column 8 is a keyword where a column or metric is expected; a name of that spelling stands in double quotes: \"by\"",
            ],
        ),
        ("SELECT \"\" FROM x", &["the name at line 1, column 8 is empty"]),
        ("SELECT a FROM x, y", &["',' at line 1, column 16: JOIN is not supported; a query reads one dataset"]),
        ("SELECT a FROM x JOIN y", &["'JOIN' at line 1, column 17: JOIN is not supported; a query reads one dataset"]),
        (
            "SELECT a FROM x GROUP BY a",
            &["'GROUP' at line 1, column 17: GROUP BY is not supported and not needed; a metric in SELECT groups by the selected columns"],
        ),
        ("SELECT a FROM x y", &["'y' at line 1, column 17 is not expected; here can stand WHERE, ORDER BY, LIMIT, TIMESPAN or the end"]),
        (
            "SELECT a FROM x WHERE a = 1 OR b = 2 AND c = @",
            &[
                "'OR' at line 1, column 29: OR is not supported; list the values of one column with IN ('a', 'b'), or make a query for each alternative",
                "'@' at line 1, column 46 has no meaning; a query is made of names, 'strings', numbers, operators, commas and parentheses",
                "the end of the query at line 1, column 47: a value is missing; write a number or a string in single quotes",
            ],
        ),
        (
            "SELECT a FROM x WHERE (a = 1 OR b = 2) AND c ~ 3",
            &[
                "'(' at line 1, column 23: parentheses around conditions are not supported; join conditions with AND",
                "'~' at line 1, column 46 has no meaning; a query is made of names, 'strings', numbers, operators, commas and parentheses",
                "'3' at line 1, column 48: here can stand =, !=, <, <=, >, >=, LIKE, NOT LIKE, IN or NOT IN",
            ],
        ),
        ("SELECT a FROM x WHERE a <> 1", &["'<>' at line 1, column 25: 'not equal' is written !="]),
        ("SELECT a FROM x WHERE a == 1", &["'==' at line 1, column 25: equality is written ="]),
        (
            "SELECT a FROM x WHERE a IS NULL",
            &[
                "'IS' at line 1, column 25: NULL is not supported; no condition matches a null value, so any condition on a name leaves the nulls out",
            ],
        ),
        (
            "SELECT a FROM x WHERE a BETWEEN 1 AND 2",
            &[
                "'BETWEEN' at line 1, column 25: BETWEEN is not supported; write name >= low AND name <= high",
                "'2' at line 1, column 39 is a number where a column or metric is expected; a name of that spelling stands in double quotes",
            ],
        ),
        ("SELECT a FROM x WHERE NOT a = 1", &["'NOT' at line 1, column 23: NOT stands only behind a name, in NOT LIKE and NOT IN"]),
        ("SELECT a FROM x WHERE a NOT 1", &["'1' at line 1, column 29: here can stand LIKE or IN"]),
        (
            "SELECT a FROM x WHERE a = 1, b = 2",
            &["',' at line 1, column 28: here can stand AND and another condition, ORDER BY, LIMIT, TIMESPAN or the end"],
        ),
        ("SELECT a FROM x WHERE a = \"US\"", &["'US' at line 1, column 27 is a name; write a string in single quotes: 'US'"]),
        (
            "SELECT a FROM x WHERE a = 6096xxx",
            &["'6096xxx' at line 1, column 27 is neither a number nor a string; write a string in single quotes: '6096xxx'"],
        ),
        ("SELECT a FROM x WHERE a = 1.2.3", &["'.' at line 1, column 30: a number has digits on both sides of its one point"]),
        ("SELECT a FROM x WHERE a = 1.", &["'.' at line 1, column 28: a number has digits on both sides of its one point"]),
        ("SELECT a FROM x WHERE a = .5", &["'.' at line 1, column 27: a number has digits on both sides of its one point"]),
        ("SELECT a FROM x WHERE a = +5", &["'+' at line 1, column 27: a number stands without a plus"]),
        ("SELECT a FROM x.y", &["'.' at line 1, column 16: a name has one part; quote one that holds a dot: \"a.b\""]),
        (
            "SELECT a FROM x WHERE a = 1.5e3",
            &["'1.5e3' at line 1, column 27 is not a number; write digits, with a fraction perhaps, or a string in single quotes"],
        ),
        ("SELECT a FROM x WHERE a = -'1'", &["'-' at line 1, column 27: digits are missing behind the minus"]),
        ("SELECT a FROM x WHERE a = (1)", &["'(' at line 1, column 27: a list stands only behind IN or NOT IN"]),
        ("SELECT a FROM x WHERE a IN 1", &["'1' at line 1, column 28: IN takes a list in parentheses: IN ('a', 'b')"]),
        ("SELECT a FROM x WHERE a IN ()", &["')' at line 1, column 29: a value is missing; write a number or a string in single quotes"]),
        ("SELECT a FROM x WHERE a IN (1 2)", &["'2' at line 1, column 31: here can stand ',' and another value, or ')'"]),
        (
            "SELECT a FROM x WHERE a IN (SELECT b FROM (y)) LIMIT 5",
            &["'SELECT' at line 1, column 29: subqueries are not supported; list the values"],
        ),
        (
            "SELECT a FROM x WHERE n = Contoso test' TIMESPAN LAST_MONTH",
            &[
                "'Contoso' at line 1, column 27 is neither a number nor a string; write a string in single quotes: 'Contoso'",
                "the string that opens with ' at line 1, column 39 is not closed; add ' where it ends",
            ],
        ),
        (
            "SELECT a FROM x WHERE a = ‘b",
            &[
                "'‘' at line 1, column 27 has no meaning; strings stand in straight single quotes: 'text'",
                "'b' at line 1, column 28 is neither a number nor a string; write a string in single quotes: 'b'",
            ],
        ),
        ("SELECT a FROM x ORDER a", &["'a' at line 1, column 23: BY is missing behind ORDER"]),
        (
            "SELECT a FROM x ORDER BY a NULLS LAST",
            &["'NULLS' at line 1, column 28: NULLS FIRST and NULLS LAST are not supported; nulls always come last"],
        ),
        ("SELECT a FROM x LIMIT 0", &["'0' at line 1, column 23: LIMIT takes a whole number from 1 to 9223372036854775807"]),
        ("SELECT a FROM x LIMIT 1.5", &["'1.5' at line 1, column 23: LIMIT takes a whole number from 1 to 9223372036854775807"]),
        ("SELECT a FROM x LIMIT -1", &["'-' at line 1, column 23: LIMIT takes the number of rows, from 1"]),
        ("SELECT a FROM x LIMIT 5 OFFSET 3", &["'OFFSET' at line 1, column 25: only LIMIT is supported; it takes the number of rows"]),
        (
            "SELECT a FROM x TIMESPAN 'LAST_MONTH'",
            &["'LAST_MONTH' at line 1, column 26: TIMESPAN takes a bare keyword: TIMESPAN LAST_MONTH"],
        ),
        (
            "SELECT a FROM x TIMESPAN LIMIT 5",
            &[
                "'LIMIT' at line 1, column 26: TIMESPAN takes one of TODAY, YESTERDAY, LAST_7_DAYS, LAST_14_DAYS, LAST_30_DAYS, LAST_90_DAYS, LAST_180_DAYS, LAST_365_DAYS, LAST_MONTH, LAST_3_MONTHS, LAST_6_MONTHS, LAST_1_YEAR or LIFETIME",
                "LIMIT at line 1, column 26 must stand before TIMESPAN; the order of clauses is SELECT, FROM, WHERE, ORDER BY, LIMIT, TIMESPAN",
            ],
        ),
        (
            "SELECT a FROM x TIMESPAN LAST_1_YEAR WHERE a = 1 WHERE b = 2",
            &[
                "WHERE at line 1, column 38 must stand before TIMESPAN; the order of clauses is SELECT, FROM, WHERE, ORDER BY, LIMIT, TIMESPAN",
                "WHERE stands a second time at line 1, column 50; join conditions with AND",
            ],
        ),
        ("SELECT a FROM x; SELECT b FROM x", &["'SELECT' at line 1, column 18 stands after the ';'; give one query at a time"]),
        (
            "SELECT a FROM x -- why WHERE\nLIMIT 0",
            &[
                "'--' at line 1, column 17 begins a comment; comments are not supported: leave it out",
                "'0' at line 2, column 7: LIMIT takes a whole number from 1 to 9223372036854775807",
            ],
        ),
        (
            "SELECT a /* no */ FROM x /*",
            &[
                "'/*' at line 1, column 10 begins a comment; comments are not supported: leave it out",
                "'/*' at line 1, column 26 begins a comment; comments are not supported: leave it out",
            ],
        ),
        (
            "SELECT a, DISTINCT b FROM x",
            &["'DISTINCT' at line 1, column 11: DISTINCT stands once, directly behind SELECT; it is about whole rows"],
        ),
        ("SELECT TOP 10 a FROM x", &["'TOP' at line 1, column 8: only LIMIT is supported; it takes the number of rows"]),
        ("SELECT `a b` FROM x", &["'`' at line 1, column 8 has no meaning; a name stands bare, in double quotes or in brackets"]),
        ("SELECT a FROM x WHERE a => 1", &["'=>' at line 1, column 25: 'greater or equal' is written >="]),
        (
            "SELECT a FROM x WHERE a LIKE 'b' ESCAPE '!'",
            &["'ESCAPE' at line 1, column 34: ESCAPE is not supported; in a pattern, \\ takes the next character as it is"],
        ),
        (
            "SELECT a FROM x WHERE a = 'b\nc' OR",
            &[
                "'OR' at line 2, column 4: OR is not supported; list the values of one column with IN ('a', 'b'), or make a query for each alternative",
            ],
        ),
        (
            "SELECT 'a\n\u{1b}b' FROM x",
            &[
                "'a �b' at line 1, column 8 is a string where a column or metric is expected; names stand bare or in double quotes: \"a �b\"",
            ],
        ),
    ];
    for (text, expected) in cases {
        assert_eq!(messages(text), *expected, "{text}");
    }
}

#[test]
fn a_time_span_that_is_almost_one_is_named() {
    let message = &messages("SELECT a FROM x TIMESPAN LAST_MONTHS")[0];
    assert!(
        message.starts_with("'LAST_MONTHS' at line 1, column 26 is not a time span; did you mean LAST_MONTH? All are TODAY, "),
        "{message}"
    );
}

/// A misspelled keyword is read as it was meant, so that what follows reports only its own errors.
#[test]
fn keywords_that_are_almost_right() {
    let cases: &[(&str, &[&str])] = &[
        (
            "SELCT a FROM x LIMIT 0",
            &[
                "'SELCT' at line 1, column 1 stands where a query starts; it starts with SELECT",
                "'0' at line 1, column 22: LIMIT takes a whole number from 1 to 9223372036854775807",
            ],
        ),
        (
            "SELECT a FORM x",
            &["'FORM' at line 1, column 10 is not expected; did you mean FROM? Here can stand ',' and another name, or FROM"],
        ),
        (
            "SELECT a, b c frm x WHRE d = 1",
            &[
                "',' is missing before 'c' at line 1, column 13",
                "'frm' at line 1, column 15 is not expected; did you mean FROM? Here can stand ',' and another name, or FROM",
                "'WHRE' at line 1, column 21 is not expected; did you mean WHERE? Here can stand WHERE, ORDER BY, LIMIT, TIMESPAN or the end",
            ],
        ),
        (
            "SELECT a FROM x WHRE b LIEK 'c' ADN d NTO IN (1) ODER BY a DSEC LIMT 5 TIMSPAN LIFETIME",
            &[
                "'WHRE' at line 1, column 17 is not expected; did you mean WHERE? Here can stand WHERE, ORDER BY, LIMIT, TIMESPAN or the end",
                "'LIEK' at line 1, column 24: did you mean LIKE? Here can stand =, !=, <, <=, >, >=, LIKE, NOT LIKE, IN or NOT IN",
                "'ADN' at line 1, column 33: did you mean AND? Here can stand AND and another condition, ORDER BY, LIMIT, TIMESPAN or the end",
                "'NTO' at line 1, column 39: did you mean NOT? Here can stand =, !=, <, <=, >, >=, LIKE, NOT LIKE, IN or NOT IN",
                "'ODER' at line 1, column 50: did you mean ORDER BY? Here can stand AND and another condition, ORDER BY, LIMIT, TIMESPAN or the end",
                "'DSEC' at line 1, column 60: did you mean DESC? Here can stand ASC, DESC, ',' and another name, LIMIT, TIMESPAN or the end",
                "'LIMT' at line 1, column 65: did you mean LIMIT? Here can stand ASC, DESC, ',' and another name, LIMIT, TIMESPAN or the end",
                "'TIMSPAN' at line 1, column 72 is not expected; did you mean TIMESPAN? Here can stand TIMESPAN or the end",
            ],
        ),
        (
            "SELECT a FROM x ORDERBY a",
            &[
                "'ORDERBY' at line 1, column 17 is not expected; did you mean ORDER BY? Here can stand WHERE, ORDER BY, LIMIT, TIMESPAN or the end",
                "'a' at line 1, column 25: BY is missing behind ORDER",
            ],
        ),
        (
            "SELECT form FROM x WHERE a IM (1)",
            &["'IM' at line 1, column 28: did you mean IN? Here can stand =, !=, <, <=, >, >=, LIKE, NOT LIKE, IN or NOT IN"],
        ),
        ("SELECT a form, b FROM x", &["',' is missing before 'form' at line 1, column 10"]),
        (
            "SELECT a FROM x WHERE b NOT LKIE 'c' ORDR BY a ACS, b LIMIT 0",
            &[
                "'LKIE' at line 1, column 29: did you mean LIKE? Here can stand LIKE or IN",
                "'ORDR' at line 1, column 38: did you mean ORDER BY? Here can stand AND and another condition, ORDER BY, LIMIT, TIMESPAN or the end",
                "'ACS' at line 1, column 48: did you mean ASC? Here can stand ASC, DESC, ',' and another name, LIMIT, TIMESPAN or the end",
                "'0' at line 1, column 61: LIMIT takes a whole number from 1 to 9223372036854775807",
            ],
        ),
    ];
    for (text, expected) in cases {
        assert_eq!(messages(text), *expected, "{text}");
    }
}

#[test]
fn sizes_are_bounded() {
    let long = format!("SELECT a FROM x WHERE a = '{}'", "x".repeat(MAXIMUM_TEXT));
    let errors = parse(&long).unwrap_err();
    assert_eq!((errors.len(), errors[0].code), (1, Code::TooLong));
    assert_eq!(errors[0].message, "the query has 65564 bytes; at most 65536 are taken");
    let cases = [
        (
            format!("SELECT {} FROM x", vec!["a"; 1001].join(",")),
            "there are more than 1000 names behind SELECT at line 1, column 2008; at most that many are taken",
        ),
        (
            format!("SELECT a FROM x WHERE {}", vec!["a=1"; 257].join(" AND ")),
            "there are more than 256 conditions at line 1, column 2071; at most that many are taken",
        ),
        (
            format!("SELECT a FROM x WHERE a IN ({})", vec!["1"; 10_001].join(",")),
            "there are more than 10000 values in a list at line 1, column 20029; at most that many are taken",
        ),
        (
            format!("SELECT a FROM x ORDER BY {}", vec!["a"; 65].join(",")),
            "there are more than 64 names behind ORDER BY at line 1, column 154; at most that many are taken",
        ),
    ];
    for (text, expected) in cases {
        let errors = parse(&text).unwrap_err();
        assert_eq!((errors.len(), errors[0].code, errors[0].message.as_str()), (1, Code::TooLong, expected));
    }
    let digits = format!("SELECT a FROM x WHERE a = {}", "1".repeat(39));
    assert!(messages(&digits)[0].ends_with("has 39 digits; a number may have 38"));
}
