//! Uploads one artifact to its store: in parts of one size, a few of them at a time. The artifact gets its name when all parts are there.
//!
//! A small artifact is one request. If an upload ends early, by an error or because it is dropped, its parts are aborted. Only a process that dies
//! leaves parts behind, which the store has to remove by a lifecycle rule of its own (parts in the data folder are removed at the next start).

use std::sync::Arc;

use bytes::Bytes;
use object_store::path::Path;
use object_store::{Attribute, Attributes, MultipartUpload, ObjectStore, PutMultipartOptions, PutOptions, PutPayload, PutPayloadMut};
use tokio::task::JoinSet;

use crate::error::EngineError;
use crate::storage::block_sums::{BLOCK, BlockSum, block_sums};

/// The bytes of one part. Stores take at least 5 MiB for a part, and at most 10,000 parts: 80 GB.
const PART_SIZE: usize = 8 << 20;
const _: () = assert!((PART_SIZE as u64).is_multiple_of(BLOCK), "a part begins with a block");

/// The number of parts that are uploaded at once.
const PARTS_IN_FLIGHT: usize = 2;

pub(crate) struct Upload {
    store: Arc<dyn ObjectStore>,
    path: Path,
    attributes: Attributes,
    waiting: PutPayloadMut,
    /// Present once there is more than one part.
    begun: Option<Box<dyn MultipartUpload>>,
    /// Each task returns the number of its part and the part's checksums.
    under_way: JoinSet<Result<(usize, Vec<BlockSum>), EngineError>>,
    /// The checksums of the parts that have arrived, by the number of the part.
    sums: Vec<Vec<BlockSum>>,
}

impl Upload {
    /// `content_type` is for stores that record one.
    pub(crate) fn new(store: Arc<dyn ObjectStore>, path: Path, content_type: Option<&'static str>) -> Upload {
        let attributes = content_type.map(|name| (Attribute::ContentType, name)).into_iter().collect();
        Upload { store, path, attributes, waiting: PutPayloadMut::new(), begun: None, under_way: JoinSet::new(), sums: Vec::new() }
    }

    pub(crate) async fn write(&mut self, mut bytes: &[u8]) -> Result<(), EngineError> {
        while !bytes.is_empty() {
            // A part is only sent once more bytes follow it, since a file of one part is put as a whole.
            if self.waiting.content_length() == PART_SIZE {
                self.send().await?;
            }
            let (taken, left) = bytes.split_at(bytes.len().min(PART_SIZE - self.waiting.content_length()));
            self.waiting.extend_from_slice(taken);
            bytes = left;
        }
        Ok(())
    }

    async fn send(&mut self) -> Result<(), EngineError> {
        while self.under_way.len() >= PARTS_IN_FLIGHT {
            self.arrived().await?;
        }
        let part: PutPayload = std::mem::take(&mut self.waiting).freeze();
        let begun = match &mut self.begun {
            Some(begun) => begun,
            none => {
                let options = PutMultipartOptions { attributes: self.attributes.clone(), ..PutMultipartOptions::default() };
                none.insert(self.store.put_multipart_opts(&self.path, options).await?)
            }
        };
        let (number, sums, put) = (self.sums.len(), part_sums(&part), begun.put_part(part));
        self.sums.push(Vec::new());
        self.under_way.spawn(async move {
            put.await?;
            Ok((number, sums.await?))
        });
        Ok(())
    }

    async fn arrived(&mut self) -> Result<(), EngineError> {
        match self.under_way.join_next().await {
            None => Ok(()),
            Some(Ok(part)) => {
                let (number, sums) = part?;
                if let Some(place) = self.sums.get_mut(number) {
                    *place = sums;
                }
                Ok(())
            }
            Some(Err(error)) => Err(EngineError::Plan(format!("a part of the upload stopped: {error}"))),
        }
    }

    /// When this returns the checksums, the complete artifact is in the store.
    pub(crate) async fn finish(mut self) -> Result<Vec<BlockSum>, EngineError> {
        let finished = self.finished().await;
        match finished {
            Ok(()) => {
                self.begun = None;
                Ok(std::mem::take(&mut self.sums).concat())
            }
            Err(error) => {
                self.abort().await;
                Err(error)
            }
        }
    }

    async fn finished(&mut self) -> Result<(), EngineError> {
        if self.begun.is_none() {
            let options = PutOptions { attributes: self.attributes.clone(), ..PutOptions::default() };
            let part: PutPayload = std::mem::take(&mut self.waiting).freeze();
            let sums = part_sums(&part);
            self.store.put_opts(&self.path, part, options).await?;
            self.sums.push(sums.await?);
            return Ok(());
        }
        self.send().await?;
        while !self.under_way.is_empty() {
            self.arrived().await?;
        }
        if let Some(begun) = &mut self.begun {
            begun.complete().await?;
        }
        Ok(())
    }

    /// Aborts the parts that were sent. An error of the abort is ignored, since the first error says more.
    pub(crate) async fn abort(mut self) {
        self.under_way.shutdown().await;
        if let Some(mut begun) = self.begun.take() {
            let _ = begun.abort().await;
        }
    }
}

/// Computes the checksums of a part, beginning at once, in parallel with its upload.
fn part_sums(part: &PutPayload) -> impl Future<Output = Result<Vec<BlockSum>, EngineError>> + use<> {
    let part = part.clone();
    let summing = tokio::task::spawn_blocking(move || block_sums(part.iter().map(Bytes::as_ref)));
    async move { summing.await.map_err(|error| EngineError::Plan(format!("the checksums of a part stopped: {error}"))) }
}

impl Drop for Upload {
    fn drop(&mut self) {
        // The export was dropped before its end.
        let (Some(mut begun), Ok(runtime)) = (self.begun.take(), tokio::runtime::Handle::try_current()) else { return };
        self.under_way.abort_all();
        runtime.spawn(async move {
            let _ = begun.abort().await;
        });
    }
}
