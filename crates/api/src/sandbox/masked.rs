//! Masks secrets in what the sandbox keeps of requests, and the recorder of exchanges: nobody finds a token, a password or the signature of a link in it.

use axum::http::{HeaderMap, header};
use serde_json::{Map, Value};
use url::form_urlencoded;

/// What stands in the place of a secret.
pub const MASK: &str = "***";

/// Parts of names of values that are masked.
const SECRET: [&str; 15] = [
    "secret",
    "password",
    "passwd",
    "pwd",
    "token",
    "assertion",
    "signature",
    "verifier",
    "otp",
    "passcode",
    "ticket",
    "apikey",
    "api_key",
    "api-key",
    "credential",
];
/// Whole names of such values.
const SECRET_NAMES: [&str; 8] = ["sig", "code", "device_code", "user_code", "usercode", "devicecode", "pass", "authorization"];
/// Names that only look so.
const OPEN_NAMES: [&str; 6] =
    ["client_assertion_type", "requested_token_use", "skiptoken", "token_type", "token_endpoint", "id_token_signing_alg_values_supported"];
/// Beginnings of such names.
const OPEN_BEGINNINGS: [&str; 1] = ["token_endpoint_auth_"];

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

/// Whether what has this name is a secret.
pub fn is_secret(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    let open = OPEN_NAMES.contains(&name.as_str()) || OPEN_BEGINNINGS.iter().any(|beginning| name.starts_with(beginning));
    !open && (SECRET_NAMES.contains(&name.as_str()) || SECRET.iter().any(|part| name.contains(part)))
}

/// Pairs of a query or form.
pub(super) fn pairs(text: &[u8]) -> String {
    pairs_as(text, |_, value| value.to_owned(), |_| {})
}

/// The same; `open` says how a value that is no secret is shown, and `secret` is told those that are.
pub fn pairs_as(text: &[u8], mut open: impl FnMut(&str, &str) -> String, mut secret: impl FnMut(&str)) -> String {
    let mut shown = form_urlencoded::Serializer::new(String::new());
    for (name, value) in form_urlencoded::parse(text) {
        // A body of another kind that is sent as a form is one long name.
        let is_name = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"$_.-".contains(&byte));
        let value = if is_secret(&name) || !is_name {
            secret(&value);
            MASK.to_owned()
        } else {
            open(&name, &value)
        };
        shown.append_pair(if is_name { &name } else { MASK }, &value);
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
        Value::String(text) => Value::String(match within(&text) {
            Some(value) => {
                let shown = json(value.clone());
                if shown == value { text } else { shown.to_string() }
            }
            None => text,
        }),
        other => other,
    }
}

/// The JSON that a text consists of.
pub fn within(text: &str) -> Option<Value> {
    let is_any = text.trim_start().starts_with(['{', '[']);
    if is_any { serde_json::from_str(text).ok() } else { None }
}

/// The headers of a request that say something, secrets masked.
pub fn headers(headers: &HeaderMap) -> Map<String, Value> {
    let mut shown = Map::new();
    for name in HEADERS {
        if let Some(value) = headers.get(name) {
            shown.insert(name.to_owned(), String::from_utf8_lossy(value.as_bytes()).into());
        }
    }
    if let Some(value) = headers.get(header::AUTHORIZATION) {
        // A token without a scheme is a secret too.
        let is_scheme = |scheme: &str| (1..=20).contains(&scheme.len()) && scheme.bytes().all(|byte| byte.is_ascii_alphabetic());
        let (scheme, rest) = value.to_str().ok().and_then(|value| value.split_once(' ')).unwrap_or_default();
        let has_scheme = is_scheme(scheme) && !rest.trim().is_empty();
        shown.insert("authorization".to_owned(), if has_scheme { format!("{scheme} {MASK}") } else { MASK.to_owned() }.into());
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
        let answer = json!({"token_type": "Bearer", "token_endpoint": "https://a.example/token", "access_token": "t", "token_endpoint_auth_methods_supported": ["a"]});
        let shown = json!({"token_type": "Bearer", "token_endpoint": "https://a.example/token", "access_token": "***", "token_endpoint_auth_methods_supported": ["a"]});
        assert_eq!(super::json(answer), shown);
        assert_eq!(pairs(br#"{"password":"a"}"#), "***=***");
        let sent = json!({"Name": "n", "items": [{"signingSecret": "s", "x": 1}], "Password": "p", "token": null});
        assert_eq!(super::json(sent), json!({"Name": "n", "items": [{"signingSecret": "***", "x": 1}], "Password": "***", "token": null}));
        let mut sent = HeaderMap::new();
        for (name, value) in [("authorization", "Bearer abc.def"), ("x-aaduserticket", "abc"), ("cookie", "a=b"), ("range", "bytes=0-")] {
            sent.insert(name, HeaderValue::from_static(value));
        }
        let shown = Value::Object(headers(&sent)).to_string();
        assert!(shown.contains("Bearer ***") && shown.contains("bytes=0-") && !shown.contains("abc") && !shown.contains("a=b"), "{shown}");
        for token in ["eyJhbGciOi.abc", "OPAQUESECRETabc"] {
            sent.insert("authorization", HeaderValue::from_static(token));
            assert_eq!(headers(&sent)["authorization"], "***");
        }
        let names = ["passwd", "pwd", "pass", "apikey", "api_key", "X-Api-Key", "credential", "credentials", "Authorization"];
        assert!(names.into_iter().all(is_secret) && !["passive", "grant_type", "bypass"].into_iter().any(is_secret));
        let nested = json!({"body": "{\"password\": \"p\", \"a\": [1]}", "text": "[not json", "list": "[1, 2]"});
        let shown = json!({"body": "{\"a\":[1],\"password\":\"***\"}", "text": "[not json", "list": "[1, 2]"});
        assert_eq!(super::json(nested), shown);
    }
}
