//! `insightgate sandbox compare`: plays a recording at the server of a profile, and says what differs by exchange and field.

mod aligned;
mod allowed;
mod differences;
mod mapping;
mod patience;
mod progress;
mod replay;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use insightgate_client::Forwarder;
use serde_json::{Value, json};
use tokio::sync::watch;

use super::recording::Recording;
use crate::command_error::CommandError;
use crate::env_vars;
use crate::interrupt::signalled;
use crate::profiles;
use crate::session::connected;
use crate::terminal::progress::Progress;
use crate::terminal::table::plain;
use crate::terminal::words::duration;
use crate::terminal::{print, print_json};
use differences::{Difference, Strictness, What};
use replay::{Made, Outcome, Replay, Told};

/// The differences of one exchange that are shown to a person.
const MOST_LINES: usize = 25;
/// The characters of a value that are shown to a person.
const LONGEST_VALUE: usize = 160;

#[derive(Debug, Args)]
pub(super) struct CompareArguments {
    /// The recording
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// A field that does not count, with all below it, such as value[].user or headers.etag; repeatable
    #[arg(long, value_name = "PATH", num_args = 1..)]
    ignore: Vec<String>,
    /// What only this server has is no difference
    #[arg(long)]
    no_added: bool,
    /// The values of data rows count too; they have to be in the recording (record --values)
    #[arg(long)]
    values: bool,
    /// How long one exchange is tried until it is as far as it was recorded; all together are tried 60 times as long, and an hour at least
    #[arg(long, value_name = "DURATION", default_value = "60s", value_parser = duration)]
    timeout: Duration,
}

pub(super) async fn run(profile: Option<&str>, arguments: CompareArguments, as_json: bool) -> Result<(), CommandError> {
    let recording = Recording::read(&arguments.file)?;
    if arguments.values && !recording.heading.values {
        let failed = CommandError::usage("the recording has no values of data rows");
        return Err(failed.hint("record it with --values, or compare without"));
    }
    let profile = profiles::load(profile, env_vars::read)?;
    let settings = profile.insights()?;
    let origin = settings.api_base.rsplit_once("/insights/").map_or(settings.api_base.as_str(), |(origin, _)| origin).to_owned();
    let forwarder = Forwarder::new(settings.ca_certificate.as_deref(), &[&origin])?;
    let client = Arc::new(connected(&profile, settings)?);
    let (made, progress, cut) = (Made::default(), Progress::new(), recording.cut);
    let (stop, stopped) = watch::channel(false);
    let replay = Replay {
        client: Arc::clone(&client),
        forwarder: forwarder.clone(),
        origin: origin.clone(),
        strictness: Strictness { values: arguments.values, added: !arguments.no_added, ignored: arguments.ignore },
        patience: arguments.timeout,
        made: Arc::clone(&made),
        stop: stopped,
    };
    progress.say(&format!("replaying {} exchanges", recording.exchanges.len()));
    let mut work = tokio::spawn(replay.run(recording));
    let ended = tokio::select! {
        ended = &mut work => ended,
        signal = signalled() => {
            // What is being made is waited for, so that it can be taken away.
            stop.send_replace(true);
            tokio::select! {
                ended = &mut work => ended.map(|_| Err(CommandError::interrupted(signal))),
                signal = signalled() => {
                    work.abort();
                    Ok(Err(CommandError::interrupted(signal)))
                }
            }
        }
    };
    let outcome = ended.unwrap_or_else(|_| Err(CommandError::failed("the command panicked")));
    progress.say("taking away what was made");
    let cleaned = Replay::clean(&client, &forwarder, &origin, &made).await;
    progress.end();
    let outcome = match (outcome, cleaned) {
        (Err(error), Err(left)) => {
            left.show();
            return Err(error);
        }
        (Ok(outcome), Err(left)) => {
            left.show();
            outcome
        }
        (outcome, Ok(())) => outcome?,
    };
    show(&outcome, cut, as_json)
}

