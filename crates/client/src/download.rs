//! A file behind a link. Where the connection breaks off, the download goes on from there; an expired link is replaced; a checksum is compared.
//!
//! A continuation never mixes two versions of a file: what cannot be continued is begun anew, and what has been handed out already is left out.

mod sum;
mod unpacker;

use bytes::Bytes;
use futures::Stream;
use futures::stream::try_unfold;
use reqwest::header::{CONTENT_RANGE, ETAG, HeaderMap, HeaderValue, IF_RANGE, LAST_MODIFIED, RANGE};
use reqwest::{Response, StatusCode};

use crate::calls::Client;
use crate::connection::refused;
use crate::error::ClientError;
use crate::exchange::page;
use crate::exchange::retries::{Trouble, retry_after};
use crate::http::{address, parse_url, unreachable};
use crate::wire::{Execution, ExecutionFilter};
use sum::Sum;
use unpacker::Unpacker;

/// A file that is being downloaded. The fields are of the first answer.
pub struct Download<'a> {
    pub status: u16,
    pub headers: HeaderMap,
    /// The bytes of the file, if the server says how many.
    pub length: Option<u64>,
    source: Source<'a>,
    /// None after the connection broke off.
    body: Option<Response>,
    /// For a file that is sent compressed.
    unpacker: Option<Unpacker>,
    /// Bytes that have arrived of what is being sent, compressed or not.
    arrived: u64,
    /// Bytes of the file that were handed out.
    given: u64,
    /// Bytes of the file that come once more, and are left out.
    again: u64,
    /// How often it was tried to go on since bytes arrived.
    tries: u32,
    sum: Option<Sum>,
    over: bool,
}

/// Where the bytes come from, whichever connection brings them.
struct Source<'a> {
    client: &'a Client,
    link: String,
    /// The report and the execution that give another link.
    origin: Option<(String, String)>,
    /// Whether the link was replaced since bytes arrived.
    replaced: bool,
}

impl Client {
    /// Downloads the bytes behind a link. A link carries its own permission, so that no token is sent.
    ///
    /// # Errors
    /// When the link is refused, or the server cannot be reached.
    pub async fn download(&self, link: &str) -> Result<Download<'_>, ClientError> {
        Download::of_link(self, link).await
    }

    /// The file of a completed execution. An expired link is replaced, and the SHA-256 is compared where the server gives one.
    ///
    /// # Errors
    /// When the execution has no link, the link is refused, or the server cannot be reached.
    pub async fn download_execution(&self, execution: &Execution) -> Result<Download<'_>, ClientError> {
        Download::of_execution(self, execution).await
    }
}

