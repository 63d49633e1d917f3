//! What a program keeps of its tokens between two executions, so that it need not sign in each time. Where it is kept is the program's own choice: this
//! crate writes no file.

use std::collections::BTreeMap;
use std::fmt;

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};

use crate::settings::{ClientSettings, SignIn};
use crate::token::Token;

/// Seconds that a clock may have been set back since a token came. A token from later than that is not trusted to end when it says.
const SET_BACK: i64 = 60;

/// Whose tokens: an authority, an application, and a user or nobody. The tokens of one account share a refresh token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// `https://<authority>/<tenant>`.
    pub authority: String,
    pub client_id: String,
    pub user: AccountUser,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AccountUser {
    /// The application acts alone.
    Nobody,
    /// Whoever signed in last.
    Anybody,
    /// By the sign-in name.
    Named(String),
}

/// The tokens of one account. Its debug form leaves them out.
#[derive(Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Kept {
    /// Who signed in, as far as the authority said.
    #[serde(default)]
    pub username: Option<String>,
    #[serde(default)]
    pub refresh_token: Option<String>,
    /// Whether the refresh token came from the second version of the endpoint, and is to be used there.
    #[serde(default)]
    pub version_2: bool,
    /// Which secret and password signed in, as 16 bits of a digest: enough that another password does not go on with these tokens, and too little to
    /// guess the password by. None after a person's sign-in, which needs none.
    #[serde(default)]
    pub made_with: Option<u16>,
    /// By resource.
    #[serde(default)]
    pub tokens: BTreeMap<String, KeptToken>,
}

/// An access token. Its debug form leaves it out.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub struct KeptToken {
    pub access_token: String,
    /// Unix seconds, by the client's clock.
    pub received_at: i64,
    /// Unix seconds, by the client's clock.
    pub expires_at: i64,
    #[serde(default)]
    pub scope: Option<String>,
}

/// Keeps tokens between executions. Its functions may block, and are not called from an async thread.
pub trait TokenStore: Send + Sync {
    /// What is kept of the account, if anything.
    ///
    /// # Errors
    /// When what is kept may not be used, or cannot be read.
    fn read(&self, account: &Account) -> Result<Option<Kept>, StoreFault>;

    /// Waits until nobody else holds the account, in any process, and holds it until the answer is dropped.
    ///
    /// # Errors
    /// When it can never be held.
    fn hold(&self, account: &Account) -> Result<Box<dyn HeldTokens>, StoreFault>;

    /// A new token could not be kept. It is used all the same, and the next execution asks for another.
    fn lost(&self, _: &StoreFault) {}
}

/// An account that nobody else reads in order to change it.
pub trait HeldTokens: Send {
    /// What is kept now, if anything.
    ///
    /// # Errors
    /// When what is kept may not be used, or cannot be read.
    fn read(&self) -> Result<Option<Kept>, StoreFault>;

    /// # Errors
    /// When it cannot be written.
    fn write(&self, kept: &Kept) -> Result<(), StoreFault>;

    /// Forgets the account. Whether there was anything.
    ///
    /// # Errors
    /// When it cannot be removed.
    fn forget(&self) -> Result<bool, StoreFault>;
}

/// Why kept tokens cannot be used, and what to do about it. It contains no token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoreFault {
    pub message: String,
    pub hint: Option<String>,
}

impl Account {
    pub fn of(settings: &ClientSettings) -> Account {
        Account::new(&settings.authority_token_url, &settings.client_id, &settings.sign_in)
    }

    /// `authority_token_url` as in [`ClientSettings`].
    pub fn new(authority_token_url: &str, client_id: &str, sign_in: &SignIn) -> Account {
        let url = authority_token_url.trim_end_matches('/');
        let authority = url.strip_suffix("/token").unwrap_or(url);
        let authority = authority.strip_suffix("/v2.0").unwrap_or(authority);
        let authority = authority.strip_suffix("/oauth2").unwrap_or(authority);
        let named = |name: &str| AccountUser::Named(name.to_lowercase());
        let user = match sign_in {
            SignIn::Application => AccountUser::Nobody,
            SignIn::Before { username: None } => AccountUser::Anybody,
            SignIn::User { username, .. } | SignIn::Before { username: Some(username) } => named(username),
        };
        Account { authority: authority.to_lowercase(), client_id: client_id.to_lowercase(), user }
    }

    /// A name for what is kept: letters, digits, `-` and `_`, the same for the same account and different for others.
    pub fn id(&self) -> String {
        let user = match &self.user {
            AccountUser::Nobody => "nobody".to_owned(),
            AccountUser::Anybody => "anybody".to_owned(),
            AccountUser::Named(name) => format!("named {name}"),
        };
        let text = format!("{}\n{}\n{user}", self.authority, self.client_id);
        URL_SAFE_NO_PAD.encode(digest(&SHA256, text.as_bytes()))
    }
}

