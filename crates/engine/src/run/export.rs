//! Writes a whole answer as an artifact: scan, encoding and upload run in parallel, with a few batches in flight whatever the number of rows.

use std::sync::Arc;

use aws_lc_rs::digest;
use chrono::{DateTime, Utc};
use insightgate_identity::role::Locations;
use insightgate_identity::scope::TenantScope;
use insightgate_query::datasets::catalog::Tenancy;
use insightgate_query::format::Format;
use insightgate_query::plan::Plan;
use insightgate_query::sheet;
use insightgate_query::timespan::Window;
use tokio::io::{AsyncWrite, AsyncWriteExt};

use crate::encode::{About, Halt, encode};
use crate::error::EngineError;
use crate::rows::snapshot::Snapshot;
use crate::run::budget::Room;
use crate::run::engine::{Engine, Question, Running};
use crate::run::how_far::HowFar;
use crate::run::turns::Lane;
use crate::storage::artifact::ArtifactKey;
use crate::storage::block_sums::BlockSum;
use crate::storage::flush;
use crate::storage::free_disk::Watched;
use crate::storage::upload::Upload;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ExportProgress {
    pub rows: u64,
    pub bytes: u64,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ArtifactSummary {
    pub rows: u64,
    pub bytes: u64,
    /// The SHA-256 of the bytes, in lowercase hexadecimal.
    pub sha256: String,
    /// The checksums of an artifact's blocks, in order; empty for what is written elsewhere.
    pub blocks: Vec<BlockSum>,
    /// When the newest of the files that were read was written.
    pub data_as_of: Option<DateTime<Utc>>,
    /// The version of the Delta table that was read; `None` for plain files.
    pub data_version: Option<u64>,
    /// This tenant has no files yet, so that the artifact is only a header.
    pub no_files: bool,
}

/// Called before an artifact grows to this many bytes; an error ends the export.
pub type Allowance<'a> = dyn Fn(u64) -> Result<(), EngineError> + Send + Sync + 'a;

/// The file to write. A format alone is a file that says nothing about itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExportedAs {
    pub format: Format,
    /// For the formats that have a place for it.
    pub about: Option<About>,
}

impl From<Format> for ExportedAs {
    fn from(format: Format) -> Self {
        ExportedAs { format, about: None }
    }
}

/// The destination of the bytes.
enum Target<'a> {
    Artifact(&'a mut Upload, Watched, &'a Allowance<'a>, &'a HowFar),
    Writer(&'a mut (dyn AsyncWrite + Unpin + Send)),
}

impl Target<'_> {
    /// Writes further bytes after the `before` bytes that are already written.
    async fn write(&mut self, before: u64, bytes: &[u8]) -> Result<(), EngineError> {
        match self {
            Target::Artifact(upload, disk, room, _) => {
                let grown = before.saturating_add(bytes.len() as u64);
                room(grown)?;
                disk.grows_to(grown)?;
                upload.write(bytes).await
            }
            Target::Writer(writer) => writer.write_all(bytes).await.map_err(EngineError::io("the output")),
        }
    }
}

impl Engine {
    /// Like [`Engine::export_within`], but without a limit on the artifact's size.
    ///
    /// # Errors
    ///
    /// Fails with the error of the query, if the disk of the artifacts has no space to spare, or if the store fails.
    pub async fn export(
        &self,
        scope: &TenantScope,
        plan: &Plan,
        window: Window,
        file: impl Into<ExportedAs>,
        key: &ArtifactKey,
        progress: &(dyn Fn(ExportProgress) + Send + Sync),
    ) -> Result<ArtifactSummary, EngineError> {
        self.export_within(scope, plan, window, file, (key, &|_| Ok(()), &HowFar::default()), progress).await
    }

