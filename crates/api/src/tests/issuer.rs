//! An issuer that is not ours: a server on this machine with a discovery document and a key set, and the private keys to sign with.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock, Mutex};

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _, RSA_PKCS1_SHA256, RSA_PSS_SHA256, RsaKeyPair};
use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::TimeDelta;
use insightgate_identity::external_identity::{ExternalIdentity, ExternalKind};
use insightgate_operations::bind_external_identity::{Binder, NewExternalIdentity, bind_external_identity};
use insightgate_operations::clock::Clock;
use insightgate_operations::context::Settings;
use insightgate_operations::external_issuers::{IssuerSettings, TenantSource};
use insightgate_operations::failure::Failure;
use insightgate_report::instant;
use serde_json::{Value, json};
use uuid::Uuid;

use super::harness::*;

pub(super) const AUDIENCE: &str = "api://insightgate";
pub(super) const EXTERNAL_TENANT: &str = "0c0c0c0c-external";
pub(super) const OPERATOR: Binder<'static> = Binder { name: "operator", is_operator: true, correlation: Some("c-1") };
pub(super) const ADMIN: Binder<'static> = Binder { name: "admin", is_operator: false, correlation: None };

/// Made once: they take a while.
pub(super) static FIRST: LazyLock<IssuerKey> = LazyLock::new(|| IssuerKey::rsa("first"));
pub(super) static SECOND: LazyLock<IssuerKey> = LazyLock::new(|| IssuerKey::rsa("second"));

pub(super) struct IssuerKey {
    pub(super) kid: &'static str,
    pair: Pair,
}

enum Pair {
    Rsa(RsaKeyPair),
    Ec(EcdsaKeyPair),
}

impl IssuerKey {
    fn rsa(kid: &'static str) -> IssuerKey {
        IssuerKey { kid, pair: Pair::Rsa(RsaKeyPair::generate(KeySize::Rsa2048).unwrap()) }
    }

    pub(super) fn ec(kid: &'static str) -> IssuerKey {
        IssuerKey { kid, pair: Pair::Ec(EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap()) }
    }

    /// As the key set shows it.
    pub(super) fn public(&self) -> Value {
        let encoded = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        match &self.pair {
            Pair::Rsa(pair) => {
                let (n, e) = (pair.public_key().modulus(), pair.public_key().exponent());
                let (n, e) = (encoded(n.big_endian_without_leading_zero()), encoded(e.big_endian_without_leading_zero()));
                json!({"kty": "RSA", "use": "sig", "kid": self.kid, "n": n, "e": e})
            }
            Pair::Ec(pair) => {
                let point = pair.public_key().as_ref();
                json!({"kty": "EC", "crv": "P-256", "use": "sig", "kid": self.kid, "x": encoded(&point[1..33]), "y": encoded(&point[33..])})
            }
        }
    }

    /// A token with this header and these claims, signed as the header's `alg` says, RS256 where this key cannot.
    pub(super) fn sign(&self, header: &Value, claims: &Value) -> String {
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let text = format!("{}.{}", part(header), part(claims));
        let signature = match &self.pair {
            Pair::Rsa(pair) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                let padding: &'static dyn aws_lc_rs::signature::RsaEncoding =
                    if header["alg"] == "PS256" { &RSA_PSS_SHA256 } else { &RSA_PKCS1_SHA256 };
                pair.sign(padding, &SystemRandom::new(), text.as_bytes(), &mut signature).unwrap();
                signature
            }
            Pair::Ec(pair) => pair.sign(&SystemRandom::new(), text.as_bytes()).unwrap().as_ref().to_vec(),
        };
        format!("{text}.{}", URL_SAFE_NO_PAD.encode(signature))
    }
}

/// How the issuer answers.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Mood {
    Well,
    Down,
    /// Takes the request and never answers.
    Silent,
    /// The key set is larger than anybody needs.
    Huge,
    /// The discovery document is another issuer's.
    Posing,
    /// The key set is said to be elsewhere.
    Redirecting,
    NoJson,
}

pub(super) struct Issuer {
    pub(super) url: String,
    shared: Arc<Shared>,
}

struct Shared {
    url: String,
    keys: Mutex<Vec<Value>>,
    mood: Mutex<Mood>,
    fetches: AtomicUsize,
}

