//! The parts of a file, which are made in parallel if the format allows it and are returned in order.
//!
//! Their bytes depend only on the rows and their order, never on how many parts were made in parallel or how the engine cut its batches.

use std::future::ready;
use std::sync::{Arc, Mutex, PoisonError};

use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::compute::BatchCoalescer;
use datafusion::arrow::error::ArrowError;
use datafusion::common::runtime::SpawnedTask;
use datafusion::error::DataFusionError;
use datafusion::execution::SendableRecordBatchStream;
use futures::future::BoxFuture;
use futures::{FutureExt, StreamExt};
use tokio::sync::mpsc;
use tokio::task::JoinError;

use super::columnar::{Table, canonical};
use super::compress::{Compression, MEMBER};
use super::{Encoder, FileWriter, WholeFile};
use crate::error::EngineError;

/// The parts of each stream that are being made or wait to be written.
const IN_FLIGHT: usize = 2;

/// The rows in a batch of a columnar file; the engine's own batches have no more.
const BATCH_ROWS: usize = 8_192;

/// The approximate bytes in a part of a text. Batches of long rows are cut into several parts.
const PART: usize = 4 << 20;

/// The number of rows that are encoded to estimate the length of the others.
const SAMPLE: usize = 16;

/// Bytes of the file, and the number of rows that they contain.
pub(crate) struct Part {
    pub(crate) bytes: Vec<u8>,
    pub(crate) rows: u64,
}

/// Why there is no further part.
pub(crate) enum Halt {
    /// The query failed.
    Rows(DataFusionError),
    Other(EngineError),
}

type Made = Result<Part, Halt>;

/// Dropping it stops the parts that are being made.
pub(crate) struct Parts {
    next: mpsc::Receiver<BoxFuture<'static, Made>>,
    emptied: mpsc::UnboundedSender<Vec<u8>>,
    making: SpawnedTask<Result<(), Halt>>,
}

impl Parts {
    /// Returns the next part; `None` if the file is complete.
    pub(crate) async fn next(&mut self) -> Option<Made> {
        if let Some(part) = self.next.recv().await {
            return Some(part.await);
        }
        match (&mut self.making).await {
            Ok(Ok(())) => None,
            Ok(Err(halt)) => Some(Err(halt)),
            Err(error) => Some(Err(stopped(error))),
        }
    }

    /// Returns the buffer of a part, so that it can be used again.
    pub(crate) fn reuse(&self, bytes: Vec<u8>) {
        let _ = self.emptied.send(bytes);
    }

    /// The same text in members of one size, which are compressed in parallel.
    pub(super) fn compressed(mut self, compression: Compression, side_by_side: usize) -> Parts {
        let (out, next) = mpsc::channel(side_by_side.max(1));
        let (emptied, _) = mpsc::unbounded_channel();
        let making = SpawnedTask::spawn(async move {
            let mut member = Part { bytes: Vec::with_capacity(MEMBER), rows: 0 };
            while let Some(part) = self.next().await {
                let Part { bytes, rows } = part?;
                member.rows += rows;
                let mut rest = bytes.as_slice();
                while let Some((taken, left)) = rest.split_at_checked(MEMBER - member.bytes.len()) {
                    member.bytes.extend_from_slice(taken);
                    rest = left;
                    let full = std::mem::replace(&mut member, Part { bytes: Vec::with_capacity(MEMBER), rows: 0 });
                    if out.send(compress(compression, full)).await.is_err() {
                        return Ok(());
                    }
                }
                member.bytes.extend_from_slice(rest);
                self.reuse(bytes);
            }
            if !member.bytes.is_empty() {
                let _ = out.send(compress(compression, member)).await;
            }
            Ok(())
        });
        Parts { next, emptied, making }
    }
}

fn compress(compression: Compression, Part { bytes, rows }: Part) -> BoxFuture<'static, Made> {
    task(async move {
        let bytes = compression.member(&bytes).map_err(EngineError::io("compression"))?;
        Ok(Part { bytes, rows })
    })
}

/// The parts of a text, with its header first.
pub(super) fn side_by_side(rows: SendableRecordBatchStream, encoder: Arc<dyn Encoder>, side_by_side: usize) -> Parts {
    let (emptied, reusable) = mpsc::unbounded_channel::<Vec<u8>>();
    let reusable = Arc::new(Mutex::new(reusable));
    let (out, next) = mpsc::channel(IN_FLIGHT * side_by_side);
    let making = SpawnedTask::spawn(async move {
        let mut rows = rows;
        let mut start = Vec::new();
        encoder.start(&mut start);
        if out.send(ready(Ok(Part { bytes: start, rows: 0 })).boxed()).await.is_err() {
            return Ok(());
        }
        while let Some(batch) = rows.next().await {
            let batch: RecordBatch = batch.map_err(Halt::Rows)?;
            for piece in pieces(&batch, encoder.as_ref())? {
                let (encoder, reusable) = (Arc::clone(&encoder), Arc::clone(&reusable));
                let part = task(async move {
                    let mut bytes = reusable.lock().unwrap_or_else(PoisonError::into_inner).try_recv().unwrap_or_default();
                    bytes.clear();
                    encoder.batch(&piece, &mut bytes)?;
                    Ok(Part { bytes, rows: piece.num_rows() as u64 })
                });
                if out.send(part).await.is_err() {
                    return Ok(());
                }
            }
        }
        Ok(())
    });
    Parts { next, emptied, making }
}

