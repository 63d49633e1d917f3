//! Runs a query on local data without a server, for operators and benchmarks. It uses the same plan, policy and encoder as a report.

use chrono::{DateTime, Utc};
use insightgate_engine::{About, ArtifactSummary, Engine, EngineError, ExportProgress, ExportedAs};
use insightgate_identity::scope::TenantScope;
use insightgate_query::diagnostic::{self, Diagnostics};
use insightgate_query::format::Format;
use thiserror::Error;
use tokio::io::AsyncWrite;

use crate::datasets::catalogs::Catalogs;
use crate::queries::absent_values::absent_values;
use crate::queries::left_out_rows::left_out_rows;

#[derive(Debug, Error)]
pub enum RunFault {
    #[error("{message}")]
    Query { message: String, diagnostics: Diagnostics },
    #[error(transparent)]
    Engine(#[from] EngineError),
}

/// A summary of what was written, and the notes about it.
pub struct RanQuery {
    pub summary: ArtifactSummary,
    pub notes: Vec<String>,
}

/// What to run, and how to write it.
#[derive(Debug, Clone, Copy)]
pub struct LocalRun<'a> {
    pub text: &'a str,
    /// The time that time spans are relative to.
    pub anchor: DateTime<Utc>,
    pub format: Format,
}

/// # Errors
/// When the query is wrong, the files cannot be read, or the output cannot be written.
pub async fn run_query(
    engine: &Engine,
    catalogs: &Catalogs,
    scope: &TenantScope,
    run: LocalRun<'_>,
    writer: &mut (dyn AsyncWrite + Unpin + Send),
    progress: &(dyn Fn(ExportProgress) + Send + Sync),
) -> Result<RanQuery, RunFault> {
    let plan = insightgate_query::plan(run.text, &catalogs.of(scope.program()))
        .map_err(|diagnostics| RunFault::Query { message: diagnostic::message(&diagnostics), diagnostics })?;
    let window = plan.window(run.anchor, None, None);
    let file = ExportedAs { format: run.format, about: Some(About { query: run.text.to_owned(), at: run.anchor }) };
    let summary = engine.export_to_writer(scope, &plan, window, file, writer, progress).await?;
    let mut notes = plan.notes.clone();
    if summary.rows == 0 && !summary.no_files {
        notes.extend(absent_values(engine, scope, &plan).await);
    }
    if !summary.no_files {
        let bounds = (window, plan.window_source(None, None));
        notes.extend(left_out_rows(engine, scope, &plan, bounds, summary.rows == 0).await);
    }
    Ok(RanQuery { summary, notes })
}
