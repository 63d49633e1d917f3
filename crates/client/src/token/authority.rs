//! The token endpoint, and what is beside it in both versions. One request each; who asks when is decided elsewhere.

use reqwest::Url;

use crate::error::ClientError;
use crate::exchange::retries::Retries;
use crate::exchange::{Exchange, Raw, page};
use crate::http::{address, parse_url, unreachable};
use crate::settings::{ClientSettings, Clock};
use crate::token::{self, Token};

#[derive(Clone)]
pub(crate) struct Endpoints {
    pub settings: ClientSettings,
    token_url: Url,
    exchange: Exchange,
    clock: Clock,
}

impl Endpoints {
    pub fn new(settings: ClientSettings, exchange: Exchange, clock: Clock) -> Result<Endpoints, ClientError> {
        let token_url = parse_url(&settings.authority_token_url)?;
        Ok(Endpoints { settings, token_url, exchange, clock })
    }

    pub fn set_retries(&mut self, retries: Retries) {
        self.exchange.set_retries(retries);
    }

    /// Unix seconds.
    pub fn now(&self) -> i64 {
        (self.clock)()
    }

    /// Signs in anew; None if only a person can do that.
    pub async fn sign_in(&self) -> Option<Result<Token, ClientError>> {
        let form = token::sign_in_form(&self.settings)?;
        Some(self.ask(&self.token_url, &form, true).await.map(|(token, _)| token))
    }

    pub async fn refresh(&self, refresh_token: &str, version_2: bool) -> Result<Token, ClientError> {
        if !version_2 {
            return self.ask(&self.token_url, &token::refresh_form(&self.settings, refresh_token), true).await.map(|(token, _)| token);
        }
        let scope = self.scope();
        let mut form = self.application_form("refresh_token");
        // Signing in twice gives another token, and takes nothing from the first.
        form.extend([("scope", scope.as_str()), ("refresh_token", refresh_token)]);
        self.ask(&self.version_2("token"), &form, true).await.map(|(token, _)| token)
    }

    /// The scope of the resource, with a refresh token and the name of who signs in.
    pub fn scope(&self) -> String {
        format!("{}/.default offline_access openid profile", self.settings.resource.trim_end_matches('/'))
    }

    pub fn application_form<'a>(&'a self, grant: &'a str) -> Vec<(&'a str, &'a str)> {
        let mut form = vec![("grant_type", grant), ("client_id", self.settings.client_id.as_str())];
        form.extend(self.settings.client_secret.as_deref().map(|secret| ("client_secret", secret)));
        form
    }

    /// The token for a code, and the id token that came with it. A code is good once, so that it is not sent again where no answer came.
    pub async fn redeem(&self, form: &[(&str, &str)]) -> Result<(Token, Option<String>), ClientError> {
        self.ask(&self.version_2("token"), form, false).await
    }

    /// `…/oauth2/v2.0/<name>`.
    pub fn version_2(&self, name: &str) -> Url {
        let mut url = self.token_url.clone();
        url.set_query(None);
        let versioned = url.path().trim_end_matches('/').ends_with("/v2.0/token");
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty().pop();
            if !versioned {
                path.push("v2.0");
            }
            path.push(name);
        }
        url
    }

    /// Asks for the authority's own description. An authority that has none is there too.
    pub async fn look(&self) -> Result<(), ClientError> {
        let mut url = self.version_2("token");
        if let Ok(mut path) = url.path_segments_mut() {
            // Of `<tenant>/oauth2/v2.0/token`.
            path.pop().pop().pop().extend(["v2.0", ".well-known", "openid-configuration"]);
        }
        let address = address(&url);
        let make = || {
            let request = self.exchange.http().get(url.clone()).timeout(self.exchange.answer_timeout()).build();
            request.map_err(|error| unreachable(&address, error))
        };
        let Raw { status, body, .. } = self.exchange.answer(&address, true, make).await?;
        match token::read_refusal(status.as_u16(), page::without_mark(&body)) {
            Ok(refusal) if !status.is_success() => Err(ClientError::Token(Box::new(refusal))),
            _ => Ok(()),
        }
    }

    async fn ask(&self, url: &Url, form: &[(&str, &str)], repeatable: bool) -> Result<(Token, Option<String>), ClientError> {
        self.post(url, form, repeatable, token::read_answer).await
    }

    /// `read` takes the body of a success, and the time by the client's clock.
    pub async fn post<T>(
        &self,
        url: &Url,
        form: &[(&str, &str)],
        repeatable: bool,
        read: impl FnOnce(&[u8], i64) -> Result<T, String>,
    ) -> Result<T, ClientError> {
        let address = address(url);
        let make = || {
            let request = self.exchange.http().post(url.clone()).form(form).timeout(self.exchange.answer_timeout()).build();
            request.map_err(|error| unreachable(&address, error))
        };
        let Raw { status, body, .. } = self.exchange.answer(&address, repeatable, make).await?;
        let unexpected = |reason| ClientError::Unexpected { address: address.clone(), status: status.as_u16(), reason };
        let body = page::without_mark(&body);
        if status.is_success() {
            return read(body, self.now()).map_err(unexpected);
        }
        let refusal = token::read_refusal(status.as_u16(), body).map_err(unexpected)?;
        Err(ClientError::Token(Box::new(refusal)))
    }
}