    /// Writes the answer to the artifact store, and says in `how_far` how much is read. The artifact appears when it is complete; an error or a dropped
    /// future leaves nothing behind. When this returns, the artifact is on disk: its bytes and its name.
    ///
    /// # Errors
    /// Fails with the error of the query or of `room`, if the disk of the artifacts has no space to spare, or if the store fails.
    pub async fn export_within(
        &self,
        scope: &TenantScope,
        plan: &Plan,
        window: Window,
        file: impl Into<ExportedAs>,
        (key, room, how_far): (&ArtifactKey, &Allowance<'_>, &HowFar),
        progress: &(dyn Fn(ExportProgress) + Send + Sync),
    ) -> Result<ArtifactSummary, EngineError> {
        let (file, artifacts) = (file.into(), &self.inner.artifacts);
        let disk = Watched::new(self.inner.artifact_folder.clone());
        let mut upload = Upload::new(Arc::clone(&artifacts.store), key.path(), artifacts.keeps_types().then(|| file.format.content_type()));
        match self.write(scope, plan, window, file, Target::Artifact(&mut upload, disk, room, how_far), progress).await {
            Ok(summary) => {
                let blocks = upload.finish().await?;
                self.flush(key).await?;
                Ok(ArtifactSummary { blocks, ..summary })
            }
            Err(error) => {
                upload.abort().await;
                Err(error)
            }
        }
    }

    /// Flushes a finished artifact that is in a folder. One that cannot be flushed is removed.
    async fn flush(&self, key: &ArtifactKey) -> Result<(), EngineError> {
        let Some(folder) = self.inner.artifact_folder.clone() else { return Ok(()) };
        let (path, flush, what) = (key.path(), self.inner.flush, key.to_string());
        let flushed = tokio::task::spawn_blocking(move || flush::file_and_folders(&folder, &path, flush)).await;
        let flushed = match flushed {
            Ok(flushed) => flushed.map_err(EngineError::io(what)),
            Err(stopped) => Err(EngineError::Plan(format!("the flush of an artifact stopped: {stopped}"))),
        };
        if flushed.is_err() {
            // The first error says more.
            let _ = self.delete(key).await;
        }
        flushed
    }

    /// Writes the same bytes to a writer, for `insightgate run`. The writer is flushed, not closed.
    ///
    /// # Errors
    ///
    /// Fails with the error of the query or of the writer, to which a part of the answer may then be written.
    pub async fn export_to_writer(
        &self,
        scope: &TenantScope,
        plan: &Plan,
        window: Window,
        file: impl Into<ExportedAs>,
        writer: &mut (dyn AsyncWrite + Unpin + Send),
        progress: &(dyn Fn(ExportProgress) + Send + Sync),
    ) -> Result<ArtifactSummary, EngineError> {
        let summary = self.write(scope, plan, window, file.into(), Target::Writer(&mut *writer), progress).await?;
        writer.flush().await.map_err(EngineError::io("the output"))?;
        Ok(summary)
    }

    async fn write(
        &self,
        scope: &TenantScope,
        plan: &Plan,
        window: Window,
        ExportedAs { format, about }: ExportedAs,
        mut target: Target<'_>,
        progress: &(dyn Fn(ExportProgress) + Send + Sync),
    ) -> Result<ArtifactSummary, EngineError> {
        if format == Format::Xlsx {
            sheet::fits_columns(plan.outputs.len())?;
        }
        let desk = self.inner.workers.desk(scope.tenant())?;
        let starting = {
            let (engine, scope, plan) = (self.clone(), scope.clone(), plan.clone());
            let how_far = match &target {
                Target::Artifact(_, _, _, how_far) => (*how_far).clone(),
                Target::Writer(_) => HowFar::default(),
            };
            async move {
                let question = Question { scope: &scope, plan: &plan, window, at_most: None };
                let Running { share, stream, outputs, snapshot } = engine.start(question, Lane::Export, Room::Whole, &how_far).await?;
                let rows = engine.certain_rows(&scope, &plan, window, &snapshot).await?;
                if format == Format::Xlsx {
                    sheet::fits_rows(rows)?;
                }
                let least = least_bytes(&plan, format, rows);
                // Tasks that are started here stay on the threads for queries.
                let parts = encode(format, (about, engine.spill_room()), stream, &outputs, engine.inner.streams)?;
                Ok::<_, EngineError>((share, snapshot, least, parts))
            }
        };
        let (_share, snapshot, least, mut parts) = desk.run(starting).await??;
        if let Target::Artifact(_, _, room, _) = &target {
            // If every row is in the answer, its least size is known before the first row is read.
            room(least)?;
        }
        let mut sum = digest::Context::new(&digest::SHA256);
        let mut done = ExportProgress::default();
        while let Some(part) = parts.next().await {
            let part = match part {
                Ok(part) => part,
                Err(Halt::Other(error)) => return Err(error),
                Err(Halt::Rows(error)) => {
                    let (engine, dataset, snapshot) = (self.clone(), Arc::clone(&plan.dataset), snapshot.clone());
                    let naming = async move { engine.named(engine.query_error(error), &dataset, &snapshot).await };
                    return Err(desk.run(naming).await?);
                }
            };
            sum.update(&part.bytes);
            target.write(done.bytes, &part.bytes).await?;
            done = ExportProgress { rows: done.rows + part.rows, bytes: done.bytes + part.bytes.len() as u64 };
            progress(done);
            parts.reuse(part.bytes);
        }
        self.inner.lake.recheck(&snapshot).await?;
        Ok(ArtifactSummary {
            rows: done.rows,
            bytes: done.bytes,
            sha256: hex::encode(sum.finish()),
            blocks: Vec::new(),
            data_as_of: snapshot.data_as_of,
            data_version: snapshot.data_version,
            no_files: snapshot.is_empty(),
        })
    }
}

/// The least number of bytes of so many rows: a separator behind each value of each row.
fn least_bytes(plan: &Plan, format: Format, rows: u64) -> u64 {
    match format {
        Format::Csv | Format::Tsv | Format::Jsonl | Format::CsvExcel => rows.saturating_mul(plan.outputs.len() as u64),
        _ => 0,
    }
}

impl Engine {
    /// The number of rows that the answer has if it has every row; 0 if that is not certain before they are read.
    async fn certain_rows(&self, scope: &TenantScope, plan: &Plan, window: Window, snapshot: &Snapshot) -> Result<u64, EngineError> {
        let is_every_row = !plan.grouped && !plan.distinct && plan.row_conditions.is_empty();
        let all_are_own = plan.dataset.tenancy == Tenancy::Folder && *scope.locations() == Locations::Organization;
        if !is_every_row || !all_are_own || (plan.dataset.date_column.is_some() && window != Window::All) {
            return Ok(0);
        }
        let footers = self.inner.lake.footers(snapshot).await.map_err(|error| self.query_error(error))?;
        let rows: u64 = footers.iter().filter_map(|footer| u64::try_from(footer.file_metadata().num_rows()).ok()).sum();
        Ok(plan.limit.map_or(rows, |limit| limit.min(rows)))
    }
}
