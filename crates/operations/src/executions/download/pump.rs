//! Moves an artifact from its store to its reader: reads whole blocks, checks them against their checksums, and hands over the requested range.
//!
//! It runs beside the answer, so that it can detect a reader that has stopped: the body of an answer that is not read is not polled.

use std::ops::Range;
use std::sync::Arc;

use aws_lc_rs::digest::{self, SHA256};
use bytes::Bytes;
use chrono::TimeDelta;
use insightgate_engine::{ArtifactKey, ArtifactReader, BLOCK, BlockSum, EngineError};
use insightgate_store::BLOCKS_PER_ROW;
use tokio::sync::mpsc::Sender;
use tokio::sync::oneshot;

use super::pace::{Ended, Pace, Piece};
use super::served::Served;
use super::{Broken, OpenedArtifact};
use crate::audit::{self, Happening};
use crate::context::{Context, SharedContext};

/// Bytes that are handed over at once: few, so that a slow reader is seen to take some.
const PIECE: usize = 64 << 10;

/// A damaged artifact is an event, and an error in the log, once in so many hours.
const NOTED_HOURS: i64 = 24;

pub(super) struct Pump {
    context: SharedContext,
    opened: OpenedArtifact,
    reader: ArtifactReader,
    correlation: String,
    /// Hears of what is wrong before the first byte was read, unless the artifact is damaged: that is no refusal, which would look like an answer to those who
    /// do not look at its status.
    refused: Option<oneshot::Sender<Broken>>,
    /// The checksums of a stretch, by its first block; None where the artifact has none.
    sums: Option<(u64, Option<Vec<BlockSum>>)>,
    served: Served,
}

enum Stop {
    Ended(Ended),
    Broken(Broken),
}

impl Pump {
    pub(super) fn new(
        context: &SharedContext,
        opened: &OpenedArtifact,
        reader: ArtifactReader,
        correlation: &str,
        refused: oneshot::Sender<Broken>,
        served: Served,
    ) -> Pump {
        let (context, opened, correlation) = (Arc::clone(context), opened.clone(), correlation.to_owned());
        Pump { context, opened, reader, correlation, refused: Some(refused), sums: None, served }
    }

    /// Whether it ended because a connected reader has stopped reading.
    pub(super) async fn run(mut self, range: Range<u64>, reader: Sender<Piece>) -> bool {
        let mut pace = Pace::new(reader, &self.context.settings.downloads);
        let (key, correlation) = (self.opened.key, self.correlation.clone());
        let outcome = self.hand_over(range, &mut pace).await;
        if outcome.is_err() {
            self.served.broke_off();
        }
        match outcome {
            Ok(()) | Err(Stop::Ended(Ended::Gone)) => false,
            Err(Stop::Ended(why)) => {
                let why = if why == Ended::Slow { "its reader does not read on" } else { "it takes longer than any may" };
                tracing::info!(execution = %key.execution, tenant = %key.tenant, correlation, "a download was broken off: {why}");
                true
            }
            Err(Stop::Broken(error)) => {
                match (error, self.refused.take()) {
                    (error @ Broken::Read(EngineError::Damaged { .. }), _) => {
                        note_damage(&self.context, &key, &error.to_string(), &correlation).await;
                        pace.give_up(error);
                    }
                    (error, Some(refused)) => drop(refused.send(error)),
                    (error, None) => {
                        tracing::error!(%error, execution = %key.execution, correlation, "a download broke off");
                        pace.give_up(error);
                    }
                }
                false
            }
        }
    }

