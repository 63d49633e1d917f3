#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use chrono::TimeZone;

use super::*;
use crate::scripted::{Scripted, answer, json};

#[test]
fn a_preview_names_either_text_or_id() {
    let start = Utc.with_ymd_and_hms(2026, 1, 1, 0, 0, 0).single();
    let text = preview_parameters(Subject::Text("SELECT a"), start, None);
    assert_eq!(text, [("exportQuery", "SELECT a".to_owned()), ("startTime", "2026-01-01T00:00:00Z".to_owned())]);
    let id = preview_parameters(Subject::Id("q"), None, start);
    assert_eq!(id, [("queryId", "q".to_owned()), ("endTime", "2026-01-01T00:00:00Z".to_owned())]);
}

#[tokio::test]
async fn all_pages_of_a_list_are_one_list() {
    let query = |id: &str| format!(r#"{{"QueryId":"{id}","Name":"n","Query":"SELECT a FROM b","Type":"system"}}"#);
    let first = format!(r#"{{"value":[{}],"nextLink":"https://elsewhere.example/x?skipToken=b%26c","totalCount":2}}"#, query("1"));
    let second = format!("\u{feff}{{\"Value\":[{}],\"NextLink\":\"\",\"TotalCount\":2}}", query("2"));
    let server = Scripted::start(vec![json(200, &[], &first), json(200, &[], &second)]).await;
    let client = server.client().await;
    let all = client.queries(&QueryFilter::default()).await.unwrap().envelope;
    assert_eq!(all.value.iter().map(|query| query.query_id.as_str()).collect::<Vec<_>>(), ["1", "2"]);
    assert_eq!((all.next_link, all.total_count), (None, 2));
    let requests = server.requests();
    assert!(requests[1].starts_with("get /insights/v1/mpn/scheduledqueries?skiptoken=b%26c http"), "{requests:?}");
}

#[tokio::test]
async fn a_call_that_may_be_made_twice_is_and_another_is_not() {
    let cut = || answer(200, &[], b"{", 50);
    let busy = |status: u16| json(status, &["retry-after: 0"], "{}");
    let empty = || json(200, &[], r#"{"value":[]}"#);
    let server = Scripted::start(vec![cut(), busy(503), empty()]).await;
    assert!(server.client().await.queries(&QueryFilter::default()).await.unwrap().envelope.value.is_empty());
    assert_eq!(server.requests().len(), 3);
    // Whether something was made is not known, so that it is not made again; what was turned away was not made.
    let new = NewQuery { name: "n".into(), description: None, query: "SELECT".into() };
    for first in [cut(), busy(503)] {
        let server = Scripted::start(vec![first, empty()]).await;
        assert!(server.client().await.create_query(&new).await.is_err());
        assert_eq!(server.requests().len(), 1);
    }
    let server = Scripted::start(vec![busy(429), empty()]).await;
    assert!(server.client().await.create_query(&new).await.is_ok());
    assert_eq!(server.requests().len(), 2);
    let server = Scripted::start(vec![busy(503), busy(503), busy(503)]).await;
    let given_up = server.client().await.delete_query("1").await.unwrap_err();
    assert!(matches!(given_up, ClientError::Refused(refusal) if refusal.status == 503), "after two more tries");
}

#[tokio::test]
async fn somebody_elses_answer_is_told_in_one_line() {
    let page = answer(200, &["content-type: text/html"], b"<html>Welcome", 13);
    let server = Scripted::start(vec![page, answer(302, &["location: https://portal.example/?a=b"], b"", 0)]).await;
    let client = server.client().await;
    for said in ["it is a web page", "it leads on to portal.example"] {
        let error = client.datasets(None).await.unwrap_err();
        assert!(error.to_string().contains(said) && !error.to_string().contains('\n'), "{error}");
        assert!(error.hint().unwrap().contains("sign-in page"));
    }
}
