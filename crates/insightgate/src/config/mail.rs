//! The settings of mail, and what they come to: the password stands in a file of its own or in the environment, never in the configuration.

use std::path::PathBuf;

use insightgate_outbound::{MailLogin, MailSecurity, MailSettings};

use crate::command_error::CommandError;
use crate::env_vars::{self, EnvVar};
use crate::files::{fault, no_named_pipe, read_named};

/// Without a server no mail is sent.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct MailConfiguration {
    pub server: Option<String>,
    pub port: Option<u16>,
    pub security: MailSecurity,
    pub username: Option<String>,
    pub password_file: Option<PathBuf>,
    pub from: Option<String>,
    pub ca_certificate: Option<PathBuf>,
}

impl MailConfiguration {
    /// What does not fit together.
    pub(super) fn problems(&self) -> Vec<String> {
        let mut problems = Vec::new();
        if self.server.is_some() && self.from.is_none() {
            problems.push("mail.from: mail.server needs it, such as \"Insightgate <insightgate@example.com>\"".to_owned());
        }
        if self.username.is_some() && self.security == MailSecurity::None {
            problems.push("mail.username: with mail.security = \"none\" the password would go over the network as it is".to_owned());
        }
        if self.username.is_none() && self.password_file.is_some() {
            problems.push("mail.password_file: there is a password and no mail.username".to_owned());
        }
        problems
    }

    /// The server with the password and the certificates, read now. `None` without a server.
    pub fn settings(&self) -> Result<Option<MailSettings>, CommandError> {
        self.settings_with(env_vars::read)
    }

    fn settings_with(&self, environment: impl Fn(&EnvVar) -> Option<String>) -> Result<Option<MailSettings>, CommandError> {
        let (Some(server), Some(from)) = (self.server.clone(), self.from.clone()) else { return Ok(None) };
        let login = match &self.username {
            Some(username) => Some(MailLogin { username: username.clone(), password: self.password(environment)? }),
            None => None,
        };
        let ca_certificate = match &self.ca_certificate {
            Some(file) => Some(read_named(file)?),
            None => None,
        };
        let port = self.port.unwrap_or_else(|| self.security.usual_port());
        Ok(Some(MailSettings { server, port, security: self.security, login, from, ca_certificate }))
    }

    /// The environment goes before the file.
    fn password(&self, environment: impl Fn(&EnvVar) -> Option<String>) -> Result<String, CommandError> {
        if let Some(password) = environment(&env_vars::MAIL_PASSWORD) {
            return Ok(password);
        }
        let Some(file) = &self.password_file else {
            let needed =
                format!("mail.username needs a password: name its file in mail.password_file, or set {}", env_vars::MAIL_PASSWORD.name);
            return Err(CommandError::usage(needed));
        };
        no_named_pipe(file)?;
        let text = std::fs::read_to_string(file).map_err(|error| fault(file, &error))?;
        // An editor ends the line.
        let password = text.trim_end_matches(['\r', '\n']);
        match password.is_empty() {
            true => Err(CommandError::usage(format!("{} is empty", file.display()))),
            false => Ok(password.to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn configuration() -> MailConfiguration {
        let (server, from) = (Some("smtp.example.com".to_owned()), Some("a@example.com".to_owned()));
        MailConfiguration { server, from, ..MailConfiguration::default() }
    }

    #[test]
    fn the_password_comes_from_the_environment_or_a_file() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("password");
        std::fs::write(&file, " from the file \r\n").unwrap();
        let nothing = |_: &EnvVar| None;
        let named = MailConfiguration { username: Some("me".to_owned()), ..configuration() };
        let with_file = MailConfiguration { password_file: Some(file.clone()), ..named.clone() };
        let password = |settings: Option<MailSettings>| settings.unwrap().login.unwrap().password;
        assert_eq!(password(with_file.settings_with(nothing).unwrap()), " from the file ");
        let given = |variable: &EnvVar| (variable.name == "INSIGHTGATE_MAIL_PASSWORD").then(|| "007".to_owned());
        assert_eq!(password(with_file.settings_with(given).unwrap()), "007");
        let lacking = named.settings_with(nothing).unwrap_err();
        assert!(lacking.code == 2 && lacking.message.contains("mail.password_file"), "{lacking}");
        std::fs::write(&file, "\n").unwrap();
        assert!(with_file.settings_with(nothing).unwrap_err().message.contains("is empty"));
        let shown = format!("{:?}", with_file.settings_with(given).unwrap());
        assert!(shown.contains("\"me\"") && !shown.contains("007"), "{shown}");
    }

    #[test]
    fn the_port_follows_from_the_security() {
        let port = |security| MailConfiguration { security, ..configuration() }.settings_with(|_| None).unwrap().unwrap().port;
        assert_eq!([MailSecurity::Tls, MailSecurity::StartTls, MailSecurity::None].map(port), [465, 587, 25]);
        let other = MailConfiguration { port: Some(2525), ..configuration() };
        assert_eq!(other.settings_with(|_| None).unwrap().unwrap().port, 2525);
        assert_eq!(MailConfiguration::default().settings_with(|_| None).unwrap(), None, "off by default");
    }

    #[test]
    fn what_does_not_fit_together_is_named() {
        let problems = |configuration: MailConfiguration| configuration.problems().join("\n");
        assert_eq!(problems(configuration()), "");
        assert!(problems(MailConfiguration { from: None, ..configuration() }).starts_with("mail.from: "));
        let open = MailConfiguration { username: Some("me".to_owned()), security: MailSecurity::None, ..configuration() };
        assert!(problems(open).starts_with("mail.username: "));
        let alone = MailConfiguration { password_file: Some(PathBuf::from("p")), ..configuration() };
        assert!(problems(alone).starts_with("mail.password_file: "));
    }
}
