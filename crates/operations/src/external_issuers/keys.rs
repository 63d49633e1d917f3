//! An issuer's published keys: fetched by discovery, cached for a while, and fetched again when a token names an unknown key.
//!
//! However many tokens come, there is one fetch at a time and at most one within the issuer's `refetch`, so that invented key ids cause no load at the
//! issuer. While the issuer is down, cached keys are used for up to six hours.

use std::sync::{Arc, PoisonError, RwLock};

use chrono::{DateTime, TimeDelta, Utc};
use insightgate_outbound::{Answer, Limits, Outbound, OutboundError};
use jsonwebtoken::jwk::{AlgorithmParameters, Jwk, KeyOperations, PublicKeyUse};
use jsonwebtoken::{Algorithm, AlgorithmFamily, DecodingKey};
use serde::Deserialize;
use thiserror::Error;
use tokio::sync::Mutex;
use url::Url;

use super::settings::IssuerSettings;
use super::token_header::TokenHeader;

/// How long fetched keys are used while the issuer cannot be reached.
const STALE: TimeDelta = TimeDelta::hours(6);
/// The most bytes of the discovery document, and of the key set.
const DOCUMENT_LIMIT: usize = 256 << 10;
const KEYS_LIMIT: usize = 100;

#[derive(Debug, Error)]
pub(crate) enum KeyFault {
    #[error("the token is signed with an unknown key")]
    Unknown,
    #[error("the issuer's keys could not be fetched")]
    Unavailable,
}

