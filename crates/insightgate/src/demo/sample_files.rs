//! Writes the sample rows of every dataset of both programs, for both tenants.

use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use insightgate_engine::{EngineError, TableWriter, local_folder};
use insightgate_identity::program::Program;
use insightgate_operations::context::Context;
use insightgate_operations::datasets::catalogs::Catalogs;
use insightgate_query::datasets::builtin;
use insightgate_query::datasets::catalog::Dataset;
use serde::{Deserialize, Serialize};

use super::credentials::Credentials;
use super::sample::{self, Chunk, SampleSettings};
use super::seed::{other_partner, partner};
use crate::cli::DemoArguments;
use crate::command_error::CommandError;
use crate::data_folder::DataFolder;
use crate::files::write_private;
use crate::server::cores;
use crate::terminal::progress::Progress;
use crate::terminal::words::counted;

/// What the rows were made from: if it is unchanged, nothing needs to be written.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Made {
    seed: u64,
    rows: u64,
    /// Rows are dated relative to this day, so that another day needs other rows.
    day: String,
    /// Earlier versions had only the rows of the partner program.
    #[serde(default)]
    programs: Vec<Program>,
    /// The number of columns of all built-in datasets: a version with more columns fills those too.
    #[serde(default)]
    columns: usize,
}

/// Only the built-in datasets' own files are changed: files that a person added are kept, and so is a dataset that replaces a built-in one.
pub fn write(context: &Context, folder: &DataFolder, arguments: &DemoArguments, credentials: &Credentials) -> Result<(), CommandError> {
    let now = context.clock.now();
    let catalogs: Vec<_> = Program::ALL.iter().map(|program| builtin::catalog(program.name())).collect();
    let columns = catalogs.iter().flat_map(|catalog| catalog.datasets()).map(|dataset| dataset.columns.len()).sum();
    let (seed, rows, day) = (arguments.seed, arguments.rows, now.date_naive().to_string());
    let made = Made { seed, rows, day, programs: Program::ALL.to_vec(), columns };
    let note = folder.path().join("sample.json");
    let kept = std::fs::read(&note).ok().and_then(|bytes| serde_json::from_slice::<Made>(&bytes).ok());
    if kept.as_ref() == Some(&made) {
        return Ok(());
    }
    eprintln!("writing sample data: {} in each dataset", counted(arguments.rows, "row"));
    let settings = [partner(), other_partner()].map(|partner| SampleSettings { seed: arguments.seed, rows: arguments.rows, now, partner });
    let tenants = [credentials.tenant_id, credentials.other_tenant_id];
    let mut tables = Vec::new();
    for &program in Program::ALL {
        for dataset in builtin::catalog(program.name()).datasets() {
            if Catalogs::definition_file(&folder.definitions(), program, &dataset.name).exists() {
                continue;
            }
            for (tenant, settings) in tenants.into_iter().zip(&settings) {
                let path = local_folder(&folder.data(), program, &dataset.name, Some(tenant)).join("sample.parquet");
                tables.push(SampleTable { program, dataset: Arc::clone(dataset), settings, path });
            }
        }
    }
    let progress = Progress::new();
    progress.rows("making rows", tables.iter().map(|table| table.settings.rows).sum());
    let written = write_all(&tables, &progress);
    progress.end();
    written.map_err(|error| {
        let failed = CommandError::failed(format!("the sample data could not be written: {error}"));
        if error.is_storage_full() { failed.hint("the disk is full: free some space, or use --rows with a smaller number") } else { failed }
    })?;
    let text = serde_json::to_vec(&made).map_err(|error| CommandError::failed(error.to_string()))?;
    write_private(&note, &text)
}

/// The rows of one dataset and one tenant, and the file for them.
struct SampleTable<'a> {
    program: Program,
    dataset: Arc<Dataset>,
    settings: &'a SampleSettings,
    path: PathBuf,
}

impl SampleTable<'_> {
    fn write(&self, progress: &Progress) -> Result<(), EngineError> {
        let chunks: Box<dyn Iterator<Item = Chunk>> = match self.program {
            Program::Mpn => Box::new(sample::table(&self.dataset, self.settings)),
            Program::Cmp => Box::new(sample::marketplace::table(&self.dataset, self.settings)),
        };
        let mut writer = TableWriter::create(&self.path, &self.dataset)?;
        for chunk in chunks {
            writer.write(&chunk)?;
            progress.advance(chunk.first().map_or(0, Vec::len) as u64);
        }
        writer.finish()
    }
}

/// Writes on every core, since a first start waits for it. Ends with the first failure.
fn write_all(tables: &[SampleTable<'_>], progress: &Progress) -> Result<(), EngineError> {
    let remaining = Mutex::new(tables.iter());
    let next = || remaining.lock().ok()?.next();
    let give_up = || drop(remaining.lock().map(|mut remaining| *remaining = [].iter()));
    std::thread::scope(|scope| {
        let write = || -> Result<(), EngineError> {
            while let Some(table) = next() {
                table.write(progress).inspect_err(|_| give_up())?;
            }
            Ok(())
        };
        let writers: Vec<_> = (0..cores()).map(|_| scope.spawn(write)).collect();
        let outcomes = writers.into_iter().map(|writer| writer.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
        outcomes.fold(Ok(()), Result::and)
    })
}
