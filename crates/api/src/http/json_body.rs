//! The body of a JSON request as UTF-8: a byte-order mark is removed, and another encoding that the request declares is decoded.
//!
//! This module never parses the JSON.

use std::borrow::Cow;
use std::convert::Infallible;

use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{FromRequest, Request};
use axum::http::{HeaderValue, header};

/// A body that has not been read yet. A handler reads it once it knows the caller.
#[derive(Default)]
pub(crate) struct JsonBody {
    body: Body,
    content_type: Option<HeaderValue>,
    content_encoding: Option<HeaderValue>,
}

/// Why a body could not be read.
pub(crate) enum BodyFault {
    TooLarge,
    Invalid(String),
}

impl JsonBody {
    pub(crate) fn of(request: Request) -> JsonBody {
        let (parts, body) = request.into_parts();
        let sent = |name| parts.headers.get(name).cloned();
        JsonBody { body, content_type: sent(header::CONTENT_TYPE), content_encoding: sent(header::CONTENT_ENCODING) }
    }

    /// Reads the whole body, as UTF-8 without a byte-order mark.
    ///
    /// # Errors
    /// When it has more than `limit` bytes, does not arrive, or is not valid in its encoding.
    pub(crate) async fn read(self, limit: usize) -> Result<Bytes, BodyFault> {
        let bytes = to_bytes(self.body, limit).await.map_err(|error| {
            let too_large = std::error::Error::source(&error).is_some_and(|cause| cause.to_string().contains("length limit"));
            if too_large { BodyFault::TooLarge } else { BodyFault::Invalid(format!("The request body could not be read: {error}")) }
        })?;
        if self.content_encoding.is_some_and(|encoding| !encoding.as_bytes().eq_ignore_ascii_case(b"identity")) {
            return Err(BodyFault::Invalid(
                "The request body is compressed (Content-Encoding), which is not read: send it as it is.".to_owned(),
            ));
        }
        let declared = self.content_type.as_ref().and_then(charset);
        match decoded(&bytes, declared.as_deref()).map_err(BodyFault::Invalid)? {
            Cow::Borrowed(same) if same.len() == bytes.len() => Ok(bytes),
            Cow::Borrowed(rest) => Ok(bytes.slice_ref(rest.as_bytes())),
            Cow::Owned(text) => Ok(text.into()),
        }
    }
}

impl<S: Sync> FromRequest<S> for JsonBody {
    type Rejection = Infallible;

    async fn from_request(request: Request, _: &S) -> Result<JsonBody, Infallible> {
        Ok(JsonBody::of(request))
    }
}

/// The charset that a Content-Type names, as it is written there.
fn charset(content_type: &HeaderValue) -> Option<String> {
    let text = content_type.to_str().ok()?;
    let mut parameters = text.split(';').skip(1).filter_map(|parameter| parameter.split_once('='));
    let (_, value) = parameters.find(|(name, _)| name.trim().eq_ignore_ascii_case("charset"))?;
    let value = value.trim().trim_matches(['"', '\'']).trim();
    (!value.is_empty()).then(|| value.to_owned())
}

/// An encoding that a body may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Encoding {
    Utf8,
    /// ISO 8859-1. From 0x80 to 0x9F, where it has only control characters, bytes are read as in windows-1252.
    Latin1,
    Utf16LittleEndian,
    Utf16BigEndian,
}

impl Encoding {
    /// The encoding with this name in a Content-Type. `bytes` show the byte order, which `utf-16` does not say: JSON begins with an ASCII character, whose
    /// zero byte comes first or second.
    fn named(name: &str, bytes: &[u8]) -> Option<Encoding> {
        match name.to_ascii_lowercase().as_str() {
            "utf-8" | "utf8" | "us-ascii" | "ascii" => Some(Encoding::Utf8),
            "iso-8859-1" | "iso8859-1" | "iso_8859-1" | "latin1" | "latin-1" | "l1" | "windows-1252" | "cp1252" => Some(Encoding::Latin1),
            "utf-16le" => Some(Encoding::Utf16LittleEndian),
            "utf-16be" => Some(Encoding::Utf16BigEndian),
            "utf-16" | "utf16" | "unicode" if bytes.first() == Some(&0) => Some(Encoding::Utf16BigEndian),
            "utf-16" | "utf16" | "unicode" => Some(Encoding::Utf16LittleEndian),
            _ => None,
        }
    }

    /// The encoding that the byte-order mark shows, and the bytes after the mark.
    fn marked(bytes: &[u8]) -> Option<(Encoding, &[u8])> {
        let marks: [(&[u8], Encoding); 3] =
            [(b"\xef\xbb\xbf", Encoding::Utf8), (b"\xff\xfe", Encoding::Utf16LittleEndian), (b"\xfe\xff", Encoding::Utf16BigEndian)];
        marks.into_iter().find_map(|(mark, encoding)| Some((encoding, bytes.strip_prefix(mark)?)))
    }
}

