//! `insightgate run`: a query straight on local data.

use std::path::Path;

use insightgate_engine::{ArtifactSummary, DEFAULT_MEMORY_LIMIT, Format};
use insightgate_identity::scope::TenantScope;
use insightgate_operations::catalogs::Catalogs;
use insightgate_operations::clock::Clock;
use insightgate_operations::random::Random;
use insightgate_operations::run_query::{LocalRun, RunFault, run_query};
use insightgate_report::instant;
use insightgate_store::{AuditEvent, Store};
use serde_json::json;

use crate::cli::RunArguments;
use crate::command_error::CommandError;
use crate::data_folder::{DataFolder, fault};
use crate::server::{EngineLimits, cores, open_engine};

pub async fn run(arguments: RunArguments) -> Result<(), CommandError> {
    let folder = DataFolder::existing(&arguments.data_dir)?;
    let anchor = match &arguments.at {
        None => Clock::System.now(),
        Some(text) => {
            instant::parse(text).ok_or_else(|| CommandError::usage(format!("--at '{text}' should follow format: {}", instant::PATTERN)))?
        }
    };
    let to_stdout = arguments.output == Path::new("-");
    let format = format(&arguments)?;
    let scope = scope(&folder, &arguments).await?;
    let engine = open_engine(
        &folder,
        folder.data_root(arguments.data_root.as_deref())?,
        EngineLimits { memory: DEFAULT_MEMORY_LIMIT, partitions: cores() },
    )?;
    let catalogs = Catalogs::new(folder.definitions());
    // Written beside and renamed, so that a failed run leaves no half a file and no other file in its place.
    let unfinished = arguments
        .output
        .with_file_name(format!(".{}.unfinished", arguments.output.file_name().map(|name| name.to_string_lossy()).unwrap_or_default()));
    let local = LocalRun { text: &arguments.query, anchor, format };
    let ran = if to_stdout {
        run_query(&engine, &catalogs, &scope, local, &mut tokio::io::stdout(), &|_| {}).await
    } else {
        let mut file = tokio::fs::File::create(&unfinished).await.map_err(|error| fault(&arguments.output, &error))?;
        run_query(&engine, &catalogs, &scope, local, &mut file, &|_| {}).await
    };
    let ran = match ran {
        Ok(ran) => ran,
        Err(error) => {
            if !to_stdout {
                let _ = tokio::fs::remove_file(&unfinished).await;
            }
            return Err(failed(error));
        }
    };
    if !to_stdout {
        tokio::fs::rename(&unfinished, &arguments.output).await.map_err(|error| fault(&arguments.output, &error))?;
    }
    for note in &ran.notes {
        eprintln!("note: {note}");
    }
    if ran.summary.no_files {
        eprintln!("note: there are no files of this tenant's in the dataset");
    }
    show(&arguments, to_stdout, &ran.summary);
    Ok(())
}

fn show(arguments: &RunArguments, to_stdout: bool, summary: &ArtifactSummary) {
    let text = if arguments.json {
        json!({"rows": summary.rows, "bytes": summary.bytes, "sha256": summary.sha256, "file": arguments.output}).to_string()
    } else {
        format!("{} rows, {} bytes: {}", summary.rows, summary.bytes, arguments.output.display())
    };
    match (arguments.json, to_stdout) {
        (true, false) => println!("{text}"),
        _ => eprintln!("{text}"),
    }
}

fn format(arguments: &RunArguments) -> Result<Format, CommandError> {
    let extension = || arguments.output.extension().map(|extension| extension.to_string_lossy().into_owned());
    let Some(name) = arguments.format.clone().or_else(extension) else { return Ok(Format::Csv) };
    let known = Format::from_extension(&name.to_ascii_lowercase());
    known.ok_or_else(|| CommandError::usage(format!("'{name}' is not a format: use csv or tsv")).hint("say it with --format"))
}

/// An operator's own: where the folder has a database, the run is audited there.
async fn scope(folder: &DataFolder, arguments: &RunArguments) -> Result<TenantScope, CommandError> {
    let mut global_account = None;
    if folder.database().exists() {
        let failed = |error: String| CommandError::failed(error);
        let store = Store::open(&folder.database_url()).await.map_err(|error| failed(error.to_string()))?;
        global_account =
            store.tenant(arguments.tenant).await.map_err(|error| failed(error.to_string()))?.and_then(|tenant| tenant.global_account);
        let event = AuditEvent {
            id: Random::default().uuid().map_err(|error| failed(error.to_string()))?,
            at: Clock::System.now(),
            tenant: Some(arguments.tenant),
            actor: "insightgate run".to_owned(),
            action: "run.local".to_owned(),
            subject: arguments.program.name().to_owned(),
            detail: arguments.query.chars().take(1000).collect(),
            correlation: None,
        };
        store.record_audit_event(event).await.map_err(|error| failed(error.to_string()))?;
        store.close().await;
    }
    let scope = TenantScope::operator(arguments.tenant, global_account, arguments.program);
    Ok(if arguments.location.is_empty() { scope } else { scope.limited_to(arguments.location.clone()) })
}

fn failed(fault: RunFault) -> CommandError {
    match fault {
        RunFault::Query { message, .. } => CommandError::usage(message),
        RunFault::Engine(error) if error.is_storage_full() => {
            CommandError::failed(error.to_string()).hint("the disk is full: free some space, or write elsewhere")
        }
        RunFault::Engine(error) => CommandError::failed(error.to_string()),
    }
}
