//! Sends mail over SMTP to the operator's server. A letter goes in, and what the server answered comes out.
//!
//! Each letter has a connection of its own. Nothing is tried again here, and nothing in a letter can become a header: addresses are parsed, and other
//! texts lose their control characters.

pub(crate) mod error;
pub(crate) mod settings;

use std::time::{Duration, SystemTime};

use lettre::address::Envelope;
use lettre::message::header::{ContentType, HeaderName, HeaderValue};
use lettre::message::{Mailbox, Message};
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Certificate, CertificateStore, Tls, TlsParameters};
use lettre::transport::smtp::extension::ClientId;
use lettre::{Address, AsyncSmtpTransport, AsyncTransport, Tokio1Executor};

use self::error::MailError;
use self::settings::{MailLogin, MailSecurity, MailSettings};

/// How long the whole exchange with the server may take.
const EXCHANGE: Duration = Duration::from_secs(30);
/// The most bytes of an address (RFC 5321, with its brackets).
const LONGEST_ADDRESS: usize = 254;
/// How a certificate in PEM begins.
const BEGINNING: &[u8] = b"-----BEGIN CERTIFICATE-----";
/// The most characters of a subject.
const LONGEST_SUBJECT: usize = 200;

/// A letter to one recipient, in plain text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Letter {
    /// What the Message-ID is made of: a letter that is sent again has the same one.
    pub id: String,
    pub to: String,
    pub subject: String,
    pub text: String,
    pub written: SystemTime,
}

/// Sends letters to one server. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Mailer {
    transport: AsyncSmtpTransport<Tokio1Executor>,
    from: Mailbox,
}

impl Mailer {
    /// # Errors
    /// When the sender's address or a certificate is wrong, or the server's name is none.
    pub fn new(settings: &MailSettings) -> Result<Mailer, MailError> {
        let from = sender(&settings.from)?;
        let encryption = |error: lettre::transport::smtp::Error| MailError::Encryption(error.to_string());
        let tls = || {
            let mut builder = TlsParameters::builder(settings.server.clone()).certificate_store(CertificateStore::Default);
            if let Some(pem) = &settings.ca_certificate {
                if !pem.windows(BEGINNING.len()).any(|window| window == BEGINNING) {
                    return Err(MailError::Encryption("the file of certificates holds none in PEM".to_owned()));
                }
                builder = builder.add_root_certificate(Certificate::from_pem(pem).map_err(encryption)?);
            }
            builder.build().map_err(encryption)
        };
        let tls = match settings.security {
            MailSecurity::Tls => Tls::Wrapper(tls()?),
            MailSecurity::StartTls => Tls::Required(tls()?),
            MailSecurity::None => Tls::None,
        };
        let mut builder = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(&settings.server)
            .port(settings.port)
            .tls(tls)
            .hello_name(ClientId::Domain(from.email.domain().to_owned()))
            .timeout(Some(EXCHANGE));
        if let Some(MailLogin { username, password }) = &settings.login {
            builder = builder.credentials(Credentials::new(username.clone(), password.clone()));
        }
        Ok(Mailer { transport: builder.build(), from })
    }

    /// Sends the letter. Returns what the server said when it took it.
    ///
    /// # Errors
    /// When the server cannot be reached or does not take the letter. [`MailError::is_final`] says whether trying again is of use.
    pub async fn send(&self, letter: &Letter) -> Result<String, MailError> {
        let message = self.message(letter)?;
        let sent = tokio::time::timeout(EXCHANGE, self.transport.send(message)).await.map_err(|_| MailError::TimedOut(EXCHANGE))?;
        match sent {
            Ok(response) => Ok(error::said(&format!("{} {}", response.code(), response.message().collect::<Vec<_>>().join(" ")))),
            Err(error) => Err(MailError::of(&error, &letter.to)),
        }
    }

    fn message(&self, letter: &Letter) -> Result<Message, MailError> {
        let to = address(&letter.to)?;
        let envelope = Envelope::new(Some(self.from.email.clone()), vec![to.clone()]);
        let wrong = |error: &dyn std::error::Error| MailError::Unsendable(error.to_string());
        let automatic = HeaderName::new_from_ascii_str("Auto-Submitted");
        Message::builder()
            .envelope(envelope.map_err(|error| wrong(&error))?)
            .from(self.from.clone())
            .to(Mailbox::new(None, to))
            .subject(one_line(&letter.subject, LONGEST_SUBJECT))
            .date(letter.written)
            .message_id(Some(format!("<{}@{}>", letter.id, self.from.email.domain())))
            // Programs that answer for people who are away leave such mail alone (RFC 3834).
            .raw_header(HeaderValue::new(automatic, "auto-generated".to_owned()))
            .header(ContentType::TEXT_PLAIN)
            .body(letter.text.clone())
            .map_err(|error| wrong(&error))
    }
}