impl Issuer {
    pub(super) async fn start() -> Issuer {
        let listener = tokio::net::TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0))).await.unwrap();
        let url = format!("http://{}/realm", listener.local_addr().unwrap());
        let shared = Arc::new(Shared {
            url: url.clone(),
            keys: Mutex::new(vec![FIRST.public()]),
            mood: Mutex::new(Mood::Well),
            fetches: AtomicUsize::new(0),
        });
        let routes = Router::new()
            .route("/realm/.well-known/openid-configuration", get(discovery))
            .route("/realm/keys", get(keys))
            .route("/realm/elsewhere", get(elsewhere))
            .with_state(Arc::clone(&shared));
        tokio::spawn(async move { axum::serve(listener, routes).await });
        Issuer { url, shared }
    }

    pub(super) fn publish(&self, keys: &[Value]) {
        *self.shared.keys.lock().unwrap() = keys.to_vec();
    }

    pub(super) fn is(&self, mood: Mood) {
        *self.shared.mood.lock().unwrap() = mood;
    }

    /// How often somebody asked for the discovery document, with which every fetch begins.
    pub(super) fn fetches(&self) -> usize {
        self.shared.fetches.load(Ordering::SeqCst)
    }

    pub(super) fn settings(&self) -> IssuerSettings {
        IssuerSettings::new(&self.url, vec![AUDIENCE.to_owned()])
    }

    pub(super) fn fixed(&self) -> IssuerSettings {
        IssuerSettings { tenant: TenantSource::Fixed(CONTOSO), ..self.settings() }
    }

    /// A server that trusts this issuer, with the tenant, Ana and the application bound.
    pub(super) async fn bench(&self) -> Bench {
        self.bench_with(self.settings(), Settings::default()).await
    }

    pub(super) async fn bench_with(&self, settings: IssuerSettings, deployment: Settings) -> Bench {
        let is_fixed = settings.tenant.fixed().is_some();
        let bench = Bench::trusting(vec![settings], deployment, Clock::manual(instant::parse(NOW).unwrap())).await;
        let members = [(ExternalKind::User, "ana-at-issuer", ANA.user.unwrap()), (ExternalKind::Application, "app-at-issuer", APP)];
        if !is_fixed {
            self.bind(&bench, CONTOSO, ExternalKind::Tenant, None, None, OPERATOR).await.unwrap();
        }
        for (kind, id, local) in members {
            let mut asked = self.identity(kind, Some(id), Some(local));
            asked.external_tenant = asked.external_tenant.filter(|_| !is_fixed);
            bind_external_identity(&bench.context, CONTOSO, &asked, ADMIN).await.unwrap();
        }
        bench
    }

    pub(super) fn identity(&self, kind: ExternalKind, external_id: Option<&str>, local: Option<Uuid>) -> NewExternalIdentity {
        NewExternalIdentity {
            issuer: self.url.clone(),
            external_tenant: Some(EXTERNAL_TENANT.to_owned()),
            kind,
            external_id: external_id.map(str::to_owned),
            local,
        }
    }

    pub(super) async fn bind(
        &self,
        bench: &Bench,
        tenant: Uuid,
        kind: ExternalKind,
        external_id: Option<&str>,
        local: Option<Uuid>,
        by: Binder<'_>,
    ) -> Result<ExternalIdentity, Failure> {
        bind_external_identity(&bench.context, tenant, &self.identity(kind, external_id, local), by).await
    }

    /// Ana's, through the application.
    pub(super) fn claims(&self, bench: &Bench) -> Value {
        let now = bench.now();
        json!({
            "iss": self.url,
            "aud": AUDIENCE,
            "iat": now.timestamp(),
            "nbf": now.timestamp(),
            "exp": (now + TimeDelta::hours(1)).timestamp(),
            "tid": EXTERNAL_TENANT,
            "oid": "ana-at-issuer",
            "sub": "pairwise",
            "azp": "app-at-issuer",
            "scp": "user_impersonation",
            "ver": "2.0",
        })
    }

    pub(super) fn header(key: &IssuerKey) -> Value {
        json!({"typ": "JWT", "alg": "RS256", "kid": key.kid})
    }

    /// Signed by this key, with other claims over Ana's.
    pub(super) fn token(&self, bench: &Bench, key: &IssuerKey, changes: Value) -> String {
        key.sign(&Issuer::header(key), &with(self.claims(bench), changes))
    }
}

/// What the API says to a token.
pub(super) async fn present(bench: &Bench, program: &str, token: &str) -> Answer {
    let authorization = format!("Bearer {token}");
    bench.fetch(&format!("/insights/v1/{program}/ScheduledDataset"), &[("authorization", &authorization)]).await
}

async fn discovery(State(shared): State<Arc<Shared>>) -> Response {
    shared.fetches.fetch_add(1, Ordering::SeqCst);
    let mood = *shared.mood.lock().unwrap();
    let issuer = if mood == Mood::Posing { "https://login.example" } else { shared.url.as_str() };
    match mood {
        Mood::Down => StatusCode::SERVICE_UNAVAILABLE.into_response(),
        Mood::Silent => std::future::pending().await,
        Mood::NoJson => "<html>".into_response(),
        _ => json!({"issuer": issuer, "jwks_uri": format!("{}/keys", shared.url)}).to_string().into_response(),
    }
}

async fn keys(State(shared): State<Arc<Shared>>) -> Response {
    let set = json!({"keys": *shared.keys.lock().unwrap()});
    let mood = *shared.mood.lock().unwrap();
    match mood {
        Mood::Huge => with(set, json!({"padding": "x".repeat(300 << 10)})).to_string().into_response(),
        Mood::Redirecting => (StatusCode::FOUND, [(header::LOCATION, format!("{}/elsewhere", shared.url))]).into_response(),
        _ => set.to_string().into_response(),
    }
}

async fn elsewhere(State(shared): State<Arc<Shared>>) -> Response {
    json!({"keys": *shared.keys.lock().unwrap()}).to_string().into_response()
}
