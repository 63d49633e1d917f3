//! Writes the sample rows of every dataset of the partner program, for both tenants.

use chrono::{DateTime, Utc};
use insightgate_engine::{EngineError, TableWriter, local_folder};
use insightgate_identity::program::Program;
use insightgate_operations::catalogs::Catalogs;
use insightgate_operations::context::Context;
use insightgate_query::builtin;
use serde::{Deserialize, Serialize};

use super::credentials::Credentials;
use super::sample::{self, Partner, SampleSettings};
use super::seed::{other_partner, partner};
use crate::cli::DemoArguments;
use crate::command_error::CommandError;
use crate::data_folder::{DataFolder, write_private};

/// What the rows were made from: the same needs no writing.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Made {
    seed: u64,
    rows: u64,
    /// Rows are dated relative to it, so that another day wants other rows.
    day: String,
}

/// Only the built-in datasets' own files are touched: what a person added stays, and so does a dataset that takes a built-in one's place.
pub fn write(context: &Context, folder: &DataFolder, arguments: &DemoArguments, credentials: &Credentials) -> Result<(), CommandError> {
    let now = context.clock.now();
    let made = Made { seed: arguments.seed, rows: arguments.rows, day: now.date_naive().to_string() };
    let note = folder.path().join("sample.json");
    let kept = std::fs::read(&note).ok().and_then(|bytes| serde_json::from_slice::<Made>(&bytes).ok());
    if kept.as_ref() == Some(&made) {
        return Ok(());
    }
    eprintln!("writing sample data: {} rows in each dataset", arguments.rows);
    let parties = [(credentials.tenant_id, partner()), (credentials.other_tenant_id, other_partner())];
    let catalog = builtin::catalog(Program::Mpn.name());
    for dataset in catalog.datasets() {
        if Catalogs::definition_file(&folder.definitions(), Program::Mpn, &dataset.name).exists() {
            continue;
        }
        for (tenant, partner) in &parties {
            let path = local_folder(&folder.data(), Program::Mpn, &dataset.name, Some(*tenant)).join("sample.parquet");
            let settings = settings(arguments, now, partner.clone());
            let written = || -> Result<(), EngineError> {
                let mut writer = TableWriter::create(&path, dataset)?;
                for chunk in sample::table(dataset, &settings) {
                    writer.write(&chunk)?;
                }
                writer.finish()
            };
            written().map_err(|error| {
                let failed = CommandError::failed(format!("the sample data could not be written: {error}"));
                if error.is_storage_full() {
                    failed.hint("the disk is full: free some space, or use --rows with a smaller number")
                } else {
                    failed
                }
            })?;
        }
    }
    let text = serde_json::to_vec(&made).map_err(|error| CommandError::failed(error.to_string()))?;
    write_private(&note, &text)
}

fn settings(arguments: &DemoArguments, now: DateTime<Utc>, partner: Partner) -> SampleSettings {
    SampleSettings { seed: arguments.seed, rows: arguments.rows, now, partner }
}
