//! Compares the artifact store with the database: what is orphaned, what is lost, and whether each artifact has the bytes that were written.
//!
//! A server may go on working meanwhile. What it changes is looked at once more before it counts as a finding.

use std::ops::Range;

use aws_lc_rs::digest::{self, SHA256};
use futures::StreamExt as _;
use insightgate_engine::{ArtifactReader, BLOCK, BlockSum, EngineError, block_sums};
use insightgate_report::execution::Artifact;
use insightgate_store::{AuditEvent, BLOCKS_PER_ROW, ExecutionRecord};
use uuid::Uuid;

use crate::executions::artifact_key;
use crate::repair::finding::{Finding, Kind};
use crate::repair::{Repair, RepairFault};

/// How many artifacts are read at the same time.
const AT_ONCE: usize = 4;

/// What the owner of a report is told whose artifact is lost.
const LOST: &str = "The file of this execution was lost. Run the report again.";

/// What was looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Looked {
    /// The artifacts of completed executions, and the bytes of them that were read.
    pub artifacts: u64,
    pub bytes: u64,
    /// Of the artifacts, those that are not there.
    pub lost: u64,
}

/// How thoroughly artifacts are checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Depth {
    /// Whether it is there, and its length.
    Length,
    /// The same, and all of its bytes.
    Bytes,
}

