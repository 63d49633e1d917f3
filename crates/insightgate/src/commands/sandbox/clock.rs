//! `insightgate sandbox clock`: shows the clock and moves it forward.

use clap::Subcommand;
use insightgate_client::Method;
use serde_json::{Value, json};

use super::{Sandbox, refused, text};
use crate::command_error::CommandError;
use crate::terminal::progress::Progress;
use crate::terminal::table::plain;
use crate::terminal::{print, print_json};

#[derive(Debug, Subcommand)]
pub(super) enum ClockCommand {
    /// What time it is
    #[command(after_help = "Example:\n  insightgate sandbox clock show")]
    Show,
    /// Moves the clock forward: what falls due on the way is queued, each at its own time
    #[command(after_help = "Examples:\n  insightgate sandbox clock advance 3d\n  insightgate sandbox clock advance PT4H30M")]
    Advance {
        /// How far: 90s, 30m, 4h, 3d, 2w, or an ISO 8601 duration
        #[arg(value_name = "DURATION")]
        by: String,
    },
    /// Moves the clock forward to a time
    #[command(after_help = "Example:\n  insightgate sandbox clock set 2026-12-01T00:00:00Z")]
    Set {
        /// Such as 2026-12-01T00:00:00Z
        #[arg(value_name = "TIME")]
        to: String,
    },
}

pub(super) async fn run(sandbox: &Sandbox, command: ClockCommand) -> Result<(), CommandError> {
    let clock = match command {
        ClockCommand::Show => sandbox.ask(Method::GET, &["clock"], None).await?,
        ClockCommand::Advance { by } => moved(sandbox, json!({ "advance": duration(&by) })).await?,
        ClockCommand::Set { to } => moved(sandbox, json!({ "now": to })).await?,
    };
    show(sandbox, &clock)
}

/// A move that takes longer than a moment shows how far it is.
async fn moved(sandbox: &Sandbox, to: Value) -> Result<Value, CommandError> {
    let progress = Progress::new();
    progress.say("the clock is moved");
    let clock = sandbox.client.move_clock(to, |now| progress.say(&format!("the clock is at {}", plain(now)))).await;
    progress.end();
    clock.map_err(refused)
}

fn show(sandbox: &Sandbox, clock: &Value) -> Result<(), CommandError> {
    if sandbox.output.json {
        return print_json(clock);
    }
    let hand = if text(clock, "mode") == "manual" { "moved by hand" } else { "the system's" };
    eprintln!("the clock is {hand}");
    print(&format!("{}\n", text(clock, "now")))
}

/// Short forms as ISO 8601; others are sent as they are, and the sandbox says what is wrong with them.
pub(super) fn duration(text: &str) -> String {
    let lower = text.trim().to_ascii_lowercase();
    let unit = lower.chars().last().unwrap_or_default();
    let number = lower.strip_suffix(unit).unwrap_or_default();
    let is_number = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    match unit.to_ascii_uppercase() {
        unit @ ('W' | 'D') if is_number => format!("P{number}{unit}"),
        unit @ ('H' | 'M' | 'S') if is_number => format!("PT{number}{unit}"),
        _ => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_durations() {
        for (text, iso) in [
            ("3d", "P3D"),
            ("2W", "P2W"),
            ("90s", "PT90S"),
            ("0.5s", "PT0.5S"),
            ("4h", "PT4H"),
            ("30m", "PT30M"),
            ("PT1H", "PT1H"),
            ("soon", "soon"),
            ("", ""),
            ("d", "d"),
        ] {
            assert_eq!(duration(text), iso, "{text}");
        }
    }
}
