#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::sync::Mutex as StdMutex;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::*;
use crate::exchange::Exchange;
use crate::scripted::{Scripted, json};
use crate::settings::{ClientSettings, SignIn};

const NOW: i64 = 1_000_000;

/// A token endpoint that gives the next of its answers to each request.
struct Endpoint(Scripted);

impl Endpoint {
    async fn answering(answers: Vec<(u16, String)>) -> Endpoint {
        Endpoint(Scripted::start(answers.iter().map(|(status, body)| json(*status, &[], body)).collect()).await)
    }

    /// Path and body of each request, in lower case.
    fn sent(&self) -> Vec<String> {
        self.0.bodies()
    }

    fn source(&self, sign_in: SignIn, store: Option<&Memory>) -> TokenSource {
        let settings = ClientSettings {
            authority_token_url: format!("http://{}/t/oauth2/token", self.0.address),
            api_base: "http://127.0.0.1:1/insights/v1/mpn".into(),
            resource: "r".into(),
            client_id: "app".into(),
            client_secret: None,
            sign_in,
            ca_certificate: None,
            patience: crate::Patience::default(),
        };
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        let mut source =
            TokenSource::new(Endpoints::new(settings, Exchange::new(http, crate::Patience::default()), Arc::new(|| NOW)).unwrap());
        if let Some(store) = store {
            source.keep_in(Arc::new(store.clone()));
        }
        source
    }
}

