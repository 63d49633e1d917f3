//! The audit trail: filters, pages, and that it never contains a secret.

use chrono::TimeDelta;
use serde_json::{Value, json};

use super::desk::*;
use crate::tests::harness::*;

#[tokio::test]
async fn the_record_is_filtered_and_read_page_by_page() {
    let desk = Desk::new().await;
    for index in 0..7 {
        // Some of the events are at the same instant.
        if index % 3 == 0 {
            desk.deployment.advance(TimeDelta::seconds(1));
        }
        let location = json!({"mpnId": format!("10{index}"), "name": "n", "country": "c"});
        desk.done(if index < 5 { GLOBAL } else { ACCOUNT }, "POST", &contoso("/locations"), location).await;
    }
    let path = contoso("/audit?action=location.add&pageSize=3");
    let first = desk.get(GLOBAL, &path).await;
    assert_eq!((first["value"].as_array().unwrap().len(), &first["totalCount"]), (3, &json!(7)));
    // An event that comes in the meantime does not shift the pages.
    desk.done(GLOBAL, "POST", &contoso("/locations"), json!({"mpnId": "999", "name": "n", "country": "c"})).await;
    let (mut seen, mut page, mut pages) = (Vec::new(), first, 1);
    loop {
        seen.extend(page["value"].as_array().unwrap().iter().map(|event| event["subject"].as_str().unwrap().to_owned()));
        let Some(next) = page["nextLink"].as_str() else { break };
        let next = next.strip_prefix(&format!("{BASE}/manage/v1")).unwrap_or_else(|| panic!("{next}"));
        page = desk.get(GLOBAL, next).await;
        pages += 1;
    }
    assert_eq!((seen.len(), pages), (7, 3));
    assert_eq!(seen, ["106", "105", "104", "103", "102", "101", "100"], "newest first, also of one instant");
    let times: Vec<_> = desk.get(OPERATOR, "/audit").await["value"].as_array().unwrap().iter().map(|event| event["at"].clone()).collect();
    assert!(times.is_sorted_by(|one, other| one.as_str() >= other.as_str()), "newest first");
    let count = async |query: &str| desk.get(OPERATOR, &format!("/audit?{query}")).await["totalCount"].as_u64().unwrap();
    let account = ACCOUNT.user.unwrap();
    assert_eq!(count(&format!("actor={account}")).await, 2);
    assert_eq!(count(&format!("actor={account}&action=location.add&subject=105")).await, 1);
    assert_eq!(count("correlationId=call-0").await, 1);
    assert_eq!(count("action=location.add&from=2026-11-22T12:00:02Z").await, 5);
    assert_eq!(count("action=location.add&to=2026-11-22T12:00:02Z").await, 3);
    assert_eq!(count("action=location.add&from=2026-11-22T12:00:02Z&to=2026-11-22T12:00:03Z").await, 3);
    assert_eq!(count("action=nothing").await, 0);
    for query in ["pageSize=0", "pageSize=1001", "pageSize=x", "from=yesterday", "to=2026-13-01T00:00:00Z", "skipToken=x", "skipToken=1.x"]
    {
        let text = desk.refused(GLOBAL, "GET", &contoso(&format!("/audit?{query}")), Value::Null, "invalid").await;
        assert!(text.contains(&format!("'{}'", query.split('=').next().unwrap())), "{text}");
    }
}

/// The event of a call names the caller, the subject and the call.
#[tokio::test]
async fn an_event_names_caller_subject_and_call() {
    let desk = Desk::new().await;
    let user = desk.done(GLOBAL, "POST", &contoso("/users"), json!({"username": "nil@contoso.example"})).await;
    let event = desk.deployment.audited("user.add").await.into_iter().find(|event| event.correlation.is_some()).unwrap();
    assert_eq!((event.actor, event.subject), (GLOBAL.user.unwrap().to_string(), user["id"].as_str().unwrap().to_owned()));
    assert_eq!((event.tenant, event.correlation.as_deref()), (Some(CONTOSO), Some("call-0")));
    desk.done(OPERATOR, "PATCH", "/tenants/fabrikam.example", json!({"name": "F"})).await;
    let event = desk.deployment.audited("tenant.change").await.remove(0);
    assert_eq!((event.actor, event.tenant), (OPERATOR_APP.to_string(), Some(FABRIKAM)));
    desk.refused(ACCOUNT, "POST", &contoso("/users"), json!({"username": "x@contoso.example"}), "forbidden").await;
    let event = desk.deployment.audited("access.refuse").await.remove(0);
    assert_eq!((event.actor, event.detail.as_str()), (ACCOUNT.user.unwrap().to_string(), "This needs the role Global admin."));
}
