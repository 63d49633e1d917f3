//! `insightgate sandbox fault`: orders failures, lists them and takes them back.

use clap::{Args, Subcommand};
use insightgate_client::Method;
use serde_json::{Map, Value};

use super::clock::duration;
use super::{Sandbox, items, text};
use crate::command_error::CommandError;
use crate::terminal::table::Table;
use crate::terminal::words::counted;
use crate::terminal::{print, print_json};

#[derive(Debug, Subcommand)]
pub(super) enum FaultCommand {
    /// Orders a failure
    #[command(
        after_help = "Examples:\n  insightgate sandbox fault add --path /insights/ --status 503 --retry-after 5 --times 2\n  insightgate sandbox fault add --kind expiredToken --times 1\n  insightgate sandbox fault add --kind cut --path /artifacts/ --cut-after 1000\n  insightgate sandbox fault add --kind authority --error 50076\n  insightgate sandbox fault add --kind executionFailed --reason 'The dataset is being rebuilt.' --dataset CustomersAndTenants\n  insightgate sandbox fault add --kind callbackDoubled --times 1"
    )]
    Add(Box<AddArguments>),
    /// What is ordered, and how often it happened
    #[command(after_help = "Example:\n  insightgate sandbox fault list")]
    List,
    /// Takes one back, or all of them: what they hold back goes on
    #[command(after_help = "Examples:\n  insightgate sandbox fault clear\n  insightgate sandbox fault clear 3f1c…")]
    Clear {
        /// The fault's id, as `list` shows it
        id: Option<String>,
    },
}

#[derive(Debug, Args)]
pub(super) struct AddArguments {
    /// request, throttled, expiredToken, expiredLink, cut, authority, executionPending, executionRunning, executionSlow, executionFailed,
    /// callbackDropped, callbackDoubled, callbackDelayed or callbackOutOfOrder
    #[arg(long, value_name = "KIND", default_value = "request")]
    kind: String,
    /// Only requests of this method
    #[arg(long, value_name = "METHOD", help_heading = "What it meets")]
    method: Option<String>,
    /// Only requests whose path begins so, or is so where there is a *
    #[arg(long, value_name = "PATH", help_heading = "What it meets")]
    path: Option<String>,
    /// Only this organisation's: its id or domain
    #[arg(long, value_name = "TENANT", help_heading = "What it meets")]
    tenant: Option<String>,
    /// Only executions and callbacks of reports about this dataset
    #[arg(long, value_name = "NAME", help_heading = "What it meets")]
    dataset: Option<String>,
    /// Only executions and callbacks of this report
    #[arg(long, value_name = "UUID", help_heading = "What it meets")]
    report: Option<String>,
    /// How often it happens; until it is cleared if nothing is said
    #[arg(long, value_name = "N", conflicts_with = "share")]
    times: Option<i64>,
    /// To which share of what it meets it happens, such as 0.1
    #[arg(long, value_name = "SHARE")]
    share: Option<f64>,
    /// The status of the answer
    #[arg(long, value_name = "STATUS")]
    status: Option<i64>,
    /// The body of the answer
    #[arg(long, value_name = "TEXT")]
    body: Option<String>,
    #[arg(long, value_name = "TYPE", help = "The body's Content-Type")]
    content_type: Option<String>,
    /// The answer's Retry-After
    #[arg(long, value_name = "SECONDS")]
    retry_after: Option<i64>,
    /// How long the request or the execution takes, in real time: 0.5s, PT2S
    #[arg(long, value_name = "DURATION")]
    delay: Option<String>,
    /// How long something is held, by the demo's clock: 2h, P1D
    #[arg(long = "for", value_name = "DURATION")]
    hold: Option<String>,
    /// Bytes of a body that come before the connection ends
    #[arg(long, value_name = "BYTES")]
    cut_after: Option<i64>,
    /// The number that the token endpoint answers with, such as 50126
    #[arg(long, value_name = "NUMBER")]
    error: Option<i64>,
    /// Why the execution fails
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
    /// How many callbacks come in the reverse order together
    #[arg(long, value_name = "N")]
    count: Option<i64>,
}

