//! The output and questions of commands. Data goes to stdout, notes and questions to stderr. Nothing is asked if no person can answer.

pub(crate) mod progress;
pub(crate) mod secret_input;
pub(crate) mod table;
pub(crate) mod words;

use std::io::{BufRead, ErrorKind, IsTerminal, Write};

use serde::Serialize;

use crate::command_error::CommandError;

/// Whether a person can be asked.
pub fn is_interactive() -> bool {
    std::io::stdin().is_terminal() && std::io::stderr().is_terminal()
}

/// Writes to stdout. A reader that has ended, such as `head`, is not an error.
pub fn print(text: &str) -> Result<(), CommandError> {
    let mut out = std::io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(CommandError::failed(format!("stdout: {error}"))),
        _ => Ok(()),
    }
}

pub fn print_json(value: &impl Serialize) -> Result<(), CommandError> {
    let text = serde_json::to_string_pretty(value).map_err(|error| CommandError::failed(error.to_string()))?;
    print(&format!("{text}\n"))
}

/// Reads one line; None if it is empty.
pub fn ask(label: &str) -> Result<Option<String>, CommandError> {
    eprint!("{label}: ");
    let mut line = String::new();
    let failed = |error: std::io::Error| CommandError::failed(format!("the answer could not be read: {error}"));
    if std::io::stdin().lock().read_line(&mut line).map_err(failed)? == 0 {
        return Err(CommandError::usage("no answer came"));
    }
    Ok(Some(line.trim().to_owned()).filter(|line| !line.is_empty()))
}

/// A command that cannot be undone continues with `--yes`, or after a person agreed.
pub fn confirm(question: &str, yes: bool) -> Result<(), CommandError> {
    if yes {
        return Ok(());
    }
    if !is_interactive() {
        return Err(CommandError::usage("this cannot be taken back").hint("say --yes to do it without being asked"));
    }
    match ask(&format!("{question} This cannot be taken back. Type yes"))?.as_deref() {
        Some("yes") => Ok(()),
        _ => Err(CommandError::failed("not done")),
    }
}
