//! `insightgate run`: runs a query on local data, or explains it.

use std::path::Path;

use insightgate_engine::{ArtifactSummary, ExportProgress};
use insightgate_identity::scope::TenantScope;
use insightgate_operations::clock::Clock;
use insightgate_operations::datasets::catalogs::Catalogs;
use insightgate_operations::queries::explain::explain_local;
use insightgate_operations::queries::run_locally::{LocalRun, RunFault, run_query};
use insightgate_operations::random::Random;
use insightgate_operations::written_file::{Output, Readers};
use insightgate_query::format::Format;
use insightgate_report::instant;
use insightgate_store::{AuditEvent, Store};
use serde_json::json;

use crate::cli::RunArguments;
use crate::command_error::CommandError;
use crate::commands::file_format;
use crate::commands::query::said;
use crate::commands::query::text::not_valid;
use crate::data_folder::{DataFolder, FolderLock};
use crate::files::fault;
use crate::server::{EngineLimits, Roots, open_engine};
use crate::terminal::print_json;
use crate::terminal::progress::Progress;
use crate::terminal::table::plain;
use crate::terminal::words::counted;

pub async fn run(arguments: RunArguments) -> Result<(), CommandError> {
    let text = arguments.query.needed()?;
    let folder = DataFolder::existing(&arguments.data_dir)?;
    let anchor = match &arguments.at {
        None => Clock::System.now(),
        Some(text) => {
            instant::parse(text).ok_or_else(|| CommandError::usage(format!("--at '{text}' should follow format: {}", instant::PATTERN)))?
        }
    };
    let stdout = Path::new("-");
    let output = arguments.output.as_deref().unwrap_or(stdout);
    let format = file_format::said(arguments.format.as_deref(), output)?.unwrap_or(Format::Csv);
    let scope = scope(&folder, &arguments, &text).await?;
    let engine = open_engine(
        &folder,
        Roots { rows: folder.data_root(arguments.data_root.as_deref())?, ..Roots::of(&folder) },
        EngineLimits::default(),
    )?;
    let catalogs = Catalogs::new(folder.definitions());
    if arguments.explain {
        let explained = explain_local(&engine, &catalogs, &scope, &text, anchor).await.map_err(|fault| failed(fault, &text))?;
        return if arguments.json { print_json(&explained) } else { said(&explained.sentences, &explained.notes) };
    }
    let to_stdout = output == stdout;
    let local = LocalRun { text: &text, anchor, format };
    let ran = if to_stdout {
        run_query(&engine, &catalogs, &scope, local, &mut tokio::io::stdout(), &|_| {}).await.map_err(|error| failed(error, &text))?
    } else {
        let mut file = Output::open(output, Readers::Everybody).map_err(|error| fault(output, &error))?;
        let progress = Progress::new();
        progress.say("the query is running");
        let shown = |so_far: ExportProgress| progress.say(&format!("the query is running: {}", counted(so_far.rows, "row")));
        let ran = run_query(&engine, &catalogs, &scope, local, &mut file, &shown).await;
        progress.end();
        let ran = ran.map_err(|error| failed(error, &text))?;
        file.finish().map_err(|error| fault(output, &error))?;
        ran
    };
    for note in &ran.notes {
        eprintln!("note: {}", plain(note));
    }
    if ran.summary.no_files {
        eprintln!("note: there are no files of this tenant's in the dataset");
    }
    show(arguments.json, output, to_stdout, &ran.summary);
    Ok(())
}

fn show(as_json: bool, output: &Path, to_stdout: bool, summary: &ArtifactSummary) {
    let text = if as_json {
        json!({"rows": summary.rows, "bytes": summary.bytes, "sha256": summary.sha256, "file": output}).to_string()
    } else {
        let place = if to_stdout { "stdout".to_owned() } else { output.display().to_string() };
        format!("{}, {}: {place}", counted(summary.rows, "row"), counted(summary.bytes, "byte"))
    };
    match (as_json, to_stdout) {
        (true, false) => println!("{text}"),
        _ => eprintln!("{text}"),
    }
}

/// The folder's lock, for bringing its tables up to date. They are not changed under a server of an older version.
fn alone(folder: &DataFolder) -> Result<FolderLock, CommandError> {
    folder.lock().map_err(|error| {
        CommandError::failed(format!("{error}, and the tables of its database are of an older version than this command"))
            .hint("upgrade the server first, or run the query with the version that the server has")
    })
}

/// An operator's own: where the folder has a database, the query is audited there.
async fn scope(folder: &DataFolder, arguments: &RunArguments, text: &str) -> Result<TenantScope, CommandError> {
    let tenant = arguments.tenant.id(folder).await?;
    let mut global_account = None;
    if folder.database().exists() {
        let failed = |error: String| CommandError::failed(error);
        let _lock = if Store::needs_upgrade(&folder.database_url()).await? { Some(alone(folder)?) } else { None };
        let store = Store::open(&folder.database_url()).await?;
        global_account = store.tenant(tenant).await.map_err(|error| failed(error.to_string()))?.and_then(|tenant| tenant.global_account);
        let event = AuditEvent {
            id: Random::default().uuid().map_err(|error| failed(error.to_string()))?,
            at: Clock::System.now(),
            tenant: Some(tenant),
            actor: "insightgate run".to_owned(),
            action: if arguments.explain { "explain.local" } else { "run.local" }.to_owned(),
            subject: arguments.program.name().to_owned(),
            detail: text.chars().take(1000).collect(),
            correlation: None,
            occurrences: 1,
            address: None,
        };
        store.record_audit_event(event).await.map_err(|error| failed(error.to_string()))?;
        store.close().await;
    }
    let scope = TenantScope::operator(tenant, global_account, arguments.program);
    Ok(if arguments.location.is_empty() { scope } else { scope.limited_to(arguments.location.clone()) })
}

fn failed(fault: RunFault, text: &str) -> CommandError {
    match fault {
        RunFault::Query { diagnostics, .. } => {
            not_valid(text, &diagnostics).hint("`insightgate query --help-language` describes the language")
        }
        RunFault::Engine(error) if error.is_storage_full() => {
            CommandError::failed(error.to_string()).hint("the disk is full: free some space, or write elsewhere")
        }
        RunFault::Engine(error) => CommandError::failed(error.to_string()).hint_about(&error),
    }
}