impl<'a> Download<'a> {
    async fn of_link(client: &'a Client, link: &str) -> Result<Download<'a>, ClientError> {
        Download::open(Source { client, link: link.to_owned(), origin: None, replaced: false }, None).await
    }

    async fn of_execution(client: &'a Client, execution: &Execution) -> Result<Download<'a>, ClientError> {
        let link = execution.link().ok_or_else(|| ClientError::Settings("the execution has no link to a file".to_owned()))?;
        let origin = Some((execution.report_id.clone(), execution.execution_id.clone()));
        let sum = execution.sha256().and_then(Sum::expected);
        Download::open(Source { client, link: link.to_owned(), origin, replaced: false }, sum).await
    }

    async fn open(mut source: Source<'a>, sum: Option<Sum>) -> Result<Download<'a>, ClientError> {
        let (mut tries, mut from) = (0, None);
        let first = source.ask(&mut tries, &mut from).await?;
        let headers = first.headers().clone();
        let zipped = is_zipped(&headers);
        Ok(Download {
            status: first.status().as_u16(),
            length: first.content_length().filter(|_| !zipped),
            headers,
            source,
            body: Some(first),
            unpacker: zipped.then(Unpacker::new),
            arrived: 0,
            given: 0,
            again: 0,
            tries: 0,
            sum,
            over: false,
        })
    }

    /// The file in pieces as they arrive, decompressed if it was sent compressed.
    pub fn into_stream(self) -> impl Stream<Item = Result<Bytes, ClientError>> + Send + use<'a> {
        try_unfold(self, |mut download| async move { Ok(download.next().await?.map(|piece| (piece, download))) })
    }

    /// The next piece of the file; None at its end. May be dropped while it waits, and called again.
    ///
    /// # Errors
    /// When the connection broke off and could not be continued, the file is not the one it was, or its checksum is another.
    pub async fn next(&mut self) -> Result<Option<Bytes>, ClientError> {
        loop {
            if let Some(unpacker) = &mut self.unpacker {
                let part = unpacker.next();
                if let Some(part) = part.map_err(|error| self.unreadable(&error))? {
                    match self.fresh(part) {
                        Some(fresh) => return Ok(Some(fresh)),
                        None => continue,
                    }
                }
            }
            if self.over {
                return Ok(None);
            }
            let Some(body) = &mut self.body else {
                self.go_on().await?;
                continue;
            };
            match body.chunk().await {
                Ok(Some(piece)) => {
                    self.arrived = self.arrived.saturating_add(piece.len() as u64);
                    match &mut self.unpacker {
                        Some(unpacker) => unpacker.take(piece),
                        None => {
                            if let Some(fresh) = self.fresh(piece) {
                                return Ok(Some(fresh));
                            }
                        }
                    }
                }
                Ok(None) => return self.end(),
                Err(error) => {
                    self.body = None;
                    self.source.pause(&mut self.tries, error).await?;
                }
            }
        }
    }

    /// What of a part was not handed out before; None if nothing.
    fn fresh(&mut self, mut part: Bytes) -> Option<Bytes> {
        let known = usize::try_from(self.again).unwrap_or(usize::MAX).min(part.len());
        self.again -= known as u64;
        let fresh = part.split_off(known);
        if fresh.is_empty() {
            return None;
        }
        // Only what is new counts as progress: a connection may break at the same place each time.
        (self.tries, self.source.replaced) = (0, false);
        self.given = self.given.saturating_add(fresh.len() as u64);
        if let Some(sum) = &mut self.sum {
            sum.add(&fresh);
        }
        Some(fresh)
    }

    fn end(&mut self) -> Result<Option<Bytes>, ClientError> {
        let last = self.unpacker.as_mut().map(Unpacker::end).transpose();
        let last = last.map_err(|error| self.unreadable(&error))?.flatten().and_then(|part| self.fresh(part));
        self.over = true;
        if self.again > 0 {
            return Err(self.changed());
        }
        if let Some(sum) = self.sum.take() {
            sum.compare()?;
        }
        Ok(last)
    }

    /// Another connection, for what is still missing.
    async fn go_on(&mut self) -> Result<(), ClientError> {
        let mut from = self.version().filter(|_| self.arrived > 0).map(|version| (self.arrived, version));
        let response = loop {
            let response = self.source.ask(&mut self.tries, &mut from).await?;
            let is_part = response.status() == StatusCode::PARTIAL_CONTENT;
            if !is_part || (from.is_some() && begins_at(response.headers()) == Some(self.arrived)) {
                break response;
            }
            // Another part than the one that is missing: all of it then.
            if from.take().is_none() {
                return Err(self.unexpected("a part of the file came, and all of it was asked for".to_owned()));
            }
        };
        if response.status() != StatusCode::PARTIAL_CONTENT {
            let same = match (tag(&self.headers), tag(response.headers())) {
                (Some(first), Some(now)) => first == now,
                _ => self.headers.get(LAST_MODIFIED) == response.headers().get(LAST_MODIFIED),
            };
            if !same && self.given > 0 {
                return Err(self.changed());
            }
            (self.arrived, self.again) = (0, self.given);
            self.unpacker = is_zipped(response.headers()).then(Unpacker::new);
        }
        self.body = Some(response);
        Ok(())
    }

    /// What a part has to be of. A weak tag says that two forms of a file mean the same, and not that they have the same bytes.
    fn version(&self) -> Option<HeaderValue> {
        let strong = self.headers.get(ETAG).filter(|tag| !tag.as_bytes().starts_with(b"W/"));
        let dated = || self.headers.get(LAST_MODIFIED).filter(|_| !self.headers.contains_key(ETAG));
        strong.or_else(dated).cloned()
    }

    fn changed(&self) -> ClientError {
        self.unexpected("the file became another one while it was downloaded".to_owned())
    }

    fn unreadable(&self, error: &std::io::Error) -> ClientError {
        self.unexpected(format!("the compressed content cannot be read: {error}"))
    }

    fn unexpected(&self, reason: String) -> ClientError {
        ClientError::Unexpected { address: self.source.address(), status: self.status, reason }
    }
}

impl Source<'_> {
    /// Asks until the file comes: all of it, or what begins at `from`. Links carry their own permission: no token is sent.
    async fn ask(&mut self, tries: &mut u32, from: &mut Option<(u64, HeaderValue)>) -> Result<Response, ClientError> {
        loop {
            let (exchange, url) = (self.client.connection().exchange(), parse_url(&self.link)?);
            let mut request = exchange.http().get(url.clone());
            if let Some((at, version)) = from.as_ref() {
                request = request.header(RANGE, format!("bytes={at}-")).header(IF_RANGE, version.clone());
            }
            let response = match request.send().await {
                Ok(response) => {
                    exchange.answered(&url);
                    response
                }
                Err(error) => {
                    self.pause(tries, error).await?;
                    continue;
                }
            };
            let (status, headers) = (response.status(), response.headers().clone());
            if let Some(reason) = page::foreign(status, &headers, None) {
                return Err(ClientError::Unexpected { address: self.address(), status: status.as_u16(), reason });
            }
            if status.is_success() {
                return Ok(response);
            }
            if status == StatusCode::RANGE_NOT_SATISFIABLE && from.take().is_some() {
                continue;
            }
            if matches!(status, StatusCode::FORBIDDEN | StatusCode::NOT_FOUND) && self.replace_link().await? {
                continue;
            }
            match exchange.retries().wait(*tries, Trouble::of_status(status), true, retry_after(&headers)) {
                Some(wait) => {
                    *tries += 1;
                    tokio::time::sleep(wait).await;
                }
                None => {
                    let bytes = response.bytes().await.map_err(|error| unreachable(&self.address(), error))?;
                    return Err(refused(status, headers, &bytes));
                }
            }
        }
    }

    /// Waits after a connection that ended, or gives its error when that was tried often enough.
    async fn pause(&self, tries: &mut u32, error: reqwest::Error) -> Result<(), ClientError> {
        let exchange = self.client.connection().exchange();
        // A body that stopped is continued, even where it was silent for too long.
        let trouble = if error.is_body() || error.is_decode() {
            Trouble::Unclear
        } else {
            Trouble::of_error(&error, parse_url(&self.link).is_ok_and(|url| exchange.seen(&url)))
        };
        let Some(wait) = exchange.retries().wait(*tries, trouble, true, None) else {
            return Err(unreachable(&self.address(), error));
        };
        *tries += 1;
        tokio::time::sleep(wait).await;
        Ok(())
    }

    /// Links expire, and are made anew with each answer about an execution. False if there is no other.
    async fn replace_link(&mut self) -> Result<bool, ClientError> {
        let Some((report, execution)) = self.origin.as_ref().filter(|_| !self.replaced) else { return Ok(false) };
        self.replaced = true;
        let filter =
            ExecutionFilter { execution_id: Some(execution.clone()), get_latest_execution: Some(false), ..ExecutionFilter::default() };
        let answer = self.client.executions(report, &filter).await?;
        let found = answer.envelope.value.iter().find(|listed| listed.execution_id.eq_ignore_ascii_case(execution));
        let Some(link) = found.and_then(Execution::link) else { return Ok(false) };
        self.link = link.to_owned();
        Ok(true)
    }

    /// Without the signature.
    fn address(&self) -> String {
        parse_url(&self.link).map(|url| address(&url)).unwrap_or_default()
    }
}

fn is_zipped(headers: &HeaderMap) -> bool {
    headers.get("content-encoding").is_some_and(|encoding| encoding.as_bytes().eq_ignore_ascii_case(b"gzip"))
}

/// The tag of a file in whatever form it is sent.
fn tag(headers: &HeaderMap) -> Option<&[u8]> {
    let tag = headers.get(ETAG)?.as_bytes();
    Some(tag.strip_prefix(b"W/").unwrap_or(tag))
}

/// The first byte of a part.
fn begins_at(headers: &HeaderMap) -> Option<u64> {
    let range = headers.get(CONTENT_RANGE)?.to_str().ok()?.trim().strip_prefix("bytes ")?;
    range.split_once('-')?.0.trim().parse().ok()
}

#[cfg(test)]
#[path = "download/tests.rs"]
mod tests;
