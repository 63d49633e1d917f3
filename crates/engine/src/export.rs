//! A whole answer as a file: scan, encoding and upload run side by side, with a few batches in flight whatever the row count.

use std::sync::Arc;

use aws_lc_rs::digest;
use chrono::{DateTime, Utc};
use insightgate_identity::scope::TenantScope;
use insightgate_query::plan::Plan;
use insightgate_query::timespan::Window;
use tokio::io::{AsyncWrite, AsyncWriteExt};

use crate::artifact::ArtifactKey;
use crate::block_sums::BlockSum;
use crate::budget::Room;
use crate::encode::{Format, Halt};
use crate::engine::{Engine, Question, Running};
use crate::error::EngineError;
use crate::snapshot;
use crate::turns::Lane;
use crate::upload::Upload;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ExportProgress {
    pub rows: u64,
    pub bytes: u64,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ArtifactSummary {
    pub rows: u64,
    pub bytes: u64,
    /// Of the bytes, in lowercase hexadecimal.
    pub sha256: String,
    /// Of an artifact's blocks, in order; of what is written elsewhere, none.
    pub blocks: Vec<BlockSum>,
    /// When the newest of the files that were read was written.
    pub data_as_of: Option<DateTime<Utc>>,
    /// There are no files of this tenant's yet: the artifact is a header for that reason.
    pub no_files: bool,
}

/// Where the bytes go.
enum Target<'a> {
    Artifact(&'a mut Upload),
    Writer(&'a mut (dyn AsyncWrite + Unpin + Send)),
}

impl Target<'_> {
    async fn write(&mut self, bytes: &[u8]) -> Result<(), EngineError> {
        match self {
            Target::Artifact(upload) => upload.write(bytes).await,
            Target::Writer(writer) => writer.write_all(bytes).await.map_err(EngineError::io("the output")),
        }
    }
}

impl Engine {
    /// Writes the answer to the artifact store. The artifact appears when it is complete; an error or a dropped future leaves nothing.
    pub async fn export(
        &self,
        scope: &TenantScope,
        plan: &Plan,
        window: Window,
        format: Format,
        key: &ArtifactKey,
        progress: &(dyn Fn(ExportProgress) + Send + Sync),
    ) -> Result<ArtifactSummary, EngineError> {
        let artifacts = &self.inner.artifacts;
        let mut upload = Upload::new(Arc::clone(&artifacts.store), key.path(), artifacts.keeps_types().then(|| format.content_type()));
        match self.write(scope, plan, window, format, Target::Artifact(&mut upload), progress).await {
            Ok(summary) => upload.finish().await.map(|blocks| ArtifactSummary { blocks, ..summary }),
            Err(error) => {
                upload.abort().await;
                Err(error)
            }
        }
    }

    /// Writes the same bytes elsewhere, for `insightgate run`. The writer is flushed, not closed.
    pub async fn export_to_writer(
        &self,
        scope: &TenantScope,
        plan: &Plan,
        window: Window,
        format: Format,
        writer: &mut (dyn AsyncWrite + Unpin + Send),
        progress: &(dyn Fn(ExportProgress) + Send + Sync),
    ) -> Result<ArtifactSummary, EngineError> {
        let summary = self.write(scope, plan, window, format, Target::Writer(&mut *writer), progress).await?;
        writer.flush().await.map_err(EngineError::io("the output"))?;
        Ok(summary)
    }

    async fn write(
        &self,
        scope: &TenantScope,
        plan: &Plan,
        window: Window,
        format: Format,
        mut target: Target<'_>,
        progress: &(dyn Fn(ExportProgress) + Send + Sync),
    ) -> Result<ArtifactSummary, EngineError> {
        let desk = self.inner.workers.desk(scope.tenant())?;
        let starting = {
            let (engine, scope, plan) = (self.clone(), scope.clone(), plan.clone());
            async move {
                let question = Question { scope: &scope, plan: &plan, window, at_most: None };
                let Running { share, stream, outputs, snapshot } = engine.start(question, Lane::Export, Room::Whole).await?;
                // What is begun here stays on the threads for queries.
                let parts = format.encode(stream, &outputs, engine.inner.streams)?;
                Ok::<_, EngineError>((share, snapshot, parts))
            }
        };
        let (_share, snapshot, mut parts) = desk.run(starting).await??;
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
            target.write(&part.bytes).await?;
            done = ExportProgress { rows: done.rows + part.rows, bytes: done.bytes + part.bytes.len() as u64 };
            progress(done);
            parts.reuse(part.bytes);
        }
        snapshot::recheck(self.inner.data.as_ref(), &snapshot).await?;
        Ok(ArtifactSummary {
            rows: done.rows,
            bytes: done.bytes,
            sha256: hexadecimal(sum.finish().as_ref()),
            blocks: Vec::new(),
            data_as_of: snapshot.data_as_of,
            no_files: snapshot.is_empty(),
        })
    }
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        for nibble in [byte >> 4, byte & 15] {
            text.extend(char::from_digit(nibble.into(), 16));
        }
        text
    })
}
