//! Answers that somebody else gave in the server's place: the sign-in page of a network, a proxy's page, a redirection.

use reqwest::header::{CONTENT_TYPE, HeaderMap, LOCATION};
use reqwest::{StatusCode, Url};

/// What came instead of an answer of the API; None if it may be one. Without a body the headers decide.
pub(crate) fn foreign(status: StatusCode, headers: &HeaderMap, body: Option<&[u8]>) -> Option<String> {
    if status.is_redirection() && status != StatusCode::NOT_MODIFIED {
        let host = headers.get(LOCATION).and_then(|to| Url::parse(to.to_str().ok()?).ok()?.host_str().map(str::to_owned));
        let to = host.map(|host| format!(" to {host}")).unwrap_or_default();
        return Some(format!("it leads on{to}, which this API never does"));
    }
    // A gateway that cannot reach the server says so in a page of its own: its status tells enough.
    let gateway = status.is_server_error() && status != StatusCode::NETWORK_AUTHENTICATION_REQUIRED;
    let is_page = is_html(headers) || body.is_some_and(begins_as_html);
    (is_page && !gateway).then(|| "it is a web page, which this API never sends".to_owned())
}

fn is_html(headers: &HeaderMap) -> bool {
    let kind = headers.get(CONTENT_TYPE).map(|kind| kind.as_bytes().to_ascii_lowercase());
    kind.is_some_and(|kind| kind.starts_with(b"text/html") || kind.starts_with(b"application/xhtml"))
}

fn begins_as_html(body: &[u8]) -> bool {
    let start: Vec<u8> = without_mark(body).trim_ascii_start().iter().take(32).map(u8::to_ascii_lowercase).collect();
    start.starts_with(b"<!doctype html") || start.starts_with(b"<html")
}

/// Without the byte-order mark that some servers write before JSON.
pub(crate) fn without_mark(body: &[u8]) -> &[u8] {
    body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(name: reqwest::header::HeaderName, value: &str) -> HeaderMap {
        HeaderMap::from_iter([(name, value.parse().unwrap())])
    }

    #[test]
    fn pages_and_redirections_are_not_the_apis() {
        let html = headers(CONTENT_TYPE, "Text/HTML; charset=utf-8");
        let none = HeaderMap::new();
        let is = |status: u16, headers: &HeaderMap, body: Option<&[u8]>| foreign(StatusCode::from_u16(status).unwrap(), headers, body);
        assert!(is(200, &html, None).unwrap().contains("web page"));
        assert!(is(200, &none, Some(b"\xef\xbb\xbf \n<!DOCTYPE HTML><html>")).is_some());
        assert!(is(200, &none, Some(b"<HTML><body>")).is_some() && is(511, &html, None).is_some() && is(403, &html, None).is_some());
        assert_eq!(is(502, &html, Some(b"<html>")), None, "a gateway's own");
        assert_eq!(is(200, &headers(CONTENT_TYPE, "application/json"), Some(b"{\"value\":[]}")), None);
        assert_eq!(is(200, &none, Some(b"CustomerName\n<html>")), None);
        let portal = headers(LOCATION, "https://portal.example:8443/login?from=secret");
        assert_eq!(is(302, &portal, None).unwrap(), "it leads on to portal.example, which this API never does");
        assert!(is(307, &none, None).is_some());
        assert_eq!(is(304, &none, None), None);
    }
}
