//! Masks secrets in what the sandbox keeps of requests: nobody finds a token, a password or the signature of a link in it.

use axum::http::{HeaderMap, header};
use serde_json::{Map, Value};
use url::form_urlencoded;

const MASK: &str = "***";

/// Parts of names of values that are masked.
const SECRET: [&str; 9] = ["secret", "password", "token", "assertion", "signature", "verifier", "otp", "passcode", "ticket"];
/// Whole names of such values.
const SECRET_NAMES: [&str; 6] = ["sig", "code", "device_code", "user_code", "usercode", "devicecode"];
/// Names that only look so.
const OPEN_NAMES: [&str; 3] = ["client_assertion_type", "requested_token_use", "skiptoken"];

/// Headers that are kept, in this order.
const HEADERS: [&str; 14] = [
    "host",
    "user-agent",
    "accept",
    "accept-encoding",
    "content-type",
    "content-length",
    "range",
    "x-ms-range",
    "if-range",
    "if-none-match",
    "if-modified-since",
    "idempotency-key",
    "ms-requestid",
    "ms-correlationid",
];
/// Headers of which only it is kept that they were sent.
const MASKED_HEADERS: [&str; 3] = ["x-aaduserticket", "cookie", "proxy-authorization"];

fn is_secret(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    !OPEN_NAMES.contains(&name.as_str()) && (SECRET_NAMES.contains(&name.as_str()) || SECRET.iter().any(|part| name.contains(part)))
}

/// Pairs of a query or form.
pub(super) fn pairs(text: &[u8]) -> String {
    let mut shown = form_urlencoded::Serializer::new(String::new());
    for (name, value) in form_urlencoded::parse(text) {
        // A body of another kind that is sent as a form is one long name.
        let is_name = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte));
        let value = if is_secret(&name) || !is_name { MASK } else { &value };
        shown.append_pair(if is_name { &name } else { MASK }, value);
    }
    // The mask is the only thing that has stars, and is read more easily so.
    shown.finish().replace("%2A%2A%2A", MASK)
}

pub(super) fn json(value: Value) -> Value {
    match value {
        Value::Object(fields) => {
            let masked = |(name, value): (String, Value)| {
                let value = if is_secret(&name) && !value.is_null() { MASK.into() } else { json(value) };
                (name, value)
            };
            Value::Object(fields.into_iter().map(masked).collect())
        }
        Value::Array(items) => Value::Array(items.into_iter().map(json).collect()),
        other => other,
    }
}

pub(super) fn headers(headers: &HeaderMap) -> Map<String, Value> {
    let mut shown = Map::new();
    for name in HEADERS {
        if let Some(value) = headers.get(name) {
            shown.insert(name.to_owned(), String::from_utf8_lossy(value.as_bytes()).into());
        }
    }
    if let Some(value) = headers.get(header::AUTHORIZATION) {
        let scheme = value.to_str().unwrap_or_default().split(' ').next().unwrap_or_default().to_owned();
        // A token without a scheme is a secret too.
        let is_scheme = scheme.len() <= 20 && scheme.bytes().all(|byte| byte.is_ascii_alphabetic());
        shown.insert("authorization".to_owned(), if is_scheme { format!("{scheme} {MASK}") } else { MASK.to_owned() }.into());
    }
    for name in MASKED_HEADERS.into_iter().filter(|name| headers.contains_key(*name)) {
        shown.insert(name.to_owned(), MASK.into());
    }
    shown
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;
    use serde_json::json;

    use super::*;

    #[test]
    fn secrets_are_masked_wherever_they_stand() {
        assert_eq!(
            pairs(b"grant_type=password&client_id=a&client_secret=b&username=c&password=d&code=e&code_challenge=f&scope=g"),
            "grant_type=password&client_id=a&client_secret=***&username=c&password=***&code=***&code_challenge=f&scope=g"
        );
        assert_eq!(pairs(b"sv=1&sig=abc&se=2026"), "sv=1&sig=***&se=2026");
        assert_eq!(pairs(br#"{"password":"a"}"#), "***=***");
        let sent = json!({"Name": "n", "items": [{"signingSecret": "s", "x": 1}], "Password": "p", "token": null});
        assert_eq!(super::json(sent), json!({"Name": "n", "items": [{"signingSecret": "***", "x": 1}], "Password": "***", "token": null}));
        let mut sent = HeaderMap::new();
        for (name, value) in [("authorization", "Bearer abc.def"), ("x-aaduserticket", "abc"), ("cookie", "a=b"), ("range", "bytes=0-")] {
            sent.insert(name, HeaderValue::from_static(value));
        }
        let shown = Value::Object(headers(&sent)).to_string();
        assert!(shown.contains("Bearer ***") && shown.contains("bytes=0-") && !shown.contains("abc") && !shown.contains("a=b"), "{shown}");
        sent.insert("authorization", HeaderValue::from_static("eyJhbGciOi.abc"));
        assert_eq!(headers(&sent)["authorization"], "***");
    }
}
