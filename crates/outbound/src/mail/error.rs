//! Why a letter was not sent, and what helps.

use std::error::Error;
use std::time::Duration;

use lettre::transport::smtp;
use thiserror::Error;

/// The most characters of what the other side says.
const LONGEST: usize = 300;
/// Refusals that are about the login and not about the letter (RFC 4954), although their class says that trying again is of no use.
const OF_LOGIN: [u16; 4] = [530, 534, 535, 538];

/// The texts contain no password, and nothing of the letter but its address.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum MailError {
    #[error("'{0}' is no mail address")]
    Address(String),
    #[error("'{0}' has letters beyond ASCII, and the mail server takes no such address (SMTPUTF8)")]
    International(String),
    #[error("the letter cannot be written: {0}")]
    Unsendable(String),
    #[error("the mail server refused it: {0}")]
    Refused(String),
    #[error("the mail server asked to try again later: {0}")]
    Later(String),
    #[error("the mail server does not take the username and password: {0}")]
    Login(String),
    #[error("there is no encrypted connection to the mail server: {0}")]
    Encryption(String),
    #[error("the certificate of the mail server is not trusted: {0}")]
    Certificate(String),
    #[error("the mail server cannot be reached: {0}")]
    Unreachable(String),
    #[error("the mail server did not answer within {0:?}")]
    TimedOut(Duration),
    #[error("what answers is no mail server, or closed the connection: {0}")]
    Strange(String),
}

impl MailError {
    /// Whether trying again is of no use: the address or the letter is at fault, and not the server or its settings.
    pub fn is_final(&self) -> bool {
        matches!(self, MailError::Address(_) | MailError::International(_) | MailError::Unsendable(_) | MailError::Refused(_))
    }

    /// What an operator can do about it.
    pub fn hint(&self) -> Option<&'static str> {
        Some(match self {
            MailError::Address(_) | MailError::Unsendable(_) => return None,
            MailError::International(_) => "use an address in ASCII, or a mail server that knows SMTPUTF8",
            MailError::Refused(_) => {
                "the server's words say why: often mail.from is an address that it does not send for, or it wants mail.username"
            }
            MailError::Later(_) => {
                "servers say so of senders that they do not know yet, and when they have much to do: try again in a few minutes"
            }
            MailError::Login(_) => {
                "look at mail.username and the password (mail.password_file, or INSIGHTGATE_MAIL_PASSWORD); some providers want a password for \
                 applications"
            }
            MailError::Encryption(_) => {
                "mail.security and mail.port do not fit together: \"tls\" is usual at port 465, \"starttls\" at 587 and 25, \"none\" at 25"
            }
            MailError::Certificate(_) => {
                "mail.server has to be the name that the certificate is for; the certificate of an authority of your own goes into mail.ca_certificate"
            }
            MailError::Unreachable(_) => "look at mail.server and mail.port, and whether a firewall lets this machine connect there",
            MailError::TimedOut(_) => {
                "nothing came from there: a firewall may swallow it, or the port expects TLS from the first byte (mail.security = \"tls\", usual at \
                 port 465)"
            }
            MailError::Strange(_) => "look at mail.server and mail.port: something else may answer there",
        })
    }

    /// What went wrong with a letter to this address.
    pub(crate) fn of(error: &smtp::Error, to: &str) -> MailError {
        let words = said(&reason(error));
        if let Some(code) = error.status().map(u16::from) {
            return match code {
                code if OF_LOGIN.contains(&code) => MailError::Login(words),
                500.. => MailError::Refused(words),
                _ => MailError::Later(words),
            };
        }
        if let Some(tls) = tls_fault(error) {
            return match tls {
                rustls::Error::InvalidCertificate(_) => MailError::Certificate(words),
                _ => MailError::Encryption(words),
            };
        }
        // The library has one kind for what it does not do itself, told apart by its words.
        if error.is_client() {
            return match &words {
                words if words.contains("SMTPUTF8") || words.contains("8BITMIME") => MailError::International(to.to_owned()),
                words if words.contains("authentication") => MailError::Login(words.clone()),
                _ => MailError::Encryption(words),
            };
        }
        match error {
            error if error.is_tls() => MailError::Encryption(words),
            error if error.is_response() => MailError::Strange(words),
            _ => MailError::Unreachable(words),
        }
    }
}

/// What the other side or the system said, without the library's own words before it.
fn reason(error: &smtp::Error) -> String {
    let code = error.status().map(|code| format!("{code} ")).unwrap_or_default();
    let innermost = error.source().map_or_else(|| error.to_string(), ToString::to_string);
    format!("{code}{innermost}")
}

/// The other side chose the text: it is one line, and not long.
pub(crate) fn said(text: &str) -> String {
    let line = text.split(char::is_whitespace).filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ");
    line.chars().filter(|c| !c.is_control()).take(LONGEST).collect()
}

fn tls_fault(error: &smtp::Error) -> Option<&rustls::Error> {
    let mut cause = error.source();
    while let Some(found) = cause {
        if let Some(tls) = found.downcast_ref() {
            return Some(tls);
        }
        let within = found.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref);
        if let Some(tls) = within.and_then(|within| within.downcast_ref()) {
            return Some(tls);
        }
        cause = found.source();
    }
    None
}
