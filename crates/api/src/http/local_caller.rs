//! Tells a program on this machine from a page in a browser and from a proxy, which reach a loopback address too.

use std::net::SocketAddr;

use axum::http::{HeaderMap, Uri, header};

/// Whether the connection comes from this machine.
pub(crate) fn is_local(peer: Option<SocketAddr>) -> bool {
    peer.is_some_and(|peer| peer.ip().to_canonical().is_loopback())
}

/// The host that the request names, without its port and in lower case. Over HTTP/2 it is in the URI.
pub(crate) fn host(headers: &HeaderMap, uri: &Uri) -> String {
    let named = headers.get(header::HOST).and_then(|host| host.to_str().ok()).map(str::to_owned);
    without_port(&named.or_else(|| uri.authority().map(ToString::to_string)).unwrap_or_default())
}

/// Whether a page or a proxy has sent the request.
pub(crate) fn passed_on(headers: &HeaderMap) -> bool {
    // A browser says `none` where a person has typed the address.
    headers.get("sec-fetch-site").is_some_and(|site| site != "none")
        || ["origin", "forwarded", "via", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "x-real-ip"]
            .iter()
            .any(|name| headers.contains_key(*name))
}

fn without_port(host: &str) -> String {
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    };
    name.to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_without_their_port() {
        for (host, name) in [("localhost:7080", "localhost"), ("[::1]:7080", "[::1]"), ("[::1]", "[::1]"), ("LOCALHOST", "localhost")] {
            assert_eq!(without_port(host), name);
        }
    }
}
