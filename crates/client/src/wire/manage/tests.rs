#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use serde_json::json;

use crate::manage::*;

#[test]
fn an_answer_comes_out_as_it_came_in() {
    let tenant = json!({
        "id": "3f1c", "domain": "contoso.example", "name": "Contoso Ltd", "globalAccountId": null, "profile": {"city": "Oslo"},
        "enrollments": [{"program": "mpn", "stage": "Active", "status": "Accepted", "reason": null, "appeals": 0, "changed": "2026-11-22T12:00:00Z"}],
        "verificationCode": "123456"
    });
    let read: Tenant = serde_json::from_value(tenant.clone()).unwrap();
    assert_eq!(read.enrollments[0].stage, "Active");
    assert_eq!(serde_json::to_value(&read).unwrap(), tenant);
    let listed = json!({"value": [{"assignee": "u", "role": "report_viewer", "locations": ["6096123"], "assigneeName": "ada"}], "nextLink": null, "totalCount": 1});
    let read: Listed<RoleAssignment> = serde_json::from_value(listed.clone()).unwrap();
    assert_eq!(read.value[0].locations.as_deref(), Some(["6096123".to_owned()].as_slice()));
    assert_eq!(serde_json::to_value(&read).unwrap(), listed);
}

#[test]
fn a_request_holds_only_what_was_said() {
    let user = NewUser { username: Some("ada@contoso.example".into()), password: Some(Secret("p4ss".into())), ..NewUser::default() };
    assert_eq!(serde_json::to_value(&user).unwrap(), json!({"username": "ada@contoso.example", "password": "p4ss"}));
    let application = NewApplication { name: Some("Reports".into()), public: true, ..NewApplication::default() };
    assert_eq!(serde_json::to_value(&application).unwrap(), json!({"name": "Reports", "public": true}));
    let filter = AuditQuery { correlation_id: Some("c".into()), ..AuditQuery::default() };
    assert_eq!(serde_json::to_value(&filter).unwrap(), json!({"correlationId": "c"}));
}

#[test]
fn debug_forms_hold_no_secret() {
    let secret: ClientSecret = serde_json::from_value(json!({"id": "1", "secret": "s3cret", "hint": "s3c"})).unwrap();
    let totp: Totp = serde_json::from_value(json!({"secret": "B4SE", "uri": "otpauth://totp/x?secret=B4SE"})).unwrap();
    let user = NewUser { password: Some(Secret("p4ss".into())), ..NewUser::default() };
    let text = format!("{secret:?} {totp:?} {user:?}");
    for hidden in ["s3cret", "B4SE", "p4ss"] {
        assert!(!text.contains(hidden), "{hidden} in {text}");
    }
}
