//! `testQueryResult`: the number of rows, their period, their JSON, and the message about them.

use std::time::Duration;

use axum::body::Body;
use axum::http::{Request, header};
use chrono::{NaiveDate, TimeDelta};
use insightgate_identity::program::Program;
use insightgate_identity::role::{Locations, Role, RoleAssignment};
use insightgate_identity::scope::TenantScope;
use insightgate_operations::clock::Clock;
use insightgate_operations::context::Settings;
use insightgate_query::column::Value as Cell;
use insightgate_query::format::Format;
use insightgate_query::timespan::Window;
use insightgate_report::instant;
use serde_json::{Value, json};
use tokio::io::AsyncReadExt;

use crate::tests::harness::*;

const DAYS: &str = r#"
name = "Days"
program = "mpn"
date_column = "Day"
columns = [
  { name = "Day", type = "date" },
  { name = "Number", type = "int64" },
  { name = "Kind", type = "string", allowed = ["odd", "even"] },
  { name = "Secret", type = "string", sensitive = true },
]
metrics = [
  { name = "Rows", expression = "COUNT(*)" },
  { name = "Last", expression = "MAX(Day)" },
  { name = "Least", expression = "MIN(Number)" },
  { name = "Greatest", expression = "MAX(Number)" },
]
"#;
const TYPES: &str = r#"
name = "Types"
program = "mpn"
columns = [
  { name = "Int", type = "int64" },
  { name = "Float", type = "float64" },
  { name = "Wide", type = "decimal(38,10)" },
  { name = "Whole", type = "decimal(20,0)" },
  { name = "Day", type = "date" },
  { name = "At", type = "timestamp" },
  { name = "Yes", type = "bool" },
  { name = "Text", type = "string" },
]
metrics = [
  { name = "Sum", expression = "SUM(Int)" },
  { name = "WideSum", expression = "SUM(Wide)" },
  { name = "Average", expression = "AVG(Int)" },
  { name = "PerNothing", expression = "SUM(Float) / 0" },
]
"#;

fn define(deployment: &Deployment, name: &str, text: &str) {
    std::fs::write(deployment.folder.path().join(format!("definitions/mpn/{name}.toml")), text).unwrap();
}

/// Rows numbered from 0, one for each of `days` days from the first on, and one without a date.
fn of_days(deployment: Deployment, first: &str, days: u64) -> Deployment {
    define(&deployment, "Days", DAYS);
    let first: NaiveDate = first.parse().unwrap();
    let every = || (0..days).map(|number| first + TimeDelta::days(number as i64));
    deployment.write(
        Program::Mpn,
        "Days",
        CONTOSO,
        "a.parquet",
        &[
            every().map(|day| Some(Cell::Date(day))).chain([None]).collect(),
            (0..=days as i64).map(|number| Some(Cell::Int(number))).collect(),
            (0..=days).map(|number| Some(Cell::String(if number % 2 == 0 { "even" } else { "odd" }.into()))).collect(),
            (0..=days).map(|number| Some(Cell::String(format!("s{number}")))).collect(),
        ],
    );
    deployment
}

async fn tried(deployment: &Deployment, who: Who, text: &str, more: &[(&str, &str)]) -> Answer {
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    let query = query.append_pair("exportQuery", text).extend_pairs(more).finish();
    deployment.get(who, &format!("ScheduledQueries/testQueryResult?{query}")).await
}

async fn rows(deployment: &Deployment, text: &str, more: &[(&str, &str)]) -> Vec<Value> {
    tried(deployment, ANA, text, more).await.ok()
}

