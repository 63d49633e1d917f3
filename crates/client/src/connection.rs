//! A connection pool with its token. It sends requests and distinguishes answers, refusals and failures.

use std::sync::Arc;

use bytes::Bytes;
use reqwest::header::HeaderMap;
use reqwest::{Method, Request, StatusCode, Url};
use serde::de::DeserializeOwned;

use crate::answer::Envelope;
use crate::error::{ClientError, Refusal};
use crate::exchange::page;
use crate::exchange::retries::Retries;
use crate::exchange::{Exchange, Raw};
use crate::http::{address, below, connect, parse_url, unreachable};
use crate::settings::{ClientSettings, Clock};
use crate::token::authority::Endpoints;
use crate::token::kept::TokenStore;
use crate::token::source::TokenSource;

/// The most bytes of a URL with its parameters: the HTTP library accepts no more.
const LONGEST_ADDRESS: usize = 65_534;

/// A connection to one API for one application and at most one user. It gets a token when one is first needed, and renews it.
pub(crate) struct Connection {
    api_base: Url,
    exchange: Exchange,
    tokens: TokenSource,
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
        let http = connect(settings.ca_certificate.as_deref(), settings.patience.answer, &[&token_url, &api_base])?;
        let exchange = Exchange::new(http, settings.patience);
        let tokens = TokenSource::new(Endpoints::new(settings, exchange.clone(), clock)?);
        Ok(Connection { api_base, exchange, tokens })
    }

    pub fn exchange(&self) -> &Exchange {
        &self.exchange
    }

    pub fn set_retries(&mut self, retries: Retries) {
        self.exchange.set_retries(retries);
        self.tokens.set_retries(retries);
    }

    /// The tokens of this connection.
    pub fn tokens(&self) -> &TokenSource {
        &self.tokens
    }

    /// Keeps tokens there between executions, and uses those that are kept.
    pub fn keep_tokens_in(&mut self, store: Arc<dyn TokenStore>) {
        self.tokens.keep_in(store);
    }

    /// Makes one GET, with this token or with none, and asks whether the token meets a requirement of a second factor. Any answer of the API is a success.
    pub async fn look(&self, segments: &[&str], token: Option<&str>) -> Result<Reply, ClientError> {
        let url = below(&self.api_base, segments);
        let address = address(&url);
        let make = || {
            let request = self.exchange.http().get(url.clone()).header("Content-Type", "application/json").header("ValidateMfa", "true");
            let request = match token {
                Some(token) => request.bearer_auth(token),
                None => request,
            };
            request.timeout(self.exchange.answer_timeout()).build().map_err(|error| unreachable(&address, error))
        };
        let Raw { status, headers, body } = self.exchange.answer(&address, true, make).await?;
        Ok(Reply { status: status.as_u16(), headers, body, address })
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
        let mut token = self.tokens.token().await?;
        let mut first = true;
        loop {
            let make = || -> Result<Request, ClientError> {
                let request = self.exchange.http().request(method.clone(), url.clone()).query(query).bearer_auth(&token.access_token);
                // The documents ask for the content type on every method; without a body it does no harm.
                let request = request.header("Content-Type", "application/json").timeout(self.exchange.answer_timeout());
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
                token = self.tokens.instead_of(&token).await?;
                continue;
            }
            if !status.is_success() {
                return Err(refusal(status, headers, &bytes));
            }
            return Ok(Reply { status: status.as_u16(), headers, body: bytes, address });
        }
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
