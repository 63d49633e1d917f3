//! The HTTP library as this crate uses it: how it connects and whom it trusts, which addresses it takes, and how it says that nobody answered.

use std::time::Duration;

use reqwest::{Certificate, Url};
use serde::Serialize;
use serde_json::Value;

use crate::error::ClientError;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// `answer`: how long each piece of an answer is waited for.
pub(crate) fn connect(ca_certificate: Option<&[u8]>, answer: Duration, urls: &[&Url]) -> Result<reqwest::Client, ClientError> {
    let certificates = match ca_certificate {
        Some(pem) => Certificate::from_pem_bundle(pem)
            .map_err(|error| ClientError::Settings(format!("the CA certificate cannot be read: {error}")))?,
        None => Vec::new(),
    };
    let mut builder = reqwest::Client::builder().connect_timeout(CONNECT_TIMEOUT.min(answer)).read_timeout(answer);
    let all_local = urls.iter().all(|url| is_loopback(url));
    if urls.iter().any(|url| is_loopback(url)) {
        // A server on this machine is never behind a proxy, whatever the environment says.
        builder = builder.no_proxy();
    }
    builder = match certificates.is_empty() {
        true => builder,
        // On this machine itself nothing else is trusted, so that the system's certificates need not be read.
        false if all_local => builder.tls_certs_only(certificates),
        false => builder.tls_certs_merge(certificates),
    };
    let redirects = reqwest::redirect::Policy::none();
    builder.redirect(redirects).build().map_err(|error| ClientError::Settings(format!("the HTTP client cannot start: {}", reasons(&error))))
}

pub(crate) fn parse_url(text: &str) -> Result<Url, ClientError> {
    // The text itself may hold a link's signature.
    let url = Url::parse(text).map_err(|error| ClientError::Settings(format!("an address is no URL: {error}")))?;
    if !matches!(url.scheme(), "http" | "https") || url.cannot_be_a_base() {
        return Err(ClientError::Settings(format!("{}: only http and https are understood", address(&url))));
    }
    Ok(url)
}

/// Encodes each segment, so that an id cannot lead to another path.
pub(crate) fn below(base: &Url, segments: &[&str]) -> Url {
    let mut url = base.clone();
    if let Ok(mut path) = url.path_segments_mut() {
        path.pop_if_empty().extend(segments);
    }
    url
}

pub(crate) fn is_loopback(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
    host.eq_ignore_ascii_case("localhost") || host.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

/// Without the query, which may hold a signature.
pub(crate) fn address(url: &Url) -> String {
    format!("{}{}", url.origin().ascii_serialization(), url.path())
}

pub(crate) fn unreachable(address: &str, error: reqwest::Error) -> ClientError {
    let timed_out = error.is_timeout();
    ClientError::Unreachable { address: address.to_owned(), reason: reasons(&error.without_url()), timed_out }
}

/// An error with its sources, since the innermost one says what happened.
pub(crate) fn reasons(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(inner) = source {
        let inner_text = inner.to_string();
        if !text.contains(&inner_text) {
            text = format!("{text}: {inner_text}");
        }
        source = inner.source();
    }
    text
}

/// The parameters of a `nextLink`. Its address is not used: a token never goes where an answer says.
pub(crate) fn link_parameters(link: &str) -> Vec<(String, String)> {
    let query = link.split_once('?').map(|(_, query)| query).unwrap_or_default();
    let url = Url::parse(&format!("http://localhost/?{query}"));
    url.map(|url| url.query_pairs().into_owned().collect()).unwrap_or_default()
}

/// A request's body as JSON.
pub(crate) fn body(value: &impl Serialize) -> Result<Value, ClientError> {
    serde_json::to_value(value).map_err(|error| ClientError::Settings(format!("the request cannot be written as JSON: {error}")))
}
