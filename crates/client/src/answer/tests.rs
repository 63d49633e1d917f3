#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use super::*;

#[test]
fn reads_the_documented_envelope() {
    let text =
        r#"{"value":["a"],"nextLink":null,"totalCount":1,"message":"Dataset fetched successfully","statusCode":200,"dataRedacted":true}"#;
    let envelope: Envelope<String> = serde_json::from_str(text).unwrap();
    assert_eq!(envelope.value, ["a"]);
    assert_eq!((envelope.total_count, envelope.status_code, envelope.data_redacted), (1, 200, true));
    assert_eq!(envelope.message.as_deref(), Some("Dataset fetched successfully"));
    assert_eq!(serde_json::to_string(&envelope).unwrap(), text);
}

#[test]
fn reads_a_marketplace_envelope_with_fields_missing_or_null() {
    let envelope: Envelope<String> = serde_json::from_str(r#"{"value":null,"totalCount":0,"message":null,"statusCode":404}"#).unwrap();
    assert_eq!(
        envelope,
        Envelope { value: vec![], next_link: None, total_count: 0, message: None, status_code: 404, data_redacted: false, notes: vec![] }
    );
}

#[test]
fn a_preview_row_keeps_the_order_of_its_columns() {
    let text = r#"{"SKU":"\"X\"","CustomerName":null,"BilledRevenueUSD":123456789012345678.90,"AvailableSeats":3}"#;
    let row: PreviewRow = serde_json::from_str(text).unwrap();
    assert_eq!(
        row.0.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(),
        ["SKU", "CustomerName", "BilledRevenueUSD", "AvailableSeats"]
    );
    let texts: Vec<_> = row.0.iter().map(|(_, value)| value.text()).collect();
    assert_eq!(texts.iter().map(Option::as_deref).collect::<Vec<_>>(), [Some("\"X\""), None, Some("123456789012345678.90"), Some("3")]);
    assert_eq!(serde_json::to_string(&row).unwrap(), text);
}

#[test]
fn a_preview_row_is_an_object() {
    assert!(serde_json::from_str::<PreviewRow>("[1]").is_err());
}
