//! Files that are part of the program, for browsers to load. Large ones are kept compressed, and sent so to whoever takes gzip.

use std::io::Read as _;
use std::sync::OnceLock;

use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use flate2::read::GzDecoder;

/// One of them.
pub(crate) struct BuiltIn {
    /// Its media type.
    kind: &'static str,
    bytes: &'static [u8],
    /// What a compressed one holds, once somebody has asked for that.
    unpacked: Option<OnceLock<Vec<u8>>>,
}

impl BuiltIn {
    pub(crate) const fn plain(kind: &'static str, bytes: &'static [u8]) -> BuiltIn {
        BuiltIn { kind, bytes, unpacked: None }
    }

    /// The bytes are gzip's.
    pub(crate) const fn compressed(kind: &'static str, bytes: &'static [u8]) -> BuiltIn {
        BuiltIn { kind, bytes, unpacked: Some(OnceLock::new()) }
    }

    /// The file, in the form that the client takes. `caching` says for how long it keeps it.
    pub(crate) fn answer(&'static self, asked: &HeaderMap, caching: &'static str) -> Response {
        let headers = [(header::CONTENT_TYPE, self.kind), (header::CACHE_CONTROL, caching)];
        let Some(unpacked) = &self.unpacked else { return (headers, self.bytes).into_response() };
        let takes_gzip = asked.get_all(header::ACCEPT_ENCODING).iter().filter_map(|value| value.to_str().ok()).any(takes_gzip);
        let mut response = if takes_gzip {
            ([(header::CONTENT_ENCODING, "gzip")], headers, self.bytes).into_response()
        } else {
            match unpacked.get_or_init(|| unpack(self.bytes)).as_slice() {
                [] => return StatusCode::INTERNAL_SERVER_ERROR.into_response(),
                bytes => (headers, bytes).into_response(),
            }
        };
        response.headers_mut().insert(header::VARY, HeaderValue::from_static("accept-encoding"));
        response
    }

    #[cfg(test)]
    pub(crate) fn sent(&self) -> &'static [u8] {
        self.bytes
    }

    #[cfg(test)]
    pub(crate) fn content(&self) -> Vec<u8> {
        if self.unpacked.is_some() { unpack(self.bytes) } else { self.bytes.to_vec() }
    }
}

/// Nothing when it is no gzip, which tests of the files rule out.
fn unpack(packed: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    match GzDecoder::new(packed).read_to_end(&mut bytes) {
        Ok(_) => bytes,
        Err(_) => Vec::new(),
    }
}

/// Whether an `Accept-Encoding` names gzip, and not with the weight 0.
fn takes_gzip(value: &str) -> bool {
    value.split(',').any(|one| {
        let mut parts = one.split(';').map(str::trim);
        let is_gzip = parts.next().is_some_and(|name| name.eq_ignore_ascii_case("gzip"));
        let weight = parts.find_map(|part| part.strip_prefix("q=")).and_then(|weight| weight.parse::<f32>().ok());
        is_gzip && weight.is_none_or(|weight| weight > 0.0)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gzip_is_sent_to_those_who_take_it() {
        for (value, takes) in
            [("gzip, deflate, br", true), ("br;q=1.0, GZIP;q=0.5", true), ("gzip;q=0", false), ("identity", false), ("", false)]
        {
            assert_eq!(takes_gzip(value), takes, "{value}");
        }
    }
}
