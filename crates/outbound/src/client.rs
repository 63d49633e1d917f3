//! The HTTP client. It resolves a name, keeps the addresses that may be connected to, and connects only to one of those.

use std::error::Error;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::header::CONTENT_TYPE;
use reqwest::redirect::Policy;
use reqwest::{Certificate, Method, RequestBuilder};
use thiserror::Error;
use url::{Host, Url};

use crate::address::AddressRules;

/// Sends requests under one set of rules. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Outbound {
    http: reqwest::Client,
    rules: Arc<AddressRules>,
}

/// The limits of one request.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// The time limit, from the resolution of the name to the last byte.
    pub time: Duration,
    /// The most bytes of the answer's body.
    pub body: usize,
    /// Whether `http` is refused.
    pub https_only: bool,
}

/// A message to send.
#[derive(Debug, Clone)]
pub struct Message {
    pub url: Url,
    /// The JSON body of a POST. Without one, the request is a GET.
    pub body: Option<Bytes>,
    pub headers: Vec<(&'static str, String)>,
}

/// The answer. A redirect is an answer like any other, and is not followed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    pub status: u16,
    pub body: Bytes,
}

/// Why there is no answer. The texts contain no path or query, which may be secret.
#[derive(Debug, Error)]
pub enum OutboundError {
    #[error("the address is not usable: {0}")]
    Url(&'static str),
    #[error("'{0}' is, or resolves only to, an address that may not be connected to")]
    Forbidden(String),
    #[error("'{host}' was not resolved: {reason}")]
    Unresolved { host: String, reason: String },
    #[error("no whole answer came within {0:?}")]
    TimedOut(Duration),
    #[error("the answer is larger than {0} bytes")]
    TooLarge(usize),
    #[error("'{host}' could not be reached: {reason}")]
    Unreachable { host: String, reason: String },
    #[error("the certificates cannot be used: {0}")]
    Certificates(String),
}

impl Outbound {
    /// Makes a client. `authorities` are certificates in PEM that are trusted beside the system's.
    ///
    /// # Errors
    /// When a certificate is wrong, or the client cannot be made.
    pub fn new(rules: AddressRules, authorities: Option<&[u8]>) -> Result<Outbound, OutboundError> {
        let rules = Arc::new(rules);
        let wrong = |error: reqwest::Error| OutboundError::Certificates(reasons(&error));
        let mut builder = reqwest::Client::builder()
            .no_proxy()
            .redirect(Policy::none())
            .referer(false)
            .dns_resolver(Arc::new(GuardedResolver(Arc::clone(&rules))))
            // Each request opens a new connection, so that the address of each is checked.
            .pool_max_idle_per_host(0)
            .user_agent(concat!("insightgate/", env!("CARGO_PKG_VERSION")));
        if let Some(pem) = authorities {
            let certificates = Certificate::from_pem_bundle(pem).map_err(wrong)?;
            if certificates.is_empty() {
                return Err(OutboundError::Certificates("the file holds no PEM certificate".to_owned()));
            }
            builder = builder.tls_certs_merge(certificates);
        }
        Ok(Outbound { http: builder.build().map_err(wrong)?, rules })
    }

    /// Sends a GET. An answer that exceeds the limits is cut off and is an error. Redirects are not followed.
    ///
    /// # Errors
    /// When the address may not be connected to, or no complete answer comes within the limits.
    pub async fn get(&self, url: &Url, limits: Limits) -> Result<Answer, OutboundError> {
        self.answered(url, self.http.get(url.clone()), limits).await
    }

    /// Sends the fields of a form. As for a GET, an answer that exceeds the limits is an error, and redirects are not followed.
    ///
    /// # Errors
    /// When the address may not be connected to, or no complete answer comes within the limits.
    pub async fn post_form(&self, url: &Url, form: String, limits: Limits) -> Result<Answer, OutboundError> {
        let request = self.http.post(url.clone()).header(CONTENT_TYPE, "application/x-www-form-urlencoded").body(form);
        self.answered(url, request, limits).await
    }

    async fn answered(&self, url: &Url, request: RequestBuilder, limits: Limits) -> Result<Answer, OutboundError> {
        self.check(url, limits.https_only)?;
        let host = url.host_str().unwrap_or_default();
        let failed = |error: reqwest::Error| failure(host, limits, &error);
        let mut response = request.timeout(limits.time).send().await.map_err(failed)?;
        if response.content_length().is_some_and(|length| length > limits.body as u64) {
            return Err(OutboundError::TooLarge(limits.body));
        }
        let mut body = BytesMut::new();
        while let Some(piece) = response.chunk().await.map_err(failed)? {
            if body.len() + piece.len() > limits.body {
                return Err(OutboundError::TooLarge(limits.body));
            }
            body.extend_from_slice(&piece);
        }
        Ok(Answer { status: response.status().as_u16(), body: body.freeze() })
    }

