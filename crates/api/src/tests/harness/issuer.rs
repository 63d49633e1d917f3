//! An external issuer: a server on this machine with a discovery document and a key set, and the private keys to sign with.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock, Mutex};

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _, RSA_PKCS1_SHA256, RSA_PSS_SHA256, RsaKeyPair};
use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::{Method, Request, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::TimeDelta;
use insightgate_identity::application::Permission;
use insightgate_identity::role::{Locations, Role, RoleAssignment};
use insightgate_operations::clock::Clock;
use insightgate_operations::context::Settings;
use insightgate_operations::external_issuers::{IssuerSettings, TenantSource};
use insightgate_operations::manage::administrator::Administrator;
use insightgate_operations::manage::users::external_identities::{NewExternalIdentity, bind_external_identity};
use insightgate_report::instant;
use serde_json::{Value, json};

use crate::tests::harness::*;

pub(crate) const AUDIENCE: &str = "api://insightgate";
pub(crate) const EXTERNAL_TENANT: &str = "0c0c0c0c-external";
pub(crate) const OPERATOR: Who = Who { tenant: CONTOSO, application: OPERATOR_APP, user: None };

/// Made once, since making keys takes a while.
pub(crate) static FIRST: LazyLock<IssuerKey> = LazyLock::new(|| IssuerKey::rsa("first"));
pub(crate) static SECOND: LazyLock<IssuerKey> = LazyLock::new(|| IssuerKey::rsa("second"));

pub(crate) struct IssuerKey {
    pub(crate) kid: &'static str,
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

    pub(crate) fn ec(kid: &'static str) -> IssuerKey {
        IssuerKey { kid, pair: Pair::Ec(EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap()) }
    }

    /// The key as the key set shows it.
    pub(crate) fn public(&self) -> Value {
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

    /// A token with this header and these claims, signed as the header's `alg` says, or with RS256 if this key cannot sign so.
    pub(crate) fn sign(&self, header: &Value, claims: &Value) -> String {
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
pub(crate) enum Mood {
    Well,
    Down,
    /// Accepts the request and never answers.
    Silent,
    /// The key set is larger than any issuer needs.
    Huge,
    /// The discovery document belongs to another issuer.
    Posing,
    /// The key set redirects to another address.
    Redirecting,
    NoJson,
}

pub(crate) struct Issuer {
    pub(crate) url: String,
    shared: Arc<Shared>,
}

struct Shared {
    url: String,
    keys: Mutex<Vec<Value>>,
    mood: Mutex<Mood>,
    fetches: AtomicUsize,
    /// What the token endpoint answers.
    granted: Mutex<String>,
    /// The forms that it was sent.
    redeemed: Mutex<Vec<String>>,
}

impl Issuer {
    pub(crate) async fn start() -> Issuer {
        let listener = tokio::net::TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0))).await.unwrap();
        let url = format!("http://{}/realm", listener.local_addr().unwrap());
        let shared = Arc::new(Shared {
            url: url.clone(),
            keys: Mutex::new(vec![FIRST.public()]),
            mood: Mutex::new(Mood::Well),
            fetches: AtomicUsize::new(0),
            granted: Mutex::default(),
            redeemed: Mutex::default(),
        });
        let routes = Router::new()
            .route("/realm/.well-known/openid-configuration", get(discovery))
            .route("/realm/keys", get(keys))
            .route("/realm/elsewhere", get(elsewhere))
            .route("/realm/token", post(token))
            .with_state(Arc::clone(&shared));
        tokio::spawn(async move { axum::serve(listener, routes).await });
        Issuer { url, shared }
    }

    pub(crate) fn publish(&self, keys: &[Value]) {
        *self.shared.keys.lock().unwrap() = keys.to_vec();
    }

    pub(crate) fn is(&self, mood: Mood) {
        *self.shared.mood.lock().unwrap() = mood;
    }

    /// Lets the token endpoint answer with this access token.
    pub(crate) fn grants(&self, token: &str) {
        *self.shared.granted.lock().unwrap() = json!({"access_token": token, "token_type": "Bearer"}).to_string();
    }

    /// The forms that the token endpoint was sent.
    pub(crate) fn redeemed(&self) -> Vec<String> {
        self.shared.redeemed.lock().unwrap().clone()
    }

    /// How often the discovery document was requested, with which every fetch begins.
    pub(crate) fn fetches(&self) -> usize {
        self.shared.fetches.load(Ordering::SeqCst)
    }

    pub(crate) fn settings(&self) -> IssuerSettings {
        IssuerSettings::new(&self.url, vec![AUDIENCE.to_owned()])
    }

    pub(crate) fn fixed(&self) -> IssuerSettings {
        IssuerSettings { tenant: TenantSource::Fixed(CONTOSO), ..self.settings() }
    }

    /// A deployment that trusts this issuer, with bindings for the tenant, Ana and the application.
    pub(crate) async fn deployment(&self) -> Deployment {
        self.bench_with(self.settings(), Settings::default()).await
    }

    /// Ana and Zoe are Global admins of their own organisations.
    pub(crate) async fn bench_with(&self, settings: IssuerSettings, deployment: Settings) -> Deployment {
        let is_fixed = settings.tenant.fixed().is_some();
        let deployment = Deployment::trusting(vec![settings], deployment, Clock::manual(instant::parse(NOW).unwrap())).await;
        let store = &deployment.context.store;
        for admin in [ANA, ZOE] {
            let role = RoleAssignment { role: Role::GlobalAdmin, locations: Locations::Organization };
            store.put_role(admin.tenant, admin.user.unwrap(), &role).await.unwrap();
            store.add_permission(admin.application, Permission::Management).await.unwrap();
            store.grant_consent(admin.application, Permission::Management, None, deployment.now()).await.unwrap();
        }
        if !is_fixed {
            self.bind(&deployment, OPERATOR, json!({"kind": "tenant"})).await;
        }
        let user = json!({"kind": "user", "externalId": "ana-at-issuer", "user": "ana@contoso.example"});
        let application = json!({"kind": "application", "externalId": "app-at-issuer", "application": APP});
        for body in [user, application] {
            let body = if is_fixed { with(body, json!({"externalTenant": null})) } else { body };
            self.bind(&deployment, ANA, body).await;
        }
        deployment
    }

    /// Binds without a token, since the built-in authority may be off.
    async fn bind(&self, deployment: &Deployment, who: Who, body: Value) {
        let principal = deployment.context.store.principal(who.tenant, who.application, who.user).await.unwrap().unwrap();
        let administrator = Administrator::admit(&deployment.context, Arc::new(principal), "setup").await.unwrap();
        let body = self.binding(body);
        let text = |name: &str| body[name].as_str().map(str::to_owned);
        let new = NewExternalIdentity {
            issuer: text("issuer"),
            external_tenant: text("externalTenant"),
            kind: text("kind"),
            external_id: text("externalId"),
            user: text("user"),
            application: text("application"),
        };
        bind_external_identity(&deployment.context, &administrator, &who.tenant.to_string(), new).await.unwrap();
    }

    /// The body of a binding, with this issuer and its tenant unless `body` says otherwise.
    pub(crate) fn binding(&self, body: Value) -> Value {
        with(json!({"issuer": self.url, "externalTenant": EXTERNAL_TENANT}), body)
    }

    /// The claims of Ana, through the application.
    pub(crate) fn claims(&self, deployment: &Deployment) -> Value {
        let now = deployment.now();
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

    pub(crate) fn header(key: &IssuerKey) -> Value {
        json!({"typ": "JWT", "alg": "RS256", "kid": key.kid})
    }

    /// A token signed by this key, with Ana's claims and these changes.
    pub(crate) fn token(&self, deployment: &Deployment, key: &IssuerKey, changes: Value) -> String {
        key.sign(&Issuer::header(key), &with(self.claims(deployment), changes))
    }
}

/// A call of the management API about the bindings of a tenant, with a token of the built-in authority; `path` begins after the collection.
pub(crate) async fn manage(deployment: &Deployment, who: Who, method: Method, tenant: &str, path: &str, body: Value) -> Answer {
    let mut claims = deployment.claims(who);
    claims.aud = deployment.context.settings.management_resource.clone();
    let token = deployment.context.signing.sign(&claims).unwrap();
    let uri = format!("/manage/v1/tenants/{tenant}/externalIdentities{path}");
    let request = Request::builder().method(method).uri(uri).header(header::AUTHORIZATION, format!("Bearer {token}"));
    deployment.send(request.body(Body::from(body.to_string())).unwrap()).await
}

/// Calls the API with a token.
pub(crate) async fn present(deployment: &Deployment, program: &str, token: &str) -> Answer {
    let authorization = format!("Bearer {token}");
    deployment.fetch(&format!("/insights/v1/{program}/ScheduledDataset"), &[("authorization", &authorization)]).await
}

async fn discovery(State(shared): State<Arc<Shared>>) -> Response {
    shared.fetches.fetch_add(1, Ordering::SeqCst);
    let mood = *shared.mood.lock().unwrap();
    let issuer = if mood == Mood::Posing { "https://login.example" } else { shared.url.as_str() };
    match mood {
        Mood::Down => StatusCode::SERVICE_UNAVAILABLE.into_response(),
        Mood::Silent => std::future::pending().await,
        Mood::NoJson => "<html>".into_response(),
        _ => {
            let at = |path: &str| format!("{}/{path}", shared.url);
            let endpoints = json!({"authorization_endpoint": at("authorize"), "token_endpoint": at("token")});
            with(json!({"issuer": issuer, "jwks_uri": at("keys")}), endpoints).to_string().into_response()
        }
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

async fn token(State(shared): State<Arc<Shared>>, form: String) -> Response {
    shared.redeemed.lock().unwrap().push(form);
    match shared.granted.lock().unwrap().clone() {
        granted if granted.is_empty() => (StatusCode::BAD_REQUEST, "{\"error\":\"invalid_grant\"}").into_response(),
        granted => granted.into_response(),
    }
}

async fn elsewhere(State(shared): State<Arc<Shared>>) -> Response {
    json!({"keys": *shared.keys.lock().unwrap()}).to_string().into_response()
}