/// Cuts a batch into pieces of about [`PART`] bytes, estimated from the length of its first rows.
fn pieces(batch: &RecordBatch, encoder: &dyn Encoder) -> Result<Vec<RecordBatch>, EngineError> {
    let rows = batch.num_rows();
    let sample = rows.min(SAMPLE);
    if sample == 0 {
        return Ok(Vec::new());
    }
    let mut text = Vec::new();
    encoder.batch(&batch.slice(0, sample), &mut text)?;
    let of_row = text.len().div_ceil(sample).max(1);
    let size = (PART / of_row).clamp(1, rows);
    Ok((0..rows).step_by(size).map(|start| batch.slice(start, size.min(rows - start))).collect())
}

/// The parts of a columnar file, which is written in batches of one size.
pub(super) fn one_by_one(rows: SendableRecordBatchStream, table: Table, file: impl FileWriter + 'static, side_by_side: usize) -> Parts {
    let (out, next) = mpsc::channel(side_by_side.max(1));
    let (emptied, _) = mpsc::unbounded_channel();
    let making = SpawnedTask::spawn(async move {
        let (mut rows, mut file) = (rows, file);
        let mut batches = BatchCoalescer::new(Arc::clone(&table.schema), BATCH_ROWS);
        let mut is_last = false;
        while !is_last {
            match rows.next().await {
                Some(batch) => batches.push_batch(table.batch(&batch.map_err(Halt::Rows)?)?).map_err(cut)?,
                None => {
                    batches.finish_buffered_batch().map_err(cut)?;
                    is_last = true;
                }
            }
            let mut part = Part { bytes: Vec::new(), rows: 0 };
            while let Some(batch) = batches.next_completed_batch() {
                part.rows += batch.num_rows() as u64;
                file.write(&canonical(&batch)?, &mut part.bytes)?;
            }
            if is_last {
                file.finish(&mut part.bytes)?;
            }
            if part.rows == 0 && part.bytes.is_empty() {
                continue;
            }
            if out.send(ready(Ok(part)).boxed()).await.is_err() {
                break;
            }
        }
        Ok(())
    });
    Parts { next, emptied, making }
}

/// The parts of a file that is finished once all of its rows are known: first the numbers of rows without bytes, then the bytes without rows.
pub(super) fn at_the_end(rows: SendableRecordBatchStream, file: impl WholeFile + 'static) -> Parts {
    let (out, next) = mpsc::channel(IN_FLIGHT);
    let (emptied, _) = mpsc::unbounded_channel();
    let making = SpawnedTask::spawn(async move {
        let (mut rows, mut file) = (rows, file);
        while let Some(batch) = rows.next().await {
            let batch = batch.map_err(Halt::Rows)?;
            file.write(&batch)?;
            if out.send(ready(Ok(Part { bytes: Vec::new(), rows: batch.num_rows() as u64 })).boxed()).await.is_err() {
                return Ok(());
            }
        }
        // The query's memory is free while the file is compressed.
        drop(rows);
        let mut part = move |bytes| out.blocking_send(ready(Ok(Part { bytes, rows: 0 })).boxed()).is_ok();
        let finished = SpawnedTask::spawn_blocking(move || file.finish(&mut part));
        Ok(finished.join().await.map_err(stopped)??)
    });
    Parts { next, emptied, making }
}

/// Starts at once, and stops when the returned future is dropped.
fn task(made: impl Future<Output = Result<Part, EngineError>> + Send + 'static) -> BoxFuture<'static, Made> {
    let task = SpawnedTask::spawn(made);
    async move { task.join().await.map_err(stopped)?.map_err(Halt::Other) }.boxed()
}

impl From<EngineError> for Halt {
    fn from(error: EngineError) -> Self {
        Halt::Other(error)
    }
}

fn stopped(error: JoinError) -> Halt {
    Halt::Other(EngineError::Plan(format!("a part of the export stopped: {error}")))
}

fn cut(error: ArrowError) -> Halt {
    Halt::Other(EngineError::Plan(format!("the rows cannot be cut into batches: {error}")))
}

#[cfg(test)]
mod tests {
    use datafusion::arrow::array::Int64Array;
    use datafusion::arrow::datatypes::{DataType, Field, Schema};

    use super::*;

    /// Encodes each row as this many bytes.
    struct Wide(usize);

    impl Encoder for Wide {
        fn start(&self, _: &mut Vec<u8>) {}

        fn batch(&self, batch: &RecordBatch, out: &mut Vec<u8>) -> Result<(), EngineError> {
            out.resize(out.len() + batch.num_rows() * self.0, b'x');
            Ok(())
        }
    }

    #[test]
    fn wide_rows_are_cut_into_pieces_and_narrow_ones_are_not() {
        let schema = Arc::new(Schema::new(vec![Field::new("a", DataType::Int64, false)]));
        let batch = RecordBatch::try_new(schema, vec![Arc::new(Int64Array::from_iter_values(0..8_192))]).unwrap();
        for (of_row, count) in [(1, 1), (100, 1), (512, 1), (20_000, 40), (5 << 20, 8_192)] {
            // A sample of the longest rows would fill the memory by itself.
            let batch = if of_row > PART { batch.slice(0, 64) } else { batch.clone() };
            let pieces = pieces(&batch, &Wide(of_row)).unwrap();
            assert_eq!(pieces.len(), if of_row > PART { 64 } else { count }, "{of_row}");
            assert!(pieces.iter().all(|piece| piece.num_rows() == 1 || piece.num_rows() * of_row <= PART));
            let cut: Vec<RecordBatch> = pieces;
            assert_eq!(datafusion::arrow::compute::concat_batches(&batch.schema(), &cut).unwrap(), batch);
        }
        assert!(pieces(&batch.slice(0, 0), &Wide(1)).unwrap().is_empty());
    }
}
