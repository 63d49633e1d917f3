//! One request and its answer: made again where that may help and does no harm, and never taken from somebody else.

pub(crate) mod page;
pub(crate) mod retries;

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use reqwest::header::HeaderMap;
use reqwest::{Request, StatusCode, Url};

use crate::error::ClientError;
use crate::http::unreachable;
use crate::settings::Patience;
use retries::{Retries, Trouble, retry_after};

#[derive(Clone)]
pub(crate) struct Exchange {
    http: reqwest::Client,
    patience: Patience,
    /// The servers that have answered, to this or to one that it was cloned from, by their addresses: an authority and an API, and a store of files.
    seen: Arc<Mutex<BTreeSet<String>>>,
}

/// What a server answered, whatever it is.
pub(crate) struct Raw {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Exchange {
    pub fn new(http: reqwest::Client, patience: Patience) -> Exchange {
        Exchange { http, patience, seen: Arc::default() }
    }

    pub fn set_retries(&mut self, retries: Retries) {
        self.patience.retries = retries;
    }

    pub fn retries(&self) -> &Retries {
        &self.patience.retries
    }

    /// The time limit for an answer.
    pub fn answer_timeout(&self) -> Duration {
        self.patience.answer
    }

    pub fn http(&self) -> &reqwest::Client {
        &self.http
    }

    /// Whether this server has answered before.
    pub fn seen(&self, url: &Url) -> bool {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).contains(&url.origin().ascii_serialization())
    }

    pub fn answered(&self, url: &Url) {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).insert(url.origin().ascii_serialization());
    }

    /// The answer to a request, which is made again where that may help and does no harm. None of somebody else's.
    pub async fn answer(
        &self,
        address: &str,
        repeatable: bool,
        make: impl Fn() -> Result<Request, ClientError>,
    ) -> Result<Raw, ClientError> {
        let mut made = 0;
        loop {
            let request = make()?;
            let url = request.url().clone();
            let (trouble, asked, outcome) = match self.execute(request).await {
                Ok(raw) => (Trouble::of_status(raw.status), retry_after(&raw.headers), Ok(raw)),
                Err(error) => (Trouble::of_error(&error, self.seen(&url)), None, Err(error)),
            };
            if let Some(wait) = self.patience.retries.wait(made, trouble, repeatable, asked) {
                made += 1;
                tokio::time::sleep(wait).await;
                continue;
            }
            let raw = outcome.map_err(|error| unreachable(address, error))?;
            return match page::foreign(raw.status, &raw.headers, Some(&raw.body)) {
                Some(reason) => Err(ClientError::Unexpected { address: address.to_owned(), status: raw.status.as_u16(), reason }),
                None => Ok(raw),
            };
        }
    }

    async fn execute(&self, request: Request) -> Result<Raw, reqwest::Error> {
        let url = request.url().clone();
        let response = self.http.execute(request).await?;
        self.answered(&url);
        let (status, headers) = (response.status(), response.headers().clone());
        Ok(Raw { status, headers, body: response.bytes().await? })
    }
}
