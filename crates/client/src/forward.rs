//! Requests that somebody else made, sent as they are: for a proxy that stands in front of the API, and for calls that are made once more.
//!
//! Nothing is retried, no token is added and no answer is judged. A body passes in pieces; only its beginning is remembered, with its length and SHA-256.

use std::io::Read as _;

use aws_lc_rs::digest::{Context, SHA256};
use bytes::Bytes;
use flate2::read::MultiGzDecoder;
use reqwest::header::{CONTENT_ENCODING, HeaderMap};
use reqwest::{Method, Response};

use crate::error::ClientError;
use crate::http::{address, connect, parse_url, unreachable};
use crate::settings::Patience;

/// The bytes of a body that are remembered.
const REMEMBERED: usize = 64 << 10;

#[derive(Debug, Clone)]
pub struct Forwarder {
    http: reqwest::Client,
}

/// An answer whose body is still to come.
pub struct Forwarded {
    pub status: u16,
    pub headers: HeaderMap,
    address: String,
    body: Response,
    bytes: u64,
    head: Vec<u8>,
    sum: Context,
}

/// What is known of a body once it has passed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sample {
    /// The first 64 KiB, unpacked where they were sent with gzip.
    pub head: Vec<u8>,
    /// All bytes, as they were sent.
    pub bytes: u64,
    /// Of all bytes as they were sent, in hexadecimal digits.
    pub sha256: String,
}

impl Forwarder {
    /// `ca_certificate`: certificates in PEM that are trusted besides the system's. `addresses`: where requests will go.
    ///
    /// # Errors
    /// When an address is none, or the certificates cannot be read.
    pub fn new(ca_certificate: Option<&[u8]>, addresses: &[&str]) -> Result<Forwarder, ClientError> {
        let urls = addresses.iter().map(|address| parse_url(address)).collect::<Result<Vec<_>, _>>()?;
        let http = connect(ca_certificate, Patience::default().answer, &urls.iter().collect::<Vec<_>>())?;
        Ok(Forwarder { http })
    }

    /// Sends one request. Redirections are answers.
    ///
    /// # Errors
    /// When the server cannot be reached.
    pub async fn send(&self, method: Method, url: &str, headers: HeaderMap, body: Bytes) -> Result<Forwarded, ClientError> {
        let url = parse_url(url)?;
        let address = address(&url);
        let mut request = self.http.request(method, url).headers(headers);
        if !body.is_empty() {
            request = request.body(body);
        }
        let body = request.send().await.map_err(|error| unreachable(&address, error))?;
        let (status, headers) = (body.status().as_u16(), body.headers().clone());
        Ok(Forwarded { status, headers, address, body, bytes: 0, head: Vec::new(), sum: Context::new(&SHA256) })
    }
}

impl Forwarded {
    /// The next piece of the body as it was sent; None at its end.
    ///
    /// # Errors
    /// When the connection broke off.
    pub async fn next(&mut self) -> Result<Option<Bytes>, ClientError> {
        let piece = self.body.chunk().await.map_err(|error| unreachable(&self.address, error))?;
        if let Some(piece) = &piece {
            self.bytes = self.bytes.saturating_add(piece.len() as u64);
            let room = REMEMBERED.saturating_sub(self.head.len());
            self.head.extend(piece.iter().take(room));
            self.sum.update(piece);
        }
        Ok(piece)
    }

    /// The whole body, unpacked where it was sent with gzip. None if it has more than `most` bytes.
    ///
    /// # Errors
    /// When the connection broke off, or what was sent with gzip cannot be unpacked.
    pub async fn whole(&mut self, most: usize) -> Result<Option<Bytes>, ClientError> {
        let mut body = Vec::new();
        while let Some(piece) = self.next().await? {
            if body.len().saturating_add(piece.len()) > most {
                return Ok(None);
            }
            body.extend_from_slice(&piece);
        }
        if self.is_zipped() && !body.is_empty() {
            let unexpected = |error: std::io::Error| ClientError::Unexpected {
                address: self.address.clone(),
                status: self.status,
                reason: format!("it cannot be unpacked: {error}"),
            };
            return Ok(unpacked(&body, most).map_err(unexpected)?.map(Bytes::from));
        }
        Ok(Some(Bytes::from(body)))
    }

    /// Of what has passed so far.
    pub fn sample(&self) -> Sample {
        let head = if self.is_zipped() { beginning(&self.head, REMEMBERED) } else { self.head.clone() };
        Sample { head, bytes: self.bytes, sha256: hex::encode(self.sum.clone().finish()) }
    }

    fn is_zipped(&self) -> bool {
        self.headers.get(CONTENT_ENCODING).is_some_and(|encoding| encoding.as_bytes().eq_ignore_ascii_case(b"gzip"))
    }
}

/// All of it; None if that has more than `most` bytes.
fn unpacked(bytes: &[u8], most: usize) -> std::io::Result<Option<Vec<u8>>> {
    let mut content = Vec::new();
    MultiGzDecoder::new(bytes).take((most as u64).saturating_add(1)).read_to_end(&mut content)?;
    Ok(if content.len() > most { None } else { Some(content) })
}

/// As far as it can be unpacked: the beginning of a packed body ends in the middle.
fn beginning(bytes: &[u8], most: usize) -> Vec<u8> {
    let mut content = Vec::new();
    let mut decoder = MultiGzDecoder::new(bytes).take(most as u64);
    // What was read before an error stays.
    let _ = decoder.read_to_end(&mut content);
    content
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use flate2::Compression;
    use flate2::write::GzEncoder;

    use super::*;

    #[test]
    fn the_beginning_of_a_packed_body_is_unpacked_and_bounded() {
        let text: Vec<u8> = (0..20_000_u32).flat_map(|number| format!("{number}\n").into_bytes()).collect();
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(&text).unwrap();
        let packed = encoder.finish().unwrap();
        assert_eq!(beginning(&packed, 1 << 20), text);
        assert_eq!(beginning(&packed, 1000), text[..1000]);
        let half = &packed[..packed.len() / 2];
        assert!(!beginning(half, 1 << 20).is_empty() && text.starts_with(&beginning(half, 1 << 20)));
        assert!(beginning(b"no gzip", 100).is_empty());
        // A whole body is never cut silently.
        assert_eq!(unpacked(&packed, text.len()).unwrap().as_ref(), Some(&text));
        assert_eq!(unpacked(&packed, text.len() - 1).unwrap(), None);
        assert!(unpacked(half, 1 << 20).is_err() && unpacked(b"no gzip", 100).is_err());
        let mut damaged = packed.clone();
        damaged[packed.len() / 2] ^= 0xff;
        assert!(unpacked(&damaged, 1 << 20).is_err());
    }
}
