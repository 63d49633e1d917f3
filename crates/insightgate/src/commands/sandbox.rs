//! `insightgate sandbox`: asks the sandbox of a running demo. It knows no rule: what a fault may be, the sandbox says.

mod clock;
mod compare;
mod fault;
mod kept;
mod record;
mod recording;

use std::path::Path;

use clap::{Args, Subcommand};
use insightgate_client::{ClientError, Method, SandboxClient};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::command_error::CommandError;
use crate::env_vars;
use crate::files::read_private;
use crate::patience;
use crate::profiles::{Named, named};
use crate::session::Output;
use crate::terminal::print_json;

/// Where a demo is that was started without another address.
const DEFAULT_URL: &str = "http://127.0.0.1:7080";

#[derive(Debug, Args)]
pub struct SandboxArguments {
    /// Where the demo is; else as INSIGHTGATE_SANDBOX_URL says, or a ready file that --profile names, or http://127.0.0.1:7080
    #[arg(long, global = true, value_name = "URL")]
    url: Option<String>,
    #[command(flatten)]
    output: Output,
    #[command(subcommand)]
    command: SandboxCommand,
}

#[derive(Debug, Subcommand)]
enum SandboxCommand {
    /// The clock, which stands still until it is moved, where the demo was started with --clock manual
    Clock {
        #[command(subcommand)]
        command: clock::ClockCommand,
    },
    /// Failures that requests, executions and callbacks meet
    Fault {
        #[command(subcommand)]
        command: fault::FaultCommand,
    },
    /// Back to the first state: no report, no query, no fault, and the same identifiers
    #[command(after_help = "Example:\n  insightgate sandbox reset")]
    Reset,
    /// What the built-in receiver got, at /sandbox/v1/receiver, and whether its signature holds
    #[command(
        after_help = "Examples:\n  insightgate sandbox callbacks\n  insightgate sandbox callbacks --clear\n  insightgate sandbox callbacks --json"
    )]
    Callbacks(kept::KeptArguments),
    /// The last requests, secrets masked
    #[command(
        after_help = "Examples:\n  insightgate sandbox requests\n  insightgate sandbox requests --clear\n  insightgate sandbox requests --json"
    )]
    Requests(kept::KeptArguments),
    /// A proxy in front of a service, which writes down what clients ask and what it answers, without secrets
    #[command(
        after_help = "Examples:\n  insightgate sandbox record --upstream http://127.0.0.1:7080 -o recording.jsonl\n  insightgate sandbox record --upstream https://api.partnercenter.microsoft.com --authority https://login.microsoftonline.com --https 127.0.0.1:8443 -o microsoft.jsonl"
    )]
    Record(record::RecordArguments),
    /// Plays a recording at the profile's server, and says what differs by field
    #[command(
        after_help = "Examples:\n  insightgate sandbox compare recording.jsonl --profile ready.json\n  insightgate sandbox compare microsoft.jsonl --no-added --ignore value[].user --json\n\nExits with 0 where nothing differs, and with 1 where something does."
    )]
    Compare(compare::CompareArguments),
}

/// A sandbox that is asked.
struct Sandbox {
    client: SandboxClient,
    output: Output,
}

pub async fn run(profile: Option<&str>, arguments: SandboxArguments) -> Result<(), CommandError> {
    let SandboxArguments { url, output, command } = arguments;
    let sandbox = || -> Result<Sandbox, CommandError> {
        let url = match url.filter(|url| !url.is_empty()).or_else(|| env_vars::read(&env_vars::SANDBOX_URL)) {
            Some(url) => url,
            None => of_profile(profile)?.unwrap_or_else(|| DEFAULT_URL.to_owned()),
        };
        let client = SandboxClient::new(&url)?;
        let client = match patience::answer(env_vars::read)? {
            Some(answer) => client.answering_within(answer),
            None => client,
        };
        Ok(Sandbox { client, output })
    };
    match command {
        SandboxCommand::Clock { command } => clock::run(&sandbox()?, command).await,
        SandboxCommand::Fault { command } => fault::run(&sandbox()?, command).await,
        SandboxCommand::Reset => {
            let sandbox = sandbox()?;
            let answer = sandbox.ask(Method::POST, &["reset"], Some(&json!({}))).await?;
            sandbox.done(&answer, "the first state is back")
        }
        SandboxCommand::Callbacks(arguments) => kept::callbacks(&sandbox()?, &arguments).await,
        SandboxCommand::Requests(arguments) => kept::requests(&sandbox()?, &arguments).await,
        // These two speak the documented API, and need no sandbox.
        SandboxCommand::Record(arguments) => record::run(arguments, output.json).await,
        SandboxCommand::Compare(arguments) => compare::run(profile, arguments, output.json).await,
    }
}

/// A ready file has the demo's address.
fn of_profile(profile: Option<&str>) -> Result<Option<String>, CommandError> {
    #[derive(Deserialize)]
    struct ReadyFile {
        http: Option<String>,
    }
    let Some(Named::File(path)) = profile.map(named) else { return Ok(None) };
    if path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("toml")) {
        return Ok(None);
    }
    let unreadable = |path: &Path| CommandError::usage(format!("{} is no ready file of a demo", path.display()));
    let text = read_private(path)?.ok_or_else(|| CommandError::not_found(format!("there is no ready file at {}", path.display())))?;
    let ready: ReadyFile = serde_json::from_str(&text).map_err(|_| unreadable(path))?;
    ready.http.map(Some).ok_or_else(|| unreadable(path))
}

impl Sandbox {
    async fn ask(&self, method: Method, segments: &[&str], body: Option<&Value>) -> Result<Value, CommandError> {
        self.client.call(method, segments, body).await.map_err(refused)
    }

    /// JSON for programs; for people a word on stderr.
    fn done(&self, answer: &Value, words: &str) -> Result<(), CommandError> {
        if self.output.json {
            return print_json(answer);
        }
        eprintln!("{words}");
        Ok(())
    }
}

/// A sandbox's refusal, or its absence, in words.
fn refused(error: ClientError) -> CommandError {
    match &error {
        // A path that is not there at all has no words of the sandbox.
        ClientError::Refused(refusal) if refusal.status == 404 && refusal.message.is_none() => {
            CommandError::not_found("that server has no sandbox").hint("`insightgate demo` has one, `serve` does not")
        }
        ClientError::Refused(refusal) if refusal.status == 400 => {
            CommandError { code: 2, ..CommandError::failed(refusal.message.clone().unwrap_or_else(|| error.to_string())) }
        }
        ClientError::Unreachable { .. } => {
            let code = CommandError::from(error).code;
            CommandError { code, ..CommandError::failed("no demo answers there") }
                .hint("start one with `insightgate demo`, or say where it is with --url")
        }
        _ => error.into(),
    }
}

/// A field as it is read by people.
fn text(value: &Value, name: &str) -> String {
    match value.get(name) {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
    }
}

/// The items of a list by its name.
fn items<'a>(answer: &'a Value, name: &str) -> &'a [Value] {
    answer.get(name).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
}
