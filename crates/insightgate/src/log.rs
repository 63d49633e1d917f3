//! The log: to stderr, for operators. It never holds a secret.

use tracing_subscriber::EnvFilter;

use crate::command_error::CommandError;
use crate::env_vars;

/// What commands say without being asked.
pub const QUIET: &str = "warn";

/// `filter` as the configuration's `log.level`; the environment's `INSIGHTGATE_LOG` goes before it.
pub fn start_log(filter: &str) -> Result<(), CommandError> {
    let filter = env_vars::read(&env_vars::LOG).unwrap_or_else(|| filter.to_owned());
    let filter =
        EnvFilter::try_new(&filter).map_err(|error| CommandError::usage(format!("the log level '{filter}' cannot be read: {error}")))?;
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).init();
    Ok(())
}
