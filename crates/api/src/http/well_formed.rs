//! The check before anything else reads a request: it must name exactly one host.

use axum::extract::Request;
use axum::http::{StatusCode, Version, header};
use axum::middleware::Next;
use axum::response::Response;

use crate::envelope::Asked;
use crate::turned_away;

/// Refuses a request that does not name one host. If it names two, programs on the way may each read a different one, which allows request smuggling
/// (RFC 9112, 3.2; RFC 9113, 8.3.1).
pub(crate) async fn one_host(asked: Asked, request: Request, next: Next) -> Response {
    match fault(&request) {
        Some(message) => turned_away::told(&asked, request.uri().path(), StatusCode::BAD_REQUEST, message),
        None => next.run(request).await,
    }
}

fn fault<B>(request: &axum::http::Request<B>) -> Option<&'static str> {
    let mut named = request.headers().get_all(header::HOST).iter();
    let (first, second) = (named.next(), named.next());
    if second.is_some() {
        return Some("The request has two Host headers.");
    }
    let authority = request.uri().authority().map(axum::http::uri::Authority::as_str);
    let Some(host) = first else {
        // Over HTTP/2 the host is in the address; HTTP/1.0 clients may omit it.
        let needed = authority.is_none() && request.version() > Version::HTTP_10;
        return needed.then_some("The request has no Host header.");
    };
    let host = host.to_str().unwrap_or_default();
    if !is_host(host) {
        return Some("The Host header is no host.");
    }
    match authority {
        Some(authority) if !authority.eq_ignore_ascii_case(host) => Some("The Host header and the address name different hosts."),
        _ => None,
    }
}

/// Whether the text is a name or an address, optionally with a port.
fn is_host(text: &str) -> bool {
    let (name, port) = match text.rsplit_once(':') {
        Some((name, port)) if !port.contains(']') => (name, port),
        _ => (text, ""),
    };
    let is_name = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~' | b'%');
    let numeric =
        name.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).is_some_and(|rest| rest.parse::<std::net::Ipv6Addr>().is_ok());
    port.bytes().all(|byte| byte.is_ascii_digit()) && (numeric || (!name.is_empty() && name.bytes().all(is_name)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(version: Version, uri: &str, hosts: &[&str]) -> Option<&'static str> {
        let request = axum::http::Request::builder().version(version).uri(uri);
        fault(&hosts.iter().fold(request, |request, host| request.header(header::HOST, *host)).body(()).unwrap())
    }

    #[test]
    fn a_request_names_one_host() {
        for (version, uri, hosts, taken) in [
            (Version::HTTP_11, "/", &["a.example"][..], true),
            (Version::HTTP_11, "/", &["a.example:7443"], true),
            (Version::HTTP_11, "/", &["[::1]:7443"], true),
            (Version::HTTP_11, "/", &["[::1]"], true),
            (Version::HTTP_11, "/", &["my_host"], true),
            (Version::HTTP_11, "/", &[], false),
            (Version::HTTP_11, "/", &[""], false),
            (Version::HTTP_11, "/", &["a.example", "a.example"], false),
            (Version::HTTP_11, "/", &["a.example", "b.example"], false),
            (Version::HTTP_11, "/", &["a.example, b.example"], false),
            (Version::HTTP_11, "/", &["a b"], false),
            (Version::HTTP_11, "/", &["a.example/path"], false),
            (Version::HTTP_11, "/", &["me@a.example"], false),
            (Version::HTTP_11, "/", &["[a.example]"], false),
            (Version::HTTP_11, "/", &["a.example:port"], false),
            (Version::HTTP_11, "http://a.example/", &["A.example"], true),
            (Version::HTTP_11, "http://a.example/", &["b.example"], false),
            (Version::HTTP_10, "/", &[], true),
            (Version::HTTP_10, "/", &["a", "b"], false),
            (Version::HTTP_2, "https://a.example/", &[], true),
            (Version::HTTP_2, "https://a.example/", &["a.example"], true),
            (Version::HTTP_2, "https://a.example/", &["b.example"], false),
            (Version::HTTP_2, "/", &[], false),
        ] {
            let found = check(version, uri, hosts);
            assert_eq!(found.is_none(), taken, "{version:?} {uri} {hosts:?}: {found:?}");
        }
    }
}
