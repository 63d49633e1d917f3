//! The failure of a command: what went wrong, what to do, and the exit code.

use std::fmt;

use insightgate_client::ClientError;
use insightgate_engine::EngineError;
use insightgate_operations::repair::RepairFault;
use insightgate_store::{Outage, StoreError};

use crate::terminal::table::plain_lines;

/// Exit codes: 1 failed, 2 wrong usage, 3 not allowed or a prerequisite is missing, 4 not found, 5 unreachable or timed out. A command that a signal
/// ended has 128 and the signal's number, as shells say it: 130 for Ctrl-C.
#[derive(Debug)]
pub struct CommandError {
    pub message: String,
    pub hint: Option<String>,
    pub code: u8,
}

impl CommandError {
    pub fn failed(message: impl Into<String>) -> CommandError {
        CommandError { message: message.into(), hint: None, code: 1 }
    }

    pub fn usage(message: impl Into<String>) -> CommandError {
        CommandError { code: 2, ..CommandError::failed(message) }
    }

    pub fn not_allowed(message: impl Into<String>) -> CommandError {
        CommandError { code: 3, ..CommandError::failed(message) }
    }

    pub fn not_found(message: impl Into<String>) -> CommandError {
        CommandError { code: 4, ..CommandError::failed(message) }
    }

    /// A signal of this number ended the command.
    pub fn interrupted(signal: u8) -> CommandError {
        CommandError { code: 128 + signal, ..CommandError::failed("interrupted") }
    }

    /// To stderr, with its hint.
    pub fn show(&self) {
        eprint!("{}", self.shown());
    }

    /// Servers and files have a part in it.
    fn shown(&self) -> String {
        let hint = self.hint.as_ref().map(|hint| format!("hint: {hint}\n")).unwrap_or_default();
        plain_lines(&format!("error: {self}\n{hint}"))
    }

    /// With a hint where a store is away, refuses the credentials or is not there.
    pub fn hint_about(self, error: &EngineError) -> CommandError {
        match error {
            EngineError::Store(_) if error.is_outage() && !error.is_storage_full() => {
                self.hint("insightgate store check tries the place step by step, and says what is missing")
            }
            _ => self,
        }
    }

    pub fn hint(self, hint: impl Into<String>) -> CommandError {
        CommandError { hint: Some(hint.into()), ..self }
    }
}

/// With a hint where one helps.
impl From<StoreError> for CommandError {
    fn from(error: StoreError) -> CommandError {
        let code = if matches!(error.outage(), Some(Outage::Away | Outage::NoConnection | Outage::Held)) { 5 } else { 1 };
        CommandError { hint: error.hint().map(Into::into), code, ..CommandError::failed(error.to_string()) }
    }
}

/// A store that is away, refuses the credentials or is not there has the code of that.
impl From<EngineError> for CommandError {
    fn from(error: EngineError) -> CommandError {
        let code = match &error {
            error if error.is_away() => 5,
            error if error.is_refused_by_store() => 3,
            error if error.is_without_place() => 4,
            _ => 1,
        };
        CommandError { code, ..CommandError::failed(error.to_string()).hint_about(&error) }
    }
}

impl From<RepairFault> for CommandError {
    fn from(fault: RepairFault) -> CommandError {
        match fault {
            RepairFault::Database(error) => error.into(),
            RepairFault::Artifacts(error) => error.into(),
            RepairFault::Random(error) => CommandError::failed(error.to_string()),
        }
    }
}

impl From<ClientError> for CommandError {
    fn from(error: ClientError) -> CommandError {
        let code = match &error {
            ClientError::Settings(_) | ClientError::AddressTooLong { .. } => 2,
            ClientError::Unreachable { .. } => 5,
            ClientError::Refused(refusal) => by_status(refusal.status),
            ClientError::Managed(refusal) => by_status(refusal.status),
            // A caller that gets no token lacks something, unless the authority itself has trouble.
            ClientError::Token(refusal) if refusal.status < 500 => 3,
            ClientError::Token(refusal) => by_status(refusal.status),
            ClientError::SignInNeeded { .. } | ClientError::Store(_) => 3,
            ClientError::Unexpected { .. } | ClientError::Damaged { .. } => 1,
        };
        CommandError { message: error.to_string(), hint: error.hint(), code }
    }
}

fn by_status(status: u16) -> u8 {
    match status {
        401 | 403 => 3,
        404 => 4,
        408 | 503 | 504 => 5,
        _ => 1,
    }
}

impl fmt::Display for CommandError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use insightgate_client::{ManageRefusal, TokenRefusal};

    #[test]
    fn a_servers_words_cannot_steer_the_terminal() {
        let error = CommandError::failed("no \u{1b}]0;mine\u{7}\u{9b}31m\u{202e}\n  at line 2").hint("or\r\u{1b}[2K");
        let lost = '\u{fffd}';
        assert_eq!(error.shown(), format!("error: no {lost}]0;mine{lost}{lost}31m{lost}\n  at line 2\nhint: or{lost}{lost}[2K\n"));
    }

    fn managed(status: u16) -> u8 {
        let refusal = ManageRefusal { status, code: String::new(), message: String::new(), correlation: None };
        CommandError::from(ClientError::Managed(Box::new(refusal))).code
    }

    #[test]
    fn the_exit_code_says_what_kind_of_failure_it_is() {
        let codes = [400, 401, 403, 404, 409, 500, 503].map(managed);
        assert_eq!(codes, [1, 3, 3, 4, 1, 1, 5]);
        let token = |status| {
            let refusal = TokenRefusal { status, error: "e".into(), description: "d".into(), codes: vec![7_000_215] };
            CommandError::from(ClientError::Token(Box::new(refusal)))
        };
        assert_eq!((token(401).code, token(503).code), (3, 5));
        assert!(token(401).hint.unwrap().contains("secret"));
        let unreachable = ClientError::Unreachable { address: "a".into(), reason: "refused".into(), timed_out: false };
        assert_eq!(CommandError::from(unreachable).code, 5);
        assert_eq!(CommandError::from(ClientError::Settings("s".into())).code, 2);
    }
}
