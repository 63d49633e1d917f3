//! Where a request comes from: the connection's other end, or what trusted proxies say of it.
//!
//! Used for limits and the record, never to allow anything.

use std::net::{IpAddr, SocketAddr};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use axum::extract::{ConnectInfo, FromRequestParts};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName};
use ipnet::IpNet;
use tokio::time::Instant;

use crate::state::ApiState;

const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// How often the log says that a proxy may not be known.
const TELL_EVERY: Duration = Duration::from_secs(60);

/// Peers that name others in `X-Forwarded-For` without being trusted: where one is the deployment's proxy, all that come through it count as one
/// client, and one of them can use up what all have.
#[derive(Debug, Default)]
pub(crate) struct UnknownProxies {
    told: Mutex<Option<Instant>>,
}

impl UnknownProxies {
    pub(crate) fn look(&self, parts: &axum::http::request::Parts, trusted: &[IpNet]) {
        let peer = parts.extensions.get::<ConnectInfo<SocketAddr>>().map(|ConnectInfo(address)| address.ip().to_canonical());
        if let Some(peer) = peer
            && self.is_news(peer, &parts.headers, trusted, Instant::now())
        {
            tracing::warn!(
                %peer,
                "a peer sends X-Forwarded-For and is not in server.trusted_proxies: if it is a proxy of this server, all its clients count as one"
            );
        }
    }

    fn is_news(&self, peer: IpAddr, headers: &HeaderMap, trusted: &[IpNet], now: Instant) -> bool {
        if !headers.contains_key(FORWARDED_FOR) || trusted.iter().any(|network| network.contains(&peer)) {
            return false;
        }
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        let is_news = told.is_none_or(|told| now.duration_since(told) >= TELL_EVERY);
        if is_news {
            *told = Some(now);
        }
        is_news
    }
}

/// None where the connection has no address, as in a call within the process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ClientAddress(pub(crate) Option<IpAddr>);

impl FromRequestParts<ApiState> for ClientAddress {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, state: &ApiState) -> Result<Self, Self::Rejection> {
        let peer = parts.extensions.get::<ConnectInfo<SocketAddr>>().map(|ConnectInfo(address)| address.ip().to_canonical());
        Ok(ClientAddress(peer.map(|peer| client(peer, &parts.headers, &state.trusted_proxies))))
    }
}

/// Each proxy appends the address that it saw: read from the end, the first that is no trusted proxy is the client. What stands before it
/// the client may have written itself.
fn client(peer: IpAddr, headers: &HeaderMap, trusted: &[IpNet]) -> IpAddr {
    let is_trusted = |address: &IpAddr| trusted.iter().any(|network| network.contains(address));
    let mut client = peer;
    let lines: Vec<&str> = headers.get_all(FORWARDED_FOR).iter().filter_map(|line| line.to_str().ok()).collect();
    for entry in lines.iter().rev().flat_map(|line| line.rsplit(',')) {
        if !is_trusted(&client) {
            break;
        }
        let Some(address) = parse(entry.trim()) else { break };
        client = address;
    }
    client
}

/// Some proxies add the port.
fn parse(text: &str) -> Option<IpAddr> {
    let address = text.parse::<IpAddr>().ok().or_else(|| text.parse::<SocketAddr>().ok().map(|address| address.ip()));
    let bracketed = || text.strip_prefix('[')?.strip_suffix(']')?.parse().ok();
    address.or_else(bracketed).map(|address: IpAddr| address.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_proxy_is_told_of_once_a_minute() {
        let (proxies, trusted) = (UnknownProxies::default(), ["10.0.0.0/8".parse().unwrap()]);
        let mut forwarded = HeaderMap::new();
        forwarded.insert(FORWARDED_FOR, "198.51.100.1".parse().unwrap());
        let (known, unknown) = ("10.0.0.1".parse().unwrap(), "192.0.2.1".parse().unwrap());
        let start = Instant::now();
        for (seconds, peer, headers, told) in [
            (0, known, &forwarded, false),
            (0, unknown, &HeaderMap::new(), false),
            (0, unknown, &forwarded, true),
            (59, unknown, &forwarded, false),
            (60, unknown, &forwarded, true),
            (61, unknown, &forwarded, false),
        ] {
            let now = start + Duration::from_secs(seconds);
            assert_eq!(proxies.is_news(peer, headers, &trusted, now), told, "{seconds} {peer}");
        }
    }

    #[test]
    fn only_trusted_proxies_are_believed() {
        let trusted = ["10.0.0.0/8".parse().unwrap(), "fd00::/8".parse().unwrap()];
        for (peer, forwarded, expected) in [
            ("203.0.113.5", &["198.51.100.1"][..], "203.0.113.5"),
            ("10.0.0.1", &[], "10.0.0.1"),
            ("10.0.0.1", &["198.51.100.1"], "198.51.100.1"),
            ("10.0.0.1", &["1.1.1.1, 198.51.100.1"], "198.51.100.1"),
            ("10.0.0.1", &["1.1.1.1", "198.51.100.1"], "198.51.100.1"),
            ("10.0.0.1", &["198.51.100.1, 10.9.9.9"], "198.51.100.1"),
            ("10.0.0.1", &["198.51.100.1:4711"], "198.51.100.1"),
            ("10.0.0.1", &["[2001:db8::1]:4711"], "2001:db8::1"),
            ("fd00::1", &["[2001:db8::1]"], "2001:db8::1"),
            ("10.0.0.1", &["::ffff:198.51.100.1"], "198.51.100.1"),
            ("10.0.0.1", &["198.51.100.1, nonsense"], "10.0.0.1"),
            ("10.0.0.1", &[""], "10.0.0.1"),
        ] {
            let mut headers = HeaderMap::new();
            for line in forwarded {
                headers.append(FORWARDED_FOR, line.parse().unwrap());
            }
            assert_eq!(client(peer.parse().unwrap(), &headers, &trusted), expected.parse::<IpAddr>().unwrap(), "{peer} {forwarded:?}");
        }
        assert_eq!(client("10.0.0.1".parse().unwrap(), &HeaderMap::new(), &[]), "10.0.0.1".parse::<IpAddr>().unwrap());
    }
}
