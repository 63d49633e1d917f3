//! What can go wrong, and what to do about it. No message and no debug form contains a secret, a token or a link's signature.

use reqwest::header::HeaderMap;
use thiserror::Error;

use crate::exchange::retries::retry_after;
use crate::token::kept::StoreFault;

#[derive(Debug, Error)]
pub enum ClientError {
    /// The settings cannot be used, such as a bad URL or a certificate that is not PEM.
    #[error("{0}")]
    Settings(String),
    /// No answer: no connection, no trusted certificate, or no answer in time.
    #[error("cannot reach {address}: {reason}")]
    Unreachable { address: String, reason: String, timed_out: bool },
    /// The request was not sent: its URL, which contains the query's text, would be longer than the HTTP library accepts. The lengths are in bytes.
    #[error("the request's address would have {length} bytes; at most {longest} can be sent")]
    AddressTooLong { length: usize, longest: usize },
    /// The API or a link answered with a refusal.
    #[error("{0}")]
    Refused(Box<Refusal>),
    /// The management API answered with a refusal.
    #[error("{0}")]
    Managed(Box<ManageRefusal>),
    /// The token endpoint answered with a refusal.
    #[error("{0}")]
    Token(Box<TokenRefusal>),
    /// Only a person can sign in, and nobody has, or that sign-in has ended.
    #[error("nobody is signed in{}", reason.as_deref().map(|reason| format!(": {reason}")).unwrap_or_default())]
    SignInNeeded { reason: Option<String> },
    /// The kept tokens cannot be used.
    #[error("{}", .0.message)]
    Store(StoreFault),
    /// The answer is not one that this API sends.
    #[error("unexpected answer from {address} (status {status}): {reason}")]
    Unexpected { address: String, status: u16, reason: String },
    /// A file has other bytes than the server says. Both are SHA-256, in hexadecimal digits.
    #[error("the file is damaged: its SHA-256 is {found}, and the server says {expected}")]
    Damaged { expected: String, found: String },
}

#[derive(Debug, Clone, Error)]
#[error("{}{}", self.text(), self.request_id.as_deref().map(|id| format!(" (request {id})")).unwrap_or_default())]
pub struct Refusal {
    pub status: u16,
    pub message: Option<String>,
    /// The value of `MS-RequestId`.
    pub request_id: Option<String>,
    pub headers: HeaderMap,
}

/// The management API's error body. `code` is empty if the answer does not come from this API.
#[derive(Debug, Clone, PartialEq, Error)]
#[error("{}{}", self.text(), self.correlation.as_deref().map(|id| format!(" (correlation {id})")).unwrap_or_default())]
pub struct ManageRefusal {
    pub status: u16,
    /// `invalid`, `notFound`, `forbidden`, `unauthorized`, `conflict` or `illegalMove`.
    pub code: String,
    pub message: String,
    pub correlation: Option<String>,
}

/// The platform's error body.
#[derive(Debug, Clone, PartialEq, Error)]
#[error("{}", self.first_line())]
pub struct TokenRefusal {
    pub status: u16,
    /// The OAuth value, such as `invalid_grant`.
    pub error: String,
    /// `AADSTS…: …`, followed by the trace ids.
    pub description: String,
    /// The AADSTS numbers.
    pub codes: Vec<u32>,
}

impl ClientError {
    /// A sentence that says what to do, if something is known to help.
    pub fn hint(&self) -> Option<String> {
        let hint = match self {
            ClientError::Settings(_) | ClientError::AddressTooLong { .. } => return None,
            ClientError::Store(fault) => return fault.hint.clone(),
            ClientError::SignInNeeded { .. } => {
                "`insightgate login` signs in with a browser, `insightgate login --device` with one on another machine; name the same --profile, if you named one"
            }
            ClientError::Unreachable { reason, timed_out, .. } => unreachable_hint(reason, *timed_out),
            ClientError::Refused(refusal) => refusal_hint(refusal)?,
            ClientError::Managed(refusal) => manage_hint(refusal)?,
            ClientError::Token(refusal) => refusal.codes.iter().find_map(|code| token_hint(*code))?,
            ClientError::Unexpected { .. } => {
                "check the endpoint, and whether a proxy or the sign-in page of a network answers in the server's place: a browser shows it"
            }
            ClientError::Damaged { .. } => "download it again; if that happens again, something on the way changes files",
        };
        Some(hint.to_owned())
    }
}

impl Refusal {
    pub fn is_not_found(&self) -> bool {
        self.status == 404
    }

    /// The seconds to wait, if the server gave them.
    pub fn retry_after(&self) -> Option<u64> {
        retry_after(&self.headers)
    }

    fn text(&self) -> String {
        match &self.message {
            Some(message) => format!("{message} (status {})", self.status),
            None => format!("refused with status {}", self.status),
        }
    }
}

