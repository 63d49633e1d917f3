//! Columns with several names, as clients see them: each answer uses the name that its query uses.

use insightgate_identity::program::Program;
use insightgate_query::column::Value as Cell;
use serde_json::json;

use crate::tests::harness::*;

const PLACES: &str = r#"
name = "Places"
program = "mpn"
columns = [
  { name = "PartnerLocation", type = "string", aliases = ["PartnerLocationID"] },
  { name = "Seats", type = "int64" },
]
metrics = [{ name = "TotalSeats", expression = "SUM(Seats)", aliases = ["AllSeats"] }]
"#;

async fn places() -> Deployment {
    let deployment = Deployment::new().await;
    std::fs::write(deployment.folder.path().join("definitions/mpn/Places.toml"), PLACES).unwrap();
    let texts = ["DE", "US", "DE"].map(|text| Some(Cell::String(text.to_owned()))).to_vec();
    deployment.write(Program::Mpn, "Places", CONTOSO, "a.parquet", &[texts, [1, 2, 4].map(|number| Some(Cell::Int(number))).to_vec()]);
    deployment
}

fn asked(endpoint: &str, text: &str) -> String {
    let text: String = url::form_urlencoded::byte_serialize(text.as_bytes()).collect();
    format!("ScheduledQueries/{endpoint}?exportQuery={text}")
}

#[tokio::test]
async fn rows_have_the_names_of_their_query() {
    let deployment = places().await;
    for (text, rows) in [
        ("SELECT PartnerLocation, Seats FROM Places LIMIT 1", json!([{"PartnerLocation": "DE", "Seats": 1}])),
        ("SELECT partnerlocationid FROM Places WHERE PartnerLocation = 'us'", json!([{"PartnerLocationID": "US"}])),
        (
            "SELECT PartnerLocationID, AllSeats FROM Places ORDER BY PartnerLocation ASC",
            json!([{"PartnerLocationID": "DE", "AllSeats": 5}, {"PartnerLocationID": "US", "AllSeats": 2}]),
        ),
        (
            "SELECT DISTINCT PartnerLocation, PartnerLocationID FROM Places ORDER BY PartnerLocationID ASC LIMIT 1",
            json!([{"PartnerLocation": "DE", "PartnerLocationID": "DE"}]),
        ),
    ] {
        assert_eq!(json!(deployment.get(ANA, &asked("testQueryResult", text)).await.ok()), rows, "{text}");
    }
}

#[tokio::test]
async fn files_and_explanations_have_them_too() {
    let deployment = places().await;
    let text = "SELECT PartnerLocationID, AllSeats FROM Places WHERE partnerlocationid = 'de' ORDER BY PartnerLocation";
    for (format, expected) in [
        ("csv", "PartnerLocationID,AllSeats\nDE,5\n"),
        ("tsv", "PartnerLocationID\tAllSeats\nDE\t5\n"),
        ("csv-excel", "\u{feff}PartnerLocationID,AllSeats\r\nDE,5\r\n"),
        ("jsonl", "{\"PartnerLocationID\":\"DE\",\"AllSeats\":5}\n"),
    ] {
        let link = deployment.export(ANA, text, json!({"Format": format})).await;
        assert_eq!(deployment.fetch(&link, &[]).await.text(), expected);
    }
    let explained = deployment.get(ANA, &asked("explainQuery", text)).await.ok().remove(0);
    assert_eq!(explained["selected"], json!(["PartnerLocationID", "AllSeats"]));
    assert_eq!(explained["groupedBy"], json!(["PartnerLocationID"]));
    assert_eq!(explained["orderedBy"], json!([{"name": "PartnerLocationID", "descending": true}]));
    assert_eq!(explained["metrics"][0]["name"], "AllSeats");
    assert_eq!(explained["conditions"], json!(["PartnerLocationID is 'de'"]));
    let sentences = explained["sentences"].to_string();
    assert!(!sentences.replace("PartnerLocationID", "").contains("PartnerLocation"), "{sentences}");
    // A value that does not occur is reported with the name that the query uses.
    let nowhere = asked("testQueryResult", "SELECT Seats FROM Places WHERE PartnerLocationID = 'FR'");
    assert_eq!(deployment.get(ANA, &nowhere).await.envelope()["message"], "'FR' occurs nowhere in PartnerLocationID");
}