    async fn hand_over(&mut self, range: Range<u64>, pace: &mut Pace) -> Result<(), Stop> {
        let size = self.opened.artifact.bytes;
        if self.reader.size() != size {
            return Err(damaged(format!("it has {} bytes, and {size} were written", self.reader.size())));
        }
        // Of an artifact without checksums of blocks there is one of all of it.
        let mut whole = (range == (0..size)).then(|| digest::Context::new(&SHA256));
        let mut at = range.start - range.start % BLOCK;
        while at < range.end {
            let of_row = BLOCK * BLOCKS_PER_ROW;
            let end = (at + self.reader.most_at_once()).min(range.end.next_multiple_of(BLOCK)).min(at - at % of_row + of_row).min(size);
            let sums = self.sums(at / BLOCK..end.div_ceil(BLOCK)).await?;
            if sums.is_some() {
                whole = None;
            }
            let bytes = self.reader.read(at..end, sums).await.map_err(Broken::from)?;
            if let Some(sum) = &mut whole {
                sum.update(&bytes);
            }
            if end == size
                && let Some(sum) = whole.take()
                && hex::encode(sum.finish()) != self.opened.artifact.sha256
            {
                return Err(damaged("it is not what was written".to_owned()));
            }
            let within = |position: u64| usize::try_from(position.clamp(at, end) - at).unwrap_or(usize::MAX).min(bytes.len());
            let mut wanted: Bytes = bytes.slice(within(range.start)..within(range.end));
            self.refused = None;
            while !wanted.is_empty() {
                let piece = wanted.split_to(wanted.len().min(PIECE));
                let bytes = piece.len();
                pace.hand_over(piece).await?;
                self.served.handed(bytes);
            }
            at = end;
        }
        Ok(pace.handed_over().await?)
    }

    /// Of these blocks, which are of one row.
    async fn sums(&mut self, blocks: Range<u64>) -> Result<Option<Vec<BlockSum>>, Stop> {
        let first = blocks.start - blocks.start % BLOCKS_PER_ROW;
        let row = match self.sums.take() {
            Some((known, row)) if known == first => row,
            _ => {
                let (execution, epoch) = (self.opened.key.execution, self.opened.artifact.epoch);
                self.context.store.block_sums(execution, epoch, first).await.map_err(Broken::from)?
            }
        };
        let (_, row) = self.sums.insert((first, row));
        let Some(row) = row else { return Ok(None) };
        let place = |block: u64| usize::try_from(block - first).unwrap_or(usize::MAX);
        let sums = row.get(place(blocks.start)..place(blocks.end));
        sums.map(|sums| Some(sums.to_vec())).ok_or_else(|| damaged("it has fewer checksums than blocks".to_owned()))
    }
}

fn damaged(detail: String) -> Stop {
    Stop::Broken(EngineError::Damaged { detail }.into())
}

/// Writes an error into the log and an audit event. If the last event of the artifact is recent, it writes neither, since whoever has a link may repeat
/// the request.
pub(super) async fn note_damage(context: &Context, key: &ArtifactKey, detail: &str, correlation: &str) {
    let happening = Happening {
        tenant: Some(key.tenant),
        actor: "insightgate".to_owned(),
        action: "artifact.damaged",
        subject: format!("artifact {}", key.execution),
        detail: detail.to_owned(),
        correlation: Some(correlation.to_owned()),
    };
    let now = context.clock.now();
    let Ok(event) = audit::event(context, happening) else { return };
    match context.store.note_damage(key.execution, now, now - TimeDelta::hours(NOTED_HOURS), &event).await {
        Ok(true) => tracing::error!(artifact = %key, correlation, "an artifact of a report is not what was written: {detail}"),
        Ok(false) => tracing::debug!(artifact = %key, correlation, "an artifact of a report is not what was written: {detail}"),
        // Lines with an error are paced by the log itself.
        Err(error) => {
            tracing::error!(%error, artifact = %key, correlation, action = event.action, "an audit event could not be written: {detail}");
        }
    }
}

impl From<Ended> for Stop {
    fn from(ended: Ended) -> Self {
        Stop::Ended(ended)
    }
}

impl From<Broken> for Stop {
    fn from(error: Broken) -> Self {
        Stop::Broken(error)
    }
}
