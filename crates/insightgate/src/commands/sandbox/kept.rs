//! `insightgate sandbox callbacks` and `requests`: what the sandbox has kept.

use clap::Args;
use insightgate_client::Method;
use serde_json::Value;

use super::{Sandbox, items, text};
use crate::command_error::CommandError;
use crate::terminal::table::Table;
use crate::terminal::{print, print_json};

#[derive(Debug, Args)]
pub(super) struct KeptArguments {
    /// Forgets them
    #[arg(long)]
    clear: bool,
}

pub(super) async fn callbacks(sandbox: &Sandbox, arguments: &KeptArguments) -> Result<(), CommandError> {
    let names = ["time", "method", "path", "status", "report", "signature", "id"];
    show(sandbox, arguments, "callbacks", names, |callback| {
        let of = |part: &str, name: &str| callback.get(part).map(|part| text(part, name)).unwrap_or_default();
        [
            text(callback, "time"),
            text(callback, "method"),
            text(callback, "path"),
            of("body", "executionStatus"),
            of("body", "reportName"),
            text(callback, "signature"),
            of("headers", "webhook-id"),
        ]
    })
    .await
}

pub(super) async fn requests(sandbox: &Sandbox, arguments: &KeptArguments) -> Result<(), CommandError> {
    let names = ["time", "method", "path", "query", "status", "milliseconds", "fault"];
    show(sandbox, arguments, "requests", names, |request| {
        names.map(|name| match name {
            "status" if request.get("gaveUp") == Some(&Value::Bool(true)) => "gave up".to_owned(),
            _ => text(request, name),
        })
    })
    .await
}

async fn show<const WIDTH: usize>(
    sandbox: &Sandbox,
    arguments: &KeptArguments,
    what: &str,
    names: [&str; WIDTH],
    row: impl Fn(&Value) -> [String; WIDTH],
) -> Result<(), CommandError> {
    if arguments.clear {
        let answer = sandbox.ask(Method::DELETE, &[what], None).await?;
        return sandbox.done(&answer, &format!("forgotten: {}", text(&answer, "cleared")));
    }
    let answer = sandbox.ask(Method::GET, &[what], None).await?;
    if sandbox.output.json {
        return print_json(&answer);
    }
    let kept = items(&answer, what);
    if kept.is_empty() {
        eprintln!("there are none");
        return Ok(());
    }
    let mut table = Table::new(&names);
    for one in kept {
        table.row(row(one));
    }
    print(&table.text())
}
