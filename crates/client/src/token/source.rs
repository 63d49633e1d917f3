//! Where a connection's tokens come from: memory, then what is kept from earlier executions, then a refresh token, and then a new sign-in.
//!
//! However many callers need a token, in this process or in several that share a store, one of them asks the authority.

use std::sync::Arc;

use tokio::sync::Mutex;

use crate::error::{ClientError, TokenRefusal};
use crate::exchange::retries::Retries;
use crate::token::Token;
use crate::token::authority::Endpoints;
use crate::token::kept::{Account, HeldTokens, Kept, StoreFault, TokenStore, mark};

/// Consent or a permission is missing, which says nothing about the sign-in that a refresh token stands for.
const NOT_THE_SIGN_IN: [u32; 5] = [65001, 65004, 90094, 650_057, 53003];

pub(crate) struct TokenSource {
    endpoints: Endpoints,
    store: Option<Arc<dyn TokenStore>>,
    held: Mutex<Option<Token>>,
}

struct Granted {
    token: Token,
    /// Whether a refresh token that came with it is of version 2.
    version_2: bool,
    /// Whether by signing in.
    anew: bool,
}

/// Which tokens will not do.
#[derive(Clone, Copy)]
enum Refused<'a> {
    Nothing,
    /// The API did not accept this one.
    One(&'a str),
    /// The caller wants a new one.
    All,
}

impl Refused<'_> {
    fn accepts(self, token: &Token) -> bool {
        match self {
            Refused::Nothing => true,
            Refused::One(refused) => token.access_token != refused,
            Refused::All => false,
        }
    }
}

impl TokenSource {
    pub fn new(endpoints: Endpoints) -> TokenSource {
        TokenSource { endpoints, store: None, held: Mutex::default() }
    }

    pub fn keep_in(&mut self, store: Arc<dyn TokenStore>) {
        self.store = Some(store);
    }

    pub fn set_retries(&mut self, retries: Retries) {
        self.endpoints.set_retries(retries);
    }

    /// The token in use, or a new one: by the refresh token when there is one, else by signing in.
    pub async fn token(&self) -> Result<Token, ClientError> {
        self.get(Refused::Nothing).await
    }

    /// Another token than this one, which the API did not accept.
    pub async fn instead_of(&self, refused: &Token) -> Result<Token, ClientError> {
        self.get(Refused::One(&refused.access_token)).await
    }

    /// A token that the authority issues now.
    pub async fn new_token(&self) -> Result<Token, ClientError> {
        self.get(Refused::All).await
    }

    /// Starts with a token from an earlier run, or with none.
    pub async fn keep_token(&self, token: Option<Token>) {
        *self.held.lock().await = token;
    }

    async fn get(&self, refused: Refused<'_>) -> Result<Token, ClientError> {
        // Held over the request, so that many callers cause one.
        let mut held = self.held.lock().await;
        let now = self.endpoints.now();
        if let Some(token) = held.as_ref().filter(|token| token.is_usable(now) && refused.accepts(token)) {
            return Ok(token.clone());
        }
        let token = match &self.store {
            Some(store) => self.stored(store, refused).await?,
            None => {
                let refresh = held.as_ref().and_then(|token| token.refresh_token.clone());
                self.granted(refresh.as_deref(), false).await?.token
            }
        };
        *held = Some(token.clone());
        Ok(token)
    }

    async fn stored(&self, store: &Arc<dyn TokenStore>, refused: Refused<'_>) -> Result<Token, ClientError> {
        let (account, resource) = (Account::of(&self.endpoints.settings), &self.endpoints.settings.resource);
        let settings = &self.endpoints.settings;
        let own = |kept: Option<Kept>| kept.filter(|kept| kept.is_of(settings));
        let good = |kept: &Kept, now| kept.token(resource, now).filter(|token| refused.accepts(token));
        let reader = (Arc::clone(store), account.clone());
        let kept = blocking(move || reader.0.read(&reader.1)).await?;
        if let Some(token) = own(kept).and_then(|kept| good(&kept, self.endpoints.now())) {
            return Ok(token);
        }
        let holder = Arc::clone(store);
        let (held, kept) = blocking(move || {
            let held = holder.hold(&account)?;
            let kept = held.read()?;
            Ok((held, kept))
        })
        .await?;
        // Another process may have been faster.
        let mut kept = own(kept).unwrap_or_default();
        if let Some(token) = good(&kept, self.endpoints.now()) {
            return Ok(token);
        }
        let granted = self.granted(kept.refresh_token.as_deref(), kept.version_2).await;
        match granted {
            Ok(Granted { token, version_2, anew }) => {
                if anew {
                    kept = Kept { made_with: Some(mark(settings)), ..Kept::default() };
                }
                kept.take(resource, &token, self.endpoints.now(), version_2);
                write(store, held, kept).await?;
                Ok(token)
            }
            Err(ClientError::SignInNeeded { reason }) => {
                if kept.refresh_token.take().is_some() {
                    kept.tokens.remove(resource);
                    write(store, held, kept).await?;
                }
                Err(ClientError::SignInNeeded { reason })
            }
            Err(error) => Err(error),
        }
    }

    /// By the refresh token, or else by signing in.
    async fn granted(&self, refresh: Option<&str>, version_2: bool) -> Result<Granted, ClientError> {
        let mut refusal = None;
        if let Some(refresh) = refresh {
            match self.endpoints.refresh(refresh, version_2).await {
                // It may be spent or revoked while the password still holds.
                Err(ClientError::Token(refused)) => refusal = Some(refused),
                other => return other.map(|token| Granted { token, version_2, anew: false }),
            }
        }
        match (self.endpoints.sign_in().await, refusal) {
            (Some(token), _) => token.map(|token| Granted { token, version_2: false, anew: true }),
            (None, Some(refusal)) if !ends_sign_in(&refusal) => Err(ClientError::Token(refusal)),
            (None, refusal) => Err(ClientError::SignInNeeded { reason: refusal.map(|refusal| refusal.to_string()) }),
        }
    }
}

/// Whether a refused refresh token is worth nothing from now on.
fn ends_sign_in(refusal: &TokenRefusal) -> bool {
    matches!(refusal.error.as_str(), "invalid_grant" | "interaction_required")
        && !refusal.codes.iter().any(|code| NOT_THE_SIGN_IN.contains(code))
}

async fn write(store: &Arc<dyn TokenStore>, held: Box<dyn HeldTokens>, kept: Kept) -> Result<(), ClientError> {
    let store = Arc::clone(store);
    let told = move || {
        if let Err(fault) = held.write(&kept) {
            store.lost(&fault);
        }
        Ok(())
    };
    blocking(told).await
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T, StoreFault> + Send + 'static) -> Result<T, ClientError> {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done.map_err(ClientError::Store),
        Err(error) => Err(ClientError::Settings(format!("the kept tokens could not be read: {error}"))),
    }
}

#[cfg(test)]
mod tests;
