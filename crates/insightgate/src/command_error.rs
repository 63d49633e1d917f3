//! How a command fails: what went wrong, what to do, and the exit code.

use std::fmt;

/// Exit codes: 1 failed, 2 wrong usage, 3 not allowed or a prerequisite is missing, 4 not found, 5 unreachable or timed out.
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

    pub fn not_found(message: impl Into<String>) -> CommandError {
        CommandError { code: 4, ..CommandError::failed(message) }
    }

    pub fn hint(self, hint: impl Into<String>) -> CommandError {
        CommandError { hint: Some(hint.into()), ..self }
    }
}

impl fmt::Display for CommandError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}