/// Decodes a body. A byte-order mark takes precedence over the declared charset, since it is part of the text. An unknown charset is ignored.
fn decoded<'a>(bytes: &'a [u8], declared: Option<&str>) -> Result<Cow<'a, str>, String> {
    let named = declared.and_then(|name| Encoding::named(name, bytes));
    let (encoding, text) = Encoding::marked(bytes).unwrap_or((named.unwrap_or(Encoding::Utf8), bytes));
    match encoding {
        Encoding::Utf8 => std::str::from_utf8(text).map(Cow::Borrowed).map_err(|fault| {
            let at = bytes.len() - text.len() + fault.valid_up_to();
            let found = bytes.get(at).copied().unwrap_or_default();
            let advice = match declared.filter(|_| named.is_none()) {
                Some(name) => format!("The charset '{}' of its Content-Type is not known", name.chars().take(40).collect::<String>()),
                None => "Another encoding is read when the request names it, as in Content-Type: application/json; charset=iso-8859-1"
                    .to_owned(),
            };
            format!("The request body is not UTF-8: byte {} is 0x{found:02X}. {advice}.", at + 1)
        }),
        Encoding::Latin1 => Ok(Cow::Owned(text.iter().map(|byte| latin1(*byte)).collect())),
        Encoding::Utf16LittleEndian => utf16(text, u16::from_le_bytes),
        Encoding::Utf16BigEndian => utf16(text, u16::from_be_bytes),
    }
}

fn utf16<'a>(bytes: &[u8], unit: fn([u8; 2]) -> u16) -> Result<Cow<'a, str>, String> {
    let (pairs, rest) = bytes.as_chunks::<2>();
    let text: Result<String, _> = char::decode_utf16(pairs.iter().map(|pair| unit(*pair))).collect();
    match text {
        Ok(text) if rest.is_empty() => Ok(Cow::Owned(text)),
        _ => Err("The request body is not UTF-16, which its Content-Type or its byte-order mark says that it is.".to_owned()),
    }
}

fn latin1(byte: u8) -> char {
    /// The characters of windows-1252 from 0x80 on. Bytes that it leaves undefined stay as they are.
    const WINDOWS: [char; 32] = [
        '€', '\u{81}', '‚', 'ƒ', '„', '…', '†', '‡', 'ˆ', '‰', 'Š', '‹', 'Œ', '\u{8d}', 'Ž', '\u{8f}', '\u{90}', '‘', '’', '“', '”', '•',
        '–', '—', '˜', '™', 'š', '›', 'œ', '\u{9d}', 'ž', 'Ÿ',
    ];
    usize::from(byte).checked_sub(0x80).and_then(|at| WINDOWS.get(at)).copied().unwrap_or(char::from(byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn charset_of(content_type: &'static str) -> Option<String> {
        charset(&HeaderValue::from_static(content_type))
    }

    #[test]
    fn a_charset_is_found_in_every_spelling() {
        for (content_type, found) in [
            ("application/json", None),
            ("application/json;", None),
            ("application/json; charset=", None),
            ("application/json; charset=utf-8", Some("utf-8")),
            ("application/json;charset=UTF-16", Some("UTF-16")),
            ("application/json; odata=verbose; Charset = \"iso-8859-1\" ", Some("iso-8859-1")),
            ("charset=utf-16", None),
        ] {
            assert_eq!(charset_of(content_type).as_deref(), found, "{content_type}");
        }
    }

    #[test]
    fn a_body_is_read_as_its_mark_or_its_request_says() {
        let wide = |text: &str, order: fn(u16) -> [u8; 2]| text.encode_utf16().flat_map(order).collect::<Vec<u8>>();
        let (little, big) = (wide("{\"ü\"}", u16::to_le_bytes), wide("{\"ü\"}", u16::to_be_bytes));
        let marked = |mark: &[u8], text: &[u8]| [mark, text].concat();
        for (bytes, declared) in [
            ("{\"ü\"}".as_bytes().to_vec(), None),
            ("{\"ü\"}".as_bytes().to_vec(), Some("utf8")),
            ("{\"ü\"}".as_bytes().to_vec(), Some("no such")),
            (marked(b"\xef\xbb\xbf", "{\"ü\"}".as_bytes()), None),
            (marked(b"\xef\xbb\xbf", "{\"ü\"}".as_bytes()), Some("iso-8859-1")),
            (b"{\"\xfc\"}".to_vec(), Some("iso-8859-1")),
            (b"{\"\xfc\"}".to_vec(), Some("Windows-1252")),
            (little.clone(), Some("utf-16")),
            (little.clone(), Some("UTF-16LE")),
            (big.clone(), Some("utf-16")),
            (big.clone(), Some("utf-16be")),
            (marked(b"\xff\xfe", &little), None),
            (marked(b"\xfe\xff", &big), Some("utf-16")),
        ] {
            assert_eq!(decoded(&bytes, declared).as_deref(), Ok("{\"ü\"}"), "{declared:?} {bytes:?}");
        }
        assert_eq!(decoded(b"\x80 \x9f\xa0", Some("iso-8859-1")).as_deref(), Ok("€ Ÿ\u{a0}"));
        for (bytes, declared, words) in [
            (&b"{\"\xfc\"}"[..], None, "not UTF-8: byte 3 is 0xFC. Another encoding is read when the request names it"),
            (b"{\"\xfc\"}", Some("utf-8"), "not UTF-8: byte 3 is 0xFC."),
            (b"\xef\xbb\xbf{\xfc}", None, "not UTF-8: byte 5 is 0xFC."),
            (b"{\"\xfc\"}", Some("latin-9000"), "The charset 'latin-9000' of its Content-Type is not known."),
            (b"{\0\"", Some("utf-16"), "not UTF-16,"),
            (b"\xff\xfe\0\xd8{\0", None, "not UTF-16,"),
        ] {
            let fault = decoded(bytes, declared).unwrap_err();
            assert!(fault.starts_with("The request body is ") && fault.contains(words), "{fault}");
        }
    }
}
