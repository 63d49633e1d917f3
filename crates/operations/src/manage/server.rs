//! How this process is, for operators: what it needs, its background loops, and the keys that sign tokens.

use std::time::Duration;

use tokio::time::Instant;

use super::administrator::{Administrator, Duty};
use crate::context::Context;
use crate::failure::Failure;
pub use crate::keys::signing::KeyState;
pub use crate::readiness::Check;
use crate::scrape::checks;

pub struct ServerState {
    /// As `/readyz` tells them.
    pub checks: Vec<Check>,
    /// Those that were started in this process, by name.
    pub loops: Vec<LoopState>,
    /// The newest first.
    pub keys: Vec<KeyState>,
}

/// A background loop. Its counts are since the start of the process.
pub struct LoopState {
    pub name: &'static str,
    pub turns: u64,
    pub failures: u64,
    /// Since the last success; `None` if there was none yet.
    pub since_success: Option<Duration>,
    pub last_turn: Duration,
    /// Whether only a fault explains how long the last success is ago.
    pub stuck: bool,
}

/// # Errors
/// When the caller may not do this, or the database does not answer.
pub async fn show_server(context: &Context, administrator: &Administrator) -> Result<ServerState, Failure> {
    administrator.may(context, Duty::Operate).await?;
    let checks = checks(context).await;
    let now = Instant::now();
    let loops = context.background.records().into_iter().map(|(name, record)| LoopState {
        name,
        turns: record.turns,
        failures: record.failures,
        since_success: record.last_success.map(|_| record.since_success(now)),
        last_turn: record.last_duration,
        stuck: record.stuck(now).is_some(),
    });
    Ok(ServerState { checks, loops: loops.collect(), keys: context.signing.states() })
}
