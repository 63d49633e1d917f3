//! The log: to stderr, for operators. It never contains a secret.

use std::sync::Arc;

use insightgate_operations::telemetry::SPANS;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::Layer as _;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

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

const LEVELS: [&str; 6] = ["error", "warn", "info", "debug", "trace", "off"];

/// `filter` as in the setting `log.level`; the variable `INSIGHTGATE_LOG` overrides it. If traces are wanted, returns what sends them.
pub fn start_log(filter: &str, format: LogFormat, traces: Option<&TraceSettings>) -> Result<Option<Arc<Exporter>>, CommandError> {
    // Spans are for traces; nobody asks for those that no trace takes.
    let without_spans = |text: &str| self::filter(text).and_then(|_| self::filter(&format!("{text},{SPANS}=off")));
    let filter = match env_vars::read(&env_vars::LOG) {
        Some(text) => without_spans(&text).map_err(|why| CommandError::usage(format!("{}: {why}", env_vars::LOG.name)))?,
        None => without_spans(filter).map_err(|why| CommandError::usage(format!("log.level: {why}")))?,
    };
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
