//! Why an object store failed.
//!
//! The errors of a store contain signed requests and whole answers, with account names and hints about keys. None of that leaves this module: it
//! returns only the kind of fault, the place where it happened, and the store's own code.

use std::error::Error;
use std::fmt;
use std::io;

use object_store::client::{HttpError, HttpErrorKind};

use crate::storage::causes::causes;
use crate::storage::checked_store::WrongLength;

/// The text for the log; it contains nothing secret.
#[derive(Debug)]
pub struct StoreFault {
    kind: FaultKind,
    text: String,
    /// The store's own code in its answer, such as `SignatureDoesNotMatch`.
    code: Option<String>,
    /// The machine's own metadata service was asked for credentials and does not exist: none are configured.
    has_no_credentials: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FaultKind {
    /// The store did not answer, asked to be called later, or returned other bytes than requested.
    Unreachable,
    /// The credentials are wrong, missing or insufficient.
    Refused,
    /// The bucket, the container or the object does not exist.
    Missing,
    StorageFull,
    /// The store can never do that.
    Unsupported,
    Other,
}

impl StoreFault {
    pub(crate) fn of(error: &object_store::Error) -> StoreFault {
        let (kind, text) = StoreFault::judged(error);
        let code = answer(error).and_then(|(_, code)| code);
        StoreFault { kind, text, code, has_no_credentials: asked_machine(error) }
    }

    fn judged(error: &object_store::Error) -> (FaultKind, String) {
        use object_store::Error as Store;
        if let Some(found) = causes(error).find_map(|cause| cause.downcast_ref::<io::Error>()).filter(|_| !is_remote(error)) {
            let kind = if found.kind() == io::ErrorKind::StorageFull { FaultKind::StorageFull } else { FaultKind::Other };
            return (kind, error.to_string());
        }
        if let Some(http) = causes(error).find_map(|cause| cause.downcast_ref::<HttpError>()) {
            let passing = !matches!(http.kind(), HttpErrorKind::Decode);
            let kind = if passing { FaultKind::Unreachable } else { FaultKind::Other };
            let why = causes(http).last().map(ToString::to_string).unwrap_or_default();
            return (kind, format!("{} cannot be reached: {why}{}", place(error), credentials_hint(error)));
        }
        if let Some(wrong) = WrongLength::in_error(error) {
            return (FaultKind::Unreachable, format!("the object store cannot be read: {wrong}"));
        }
        if let Some(text) = causes(error).map(ToString::to_string).find(|text| OTHER_RANGE.iter().any(|begin| text.starts_with(begin))) {
            return (FaultKind::Unreachable, format!("the object store answers with another range than it was asked for: {text}"));
        }
        // Not every call of the library distinguishes these by itself.
        let status = answer_code(error).and_then(|code| code.get(..3)?.parse::<u16>().ok());
        let (kind, what) = match error {
            _ if matches!(status, Some(401 | 403)) => (FaultKind::Refused, "does not take the credentials"),
            _ if status == Some(404) => (FaultKind::Missing, "has no such place"),
            Store::NotSupported { .. } | Store::NotImplemented { .. } | Store::InvalidPath { .. } => {
                (FaultKind::Unsupported, "cannot do what was asked")
            }
            _ if is_remote(error) => (FaultKind::Unreachable, "answered with an error"),
            // The settings of a store are wrong before any request, or the local disk failed.
            _ => return (FaultKind::Other, error.to_string()),
        };
        let code = answer_code(error).map(|code| format!(": {code}")).unwrap_or_default();
        (kind, format!("{} {what}{code}", place(error)))
    }

    /// The store's own code in its answer.
    pub(crate) fn code(&self) -> Option<&str> {
        self.code.as_deref()
    }

    /// Whether no credentials are configured, so that the machine was asked for them in vain.
    pub(crate) fn has_no_credentials(&self) -> bool {
        self.has_no_credentials
    }

    pub(crate) fn kind(&self) -> FaultKind {
        self.kind
    }
}

impl fmt::Display for StoreFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// Finds the store's error in a chain of causes, however many others wrap it.
pub(crate) fn store_error<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a object_store::Error> {
    causes(error).find_map(|cause| cause.downcast_ref())
}

/// How the library describes an answer with other bytes than requested. Its own error type for that is private too.
const OTHER_RANGE: [&str; 3] = ["Received non-partial response", "Content-Range header not present", "Requested "];

/// How the message of a failed request begins. The library's own error type for it is private.
const REQUEST: &str = "Error performing ";

fn request(error: &object_store::Error) -> Option<String> {
    causes(error).map(ToString::to_string).find(|text| text.starts_with(REQUEST))
}

fn is_remote(error: &object_store::Error) -> bool {
    request(error).is_some()
}

/// `the object store at http://host:port`, as far as that is known.
fn place(error: &object_store::Error) -> String {
    let text = request(error).unwrap_or_default();
    let url = text.split_whitespace().find(|word| word.starts_with("http://") || word.starts_with("https://"));
    let host = url.and_then(|url| url.split('/').nth(2).zip(url.split("://").next()));
    match host {
        Some((host, scheme)) => format!("the object store at {scheme}://{host}"),
        None => "the object store".to_owned(),
    }
}

/// Whether the machine's own metadata service was asked for credentials and did not answer.
fn asked_machine(error: &object_store::Error) -> bool {
    request(error).is_some_and(|text| text.contains("//169.254.") || text.contains("//metadata."))
}

fn credentials_hint(error: &object_store::Error) -> &'static str {
    if asked_machine(error) { " (it was asked for credentials, since the environment has none)" } else { "" }
}

/// The status and the store's own code in its answer, such as `403, SignatureDoesNotMatch`.
fn answer_code(error: &object_store::Error) -> Option<String> {
    let (status, code) = answer(error)?;
    let found: Vec<String> = status.into_iter().chain(code).collect();
    (!found.is_empty()).then(|| found.join(", "))
}

fn answer(error: &object_store::Error) -> Option<(Option<String>, Option<String>)> {
    let text = request(error)?;
    let status = text.split("status code: ").nth(1).and_then(|rest| rest.split(':').next()).map(|status| status.trim().to_owned());
    let code = text.split("<Code>").nth(1).and_then(|rest| rest.split("</Code>").next()).map(str::trim).filter(|code| is_word(code));
    Some((status, code.map(str::to_owned)))
}

fn is_word(code: &str) -> bool {
    code.len() <= 64 && code.bytes().all(|byte| byte.is_ascii_alphanumeric())
}
