//! Warns once a minute about peers that send `X-Forwarded-For` without being trusted proxies.

use std::net::{IpAddr, SocketAddr};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use axum::extract::ConnectInfo;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName};
use ipnet::IpNet;
use tokio::time::Instant;

pub(super) const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// How often the log warns.
const TELL_EVERY: Duration = Duration::from_secs(60);

/// When the log last warned. If such a peer is the deployment's proxy, all clients behind it count as one, and one of them can use up the share of all.
#[derive(Debug, Default)]
pub(crate) struct UnknownProxies {
    told: Mutex<Option<Instant>>,
}

impl UnknownProxies {
    pub(crate) fn look(&self, parts: &Parts, trusted: &[IpNet]) {
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
}