/// Why a fetch failed, for the log.
#[derive(Debug, Error)]
enum FetchFault {
    #[error(transparent)]
    Outbound(#[from] OutboundError),
    #[error("{document} was answered with status {status}")]
    Status { document: &'static str, status: u16 },
    #[error("{document} cannot be read: {cause}")]
    Document { document: &'static str, cause: serde_json::Error },
    #[error("the discovery document is that of '{0}'")]
    OtherIssuer(String),
    #[error("'{0}' is no address")]
    Address(String),
    #[error("the key set holds more than {KEYS_LIMIT} keys")]
    TooMany,
}

pub(super) struct PublishedKeys(Arc<Source>);

struct Source {
    url: String,
    outbound: Outbound,
    limits: Limits,
    cache: TimeDelta,
    refetch: TimeDelta,
    held: RwLock<Held>,
    /// Locked while a fetch runs.
    fetching: Arc<Mutex<()>>,
}

#[derive(Clone, Default)]
struct Held {
    keys: Arc<Vec<PublishedKey>>,
    endpoints: Option<Endpoints>,
    fetched: Option<DateTime<Utc>>,
    attempted: Option<DateTime<Utc>>,
}

/// Where people sign in, and where their codes are redeemed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Endpoints {
    pub(super) authorization: Url,
    pub(super) token: Url,
}

#[derive(Clone)]
pub(super) struct PublishedKey {
    id: String,
    family: AlgorithmFamily,
    /// The only algorithm that the key may be used with, if the issuer names one.
    only: Option<Algorithm>,
    pub(super) verifier: DecodingKey,
}

impl PublishedKeys {
    pub(super) fn new(settings: &IssuerSettings, outbound: Outbound) -> PublishedKeys {
        // An issuer whose address is https must publish its keys over https too.
        let https_only = settings.url.starts_with("https:");
        PublishedKeys(Arc::new(Source {
            url: settings.url.clone(),
            outbound,
            limits: Limits { time: settings.timeout, body: DOCUMENT_LIMIT, https_only },
            cache: settings.cache,
            refetch: settings.refetch,
            held: RwLock::default(),
            fetching: Arc::default(),
        }))
    }

    /// Finds the key that the header names, if it may be used with the header's algorithm.
    pub(super) async fn find(&self, header: &TokenHeader, now: DateTime<Utc>) -> Result<PublishedKey, KeyFault> {
        let source = &self.0;
        let held = source.held();
        let known = held.find(header);
        if let Some(key) = known.filter(|_| within(held.fetched, now, source.cache)) {
            return Ok(key.clone());
        }
        let usable = known.filter(|_| within(held.fetched, now, STALE));
        if !within(held.attempted, now, source.refetch) {
            let guard = match usable {
                // Another request is fetching already. The cached key is used in the meantime.
                Some(key) => match Arc::clone(&source.fetching).try_lock_owned() {
                    Ok(guard) => guard,
                    Err(_) => return Ok(key.clone()),
                },
                None => Arc::clone(&source.fetching).lock_owned().await,
            };
            let source = Arc::clone(source);
            // The fetch is a task of its own, so that a caller who disconnects does not cancel it for the others.
            let fetch = tokio::spawn(async move {
                if !within(source.held().attempted, now, source.refetch) {
                    source.refresh(now).await;
                }
                drop(guard);
            });
            let _ = fetch.await;
        } else if usable.is_none() {
            // A fetch that has just begun may bring the key.
            drop(source.fetching.lock().await);
        }
        let held = source.held();
        match held.find(header).filter(|_| within(held.fetched, now, STALE)) {
            Some(key) => Ok(key.clone()),
            None if within(held.fetched, now, STALE) => Err(KeyFault::Unknown),
            None => Err(KeyFault::Unavailable),
        }
    }
}

impl PublishedKeys {
    /// The endpoints for people. They are fetched with the keys, and as seldom.
    pub(super) async fn endpoints(&self, now: DateTime<Utc>) -> Result<Endpoints, KeyFault> {
        let source = &self.0;
        if !within(source.held().fetched, now, source.cache) {
            let _guard = source.fetching.lock().await;
            let held = source.held();
            if !within(held.fetched, now, source.cache) && !within(held.attempted, now, source.refetch) {
                source.refresh(now).await;
            }
        }
        let held = source.held();
        held.endpoints.filter(|_| within(held.fetched, now, STALE)).ok_or(KeyFault::Unavailable)
    }

    /// Sends a form to the issuer, under the same limits as a fetch.
    pub(super) async fn post_form(&self, url: &Url, form: String) -> Result<Answer, OutboundError> {
        self.0.outbound.post_form(url, form, self.0.limits).await
    }
}

/// Whether `since` is less than `span` ago. A time in the future, after the clock was set back, is not.
fn within(since: Option<DateTime<Utc>>, now: DateTime<Utc>, span: TimeDelta) -> bool {
    since.is_some_and(|since| since <= now && now - since < span)
}

impl Held {
    fn find(&self, header: &TokenHeader) -> Option<&PublishedKey> {
        let fits = |key: &&PublishedKey| {
            key.id == header.kid && key.family == header.algorithm.family() && key.only.is_none_or(|only| only == header.algorithm)
        };
        self.keys.iter().find(fits)
    }
}

impl Source {
    fn held(&self) -> Held {
        // The value is consistent even if its last writer panicked, so a poisoned lock can be used.
        self.held.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn change(&self, change: impl FnOnce(&mut Held)) {
        change(&mut self.held.write().unwrap_or_else(PoisonError::into_inner));
    }

    async fn refresh(&self, now: DateTime<Utc>) {
        self.change(|held| held.attempted = Some(now));
        match self.fetch().await {
            Ok((keys, endpoints)) => {
                tracing::debug!(issuer = self.url, keys = keys.len(), "an issuer's keys were fetched");
                self.change(|held| (held.keys, held.endpoints, held.fetched) = (Arc::new(keys), endpoints, Some(now)));
            }
            Err(fault) => tracing::warn!(issuer = self.url, %fault, "an issuer's keys could not be fetched"),
        }
    }

    async fn fetch(&self) -> Result<(Vec<PublishedKey>, Option<Endpoints>), FetchFault> {
        #[derive(Deserialize)]
        struct Discovery {
            issuer: String,
            jwks_uri: String,
            authorization_endpoint: Option<String>,
            token_endpoint: Option<String>,
        }
        #[derive(Deserialize)]
        struct KeySet {
            keys: Vec<serde_json::Value>,
        }
        let address = format!("{}/.well-known/openid-configuration", self.url.trim_end_matches('/'));
        let discovery: Discovery = self.document("the discovery document", &address).await?;
        if discovery.issuer != self.url {
            return Err(FetchFault::OtherIssuer(discovery.issuer));
        }
        let set: KeySet = self.document("the key set", &discovery.jwks_uri).await?;
        if set.keys.len() > KEYS_LIMIT {
            return Err(FetchFault::TooMany);
        }
        let read = |address: Option<String>| address.and_then(|address| Url::parse(&address).ok());
        let endpoints = read(discovery.authorization_endpoint).zip(read(discovery.token_endpoint));
        let endpoints = endpoints.map(|(authorization, token)| Endpoints { authorization, token });
        // The set may also contain keys of other kinds, which are left out.
        Ok((set.keys.into_iter().filter_map(PublishedKey::read).collect(), endpoints))
    }

    async fn document<T: serde::de::DeserializeOwned>(&self, document: &'static str, address: &str) -> Result<T, FetchFault> {
        let url = Url::parse(address).map_err(|_| FetchFault::Address(address.to_owned()))?;
        let answer = self.outbound.get(&url, self.limits).await?;
        if answer.status != 200 {
            return Err(FetchFault::Status { document, status: answer.status });
        }
        serde_json::from_slice(&answer.body).map_err(|cause| FetchFault::Document { document, cause })
    }
}

impl PublishedKey {
    /// Reads a key. `None` if it is not a public key for verifying signatures, or has no id.
    fn read(value: serde_json::Value) -> Option<PublishedKey> {
        let jwk: Jwk = serde_json::from_value(value).ok()?;
        let family = match &jwk.algorithm {
            AlgorithmParameters::RSA(_) => AlgorithmFamily::Rsa,
            AlgorithmParameters::EllipticCurve(_) => AlgorithmFamily::Ec,
            _ => return None,
        };
        if jwk.common.public_key_use.as_ref().is_some_and(|usage| *usage != PublicKeyUse::Signature) {
            return None;
        }
        if jwk.common.key_operations.as_ref().is_some_and(|operations| !operations.contains(&KeyOperations::Verify)) {
            return None;
        }
        let only = jwk.common.key_algorithm.map(Algorithm::try_from).transpose().ok()?;
        let verifier = DecodingKey::from_jwk(&jwk).ok()?;
        Some(PublishedKey { id: jwk.common.key_id.filter(|id| !id.is_empty())?, family, only, verifier })
    }
}
