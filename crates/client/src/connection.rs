//! A connection pool with its token. It sends requests and distinguishes answers, refusals and failures.

use bytes::Bytes;
use reqwest::header::HeaderMap;
use reqwest::{Method, Request, StatusCode, Url};
use serde::de::DeserializeOwned;
use tokio::sync::Mutex;

use crate::answer::Envelope;
use crate::error::{ClientError, Refusal};
use crate::exchange::page;
use crate::exchange::retries::Retries;
use crate::exchange::{Exchange, Raw};
use crate::http::{ANSWER_TIMEOUT, address, below, connect, parse_url, unreachable};
use crate::settings::{ClientSettings, Clock};
use crate::token::{self, Token};

/// The most bytes of a URL with its parameters: the HTTP library accepts no more.
const LONGEST_ADDRESS: usize = 65_534;

/// A connection to one API for one application and at most one user. It gets a token when one is first needed, and renews it.
pub(crate) struct Connection {
    settings: ClientSettings,
    token_url: Url,
    api_base: Url,
    exchange: Exchange,
    clock: Clock,
    token: Mutex<Option<Token>>,
}

/// A successful answer whose body is not parsed yet.
pub(crate) struct Reply {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: Bytes,
    address: String,
}

impl Connection {
    pub fn new(settings: ClientSettings, clock: Clock) -> Result<Self, ClientError> {
        let token_url = parse_url(&settings.authority_token_url)?;
        let api_base = parse_url(&settings.api_base)?;
        let http = connect(&settings, &[&token_url, &api_base])?;
        Ok(Connection { settings, token_url, api_base, exchange: Exchange::new(http), clock, token: Mutex::new(None) })
    }

    pub fn exchange(&self) -> &Exchange {
        &self.exchange
    }

    pub fn set_retries(&mut self, retries: Retries) {
        self.exchange.set_retries(retries);
    }

    /// Returns the token in use, or gets a new one: by the refresh token if there is one, otherwise by signing in.
    pub async fn token(&self) -> Result<Token, ClientError> {
        // Locked during the request, so that many callers cause only one.
        let mut held = self.token.lock().await;
        if let Some(token) = held.as_ref().filter(|token| token.is_usable((self.clock)())) {
            return Ok(token.clone());
        }
        let refresh = held.as_ref().and_then(|token| token.refresh_token.clone());
        let refreshed = match &refresh {
            Some(refresh) => self.ask_token(&token::refresh_form(&self.settings, refresh)).await,
            None => self.ask_token(&token::sign_in_form(&self.settings)).await,
        };
        let token = match refreshed {
            // A refresh token may be used up or revoked while the password is still valid.
            Err(ClientError::Token(_)) if refresh.is_some() => self.ask_token(&token::sign_in_form(&self.settings)).await?,
            other => other?,
        };
        *held = Some(token.clone());
        Ok(token)
    }

    /// Starts with a token from an earlier run of the program, or with none.
    pub async fn keep_token(&self, token: Option<Token>) {
        *self.token.lock().await = token;
    }

    /// Makes one call: `segments` below the API's base, and `query` as a serialisable struct. `refusal` reads the answer of a failed call.
    pub async fn send(
        &self,
        method: Method,
        segments: &[&str],
        query: &impl serde::Serialize,
        body: Option<serde_json::Value>,
        refusal: fn(StatusCode, HeaderMap, &[u8]) -> ClientError,
    ) -> Result<Reply, ClientError> {
        let url = below(&self.api_base, segments);
        let address = address(&url);
        let body = body.map(|body| body.to_string());
        // POST makes something new each time; the other methods do twice what they do once.
        let repeatable = method != Method::POST;
        let mut token = self.token().await?;
        let mut first = true;
        loop {
            let make = || -> Result<Request, ClientError> {
                let request = self.exchange.http().request(method.clone(), url.clone()).query(query).bearer_auth(&token.access_token);
                // The documents ask for the content type on every method; without a body it does no harm.
                let request = request.header("Content-Type", "application/json").timeout(ANSWER_TIMEOUT);
                let request = match &body {
                    Some(body) => request.body(body.clone()),
                    None => request,
                };
                let request = request.build().map_err(|error| unreachable(&address, error))?;
                let length = request.url().as_str().len();
                if length > LONGEST_ADDRESS {
                    return Err(ClientError::AddressTooLong { length, longest: LONGEST_ADDRESS });
                }
                Ok(request)
            };
            let Raw { status, headers, body: bytes } = self.exchange.answer(&address, repeatable, make).await?;
            if status == StatusCode::UNAUTHORIZED && first {
                // The server's clock may be ahead of ours: try once more with a new token.
                first = false;
                self.keep_token(None).await;
                token = self.token().await?;
                continue;
            }
            if !status.is_success() {
                return Err(refusal(status, headers, &bytes));
            }
            return Ok(Reply { status: status.as_u16(), headers, body: bytes, address });
        }
    }

    async fn ask_token(&self, form: &[(&str, &str)]) -> Result<Token, ClientError> {
        let address = address(&self.token_url);
        let make = || {
            let request = self.exchange.http().post(self.token_url.clone()).form(form).timeout(ANSWER_TIMEOUT).build();
            request.map_err(|error| unreachable(&address, error))
        };
        // Signing in twice gives another token, and takes nothing from the first.
        let Raw { status, body, .. } = self.exchange.answer(&address, true, make).await?;
        let unexpected = |reason| ClientError::Unexpected { address: address.clone(), status: status.as_u16(), reason };
        let body = page::without_mark(&body);
        if status.is_success() {
            return token::read_token(body, (self.clock)()).map_err(unexpected);
        }
        let refusal = token::read_refusal(status.as_u16(), body).map_err(unexpected)?;
        Err(ClientError::Token(Box::new(refusal)))
    }
}

impl Reply {
    pub fn read<T: DeserializeOwned>(&self) -> Result<T, ClientError> {
        serde_json::from_slice(page::without_mark(&self.body)).map_err(|error| ClientError::Unexpected {
            address: self.address.clone(),
            status: self.status,
            reason: error.to_string(),
        })
    }
}

/// Reads a refusal from the envelope that the Insights API and links use.
pub(crate) fn refused(status: StatusCode, headers: HeaderMap, body: &[u8]) -> ClientError {
    // A gateway in front may answer with a page instead of the envelope: its text is of no use.
    let message =
        serde_json::from_slice::<Envelope<serde_json::Value>>(page::without_mark(body)).ok().and_then(|envelope| envelope.message);
    let request_id = headers.get("ms-requestid").and_then(|id| id.to_str().ok()).map(str::to_owned);
    ClientError::Refused(Box::new(Refusal { status: status.as_u16(), message, request_id, headers }))
}

#[cfg(test)]
#[path = "connection/tests.rs"]
mod tests;
