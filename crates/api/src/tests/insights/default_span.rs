//! A query without TIMESPAN reads the six months that end with the last one: the answer says what that leaves out, and nothing else.

use chrono::NaiveDate;
use insightgate_identity::program::Program;
use insightgate_query::column::Value as Cell;
use serde_json::{Value, json};

use crate::tests::harness::*;

const DAYS: &str = r#"
name = "Days"
program = "mpn"
date_column = "Day"
location_column = "MPNId"
columns = [
  { name = "Day", type = "date", aliases = ["Date"] },
  { name = "Number", type = "int64" },
  { name = "MPNId", type = "string" },
]
metrics = [{ name = "Rows", expression = "COUNT(*)" }]
"#;

/// Rows of these days and locations, numbered from 0.
async fn of_days(days: &[(&str, &str)]) -> Deployment {
    let deployment = Deployment::new().await;
    std::fs::write(deployment.folder.path().join("definitions/mpn/Days.toml"), DAYS).unwrap();
    let columns = [
        days.iter().map(|(day, _)| Some(Cell::Date(day.parse::<NaiveDate>().unwrap()))).collect(),
        (0..days.len() as i64).map(|number| Some(Cell::Int(number))).collect(),
        days.iter().map(|(_, location)| Some(Cell::String((*location).to_owned()))).collect(),
    ];
    deployment.write(Program::Mpn, "Days", CONTOSO, "a.parquet", &columns);
    deployment
}

/// The envelope of a preview: the number of rows, the documented message and the notes.
async fn tried(deployment: &Deployment, who: Who, text: &str, more: &[(&str, &str)]) -> (usize, Value, Value) {
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    let query = query.append_pair("exportQuery", text).extend_pairs(more).finish();
    let answer = deployment.get(who, &format!("ScheduledQueries/testQueryResult?{query}")).await;
    let envelope = answer.envelope();
    (answer.ok().len(), envelope["message"].clone(), envelope.get("notes").cloned().unwrap_or_default())
}

fn note(column: &str, sides: &str) -> String {
    format!(
        "without TIMESPAN a query reads LAST_6_MONTHS, here {column} from 2026-05-01 to before 2026-11-01: rows {sides} are left out; \
         TIMESPAN LIFETIME reads all"
    )
}

/// A query, the number of its rows, and what the note says about those that it leaves out.
type Case<'a> = (&'a str, usize, Option<(&'a str, &'a str)>);

/// The tests run on the 22nd of November.
#[tokio::test]
async fn rows_that_are_left_out_are_told_of() {
    let here = "1000001";
    let deployment = of_days(&[("2026-11-02", here), ("2026-10-31", here), ("2026-05-01", here), ("2026-04-30", "1000002")]).await;
    let (after, before) = ("from 2026-11-01 on", "before 2026-05-01");
    let both = format!("{before} and {after}");
    let cases: [Case<'_>; 9] = [
        ("SELECT Number FROM Days", 2, Some(("Day", &both))),
        ("SELECT Rows FROM Days", 1, Some(("Day", &both))),
        ("SELECT DISTINCT Date FROM Days ORDER BY Day LIMIT 1", 1, Some(("Date", &both))),
        // Only rows that meet the conditions are missing.
        ("SELECT Number FROM Days WHERE Number < 2", 1, Some(("Day", after))),
        ("SELECT Number FROM Days WHERE Number > 1", 1, Some(("Day", before))),
        ("SELECT Number FROM Days WHERE Number IN (1, 2)", 2, None),
        // The rows are in the current month, or in a period that the conditions select.
        ("SELECT Number FROM Days WHERE Number = 0", 0, Some(("Day", after))),
        ("SELECT Rows FROM Days WHERE Day <= '2026-04-30' AND Rows > 0", 0, Some(("Day", before))),
        ("SELECT Number FROM Days WHERE Number = 77", 0, None),
    ];
    for (text, count, sides) in cases {
        let (rows, message, notes) = tried(&deployment, ANA, text, &[]).await;
        assert_eq!(rows, count, "{text}");
        match sides {
            // If there are rows, the documented message is unchanged.
            Some((column, sides)) if count == 0 => assert_eq!((message, notes), (json!(note(column, sides)), Value::Null), "{text}"),
            Some((column, sides)) => assert_eq!((message, notes), (Value::Null, json!([note(column, sides)])), "{text}"),
            None => assert!(!message.to_string().contains("TIMESPAN") && notes.is_null(), "{text}: {message} {notes}"),
        }
    }
    // A caller who may not see the rows gets no note about them.
    assert_eq!(tried(&deployment, LEA, "SELECT Number FROM Days", &[]).await, (2, Value::Null, json!([note("Day", after)])));
    // A caller who gives a time gets no note.
    for (text, more) in [
        ("SELECT Number FROM Days TIMESPAN LAST_6_MONTHS", &[][..]),
        ("SELECT Number FROM Days TIMESPAN LIFETIME", &[]),
        ("SELECT Number FROM Days", &[("startTime", "2026-05-01T00:00:00Z")]),
        ("SELECT Number FROM Days", &[("endTime", "2026-11-01T00:00:00Z")]),
        ("SELECT Name FROM Sales", &[]),
    ] {
        let (_, message, notes) = tried(&deployment, ANA, text, more).await;
        assert_eq!((message, notes), (Value::Null, Value::Null), "{text} {more:?}");
    }
}

#[tokio::test]
async fn an_execution_tells_of_them_too() {
    let deployment = of_days(&[("2026-11-02", "1000001"), ("2026-10-31", "1000001")]).await;
    for (text, fields, expected) in [
        ("SELECT Number FROM Days", json!({}), json!(note("Day", "from 2026-11-01 on"))),
        ("SELECT Number FROM Days TIMESPAN LAST_6_MONTHS", json!({}), Value::Null),
        ("SELECT Number FROM Days", json!({"QueryStartTime": "2026-10-01T00:00:00Z", "QueryEndTime": "2026-11-01T00:00:00Z"}), Value::Null),
    ] {
        let query = deployment.create_query(ANA, text).await;
        let report = deployment.create_report(ANA, &query, with(json!({"ExecuteNow": true}), fields)).await;
        deployment.work().await;
        let execution = deployment.executions(ANA, &report).await.remove(0);
        assert_eq!((&execution["rowCount"], &execution["message"]), (&json!(1), &expected), "{execution}");
    }
}
