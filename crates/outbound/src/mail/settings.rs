//! Where mail goes out, and from whom.

use std::fmt;

use strum::{EnumString, IntoStaticStr, VariantArray};

/// The operator's mail server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MailSettings {
    /// A name or an address. It may be private.
    pub server: String,
    pub port: u16,
    pub security: MailSecurity,
    pub login: Option<MailLogin>,
    /// The sender, as `name@domain` or `Name <name@domain>`.
    pub from: String,
    /// Certificates in PEM that are trusted beside the system's.
    pub ca_certificate: Option<Vec<u8>>,
}

impl MailSettings {
    /// A server that takes mail without encryption and without a password, such as one on the same machine.
    pub fn to(server: &str, port: u16) -> MailSettings {
        let from = "Insightgate <insightgate@localhost>".to_owned();
        MailSettings { server: server.to_owned(), port, security: MailSecurity::None, login: None, from, ca_certificate: None }
    }
}

/// How the connection to the server is encrypted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, IntoStaticStr, EnumString, VariantArray)]
#[strum(serialize_all = "lowercase")]
pub enum MailSecurity {
    /// From the first byte on.
    Tls,
    /// After a command. A server that does not know it gets nothing.
    #[default]
    StartTls,
    None,
}

impl MailSecurity {
    pub const ALL: &'static [MailSecurity] = MailSecurity::VARIANTS;

    pub fn name(self) -> &'static str {
        self.into()
    }

    pub fn from_name(name: &str) -> Option<MailSecurity> {
        name.parse().ok()
    }

    /// The port that servers have for it.
    pub fn usual_port(self) -> u16 {
        match self {
            MailSecurity::Tls => 465,
            MailSecurity::StartTls => 587,
            MailSecurity::None => 25,
        }
    }
}

/// How the server knows us.
#[derive(Clone, PartialEq, Eq)]
pub struct MailLogin {
    pub username: String,
    pub password: String,
}

/// Without the password.
impl fmt::Debug for MailLogin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MailLogin").field("username", &self.username).finish_non_exhaustive()
    }
}
