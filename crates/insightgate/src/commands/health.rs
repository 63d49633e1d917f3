//! `insightgate health`: whether a server is alive and ready, for the health check of a container or a supervisor, which has no other program to ask with.

use std::path::Path;
use std::time::Duration;

use clap::Args;
use insightgate_client::health;
use serde_json::{Value, json};

use crate::command_error::CommandError;
use crate::env_vars;
use crate::files::read_named;
use crate::patience;
use crate::session::Output;
use crate::terminal::table::Table;
use crate::terminal::{print, print_json};

/// Longer than a server takes for its checks.
const ANSWER: Duration = Duration::from_secs(5);

#[derive(Debug, Args)]
pub struct HealthArguments {
    /// Where the server is
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:7080")]
    url: String,
    /// Ask only whether the process answers (/healthz), and not whether it can do its work (/readyz)
    #[arg(long)]
    alive: bool,
    #[command(flatten)]
    output: Output,
}

pub async fn run(arguments: HealthArguments) -> Result<(), CommandError> {
    let HealthArguments { url, alive, output } = arguments;
    let certificate = env_vars::read(&env_vars::CA_CERTIFICATE);
    let certificate = certificate.map(|path| read_named(Path::new(&path))).transpose()?;
    let answer = patience::answer(env_vars::read)?.unwrap_or(ANSWER);
    let found = health(&url, if alive { "healthz" } else { "readyz" }, certificate.as_deref(), answer).await?;
    let well = found.status == 200;
    let checks = found.body.get("checks").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    if output.json {
        print_json(&json!({if alive { "alive" } else { "ready" }: well, "checks": checks}))?;
    } else if checks.is_empty() {
        print(if well { "ok\n" } else { "" })?;
    } else {
        print(&table(checks))?;
    }
    match (well, alive) {
        (true, _) => Ok(()),
        (false, true) => Err(CommandError::failed(format!("the server answers with {}", found.status))),
        (false, false) => Err(CommandError::failed(format!("the server is not ready: {}", failed(checks, found.status)))),
    }
}

fn table(checks: &[Value]) -> String {
    let mut table = Table::new(&["check", "state", "detail"]);
    for check in checks {
        table.row([text(check, "name"), if is_ok(check) { "ok" } else { "failed" }, text(check, "detail")]);
    }
    table.text()
}

/// The checks that failed, or else the status alone.
fn failed(checks: &[Value], status: u16) -> String {
    let names: Vec<&str> = checks.iter().filter(|check| !is_ok(check)).map(|check| text(check, "name")).collect();
    if names.is_empty() { format!("it answers with {status}") } else { names.join(", ") }
}

fn is_ok(check: &Value) -> bool {
    check.get("ok").and_then(Value::as_bool).unwrap_or_default()
}

fn text<'a>(check: &'a Value, name: &str) -> &'a str {
    check.get(name).and_then(Value::as_str).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_failed_is_named() {
        let checks = [
            json!({"name": "database", "ok": true, "detail": null}),
            json!({"name": "artifacts", "ok": false, "detail": "reports cannot be written: \u{1b}[2Jno room"}),
        ];
        assert_eq!((failed(&checks, 503), failed(&[], 503)), ("artifacts".to_owned(), "it answers with 503".to_owned()));
        let shown = table(&checks);
        assert!(shown.contains("no room") && !shown.contains('\u{1b}'), "{shown}");
    }
}
