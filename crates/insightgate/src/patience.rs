//! How long a command waits for a server's answer, and how often it makes a call again: as its flags say, else the environment, else as the client
//! does by itself. The flags are told once, before the command begins.

use std::sync::OnceLock;
use std::time::Duration;

use clap::Args;
use insightgate_client::{Patience, Retries};

use crate::command_error::CommandError;
use crate::env_vars::{self, EnvVar};
use crate::terminal::words::duration;

#[derive(Debug, Clone, Copy, Default, Args)]
pub struct PatienceArguments {
    /// How long to wait for an answer of a server, such as 30s or 5m; 2 minutes if not given
    #[arg(long, global = true, value_name = "TIME", help_heading = "Connection", value_parser = duration)]
    pub timeout: Option<Duration>,
    /// How often to make a call again that a busy server or a broken connection turned away; 4 times if not given, 0 for never
    #[arg(long, global = true, value_name = "N", help_heading = "Connection")]
    pub retries: Option<u32>,
}

/// What a command's `--timeout` is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum TimeoutOf {
    #[default]
    Answer,
    /// All that is waited for. No answer is waited for longer than everything together.
    Whole,
    /// The same, and the command looks after it: what it takes away again in the end may take as long as ever.
    WholeWithoutTheEnd,
}

/// What the command's flags say.
#[derive(Debug, Clone, Copy, Default)]
struct Said {
    flags: PatienceArguments,
    timeout_of: TimeoutOf,
}

static SAID: OnceLock<Said> = OnceLock::new();

/// The first call counts.
pub fn tell(flags: PatienceArguments, timeout_of: TimeoutOf) {
    let _ = SAID.set(Said { flags, timeout_of });
}

/// # Errors
/// When a variable is no time or no number.
pub fn current(environment: impl Fn(&EnvVar) -> Option<String>) -> Result<Patience, CommandError> {
    of(SAID.get().copied().unwrap_or_default(), environment)
}

/// How long an answer may take, if anybody said it.
pub fn answer(environment: impl Fn(&EnvVar) -> Option<String>) -> Result<Option<Duration>, CommandError> {
    let Said { flags, timeout_of } = SAID.get().copied().unwrap_or_default();
    Ok(flags.timeout.filter(|_| timeout_of == TimeoutOf::Answer).or(by_variable(&environment)?))
}

fn of(Said { flags, timeout_of }: Said, environment: impl Fn(&EnvVar) -> Option<String>) -> Result<Patience, CommandError> {
    let own = Patience::default();
    let usual = by_variable(&environment)?.unwrap_or(own.answer);
    let answer = match (flags.timeout, timeout_of) {
        (Some(answer), TimeoutOf::Answer) => answer,
        (Some(whole), TimeoutOf::Whole) => usual.min(whole),
        (Some(_), TimeoutOf::WholeWithoutTheEnd) | (None, _) => usual,
    };
    let retries = match (flags.retries, environment(&env_vars::RETRIES)) {
        (Some(most), _) => most,
        (None, Some(text)) => text.trim().parse().map_err(|_| wrong(&env_vars::RETRIES, &text, "write it as a number, such as 4"))?,
        (None, None) => own.retries.most,
    };
    Ok(Patience { answer, retries: Retries { most: retries, ..own.retries } })
}

fn by_variable(environment: &impl Fn(&EnvVar) -> Option<String>) -> Result<Option<Duration>, CommandError> {
    let Some(text) = environment(&env_vars::TIMEOUT) else { return Ok(None) };
    duration(&text).map(Some).map_err(|hint| wrong(&env_vars::TIMEOUT, &text, &hint))
}

fn wrong(variable: &EnvVar, text: &str, hint: &str) -> CommandError {
    CommandError::usage(format!("{} cannot be '{text}'", variable.name)).hint(hint)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(timeout: Option<u64>, retries: Option<u32>, timeout_of: TimeoutOf, set: &[(&str, &str)]) -> Result<(u64, u32), CommandError> {
        let said = Said { flags: PatienceArguments { timeout: timeout.map(Duration::from_secs), retries }, timeout_of };
        let set = |variable: &EnvVar| set.iter().find(|(name, _)| *name == variable.name).map(|(_, value)| (*value).to_owned());
        of(said, set).map(|patience| (patience.answer.as_secs(), patience.retries.most))
    }

    #[test]
    fn a_flag_goes_before_the_environment_and_that_before_the_clients_own() {
        let both = [("INSIGHTGATE_TIMEOUT", "30s"), ("INSIGHTGATE_RETRIES", "2")];
        assert_eq!(said(None, None, TimeoutOf::Answer, &[]).unwrap(), (120, 4));
        assert_eq!(said(None, None, TimeoutOf::Answer, &both).unwrap(), (30, 2));
        assert_eq!(said(Some(600), Some(0), TimeoutOf::Answer, &both).unwrap(), (600, 0));
        // A time for everything shortens that for an answer, and never makes it longer.
        assert_eq!(said(Some(7200), None, TimeoutOf::Whole, &[]).unwrap(), (120, 4));
        assert_eq!(said(Some(7200), None, TimeoutOf::Whole, &both).unwrap(), (30, 2));
        assert_eq!(said(Some(5), None, TimeoutOf::Whole, &both).unwrap(), (5, 2));
        assert_eq!(said(Some(5), None, TimeoutOf::WholeWithoutTheEnd, &[]).unwrap(), (120, 4));
    }

    #[test]
    fn a_variable_that_is_no_time_or_number_is_named() {
        for (name, value) in
            [("INSIGHTGATE_TIMEOUT", "0"), ("INSIGHTGATE_TIMEOUT", "soon"), ("INSIGHTGATE_RETRIES", "-1"), ("INSIGHTGATE_RETRIES", "x")]
        {
            let wrong = said(None, None, TimeoutOf::Answer, &[(name, value)]).unwrap_err();
            assert_eq!((wrong.code, wrong.message.as_str()), (2, format!("{name} cannot be '{value}'").as_str()));
            assert!(wrong.hint.is_some());
        }
    }
}