/// The 16 bits of [`Kept::made_with`].
pub(crate) fn mark(settings: &ClientSettings) -> u16 {
    let password = match &settings.sign_in {
        SignIn::User { password, .. } => password.as_str(),
        SignIn::Application | SignIn::Before { .. } => "",
    };
    let secret = settings.client_secret.as_deref().unwrap_or_default();
    let text = format!("{}\0{secret}\0{password}", Account::of(settings).id());
    match digest(&SHA256, text.as_bytes()).as_ref() {
        [first, second, ..] => u16::from_be_bytes([*first, *second]),
        _ => 0,
    }
}

impl Kept {
    /// Whether the credential of these settings may go on with these tokens.
    pub(crate) fn is_of(&self, settings: &ClientSettings) -> bool {
        self.made_with.is_none_or(|made_with| made_with == mark(settings))
    }

    /// The token for that resource, if it is still good at `now` (Unix seconds).
    pub(crate) fn token(&self, resource: &str, now: i64) -> Option<Token> {
        let kept = self.tokens.get(resource).filter(|kept| now >= kept.received_at.saturating_sub(SET_BACK))?;
        let token = Token {
            access_token: kept.access_token.clone(),
            refresh_token: self.refresh_token.clone(),
            expires_at: kept.expires_at,
            resource: Some(resource.to_owned()),
            scope: kept.scope.clone(),
        };
        token.is_usable(now).then_some(token)
    }

    /// Takes in what was granted at `now` (Unix seconds). An answer without a refresh token leaves the one that is there.
    pub(crate) fn take(&mut self, resource: &str, token: &Token, now: i64, version_2: bool) {
        if token.refresh_token.is_some() {
            self.refresh_token.clone_from(&token.refresh_token);
            self.version_2 = version_2;
        }
        let Token { access_token, expires_at, scope, .. } = token.clone();
        self.tokens.insert(resource.to_owned(), KeptToken { access_token, received_at: now, expires_at, scope });
    }
}

impl fmt::Debug for Kept {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let resources: Vec<&String> = self.tokens.keys().collect();
        f.debug_struct("Kept").field("username", &self.username).field("resources", &resources).finish_non_exhaustive()
    }
}

impl fmt::Debug for KeptToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeptToken").field("expires_at", &self.expires_at).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(authority_token_url: &str, client_id: &str, sign_in: SignIn) -> ClientSettings {
        ClientSettings {
            authority_token_url: authority_token_url.into(),
            api_base: "https://api.example/insights/v1/mpn".into(),
            resource: "r".into(),
            client_id: client_id.into(),
            client_secret: None,
            sign_in,
            ca_certificate: None,
            patience: crate::Patience::default(),
        }
    }

    #[test]
    fn an_account_is_its_authority_application_and_user() {
        let user = |name: &str| SignIn::User { username: name.into(), password: "p4ss".into() };
        let one = Account::of(&settings("https://login.example/T/oauth2/token", "App", user("Ada@Contoso.com")));
        assert_eq!((one.authority.as_str(), one.client_id.as_str()), ("https://login.example/t", "app"));
        let before = SignIn::Before { username: Some("ada@contoso.com".into()) };
        assert_eq!(Account::of(&settings("https://login.example/t/oauth2/v2.0/token", "app", before)).id(), one.id());
        let others = [
            settings("https://login.example/u/oauth2/token", "app", user("ada@contoso.com")),
            settings("https://login.example/t/oauth2/token", "other", user("ada@contoso.com")),
            settings("https://login.example/t/oauth2/token", "app", user("bob@contoso.com")),
            settings("https://login.example/t/oauth2/token", "app", SignIn::Application),
            settings("https://login.example/t/oauth2/token", "app", SignIn::Before { username: None }),
        ];
        let mut ids: Vec<String> = others.iter().map(|settings| Account::of(settings).id()).chain([one.id()]).collect();
        ids.sort();
        ids.dedup();
        assert_eq!(ids.len(), 6);
        assert!(ids.iter().all(|id| id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))), "{ids:?}");
    }

    #[test]
    fn a_kept_token_is_good_until_shortly_before_its_end_and_not_from_the_future() {
        let mut kept = Kept::default();
        let token = |refresh: Option<&str>| Token {
            access_token: "acc3ss".into(),
            refresh_token: refresh.map(str::to_owned),
            expires_at: 13_600,
            resource: None,
            scope: None,
        };
        kept.take("r", &token(Some("r3fresh")), 10_000, true);
        assert!(kept.version_2 && kept.token("other", 10_000).is_none());
        let good = |now| kept.token("r", now).is_some();
        assert_eq!([9_900, 9_941, 10_000, 13_479, 13_480].map(good), [false, true, true, true, false]);
        let mut later = kept.clone();
        later.take("s", &token(None), 11_000, false);
        assert_eq!((later.refresh_token.as_deref(), later.version_2, later.tokens.len()), (Some("r3fresh"), true, 2));
        let text = format!("{later:?} {:?}", later.tokens);
        assert!(!text.contains("acc3ss") && !text.contains("r3fresh"), "{text}");
    }
}