#[tokio::test]
async fn a_hundred_rows_and_no_more() {
    let deployment = of_days(Deployment::new().await, "2020-01-01", 250);
    for (rest, expected) in [
        ("", 100),
        ("LIMIT 1", 1),
        ("LIMIT 99", 99),
        ("LIMIT 100", 100),
        ("LIMIT 101", 100),
        ("LIMIT 9223372036854775807", 100),
        ("ORDER BY Number LIMIT 9223372036854775807", 100),
        ("ORDER BY Number ASC", 100),
        ("WHERE Number < 7", 7),
    ] {
        let text = format!("SELECT Number FROM Days {rest} TIMESPAN LIFETIME");
        let answer = tried(&deployment, ANA, &text, &[]).await;
        assert_eq!((answer.ok().len(), &answer.envelope()["totalCount"]), (expected, &json!(expected)), "{text}");
    }
    assert_eq!(rows(&deployment, "SELECT Number FROM Days ORDER BY Number TIMESPAN LIFETIME", &[]).await[0], json!({"Number": 250}));
    // Groups are counted after grouping, however many rows they contain.
    assert_eq!(
        rows(&deployment, "SELECT Kind, Rows FROM Days ORDER BY Rows LIMIT 5 TIMESPAN LIFETIME", &[]).await,
        [json!({"Kind": "even", "Rows": 126}), json!({"Kind": "odd", "Rows": 125})]
    );
    assert_eq!(rows(&deployment, "SELECT Day, Rows FROM Days TIMESPAN LIFETIME", &[]).await.len(), 100);
    for text in ["LIMIT 0", "LIMIT 9223372036854775808", "LIMIT 99999999999999999999999", "LIMIT -1", "LIMIT 1.5", "LIMIT '5'"] {
        let refused = tried(&deployment, ANA, &format!("SELECT Number FROM Days {text} TIMESPAN LIFETIME"), &[]).await.refused(400);
        assert!(refused.contains("LIMIT takes"), "{text}: {refused}");
    }
}