/// Whether mail can come from there: `name@domain`, or `Name <name@domain>`.
///
/// # Errors
/// When it is no mail address.
pub fn check_sender(text: &str) -> Result<(), MailError> {
    sender(text).map(drop)
}

fn sender(text: &str) -> Result<Mailbox, MailError> {
    text.parse().map_err(|_| MailError::Address(one_line(text, LONGEST_ADDRESS)))
}

/// Whether mail can be addressed so.
///
/// # Errors
/// When it is no mail address, or too long.
pub fn check_address(text: &str) -> Result<(), MailError> {
    address(text).map(drop)
}

fn address(text: &str) -> Result<Address, MailError> {
    let wrong = || MailError::Address(one_line(text, LONGEST_ADDRESS));
    if text.len() > LONGEST_ADDRESS || text.chars().any(|c| c.is_control() || c.is_whitespace()) {
        return Err(wrong());
    }
    text.parse().map_err(|_| wrong())
}

/// The text without line breaks and other control characters, and no longer than this.
fn one_line(text: &str, longest: usize) -> String {
    text.chars().take(longest).map(|c| if c.is_control() { ' ' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mailer() -> Mailer {
        let settings = MailSettings {
            server: "mail.example".to_owned(),
            port: 25,
            security: MailSecurity::None,
            login: None,
            from: "Insightgate <no-reply@insights.example>".to_owned(),
            ca_certificate: None,
        };
        Mailer::new(&settings).unwrap()
    }

    fn letter(to: &str, subject: &str) -> Letter {
        Letter {
            id: "7".to_owned(),
            to: to.to_owned(),
            subject: subject.to_owned(),
            text: "Grüße\r\n.\r\nX".to_owned(),
            written: SystemTime::UNIX_EPOCH,
        }
    }

    fn headers(to: &str, subject: &str) -> String {
        let formatted = String::from_utf8(mailer().message(&letter(to, subject)).unwrap().formatted()).unwrap();
        formatted.split_once("\r\n\r\n").unwrap().0.to_owned()
    }

    #[test]
    fn a_letter_has_the_headers_of_its_own_alone() {
        let plain = headers("ana@contoso.example", "Report");
        for line in [
            "From: Insightgate <no-reply@insights.example>",
            "To: ana@contoso.example",
            "Subject: Report",
            "Message-ID: <7@insights.example>",
            "Date: Thu, 01 Jan 1970 00:00:00 +0000",
            "Auto-Submitted: auto-generated",
        ] {
            assert!(plain.lines().any(|found| found == line), "{line}: {plain}");
        }
        let lines = plain.lines().count();
        for subject in ["a\r\nBcc: eve@evil.example", "a\nX: y\n\nbody", "a\u{85}b\u{2028}c", "ä\r\nB: c", &"long ".repeat(999)] {
            let found = headers("ana@contoso.example", subject);
            let own = found.lines().filter(|line| !line.starts_with([' ', '\t'])).count();
            assert_eq!(own, lines, "{found}");
        }
    }

    #[test]
    fn only_addresses_are_written_to() {
        for good in ["ana@contoso.example", "o'hara+x@contoso.example", "zoë@contoso.example", "a@[127.0.0.1]"] {
            assert!(check_address(good).is_ok(), "{good}");
        }
        let long = format!("{}@contoso.example", "a".repeat(250));
        for wrong in [
            "ana",
            "@contoso.example",
            "ana@",
            "a@b@c",
            "a@contoso.example\r\nRCPT TO:<eve@evil.example>",
            "a@contoso.example, eve@evil.example",
            "Ana <ana@contoso.example>",
            "a b@contoso.example",
            "a@contoso.example>",
            "a\u{0}@contoso.example",
            &long,
            "",
        ] {
            assert!(matches!(mailer().message(&letter(wrong, "s")), Err(MailError::Address(_))), "{wrong}");
        }
    }

    #[test]
    fn a_sender_that_is_none_is_refused() {
        let settings = MailSettings { from: "nobody".to_owned(), ..MailSettings::to("mail.example", 25) };
        assert!(matches!(Mailer::new(&settings), Err(MailError::Address(_))));
    }
}