impl AddArguments {
    /// As the sandbox reads it.
    fn json(&self) -> Value {
        let of = |fields: &[(&str, Option<Value>)]| {
            let given = fields.iter().filter_map(|(name, value)| Some(((*name).to_owned(), value.clone()?)));
            Value::Object(given.collect::<Map<_, _>>())
        };
        let text = |value: &Option<String>| value.clone().map(Value::from);
        let number = |value: Option<i64>| value.map(Value::from);
        let span = |value: &Option<String>| value.as_deref().map(|text| Value::from(duration(text)));
        let matching = of(&[
            ("method", text(&self.method)),
            ("path", text(&self.path)),
            ("tenant", text(&self.tenant)),
            ("dataset", text(&self.dataset)),
            ("report", text(&self.report)),
        ]);
        of(&[
            ("kind", Some(self.kind.clone().into())),
            ("match", Some(matching)),
            ("times", number(self.times)),
            ("share", self.share.map(Value::from)),
            ("status", number(self.status)),
            ("body", text(&self.body)),
            ("contentType", text(&self.content_type)),
            ("retryAfter", number(self.retry_after)),
            ("delay", span(&self.delay)),
            ("for", span(&self.hold)),
            ("cutAfter", number(self.cut_after)),
            ("error", number(self.error)),
            ("reason", text(&self.reason)),
            ("count", number(self.count)),
        ])
    }
}

pub(super) async fn run(sandbox: &Sandbox, command: FaultCommand) -> Result<(), CommandError> {
    match command {
        FaultCommand::Add(arguments) => {
            let fault = sandbox.ask(Method::POST, &["faults"], Some(&arguments.json())).await?;
            if sandbox.output.json {
                return print_json(&fault);
            }
            print(&format!("{}\n", text(&fault, "id")))
        }
        FaultCommand::List => {
            let answer = sandbox.ask(Method::GET, &["faults"], None).await?;
            if sandbox.output.json {
                return print_json(&answer);
            }
            let faults = items(&answer, "faults");
            if faults.is_empty() {
                eprintln!("no fault is ordered");
                return Ok(());
            }
            let mut table = Table::new(&["id", "kind", "match", "what", "often", "met", "happened"]);
            for fault in faults {
                let (matching, what, often) = described(fault);
                table.row([text(fault, "id"), text(fault, "kind"), matching, what, often, text(fault, "met"), text(fault, "happened")]);
            }
            print(&table.text())
        }
        FaultCommand::Clear { id } => {
            let segments: Vec<&str> = ["faults"].into_iter().chain(id.as_deref()).collect();
            let answer = sandbox.ask(Method::DELETE, &segments, None).await?;
            sandbox.done(&answer, &format!("cleared: {}", text(&answer, "cleared")))
        }
    }
}

/// A duration of one unit as a person writes it; others as they are.
fn short(iso: &str) -> String {
    let text = iso.strip_prefix("PT").or_else(|| iso.strip_prefix('P')).unwrap_or_default().to_ascii_lowercase();
    if duration(&text) == iso { text } else { iso.to_owned() }
}

/// What it meets, what happens, and how often, each in a few words.
fn described(fault: &Value) -> (String, String, String) {
    let pairs = |fields: &Map<String, Value>, left_out: &[&str]| {
        let shown = fields.iter().filter(|(name, _)| !left_out.contains(&name.as_str()));
        let plain = |name: &str, text: &str| if matches!(name, "for" | "delay") { short(text) } else { text.to_owned() };
        let shown =
            shown.map(|(name, value)| format!("{name}={}", value.as_str().map_or_else(|| value.to_string(), |text| plain(name, text))));
        shown.collect::<Vec<_>>().join(" ")
    };
    let none = Map::new();
    let matching = pairs(fault.get("match").and_then(Value::as_object).unwrap_or(&none), &[]);
    let what = pairs(fault.as_object().unwrap_or(&none), &["id", "kind", "match", "times", "share", "met", "happened"]);
    let often = match (fault.get("times"), fault.get("share")) {
        (Some(times), _) => times.as_u64().map_or_else(|| times.to_string(), |times| counted(times, "time")),
        (_, Some(share)) => format!("share {share}"),
        _ => "always".to_owned(),
    };
    (if matching.is_empty() { "anything".to_owned() } else { matching }, what, often)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn durations_are_shown_as_they_are_given() {
        for (iso, shown) in [("PT2H", "2h"), ("P1D", "1d"), ("PT0.5S", "0.5s"), ("PT1H30M", "PT1H30M"), ("soon", "soon")] {
            assert_eq!(short(iso), shown);
        }
        let fault = json!({"match": {}, "kind": "executionPending", "for": "PT2H", "times": 1});
        let (_, what, often) = described(&fault);
        assert_eq!((what.as_str(), often.as_str()), ("for=2h", "1 time"));
    }

    #[test]
    fn a_fault_in_a_few_words() {
        let fault = json!({"id": "1", "match": {"method": "GET"}, "times": 2, "kind": "request", "status": 503, "body": "b", "met": 0, "happened": 0});
        assert_eq!(described(&fault), ("method=GET".to_owned(), "body=b status=503".to_owned(), "2 times".to_owned()));
        let (matching, _, often) = described(&json!({"match": {}}));
        assert_eq!((matching.as_str(), often.as_str()), ("anything", "always"));
    }
}
