//! One request and its answer: made again where that may help and does no harm, and never taken from somebody else.

pub(crate) mod page;
pub(crate) mod retries;

use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;
use reqwest::header::HeaderMap;
use reqwest::{Request, StatusCode};

use crate::connection::unreachable;
use crate::error::ClientError;
use retries::{Retries, Trouble, retry_after};

pub(crate) struct Exchange {
    http: reqwest::Client,
    retries: Retries,
    /// Whether some server has answered.
    seen: AtomicBool,
}

/// What a server answered, whatever it is.
pub(crate) struct Raw {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Exchange {
    pub fn new(http: reqwest::Client) -> Exchange {
        Exchange { http, retries: Retries::default(), seen: AtomicBool::new(false) }
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

    pub fn seen(&self) -> bool {
        self.seen.load(Ordering::Relaxed)
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
            let (trouble, asked, outcome) = match self.execute(make()?).await {
                Ok(raw) => (Trouble::of_status(raw.status), retry_after(&raw.headers), Ok(raw)),
                Err(error) => (Trouble::of_error(&error, self.seen()), None, Err(error)),
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
        let response = self.http.execute(request).await?;
        self.seen.store(true, Ordering::Relaxed);
        let (status, headers) = (response.status(), response.headers().clone());
        Ok(Raw { status, headers, body: response.bytes().await? })
    }
}
