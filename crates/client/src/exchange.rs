//! One request and its answer: made again where that may help and does no harm, and never taken from somebody else.

pub(crate) mod page;
pub(crate) mod retries;

use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use reqwest::header::HeaderMap;
use reqwest::{Request, StatusCode, Url};

use crate::error::ClientError;
use crate::http::unreachable;
use retries::{Retries, Trouble, retry_after};

#[derive(Clone)]
pub(crate) struct Exchange {
    http: reqwest::Client,
    retries: Retries,
    /// The servers that have answered, to this or to one that it was cloned from, by their addresses: an authority, an API, a store of files.
    seen: Arc<Mutex<Vec<String>>>,
}

/// What a server answered, whatever it is.
pub(crate) struct Raw {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Exchange {
    pub fn new(http: reqwest::Client) -> Exchange {
        Exchange { http, retries: Retries::default(), seen: Arc::default() }
    }

    pub fn set_retries(&mut self, retries: Retries) {
        self.retries = retries;
    }

    pub fn retries(&self) -> &Retries {
        &self.retries
    }

    pub fn http(&self) -> &reqwest::Client {
        &self.http
    }

    /// Whether this server has answered before.
    pub fn seen(&self, url: &Url) -> bool {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).contains(&url.origin().ascii_serialization())
    }

    pub fn answered(&self, url: &Url) {
        if !self.seen(url) {
            self.seen.lock().unwrap_or_else(PoisonError::into_inner).push(url.origin().ascii_serialization());
        }
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
            if let Some(wait) = self.retries.wait(made, trouble, repeatable, asked) {
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