impl Repair {
    /// The bytes of all artifacts that the database knows, for a progress bar.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn bytes_of_artifacts(&self) -> Result<u64, RepairFault> {
        Ok(self.store.file_bytes().await?.iter().map(|(_, bytes)| bytes).sum())
    }

    /// Lists the store and finds files that nobody will open: of attempts that were not published, which mending removes, and of executions that this
    /// database does not know, which may be another deployment's or newer than the backup that was restored. Returns the number of files.
    ///
    /// # Errors
    /// When the store cannot be listed, or the database does not answer.
    pub async fn check_files(&self, found: &mut (dyn FnMut(Finding) + Send)) -> Result<u64, RepairFault> {
        let (mut files, mut count, mut unknown) = (self.engine.list_artifacts(), 0, Unknown::default());
        while let Some(file) = files.next().await {
            let file = file?;
            count += 1;
            let Some(epochs) = self.store.artifact_epochs(file.key.execution).await? else {
                unknown.files += 1;
                unknown.bytes += file.size;
                unknown.first.get_or_insert_with(|| file.key.to_string());
                continue;
            };
            if epochs.hold(file.key.epoch) {
                continue;
            }
            let mended = match self.mending {
                Some(_) => self.engine.delete(&file.key).await.map(|()| true)?,
                None => false,
            };
            found(Finding {
                kind: Kind::ArtifactOrphaned,
                tenant: Some(file.key.tenant),
                execution: Some(file.key.execution),
                subject: format!("the file {}", file.key),
                detail: format!("{} bytes of an attempt that was not published, or of an execution whose file was removed", file.size),
                advice: "a running server removes it by itself; insightgate verify --fix removes it now".to_owned(),
                mended,
            });
        }
        if let Some(first) = unknown.first {
            found(Finding {
                kind: Kind::ArtifactUnknown,
                tenant: None,
                execution: None,
                subject: match unknown.files {
                    1 => format!("the file {first}"),
                    files => format!("{files} files, the first of them {first}"),
                },
                detail: format!("{} bytes of executions that this database does not know", unknown.bytes),
                advice: "they stay: they may be another deployment's, or newer than the backup that was restored. Remove them yourself if neither holds"
                    .to_owned(),
                mended: false,
            });
        }
        Ok(count)
    }

    /// Names the files in the folders of artifacts and rows that the server cannot open because of their names.
    ///
    /// # Errors
    /// When a folder cannot be read.
    pub async fn check_names(&self, found: &mut (dyn FnMut(Finding) + Send)) -> Result<(), RepairFault> {
        let engine = self.engine.clone();
        let names = tokio::task::spawn_blocking(move || engine.odd_names()).await;
        for name in names.unwrap_or_else(|_| Ok(Vec::new()))? {
            found(Finding {
                kind: Kind::NameUnreadable,
                tenant: None,
                execution: None,
                subject: format!("the file {name}"),
                detail: "its name is no UTF-8 text, or has control characters in it: no list has it, and the rows of such a file end their queries"
                    .to_owned(),
                advice: "rename it, or move it away".to_owned(),
                mended: false,
            });
        }
        Ok(())
    }

    /// Checks the artifact of each completed execution. `read` hears of bytes as they are read.
    ///
    /// # Errors
    /// When the store or the database does not answer.
    pub async fn check_artifacts(
        &self,
        depth: Depth,
        found: &mut (dyn FnMut(Finding) + Send),
        read: &(dyn Fn(u64) + Sync),
    ) -> Result<(Looked, Vec<Uuid>), RepairFault> {
        let (mut looked, mut lost, mut after) = (Looked::default(), Vec::new(), None);
        loop {
            let records = self.store.published_artifacts(after).await?;
            let Some(last) = records.last() else { break };
            after = Some(last.execution.id);
            let checks = records.iter().map(|record| async move { (record, self.check(record, depth, read).await) });
            let mut checks = futures::stream::iter(checks).buffer_unordered(AT_ONCE);
            while let Some((record, state)) = checks.next().await {
                looked.artifacts += 1;
                let state = state?;
                looked.bytes += state.bytes;
                if matches!(state.found, Some(Found::Lost)) {
                    looked.lost += 1;
                    lost.push(record.execution.id);
                }
                if let Some(finding) = state.found.and_then(|found| self.finding(record, found)) {
                    found(finding);
                }
            }
        }
        Ok((looked, lost))
    }

    /// Ends the executions as failed whose artifacts are lost, so that their owners are told. An artifact that is there again stays.
    ///
    /// # Errors
    /// When the store or the database does not answer. What was ended before stays so.
    pub async fn give_up(&self, lost: &[Uuid]) -> Result<Vec<Uuid>, RepairFault> {
        let (Some(by), mut given_up) = (self.mending, Vec::new()) else { return Ok(Vec::new()) };
        for id in lost {
            let Some(record) = self.store.execution(*id).await? else { continue };
            let Some(artifact) = record.execution.artifact.clone().filter(|_| record.execution.artifact_removed.is_none()) else {
                continue;
            };
            if self.open(&record, &artifact).await?.is_some() {
                continue;
            }
            let now = self.clock.now();
            let event = AuditEvent {
                id: self.random.ordered_uuid(now)?,
                at: now,
                tenant: Some(record.report.tenant),
                actor: by.actor().to_owned(),
                action: "artifact.lost".to_owned(),
                subject: format!("artifact {id}"),
                detail: format!("the file of the report '{}' is not there; its execution counts as failed", record.report.name),
                correlation: None,
                occurrences: 1,
                address: None,
            };
            if self.store.give_up_artifact(&record, LOST, now, &event).await? {
                given_up.push(*id);
            }
        }
        Ok(given_up)
    }

    async fn open(&self, record: &ExecutionRecord, artifact: &Artifact) -> Result<Option<ArtifactReader>, RepairFault> {
        match self.engine.open_reader(&artifact_key::of(&record.report, record.execution.id, artifact.epoch, artifact.format)).await {
            Ok(reader) => Ok(Some(reader)),
            Err(EngineError::NoSuchArtifact) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    async fn check(&self, record: &ExecutionRecord, depth: Depth, read: &(dyn Fn(u64) + Sync)) -> Result<State, RepairFault> {
        let Some(artifact) = &record.execution.artifact else { return Ok(State::default()) };
        let Some(mut reader) = self.open(record, artifact).await? else {
            // A server may have removed it since it was listed.
            let now = self.store.execution(record.execution.id).await?.map(|now| now.execution);
            let is_same =
                now.is_some_and(|now| now.artifact_removed.is_none() && now.artifact.is_some_and(|now| now.epoch == artifact.epoch));
            return Ok(State { found: is_same.then_some(Found::Lost), bytes: 0 });
        };
        if reader.size() != artifact.bytes {
            let detail = format!("it has {} bytes, and {} were written", reader.size(), artifact.bytes);
            return Ok(State { found: Some(Found::Damaged(detail)), bytes: 0 });
        }
        if depth == Depth::Length {
            return Ok(State::default());
        }
        let found = self.compare(record, artifact, &mut reader, read).await?;
        Ok(State { found, bytes: artifact.bytes })
    }

    /// Reads the whole artifact, and compares it with its own checksum and with those of its blocks.
    async fn compare(
        &self,
        record: &ExecutionRecord,
        artifact: &Artifact,
        reader: &mut ArtifactReader,
        read: &(dyn Fn(u64) + Sync),
    ) -> Result<Option<Found>, RepairFault> {
        let (mut whole, mut sums, mut wrong) = (digest::Context::new(&SHA256), Vec::<BlockSum>::new(), None);
        let mut at = 0;
        while at < artifact.bytes {
            let of_row = BLOCK * BLOCKS_PER_ROW;
            let kept = self.store.block_sums(record.execution.id, artifact.epoch, at / BLOCK).await?;
            let row = at..(at + of_row).min(artifact.bytes);
            let before = sums.len();
            while at < row.end {
                let bytes = match reader.read(at..(at + reader.most_at_once()).min(row.end), None).await {
                    Ok(bytes) => bytes,
                    // It became shorter while it was read.
                    Err(EngineError::Damaged { detail }) => return Ok(Some(Found::Damaged(detail))),
                    Err(error) => return Err(error.into()),
                };
                whole.update(&bytes);
                sums.extend(block_sums([bytes.as_ref()]));
                at += bytes.len() as u64;
                read(bytes.len() as u64);
            }
            let of_row = sums.get(before..).unwrap_or_default();
            if wrong.is_none() && kept.as_deref() != Some(of_row) {
                wrong = Some(first_difference(&row, kept.as_deref(), of_row));
            }
        }
        if hex::encode(whole.finish()) != artifact.sha256 {
            let detail = wrong.unwrap_or_else(|| "its SHA-256 is another one than when it was written".to_owned());
            return Ok(Some(Found::Damaged(detail)));
        }
        Ok(match wrong {
            None => None,
            Some(detail) => {
                let renewed = match self.mending {
                    Some(_) => self.store.renew_block_sums(record.execution.id, artifact.epoch, &sums).await?,
                    None => false,
                };
                Some(Found::Checksums { detail, renewed })
            }
        })
    }

    fn finding(&self, record: &ExecutionRecord, found: Found) -> Option<Finding> {
        let artifact = record.execution.artifact.as_ref()?;
        let key = artifact_key::of(&record.report, record.execution.id, artifact.epoch, artifact.format);
        let (kind, detail, advice, mended) = match found {
            Found::Lost => (
                Kind::ArtifactLost,
                "its file is not there".to_owned(),
                format!(
                    "put the file {key} back from a backup; else insightgate verify --fix marks the execution as failed, and its report can be run again"
                ),
                false,
            ),
            Found::Damaged(detail) => (
                Kind::ArtifactDamaged,
                detail,
                format!(
                    "put the file {key} back from a backup; else remove it, and insightgate verify --fix marks the execution as failed. Its downloads are \
                     broken off, so that nobody gets wrong rows"
                ),
                false,
            ),
            Found::Checksums { detail, renewed } => (
                Kind::ChecksumsWrong,
                format!("the file is what was written, and {detail}"),
                "insightgate verify --fix writes the checksums of its blocks anew".to_owned(),
                renewed,
            ),
        };
        let subject = format!("the execution {} of the report '{}'", record.execution.id, record.report.name);
        Some(Finding { kind, tenant: Some(record.report.tenant), execution: Some(record.execution.id), subject, detail, advice, mended })
    }
}

#[derive(Default)]
struct Unknown {
    files: u64,
    bytes: u64,
    first: Option<String>,
}

/// What is wrong with one artifact, and how many of its bytes were read.
#[derive(Default)]
struct State {
    found: Option<Found>,
    bytes: u64,
}

enum Found {
    Lost,
    Damaged(String),
    Checksums { detail: String, renewed: bool },
}

/// Where the blocks of a row first differ from what is kept of them.
fn first_difference(row: &Range<u64>, kept: Option<&[BlockSum]>, found: &[BlockSum]) -> String {
    let Some(kept) = kept else { return format!("there are no checksums of its blocks from byte {} on", row.start) };
    let same = kept.iter().zip(found).take_while(|(kept, found)| kept == found).count() as u64;
    format!("the block at byte {} differs from its checksum", row.start + same * BLOCK)
}
