//! The log: to stderr, for operators. It never contains a secret.

use std::backtrace::BacktraceStatus;
use std::sync::{Arc, OnceLock};

use insightgate_operations::telemetry::SPANS;
use tracing_subscriber::Layer as _;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, Registry, reload};

use crate::command_error::CommandError;
use crate::env_vars;
use crate::traces::{self, Exporter, TraceSettings};

mod lines;
mod repeats;
mod sink;

use lines::Lines;
use repeats::Repeats;
use sink::Sink;
pub use sink::finish;

/// How lines are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LogFormat {
    #[default]
    Text,
    /// One object a line.
    Json,
}

/// The default log level of commands.
pub const QUIET: &str = "warn";

/// The form of what this process says on stderr; text until a configuration says otherwise.
static FORMAT: OnceLock<LogFormat> = OnceLock::new();

/// The filter of this process's log.
static FILTER: OnceLock<reload::Handle<EnvFilter, Registry>> = OnceLock::new();

const LEVELS: [&str; 6] = ["error", "warn", "info", "debug", "trace", "off"];

/// `filter` as in the setting `log.level`; the variable `INSIGHTGATE_LOG` overrides it. If traces are wanted, returns what sends them.
pub fn start_log(filter: &str, format: LogFormat, traces: Option<&TraceSettings>) -> Result<Option<Arc<Exporter>>, CommandError> {
    speak(format);
    let filter = match env_vars::read(&env_vars::LOG) {
        Some(text) => without_spans(&text).map_err(|why| CommandError::usage(format!("{}: {why}", env_vars::LOG.name)))?,
        None => without_spans(filter).map_err(|why| CommandError::usage(format!("log.level: {why}")))?,
    };
    let (filter, changeable) = reload::Layer::new(filter);
    // A process has one log.
    let _ = FILTER.set(changeable);
    let sink = Sink::stderr();
    let lines = Repeats::new(format, sink.clone()).and_then(Lines::new(format, sink)).with_filter(filter);
    let registry = tracing_subscriber::registry().with(lines);
    Ok(match traces {
        None => {
            registry.init();
            None
        }
        Some(settings) => {
            let (recorder, exporter) = traces::begin(settings)?;
            registry.with(recorder).init();
            Some(exporter)
        }
    })
}

/// From now on all that this process says on stderr has this form: lines of the log, what it says at its start and end, why it failed, and panics.
pub fn speak(format: LogFormat) {
    if FORMAT.set(format).is_ok() && format == LogFormat::Json {
        std::panic::set_hook(Box::new(|panic| {
            let trace = std::backtrace::Backtrace::capture();
            let trace = (trace.status() == BacktraceStatus::Captured).then(|| trace.to_string());
            say_json("ERROR", &panic.to_string(), trace.map(|trace| ("backtrace", trace)));
        }));
    }
}

/// Whether stderr is for programs.
pub fn is_json() -> bool {
    FORMAT.get() == Some(&LogFormat::Json)
}

/// What operators wait for or have to know, whatever `log.level` is.
pub fn say(text: &str) {
    if is_json() { say_json("INFO", text, None) } else { eprintln!("{text}") }
}

/// What may be wrong, and what helps.
pub fn warn(text: &str, hint: Option<&str>) {
    if is_json() {
        return say_json("WARN", text, hint.map(|hint| ("hint", hint.to_owned())));
    }
    eprintln!("warning: {text}");
    if let Some(hint) = hint {
        eprintln!("hint: {hint}");
    }
}

/// Why the process ends, as an object.
pub fn fail_as_json(text: &str, hint: Option<&str>) {
    say_json("ERROR", text, hint.map(|hint| ("hint", hint.to_owned())));
}

fn say_json(level: &str, text: &str, more: Option<(&str, String)>) {
    Sink::stderr().take(&lines::object(level, text, more.as_ref().map(|(name, value)| (*name, value.as_str()))), true);
}

/// Spans are for traces; nobody asks for those that no trace takes.
fn without_spans(text: &str) -> Result<EnvFilter, String> {
    filter(text).and_then(|_| filter(&format!("{text},{SPANS}=off")))
}

/// From now on the log has another filter. The variable `INSIGHTGATE_LOG` goes before it, as at the start.
///
/// # Errors
/// When the variable is set, or the text is no filter.
pub fn change_filter(text: &str) -> Result<(), String> {
    if env_vars::read(&env_vars::LOG).is_some() {
        return Err(format!("{} is set and goes before it", env_vars::LOG.name));
    }
    let filter = without_spans(text)?;
    match FILTER.get() {
        Some(changeable) => changeable.reload(filter).map_err(|error| error.to_string()),
        None => Ok(()),
    }
}

/// Reads a level, or a filter by parts of the program. The library takes any word for the name of a part, and then logs nothing. Here a level that
/// does not exist is an error.
pub fn filter(text: &str) -> Result<EnvFilter, String> {
    let is_level = |word: &str| LEVELS.contains(&word.to_ascii_lowercase().as_str()) || matches!(word, "0" | "1" | "2" | "3" | "4" | "5");
    let is_part = |word: &str| word.contains("::") || word.contains('[') || word.contains('_') || word.starts_with("insightgate");
    for directive in text.split(',').map(str::trim) {
        let unknown = match directive.rsplit_once('=') {
            Some((_, level)) if !directive.ends_with(']') => Some(level).filter(|level| !is_level(level)),
            _ => Some(directive).filter(|word| !is_level(word) && !is_part(word)),
        };
        if let Some(unknown) = unknown {
            return Err(format!(
                "there is no level \"{unknown}\": it should be one of {}, or a filter such as \"warn,insightgate_operations=debug\"",
                LEVELS.join(", ")
            ));
        }
    }
    EnvFilter::try_new(text).map_err(|error| format!("should be a level such as \"info\" or a filter, but is \"{text}\": {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_that_do_not_exist_are_told() {
        for good in [
            "info",
            "WARN",
            "off",
            "warn,insightgate_operations=debug",
            "insightgate_api=trace",
            "sqlx::query=warn,info",
            "hyper_util",
            "info,[{correlation}]=debug",
        ] {
            assert!(filter(good).is_ok(), "{good}");
        }
        for bad in ["verbose", "warning", "info,verbose", "insightgate_api=loud", "", "info,"] {
            let why = filter(bad).err().unwrap_or_default();
            assert!(why.contains("error, warn, info, debug, trace"), "{bad}: {why}");
        }
    }
}
