//! Where a command reads a password: from a prompt that does not show it, from stdin, or from a file that only its owner can read; or it makes a new
//! one. It never comes from a flag, which a process list shows.

use std::io::Read;
use std::path::PathBuf;

use clap::Args;
use insightgate_client::manage::Secret;
use insightgate_operations::random::Random;

use crate::command_error::CommandError;
use crate::files::read_private;
use crate::terminal::is_interactive;

/// Bytes; a longer text is no password.
const LONGEST: u64 = 4096;

#[derive(Debug, Default, Args)]
#[group(multiple = false)]
pub struct PasswordSource {
    /// Read the password from stdin, up to its end; a final line feed is not part of it
    #[arg(long)]
    pub password_stdin: bool,
    /// Read the password from this file, which its owner alone may read
    #[arg(long, value_name = "FILE")]
    pub password_file: Option<PathBuf>,
    /// Make a password, and print it once
    #[arg(long)]
    pub generate: bool,
}

/// A password, and whether nobody knows it yet.
pub struct Entered {
    pub password: Secret,
    pub generated: bool,
}

impl PasswordSource {
    /// Asks on a terminal if no source is named.
    pub fn read(&self, whose: &str) -> Result<Entered, CommandError> {
        let entered = |text: String| Ok(Entered { password: Secret(text), generated: false });
        if self.generate {
            let password = Random::default().secret().map_err(|error| CommandError::failed(error.to_string()))?;
            return Ok(Entered { password: Secret(password), generated: true });
        }
        if self.password_stdin {
            let mut text = String::new();
            let read = std::io::stdin().lock().take(LONGEST + 1).read_to_string(&mut text);
            read.map_err(|error| CommandError::usage(format!("the password on stdin cannot be read: {error}")))?;
            return entered(one_line(&text, "stdin")?);
        }
        if let Some(path) = &self.password_file {
            let nothing = || CommandError::not_found(format!("there is no file {}", path.display()));
            let text = read_private(path)?.ok_or_else(nothing)?;
            return entered(one_line(&text, &path.display().to_string())?);
        }
        if !is_interactive() {
            let failed = CommandError::usage("a password is needed, and there is no terminal to ask on");
            return Err(failed.hint("say --password-stdin, --password-file FILE or --generate"));
        }
        let password = ask_password(&format!("Password of {whose}"))?;
        if ask_password("The same again")? != password {
            return Err(CommandError::failed("the two passwords differ"));
        }
        entered(password)
    }
}

/// On the terminal, without showing it.
pub fn ask_password(label: &str) -> Result<String, CommandError> {
    if !is_interactive() {
        return Err(CommandError::usage("there is no terminal to ask on"));
    }
    let failed = |error: std::io::Error| CommandError::failed(format!("the password could not be read: {error}"));
    let password = rpassword::prompt_password(format!("{label}: ")).map_err(failed)?;
    if password.is_empty() { Err(CommandError::usage("the password is empty")) } else { Ok(password) }
}

/// The text without its final line feed. `place` is where it came from.
pub fn one_line(text: &str, place: &str) -> Result<String, CommandError> {
    let line = text.strip_suffix('\n').map_or(text, |line| line.strip_suffix('\r').unwrap_or(line));
    match line {
        "" => Err(CommandError::usage(format!("{place} is empty"))),
        line if line.contains(['\n', '\r', '\0']) || line.len() as u64 > LONGEST => {
            Err(CommandError::usage(format!("{place} holds more than one line, or too long a one")))
        }
        line => Ok(line.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_one_line() {
        for (text, expected) in
            [("p4ss\n", Some("p4ss")), (" p4 ss ", Some(" p4 ss ")), ("p4ss\r\n", Some("p4ss")), ("\n", None), ("a\nb\n", None)]
        {
            assert_eq!(one_line(text, "stdin").ok().as_deref(), expected, "{text:?}");
        }
        assert_eq!(one_line(&"a".repeat(5000), "stdin").unwrap_err().code, 2);
    }

    #[cfg(unix)]
    #[test]
    fn a_file_is_its_owners_alone() {
        use std::os::unix::fs::PermissionsExt;
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "p4ss\n").unwrap();
        let source = PasswordSource { password_file: Some(file.path().to_owned()), ..PasswordSource::default() };
        assert_eq!(source.read("ada").unwrap_or_else(|error| panic!("{error}")).password.0, "p4ss");
        std::fs::set_permissions(file.path(), PermissionsExt::from_mode(0o644)).unwrap();
        let refused = source.read("ada").err().unwrap();
        assert_eq!(refused.code, 3);
        assert!(refused.hint.unwrap().starts_with("chmod 600 "));
    }

    #[test]
    fn a_made_password_is_long_and_new() {
        let source = PasswordSource { generate: true, ..PasswordSource::default() };
        let made = || source.read("ada").unwrap_or_else(|error| panic!("{error}"));
        assert!(made().generated && made().password.0.len() >= 40);
        assert_ne!(made().password, made().password);
    }
}