/// A span with its first and its last day.
type SpanDays = (&'static str, &'static str, &'static str);

/// Each span at several times, with its first and its last day.
#[tokio::test]
async fn spans_hold_their_first_day_and_not_their_last() {
    let deployment = Deployment::start(Settings::default(), Clock::manual(instant::parse("2024-01-01T00:00:00Z").unwrap())).await;
    let deployment = of_days(deployment, "2022-01-01", 1200);
    let number = |day: &str| (day.parse::<NaiveDate>().unwrap() - "2022-01-01".parse::<NaiveDate>().unwrap()).num_days();
    let table: &[(&str, &[SpanDays])] = &[
        // The first instant of a year, when no time of today has passed.
        (
            "2024-01-01T00:00:00Z",
            &[
                ("TODAY", "", ""),
                ("YESTERDAY", "2023-12-31", "2023-12-31"),
                ("LAST_7_DAYS", "2023-12-25", "2023-12-31"),
                ("LAST_365_DAYS", "2023-01-01", "2023-12-31"),
                ("LAST_MONTH", "2023-12-01", "2023-12-31"),
                ("LAST_3_MONTHS", "2023-10-01", "2023-12-31"),
                ("LAST_1_YEAR", "2023-01-01", "2023-12-31"),
            ],
        ),
        // A second later today has begun.
        ("2024-01-01T00:00:01Z", &[("TODAY", "2024-01-01", "2024-01-01"), ("YESTERDAY", "2023-12-31", "2023-12-31")]),
        // The leap day, its last second, and the day after it.
        (
            "2024-02-29T23:59:59Z",
            &[
                ("TODAY", "2024-02-29", "2024-02-29"),
                ("YESTERDAY", "2024-02-28", "2024-02-28"),
                ("LAST_14_DAYS", "2024-02-15", "2024-02-28"),
                ("LAST_30_DAYS", "2024-01-30", "2024-02-28"),
                ("LAST_MONTH", "2024-01-01", "2024-01-31"),
            ],
        ),
        (
            "2024-03-01T00:00:00Z",
            &[
                ("TODAY", "", ""),
                ("YESTERDAY", "2024-02-29", "2024-02-29"),
                ("LAST_MONTH", "2024-02-01", "2024-02-29"),
                ("LAST_365_DAYS", "2023-03-02", "2024-02-29"),
                ("LAST_1_YEAR", "2023-03-01", "2024-02-29"),
            ],
        ),
        // The end of a long month, which the months before it do not have.
        (
            "2024-05-31T12:00:00Z",
            &[
                ("LAST_90_DAYS", "2024-03-02", "2024-05-30"),
                ("LAST_180_DAYS", "2023-12-03", "2024-05-30"),
                ("LAST_MONTH", "2024-04-01", "2024-04-30"),
                ("LAST_3_MONTHS", "2024-02-01", "2024-04-30"),
                ("LAST_6_MONTHS", "2023-11-01", "2024-04-30"),
                ("", "2023-11-01", "2024-04-30"),
            ],
        ),
    ];
    for (now, spans) in table {
        deployment.advance(instant::parse(now).unwrap() - deployment.now());
        for (span, first, last) in *spans {
            let span = if span.is_empty() { String::new() } else { format!("TIMESPAN {span}") };
            let found = rows(&deployment, &format!("SELECT Least, Greatest, Rows FROM Days {span}"), &[]).await;
            let expected = match first.is_empty() {
                true => json!([{"Least": null, "Greatest": null, "Rows": 0}]),
                false => {
                    let (first, last) = (number(first), number(last));
                    json!([{"Least": first, "Greatest": last, "Rows": last - first + 1}])
                }
            };
            assert_eq!(Value::from(found), expected, "{span} at {now}");
        }
    }
}

/// Parameters of the client override the span; the start is inclusive, the end is exclusive, and the time of day counts.
type Parameters<'a> = &'a [(&'a str, &'a str)];

#[tokio::test]
async fn start_and_end_go_before_the_span() {
    let deployment = of_days(Deployment::new().await, "2026-11-01", 60);
    assert_eq!(NOW, "2026-11-22T12:00:00Z");
    let days = |from: i64, to: i64| (from..=to).map(|number| json!({"Number": number})).collect::<Vec<_>>();
    let (start, end) = ("startTime", "endTime");
    let table: [(Parameters<'_>, Vec<Value>); 14] = [
        (&[(start, "2026-11-05T00:00:00Z"), (end, "2026-11-07T00:00:00Z")], days(4, 5)),
        (&[(start, "2026-11-05T00:00:01Z"), (end, "2026-11-07T00:00:01Z")], days(5, 6)),
        (&[(start, "2026-11-05 00:00:00Z"), (end, "2026-11-05T00:00:01Z")], days(4, 4)),
        (&[(start, "2026-11-05T00:00:00.9Z"), (end, "2026-11-05T00:00:01.9Z")], days(4, 4)),
        (&[("STARTTIME", "2026-11-05T00:00:00Z"), ("endtime", "2026-11-06T00:00:00Z")], days(4, 4)),
        // From a start until now: of today only what has begun.
        (&[(start, "2026-11-20T00:00:00Z")], days(19, 21)),
        (&[(start, "2026-11-22T12:00:00Z")], Vec::new()),
        // A start in the future leaves no rows, and is not an error.
        (&[(start, "2026-12-24T00:00:00Z")], Vec::new()),
        // From the beginning until an end, which may be in the future.
        (&[(end, "2026-11-03T00:00:00Z")], days(0, 1)),
        (&[(end, "2026-10-31T00:00:00Z")], Vec::new()),
        (&[(end, "9999-12-31T23:59:59Z")], days(0, 59)),
        (&[(start, "0001-01-01T00:00:00Z"), (end, "9999-12-31T23:59:59Z")], days(0, 59)),
        // Empty parameters are ignored.
        (&[(start, ""), (end, "")], days(20, 20)),
        (&[], days(20, 20)),
    ];
    for (more, expected) in table {
        let found = rows(&deployment, "SELECT Number FROM Days ORDER BY Number ASC TIMESPAN YESTERDAY", more).await;
        assert_eq!(found, expected, "{more:?}");
    }
    for (more, message) in [
        (&[(start, "2026-11-05T00:00:00Z"), (end, "2026-11-05T00:00:00Z")][..], "endTime should be greater than startTime"),
        (&[(start, "2026-11-06T00:00:00Z"), (end, "2026-11-05T00:00:00Z")], "endTime should be greater than startTime"),
        (&[(start, "2026-11-05")], "startTime should follow format: yyyy-MM-ddTHH:mm:ssZ"),
        (&[(start, "2026-11-05T00:00:00+01:00")], "startTime should follow format: yyyy-MM-ddTHH:mm:ssZ"),
        (&[(end, "2026-02-29T00:00:00Z")], "endTime should follow format: yyyy-MM-ddTHH:mm:ssZ"),
    ] {
        assert_eq!(tried(&deployment, ANA, "SELECT Number FROM Days", more).await.refused(400), message, "{more:?}");
    }
    // A dataset without dates has no period, and the answer says so.
    let answer = tried(&deployment, ANA, ALL_SALES, &[(start, "2026-11-05T00:00:00Z")]).await;
    assert_eq!(answer.ok().len(), 3);
    assert_eq!(answer.envelope()["message"], "Sales has no date column, so startTime and endTime do not apply");
}

/// Numbers are as exact as their types: a client that reads them as text loses no digit.
#[tokio::test]
async fn each_type_is_exact_json() {
    let deployment = Deployment::new().await;
    define(&deployment, "Types", TYPES);
    let (largest, nines) = ("99999999999999999999999999999999999999", 10_i128.pow(38) - 1);
    let time = |text: &str| Some(Cell::Timestamp(text.parse().unwrap()));
    let date = |text: &str| Some(Cell::Date(text.parse().unwrap()));
    let decimal = |unscaled, scale| Some(Cell::Decimal { unscaled, scale });
    let float = |number| Some(Cell::Float(number));
    let text = |text: &str| Some(Cell::String(text.to_owned()));
    let columns = [
        vec![Some(Cell::Int(i64::MAX)), Some(Cell::Int(i64::MIN)), Some(Cell::Int(0)), None],
        vec![float(0.1), float(-0.0), float(f64::NAN), float(f64::INFINITY)],
        vec![decimal(nines, 10), decimal(-1, 10), decimal(0, 10), None],
        vec![decimal(10_i128.pow(20) - 1, 0), decimal(-7, 0), decimal(0, 0), None],
        vec![date("9999-12-31"), date("0001-01-01"), date("2024-02-29"), None],
        vec![time("2024-02-29T23:59:59.999999Z"), time("1969-12-31T23:59:59.5Z"), time("2024-01-01T00:00:00Z"), None],
        vec![Some(Cell::Bool(true)), Some(Cell::Bool(false)), None, None],
        vec![text("\"\\\u{1}\u{7f}é\u{2028}😀"), text(""), text(" null "), None],
    ];
    deployment.write(Program::Mpn, "Types", CONTOSO, "a.parquet", &columns);
    let answer = tried(&deployment, ANA, "SELECT Int, Float, Wide, Whole, Day, At, Yes, Text FROM Types", &[]).await;
    assert_eq!(answer.ok().len(), 4);
    let (whole, fraction) = largest.split_at(28);
    let expected = [
        format!(
            r#"{{"Int":9223372036854775807,"Float":0.1,"Wide":{whole}.{fraction},"Whole":99999999999999999999,"Day":"9999-12-31","At":"2024-02-29T23:59:59.999999Z","Yes":true,"Text":"\"\\\u0001"#
        ) + "\u{7f}é\u{2028}😀\"}",
        r#"{"Int":-9223372036854775808,"Float":-0.0,"Wide":-0.0000000001,"Whole":-7,"Day":"0001-01-01","At":"1969-12-31T23:59:59.5Z","Yes":false,"Text":""}"#
            .to_owned(),
        r#"{"Int":0,"Float":null,"Wide":0.0000000000,"Whole":0,"Day":"2024-02-29","At":"2024-01-01T00:00:00Z","Yes":null,"Text":" null "}"#.to_owned(),
        r#"{"Int":null,"Float":null,"Wide":null,"Whole":null,"Day":null,"At":null,"Yes":null,"Text":null}"#.to_owned(),
    ];
    assert!(answer.text().starts_with(&format!(r#"{{"value":[{}],"#, expected.join(","))), "{}", answer.text());
    // The same for metrics, whose sums are exact and whose quotients may be null.
    let answer = tried(&deployment, ANA, "SELECT Sum, WideSum, Average, PerNothing FROM Types WHERE Whole < 10", &[]).await;
    assert!(
        answer.text().starts_with(
            r#"{"value":[{"Sum":-9223372036854775808,"WideSum":-0.0000000001,"Average":-4.611686018427388e+18,"PerNothing":null}],"#
        ),
        "{}",
        answer.text()
    );
}

#[tokio::test]
async fn distinct_says_nothing_more_where_metrics_group() {
    let deployment = of_days(Deployment::new().await, "2026-10-01", 20);
    for rest in [
        "Kind, Rows FROM Days ORDER BY Kind",
        "Kind, Kind, Rows, Rows FROM Days",
        "Kind FROM Days WHERE Rows > 1 ORDER BY Rows ASC",
        "Kind FROM Days ORDER BY Rows, Last",
        "Rows FROM Days",
        "Last, Kind FROM Days WHERE Last >= '2026-10-20' LIMIT 9223372036854775807",
    ] {
        let plain = tried(&deployment, ANA, &format!("SELECT {rest}"), &[]).await;
        let distinct = tried(&deployment, ANA, &format!("SELECT DISTINCT {rest}"), &[]).await;
        assert!(!plain.ok().is_empty(), "{rest}");
        assert_eq!(plain.text(), distinct.text(), "{rest}");
    }
    // Without a metric DISTINCT merges rows, including nulls.
    assert_eq!(
        rows(&deployment, "SELECT DISTINCT Kind FROM Days ORDER BY Kind ASC", &[]).await,
        [json!({"Kind": "even"}), json!({"Kind": "odd"})]
    );
}

/// The documented limit is 100 seconds. Here it is shorter, and the preview waits for memory that an export holds whose reader does not read.
#[tokio::test]
async fn a_preview_that_takes_too_long_is_said_to() {
    let deployment = Deployment::with(|settings| settings.preview_timeout = Duration::from_millis(20)).await;
    let plan = insightgate_query::plan(ALL_SALES, &deployment.context.catalogs.of(Program::Mpn)).unwrap();
    let (context, scope) = (std::sync::Arc::clone(&deployment.context), TenantScope::operator(CONTOSO, None, Program::Mpn));
    let (mut writer, mut reader) = tokio::io::duplex(1);
    let unread = tokio::spawn(async move {
        context.engine.export_to_writer(&scope, &plan, Window::All, Format::Csv, &mut writer, &|_| {}).await.map(|summary| summary.rows)
    });
    let mut first = [0];
    reader.read_exact(&mut first).await.unwrap();
    let answer = tried(&deployment, ANA, ALL_SALES, &[]).await;
    let message = "The preview did not finish within 0 seconds. That says nothing against the query: a report of it may still succeed.";
    assert_eq!(answer.refused(500), message);
    // The preview that was aborted holds nothing: both exports finish.
    let mut rest = String::new();
    reader.read_to_string(&mut rest).await.unwrap();
    assert_eq!(rest.lines().count(), 4);
    assert_eq!(unread.await.unwrap().unwrap(), 3);
    let link = deployment.export(ANA, ALL_SALES, json!({})).await;
    assert!(deployment.fetch(&link, &[]).await.text().starts_with("Name,Amount\nalpha,1.00\n"));
    assert_eq!(Settings::default().preview_timeout, Duration::from_secs(100));
}

#[tokio::test]
async fn values_that_occur_nowhere_are_named() {
    let deployment = of_days(Deployment::new().await, "2026-10-01", 20);
    let message = async |who, text: &str| tried(&deployment, who, text, &[]).await.envelope()["message"].clone();
    let cases = [
        ("SELECT Number FROM Days WHERE Kind = 'evn'", json!("'evn' occurs nowhere in Kind; did you mean 'even'?")),
        ("SELECT Number FROM Days WHERE Kind = 'prime'", json!("'prime' occurs nowhere in Kind, whose values are odd or even")),
        ("SELECT Number FROM Days WHERE Number = 77 AND Kind = 'odd'", json!("'77' occurs nowhere in Number")),
        (
            "SELECT Number FROM Days WHERE Number IN (77, 'x', 5, 78) AND Kind = 'even'",
            json!(
                "'x' is not a number, so the list for Number is read without it; '77' occurs nowhere in Number; '78' occurs nowhere in Number"
            ),
        ),
        // All of these values occur, though not together or not in the span, or rows are found.
        ("SELECT Number FROM Days WHERE Number = 4 AND Kind = 'odd'", Value::Null),
        ("SELECT Number FROM Days WHERE Number = 4 TIMESPAN TODAY", Value::Null),
        ("SELECT Number FROM Days WHERE Number IN (4, 77)", Value::Null),
        ("SELECT Number FROM Days WHERE Kind = 'EVEN' AND Number < 0", Value::Null),
        ("SELECT Number FROM Days WHERE Number > 1000", Value::Null),
    ];
    for (text, expected) in cases {
        assert_eq!(message(ANA, text).await, expected, "{text}");
    }
    // A value in another tenant's rows is reported as absent, like any other value that does not occur.
    assert_eq!(message(ANA, "SELECT Name FROM Sales WHERE Name = 'zeta'").await, "'zeta' occurs nowhere in Name");
    assert_eq!(message(LEA, "SELECT Name FROM Sales WHERE Name = 'gamma'").await, "'gamma' occurs nowhere in Name");
    // An execution reports it too.
    let query = deployment.create_query(ANA, "SELECT Number FROM Days WHERE Kind = 'evn'").await;
    let report = deployment.create_report(ANA, &query, json!({"ExecuteNow": true})).await;
    deployment.work().await;
    let execution = deployment.executions(ANA, &report).await.remove(0);
    assert_eq!((&execution["rowCount"], &execution["message"]), (&json!(0), &json!("'evn' occurs nowhere in Kind; did you mean 'even'?")));
}

/// A caller who may not see a sensitive column is not told which values do not occur in it.
#[tokio::test]
async fn redacted_columns_are_not_asked() {
    let deployment = Deployment::with(|settings| settings.access_rules.allow_report_viewer = true).await;
    define(&deployment, "Days", DAYS);
    let row = |text: &str| vec![Some(Cell::String(text.into()))];
    let date = Some(Cell::Date("2026-10-01".parse().unwrap()));
    deployment.write(Program::Mpn, "Days", CONTOSO, "a.parquet", &[vec![date], vec![Some(Cell::Int(1))], row("odd"), row("known")]);
    let viewer = RoleAssignment { role: Role::ReportViewer, locations: Locations::Organization };
    let ben = BEN.user.unwrap();
    deployment.context.store.revoke_role(ben, Role::ExecutiveReportViewer).await.unwrap();
    deployment.context.store.put_role(CONTOSO, ben, &viewer).await.unwrap();
    for value in ["known", "unknown"] {
        let answer = tried(&deployment, BEN, &format!("SELECT Number FROM Days WHERE Secret = '{value}'"), &[]).await;
        assert_eq!((answer.ok().len(), &answer.envelope()["message"]), (0, &Value::Null), "{value}");
    }
    let answer = tried(&deployment, ANA, "SELECT Number FROM Days WHERE Secret = 'unknown'", &[]).await;
    assert_eq!(answer.envelope()["message"], "'unknown' occurs nowhere in Secret");
}

/// A query that is too long for a URL.
#[tokio::test]
async fn a_preview_takes_its_parameters_in_a_body() {
    let deployment = Deployment::new().await;
    let long = format!("SELECT Name FROM Sales WHERE Name IN ({}) ORDER BY Name ASC", vec!["'alpha'"; 5_000].join(", "));
    for version in ["v1", "v1.1"] {
        let post = async |path: &str, body: Value| {
            let request = Request::post(format!("/insights/{version}/mpn/{path}"))
                .header(header::AUTHORIZATION, format!("Bearer {}", deployment.token(ANA)))
                .body(Body::from(body.to_string()));
            deployment.send(request.unwrap()).await
        };
        assert_eq!(post("ScheduledQueries/testQueryResult", json!({"exportQuery": long})).await.ok(), [json!({"Name": "alpha"})]);
        let saved = deployment.create_query(ANA, ALL_SALES).await;
        assert_eq!(post("ScheduledQueries/TestQueryResult", json!({"QUERYID": saved})).await.ok().len(), 3);
        // The URL may have parameters that the body leaves out, and the body takes precedence.
        assert_eq!(post(&format!("scheduledqueries/testqueryresult?queryId={saved}"), json!({})).await.ok().len(), 3);
        let wrong = json!({"exportQuery": "SELECT Name FROM Sales", "startTime": "soon"});
        let refused = post("ScheduledQueries/testQueryResult?startTime=2026-01-01T00:00:00Z", wrong).await.refused(400);
        assert!(refused.contains("startTime should follow format"), "{refused}");
        let refused = post("ScheduledQueries/testQueryResult", json!({"exportQuery": 7})).await.refused(400);
        assert_eq!(refused, "exportQuery should be a string, but is the number 7.");
        let refused = post("ScheduledQueries/testQueryResult", json!({})).await.refused(400);
        assert_eq!(refused, "Give exactly one of exportQuery and queryId.");
    }
}
