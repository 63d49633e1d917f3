#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use super::*;

fn refusal(status: u16, message: Option<&str>) -> ClientError {
    ClientError::Refused(Box::new(Refusal {
        status,
        message: message.map(str::to_owned),
        request_id: Some("r-1".into()),
        headers: HeaderMap::new(),
    }))
}

#[test]
fn a_refusal_shows_message_status_and_request() {
    assert_eq!(refusal(400, Some("Invalid table name")).to_string(), "Invalid table name (status 400) (request r-1)");
    assert_eq!(refusal(502, None).to_string(), "refused with status 502 (request r-1)");
}

#[test]
fn hints_follow_status_and_message() {
    let cases = [
        (401, "Unauthorized", Some("insightgate check")),
        (403, "", Some("role")),
        (400, "Invalid table name", Some("dataset list")),
        (400, "Incorrect column name: 'x'", Some("dataset show")),
        (404, "There are no executions that have occurred", Some("not finished")),
        (404, "No item found with given filters.", Some("check the id")),
        (409, "The run is over: Completed.", Some("report show")),
        (503, "", Some("busy")),
        (400, "something new", None),
    ];
    for (status, message, expected) in cases {
        let hint = refusal(status, Some(message)).hint();
        match expected {
            Some(part) => assert!(hint.as_deref().is_some_and(|hint| hint.contains(part)), "{status} {message}: {hint:?}"),
            None => assert_eq!(hint, None, "{status} {message}"),
        }
    }
}

#[test]
fn a_conflict_says_what_to_do_about_it() {
    for (message, expected) in [
        ("The user a@b.example is there already.", "change or remove that one"),
        ("The organisation has an active enrollment: suspend it first.", "do that first"),
        ("The run has completed.", "in which state"),
    ] {
        let refusal = ManageRefusal { status: 409, code: "conflict".into(), message: message.into(), correlation: None };
        let hint = ClientError::Managed(Box::new(refusal)).hint().unwrap();
        assert!(hint.contains(expected), "{message}: {hint}");
    }
}

#[test]
fn a_token_refusal_shows_its_text_without_the_trace() {
    let refusal =
        |description: &str| TokenRefusal { status: 400, error: "invalid_grant".into(), description: description.into(), codes: vec![1] };
    assert_eq!(refusal("AADSTS50126: Wrong.\r\nTrace ID: 1\r\nCorrelation ID: 2").to_string(), "AADSTS50126: Wrong.");
    assert_eq!(refusal("AADSTS50126: Wrong. Trace ID: 1 Correlation ID: 2").to_string(), "AADSTS50126: Wrong.");
    assert_eq!(refusal("").to_string(), "invalid_grant");
}

#[test]
fn the_first_known_code_gives_the_hint() {
    let refusal = |codes| ClientError::Token(Box::new(TokenRefusal { status: 400, error: "e".into(), description: "d".into(), codes }));
    assert!(refusal(vec![1, 65001]).hint().unwrap().contains("consent"));
    assert_eq!(refusal(vec![1]).hint(), None);
}

#[test]
fn an_unreachable_server_is_told_from_an_untrusted_one() {
    let hint = |reason: &str, timed_out| ClientError::Unreachable { address: "a".into(), reason: reason.into(), timed_out }.hint().unwrap();
    assert!(hint("Connection refused (os error 111)", false).contains("listens"));
    assert!(hint("invalid peer certificate: UnknownIssuer", false).contains("INSIGHTGATE_CA_CERTIFICATE"));
    assert!(hint("operation timed out", true).contains("in time"));
}

#[test]
fn retry_after_is_read_in_seconds() {
    let mut headers = HeaderMap::new();
    headers.insert("retry-after", "5".parse().unwrap());
    let refusal = Refusal { status: 503, message: None, request_id: None, headers };
    assert_eq!(refusal.retry_after(), Some(5));
}