fn show(outcome: &Outcome, cut: bool, as_json: bool) -> Result<(), CommandError> {
    if as_json {
        print_json(&as_value(outcome, cut))?;
    } else {
        print(&text(outcome))?;
        if cut {
            eprintln!("the recording ends within its last line, which is left out");
        }
        eprint!("{}", left_out(outcome));
        if outcome.authority > 0 {
            eprintln!("{} of the authority are not replayed: the profile has its own token", outcome.authority);
        }
    }
    let differing = outcome.differing.len();
    if outcome.compared == 0 {
        return Err(
            CommandError::failed("nothing was compared").hint("`insightgate sandbox record` records what clients ask while it runs")
        );
    }
    if differing > 0 {
        let count: usize = outcome.differing.iter().map(|(_, found)| found.len()).sum();
        return Err(CommandError::failed(format!("{count} differences in {differing} of {} exchanges", outcome.compared)));
    }
    eprintln!("{} exchanges compared, no difference", outcome.compared);
    Ok(())
}

fn text(outcome: &Outcome) -> String {
    let mut text = String::new();
    for (told, found) in &outcome.differing {
        text.push_str(&format!("{}\n", line(told)));
        for difference in found.iter().take(MOST_LINES) {
            let Difference { field, kind, recorded, here } = difference;
            let words = match kind {
                What::Missing => format!("recorded {}, here nothing", shown(recorded)),
                What::Added => format!("recorded nothing, here {}", shown(here)),
                What::Order => format!("another order: recorded {}, here {}", shown(recorded), shown(here)),
                What::Type | What::Value => format!("recorded {}, here {}", shown(recorded), shown(here)),
            };
            text.push_str(&format!("  {}: {words}\n", plain(field)));
        }
        if let Some(more) = found.len().checked_sub(MOST_LINES).filter(|more| *more > 0) {
            text.push_str(&format!("  and {more} more: --json has them\n"));
        }
    }
    text
}

fn left_out(outcome: &Outcome) -> String {
    outcome.left_out.iter().map(|(told, reason)| format!("{} not compared: {}\n", line(told), plain(reason))).collect()
}

fn line(told: &Told) -> String {
    format!("{} {} {}", told.number, plain(&told.method), plain(&told.path))
}

/// Shortened, and without anything that a terminal would obey.
fn shown(value: &Value) -> String {
    let text = value.to_string();
    let mut short: String = text.chars().take(LONGEST_VALUE).collect();
    if short.len() < text.len() {
        short.push('…');
    }
    plain(&short).to_string()
}

fn as_value(outcome: &Outcome, cut: bool) -> Value {
    let of = |told: &Told| json!({"exchange": told.number, "method": told.method, "path": told.path});
    let with = |told: &Told, more: Value| {
        let mut value = of(told);
        if let (Some(fields), Value::Object(more)) = (value.as_object_mut(), more) {
            fields.extend(more);
        }
        value
    };
    let differences: Vec<Value> = outcome
        .differing
        .iter()
        .flat_map(|(told, found)| found.iter().map(move |difference| with(told, serde_json::to_value(difference).unwrap_or_default())))
        .collect();
    let left_out: Vec<Value> = outcome.left_out.iter().map(|(told, reason)| with(told, json!({"reason": reason}))).collect();
    json!({
        "compared": outcome.compared,
        "differences": differences,
        "notCompared": left_out,
        "ofTheAuthority": outcome.authority,
        "cut": cut,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_terminal_obeys_nothing_of_a_recording() {
        let told = || Told { number: 1, method: "GET\u{7}".to_owned(), path: "/\u{1b}]0;a".to_owned() };
        let difference = Difference { field: "a\u{1b}".to_owned(), kind: What::Value, recorded: "\u{9b}1m".into(), here: Value::Null };
        let outcome = Outcome {
            differing: vec![(told(), vec![difference])],
            left_out: vec![(told(), "its answer is not whole: x \u{1b}]0;title\u{7}".to_owned())],
            ..Outcome::default()
        };
        for said in [text(&outcome), left_out(&outcome)] {
            assert!(!said.is_empty() && !said.contains(|c: char| c.is_control() && c != '\n'), "{said:?}");
        }
    }
}