fn granted(token: &str, refresh: &str) -> (u16, String) {
    (200, format!(r#"{{"access_token":"{token}","expires_in":"3599","refresh_token":"{refresh}"}}"#))
}

fn refused(error: &str, code: u32) -> (u16, String) {
    (400, format!(r#"{{"error":"{error}","error_description":"AADSTS{code}: no.","error_codes":[{code}]}}"#))
}

fn ada() -> SignIn {
    SignIn::User { username: "ada@contoso.com".into(), password: "p4ss".into() }
}

fn before() -> SignIn {
    SignIn::Before { username: None }
}

/// A store of one account in memory.
#[derive(Clone)]
struct Memory {
    kept: Arc<StdMutex<Option<Kept>>>,
    lock: Arc<Semaphore>,
}

struct InMemory(Memory, #[allow(dead_code, reason = "it is held")] OwnedSemaphorePermit);

impl Memory {
    fn with(kept: Option<Kept>) -> Memory {
        Memory { kept: Arc::new(StdMutex::new(kept)), lock: Arc::new(Semaphore::new(1)) }
    }

    fn kept(&self) -> Kept {
        self.kept.lock().unwrap().clone().unwrap_or_default()
    }
}

impl TokenStore for Memory {
    fn read(&self, _: &Account) -> Result<Option<Kept>, StoreFault> {
        Ok(self.kept.lock().unwrap().clone())
    }

    fn hold(&self, _: &Account) -> Result<Box<dyn HeldTokens>, StoreFault> {
        let lock = Arc::clone(&self.lock).acquire_owned();
        Ok(Box::new(InMemory(self.clone(), tokio::runtime::Handle::current().block_on(lock).unwrap())))
    }
}

impl HeldTokens for InMemory {
    fn read(&self) -> Result<Option<Kept>, StoreFault> {
        Ok(self.0.kept.lock().unwrap().clone())
    }

    fn write(&self, kept: &Kept) -> Result<(), StoreFault> {
        *self.0.kept.lock().unwrap() = Some(kept.clone());
        Ok(())
    }

    fn forget(&self) -> Result<bool, StoreFault> {
        Ok(self.0.kept.lock().unwrap().take().is_some())
    }
}

/// What a sign-in in a browser left: an old token and a refresh token.
fn left() -> Kept {
    let mut kept = Kept::default();
    let old = Token { access_token: "old".into(), refresh_token: Some("first".into()), expires_at: NOW + 60, resource: None, scope: None };
    kept.take("r", &old, NOW - 3500, true);
    kept
}

#[tokio::test]
async fn a_token_is_kept_and_used_by_the_next_execution() {
    let endpoint = Endpoint::answering(vec![granted("one", "first")]).await;
    let store = Memory::with(None);
    for _ in 0..3 {
        assert_eq!(endpoint.source(ada(), Some(&store)).token().await.unwrap().access_token, "one");
    }
    assert_eq!(endpoint.sent().len(), 1);
    assert!(endpoint.sent()[0].starts_with("/t/oauth2/token grant_type=password&"), "{:?}", endpoint.sent());
    assert_eq!((store.kept().refresh_token.as_deref(), store.kept().version_2), (Some("first"), false));
}

#[tokio::test]
async fn of_many_that_need_a_token_one_asks() {
    let endpoint = Endpoint::answering(vec![granted("new", "second")]).await;
    let store = Memory::with(Some(left()));
    let sources: Vec<_> = (0..8).map(|_| endpoint.source(before(), Some(&store))).collect();
    let tokens = futures::future::join_all(sources.iter().map(TokenSource::token)).await;
    assert!(tokens.into_iter().all(|token| token.unwrap().access_token == "new"));
    let sent = endpoint.sent();
    assert_eq!(sent.len(), 1, "{sent:?}");
    assert!(
        sent[0].starts_with("/t/oauth2/v2.0/token grant_type=refresh_token&client_id=app&scope=r%2f.default+offline_access"),
        "{sent:?}"
    );
    assert!(sent[0].ends_with("&refresh_token=first"), "{sent:?}");
    assert_eq!((store.kept().refresh_token.as_deref(), store.kept().version_2), (Some("second"), true));
}

#[tokio::test]
async fn a_token_that_the_api_refused_is_replaced_once() {
    let endpoint = Endpoint::answering(vec![granted("one", "first"), granted("two", "second")]).await;
    let store = Memory::with(None);
    let (here, there) = (endpoint.source(ada(), Some(&store)), endpoint.source(ada(), Some(&store)));
    let one = here.token().await.unwrap();
    assert_eq!(there.token().await.unwrap().access_token, "one");
    assert_eq!(here.instead_of(&one).await.unwrap().access_token, "two");
    assert_eq!(there.instead_of(&one).await.unwrap().access_token, "two");
    assert_eq!(endpoint.sent().len(), 2);
}

#[tokio::test]
async fn another_password_does_not_go_on_with_the_tokens_of_the_first() {
    let endpoint = Endpoint::answering(vec![granted("one", "first"), refused("invalid_grant", 50126)]).await;
    let store = Memory::with(None);
    assert_eq!(endpoint.source(ada(), Some(&store)).token().await.unwrap().access_token, "one");
    let other = SignIn::User { username: "ada@contoso.com".into(), password: "0ther".into() };
    let error = endpoint.source(other, Some(&store)).token().await.unwrap_err();
    assert!(matches!(error, ClientError::Token(ref refusal) if refusal.codes == [50126]), "{error}");
    assert!(endpoint.sent()[1].contains("password=0ther"));
    assert_eq!(endpoint.source(ada(), Some(&store)).token().await.unwrap().access_token, "one");
    // What a person's sign-in left is good for whichever.
    let store = Memory::with(Some(Kept { made_with: None, ..store.kept() }));
    let other = SignIn::User { username: "ada@contoso.com".into(), password: "0ther".into() };
    assert_eq!(endpoint.source(other, Some(&store)).token().await.unwrap().access_token, "one");
}

#[tokio::test]
async fn a_password_signs_in_anew_when_the_refresh_token_has_ended() {
    let endpoint = Endpoint::answering(vec![refused("invalid_grant", 50173), granted("new", "other")]).await;
    let store = Memory::with(Some(left()));
    assert_eq!(endpoint.source(ada(), Some(&store)).token().await.unwrap().access_token, "new");
    assert!(endpoint.sent()[1].contains("grant_type=password"));
    assert_eq!((store.kept().refresh_token.as_deref(), store.kept().version_2), (Some("other"), false));
}

#[tokio::test]
async fn a_sign_in_that_ended_is_forgotten_and_a_missing_consent_ends_none() {
    let endpoint = Endpoint::answering(vec![refused("invalid_grant", 65001), refused("temporarily_unavailable", 90033)]).await;
    let store = Memory::with(Some(left()));
    for code in [65001, 90033] {
        let error = endpoint.source(before(), Some(&store)).token().await.unwrap_err();
        assert!(matches!(error, ClientError::Token(ref refusal) if refusal.codes == [code]), "{error}");
    }
    assert_eq!(store.kept(), left());

    let endpoint = Endpoint::answering(vec![refused("invalid_grant", 700_082)]).await;
    for reason in ["nobody is signed in: AADSTS700082: no.", "nobody is signed in"] {
        let error = endpoint.source(before(), Some(&store)).token().await.unwrap_err();
        assert_eq!(error.to_string(), reason);
        assert!(error.hint().unwrap().contains("`insightgate login`"));
    }
    assert_eq!(store.kept().refresh_token, None);
}

#[tokio::test]
async fn without_a_store_a_token_lives_in_memory() {
    let endpoint = Endpoint::answering(vec![granted("one", "first"), granted("two", "second")]).await;
    let source = endpoint.source(ada(), None);
    assert_eq!(source.token().await.unwrap().access_token, "one");
    assert_eq!(source.new_token().await.unwrap().access_token, "two");
    assert_eq!(source.token().await.unwrap().access_token, "two");
    assert!(endpoint.sent()[1].contains("grant_type=refresh_token") && endpoint.sent()[1].starts_with("/t/oauth2/token "));
}