    /// Sends the message, and returns the status of the answer. The body is not read, so `limits.body` does not apply.
    ///
    /// # Errors
    /// When the address may not be connected to, or no answer comes within the limits.
    pub async fn send(&self, message: Message, limits: Limits) -> Result<u16, OutboundError> {
        let Message { url, body, headers } = message;
        self.check(&url, limits.https_only)?;
        let host = url.host_str().unwrap_or_default().to_owned();
        let method = if body.is_some() { Method::POST } else { Method::GET };
        let mut request = self.http.request(method, url).timeout(limits.time);
        if let Some(body) = body {
            request = request.header(CONTENT_TYPE, "application/json").body(body);
        }
        let request = headers.into_iter().fold(request, |request, (name, value)| request.header(name, value));
        let response = request.send().await.map_err(|error| failure(&host, limits, &error))?;
        Ok(response.status().as_u16())
    }

    /// The checks that are possible before a connection. IP addresses are never resolved, so they are checked here.
    ///
    /// # Errors
    /// When the address may not be connected to.
    pub fn check(&self, url: &Url, https_only: bool) -> Result<(), OutboundError> {
        match url.scheme() {
            "https" => {}
            "http" if !https_only => {}
            "http" => return Err(OutboundError::Url("https is asked for")),
            _ => return Err(OutboundError::Url("only http and https are spoken")),
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(OutboundError::Url("it holds credentials"));
        }
        let number = match url.host() {
            Some(Host::Ipv4(address)) => address.into(),
            Some(Host::Ipv6(address)) => address.into(),
            Some(Host::Domain(_)) => return Ok(()),
            None => return Err(OutboundError::Url("it names no host")),
        };
        match self.rules.is_allowed(number) {
            true => Ok(()),
            false => Err(OutboundError::Forbidden(number.to_string())),
        }
    }
}

/// Gives the connector only addresses that may be connected to, so that the address that is used is the one that was checked.
struct GuardedResolver(Arc<AddressRules>);

/// Marks a refused name among the causes of the HTTP client's errors.
#[derive(Debug, Error)]
#[error("no address of '{0}' may be connected to")]
struct NoneAllowed(String);

/// Marks a name that was not resolved, with the words of the system's resolver.
#[derive(Debug, Error)]
#[error("{0}")]
struct NotResolved(String);

impl Resolve for GuardedResolver {
    fn resolve(&self, name: Name) -> Resolving {
        let rules = Arc::clone(&self.0);
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await.map_err(|error| NotResolved(error.to_string()))?;
            let allowed = only_allowed(&rules, found);
            match allowed.is_empty() {
                true => Err(NoneAllowed(name.as_str().to_owned()).into()),
                false => Ok(Box::new(allowed.into_iter()) as Addrs),
            }
        })
    }
}

fn only_allowed(rules: &AddressRules, found: impl Iterator<Item = SocketAddr>) -> Vec<SocketAddr> {
    found.filter(|address| rules.is_allowed(address.ip())).collect()
}

fn failure(host: &str, limits: Limits, error: &reqwest::Error) -> OutboundError {
    let mut cause: Option<&(dyn Error + 'static)> = Some(error);
    while let Some(inner) = cause {
        if inner.is::<NoneAllowed>() {
            return OutboundError::Forbidden(host.to_owned());
        }
        if let Some(NotResolved(reason)) = inner.downcast_ref() {
            return OutboundError::Unresolved { host: host.to_owned(), reason: reason.clone() };
        }
        cause = inner.source();
    }
    match error.is_timeout() {
        true => OutboundError::TimedOut(limits.time),
        false => OutboundError::Unreachable { host: host.to_owned(), reason: reasons(error) },
    }
}

/// The causes without the outermost error, whose text contains the address with its query.
fn reasons(error: &reqwest::Error) -> String {
    let mut causes = Vec::new();
    let mut cause = error.source();
    while let Some(inner) = cause {
        causes.push(inner.to_string());
        cause = inner.source();
    }
    if causes.is_empty() { "the exchange failed".to_owned() } else { causes.join(": ") }
}

#[cfg(test)]
mod tests;
