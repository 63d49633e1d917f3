#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use chrono::TimeZone;

use super::*;

#[test]
fn a_preview_names_either_text_or_id() {
    let start = Utc.with_ymd_and_hms(2026, 1, 1, 0, 0, 0).single();
    let text = preview_parameters(Subject::Text("SELECT a"), start, None);
    assert_eq!(text, [("exportQuery", "SELECT a".to_owned()), ("startTime", "2026-01-01T00:00:00Z".to_owned())]);
    let id = preview_parameters(Subject::Id("q"), None, start);
    assert_eq!(id, [("queryId", "q".to_owned()), ("endTime", "2026-01-01T00:00:00Z".to_owned())]);
}