impl ManageRefusal {
    fn text(&self) -> String {
        if self.message.is_empty() { format!("refused with status {}", self.status) } else { self.message.clone() }
    }
}

impl TokenRefusal {
    /// Leaves out the trace identifiers, which are on further lines or behind "Trace ID".
    fn first_line(&self) -> &str {
        let line = self.description.lines().next().unwrap_or_default();
        let text = line.split(" Trace ID:").next().unwrap_or(line).trim();
        if text.is_empty() { &self.error } else { text }
    }
}

fn unreachable_hint(reason: &str, timed_out: bool) -> &'static str {
    let reason = reason.to_ascii_lowercase();
    if timed_out {
        "nothing came back in time: try again, wait longer with --timeout, or look at the server's log"
    } else if reason.contains("certificate") {
        "the server's certificate is not trusted: name its authority's PEM file in INSIGHTGATE_CA_CERTIFICATE"
    } else if reason.contains("refused") {
        "nothing listens there: is the server running, and is the port right?"
    } else {
        "check the address and the network"
    }
}

/// Chooses the hint by the documented messages, since a status alone says little.
fn refusal_hint(refusal: &Refusal) -> Option<&'static str> {
    let message = refusal.message.as_deref().unwrap_or_default();
    let says = |text: &str| message.to_ascii_lowercase().contains(&text.to_ascii_lowercase());
    Some(match refusal.status {
        401 => "the token is missing, expired or for something else: `insightgate check` says which",
        403 => "a role, permission or enrollment is missing: `insightgate check` says which and who can give it",
        400 if says("Invalid table name") => "`insightgate dataset list` shows the datasets",
        400 if says("Incorrect column name") => "`insightgate dataset show NAME` shows the columns and metrics",
        400 if says("at least be 4 hours") => "schedule later, or run at once with ExecuteNow",
        400 if says("Invalid QueryId") => "`insightgate query list` shows your queries and the system's",
        400 if says("ExecuteNow report creation quota") => "wait until the first of the last five is an hour old",
        400 if says("quota of 50 active reports") => "delete or pause a report first",
        404 if says("no executions") => "the run has not finished, or the report has not started yet: ask again later",
        404 => "check the id; what belongs to somebody else is not found either",
        409 if says("Idempotency-Key") => "give the command again: each makes a key of its own",
        409 => "`insightgate report show` and `insightgate execution list` say in which state it is",
        429 | 503 => "the server is busy: try again later",
        _ => return None,
    })
}

fn manage_hint(refusal: &ManageRefusal) -> Option<&'static str> {
    Some(match (refusal.code.as_str(), refusal.status) {
        ("", 404) => "no management API answers there: check the endpoint",
        (_, 401) => "the token is not for this server's management API: check the profile's authority and endpoint",
        (_, 403) => "an operator may do everything; in a tenant its Global admin and Account admin may, as far as their roles go",
        (_, 404) => "the `list` command shows what there is; what belongs to another tenant is not found either",
        ("illegalMove", _) => {
            "`insightgate tenant show` says where the enrollment stands, `insightgate tenant verify --new-code` makes another code"
        }
        ("conflict", _) if refusal.message.contains("already") => {
            "the `list` and `show` commands say what is there: change or remove that one, or give the new one another name or id"
        }
        ("conflict", _) if refusal.message.contains("first") => "do that first, and give the command again",
        ("conflict", _) => "the `list` and `show` commands say what is there, and in which state",
        ("invalid", _) => "the command's --help shows what it takes, with examples",
        (_, 429 | 503) => "the server is busy: try again later",
        _ => return None,
    })
}

fn token_hint(code: u32) -> Option<&'static str> {
    Some(match code {
        50126 | 50034 => "check the user name and the password",
        50053 => "the account is locked for a while after failed sign-ins",
        50055 => "set a new password for the user",
        50057 => "an administrator has to enable the user",
        50072 | 50074 | 50076 | 50079 => {
            "a second factor is asked for, which a password cannot give: sign in with `insightgate login`, or with `insightgate login --device`"
        }
        65001 | 90094 | 650057 => "the application lacks consent to the API's permission: an administrator of the tenant has to grant it",
        700016 | 700011 => "check the client id and the tenant: no such application there",
        7000215 => "check the client secret: its value is needed, not its id",
        7000222 => "the client secret expired: add a new one",
        7000218 | 70002 => "the application needs its client secret",
        70001 | 7000112 => "an administrator has to enable the application",
        90002 | 900023 | 90019 | 9001023 => "check the authority: it names the tenant, https://host/<tenant id or domain>",
        500011 | 50001 => "check the resource: https://api.partnercenter.microsoft.com",
        90033 | 90055 | 50196 => "the authority is busy: try again later",
        _ => return None,
    })
}

#[cfg(test)]
#[path = "error/tests.rs"]
mod tests;
