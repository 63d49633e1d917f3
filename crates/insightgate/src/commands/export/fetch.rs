//! The file of an execution, from the server to where it is wanted, with how far it has come, and what is said about it in the end.

use insightgate_client::{Client, Execution};
use serde_json::json;

use crate::command_error::CommandError;
use crate::commands::export::target::Target;
use crate::commands::export::view::View;
use crate::terminal::print;
use crate::terminal::progress::Progress;
use crate::terminal::table::plain;
use crate::terminal::words::counted;

/// Ends with the note of what was written, and with what is shown of the rows. `as_json`: for programs, on stdout unless rows or a chart are there.
pub async fn fetch(
    client: &Client,
    execution: &Execution,
    mut target: Target,
    mut view: Option<View>,
    progress: &Progress,
    as_json: bool,
) -> Result<(), CommandError> {
    progress.say("asking for the file");
    let mut download = client.download_execution(execution).await?;
    if target.is_stdout() {
        // Its line would stand among the rows.
        progress.end();
    } else {
        progress.bytes("downloading", download.length.or(execution.byte_count()));
    }
    let mut bytes = 0_u64;
    while let Some(piece) = download.next().await? {
        if let Some(view) = &mut view {
            view.take(&piece);
        }
        if !target.write(&piece)? {
            progress.end();
            return Ok(());
        }
        bytes += piece.len() as u64;
        progress.advance(piece.len() as u64);
    }
    let (name, path) = (target.name(), (!target.is_nowhere()).then(|| target.path().to_owned()));
    let is_stdout = target.is_stdout() || view.as_ref().is_some_and(View::is_on_stdout);
    target.finish()?;
    progress.end();
    if let Some(note) = execution.message() {
        eprintln!("note: {}", plain(note));
    }
    let rows = execution.row_count();
    if !as_json {
        if path.is_some() {
            let rows = rows.map(|rows| format!("{}, ", counted(rows, "row"))).unwrap_or_default();
            eprintln!("{rows}{}: {name}", counted(bytes, "byte"));
        }
        return view.map_or(Ok(()), |view| view.show(execution, false));
    }
    let told = json!({
        "rows": rows,
        "bytes": bytes,
        "sha256": execution.sha256(),
        "file": path,
        "reportId": execution.report_id,
        "executionId": execution.execution_id,
        "generated": execution.report_generated_time,
    });
    if is_stdout {
        eprintln!("{told}");
    } else {
        print(&format!("{told}\n"))?;
    }
    view.map_or(Ok(()), |view| view.show(execution, true))
}
