//! Runs the partitions of a plan in parallel and returns their rows one partition after the other, in the order of files and rows.

use std::collections::VecDeque;
use std::sync::Arc;

use datafusion::arrow::array::RecordBatch;
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::stream::RecordBatchReceiverStream;
use futures::StreamExt;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

/// The number of batches that a partition may be ahead.
const AHEAD: usize = 2;

/// The first `limit` rows of all partitions, in the order of the partitions. At most `side_by_side` run at a time, including the one that is returned.
pub(crate) fn in_order(
    physical: Arc<dyn ExecutionPlan>,
    context: Arc<TaskContext>,
    limit: Option<u64>,
    side_by_side: usize,
) -> SendableRecordBatchStream {
    let mut stream = RecordBatchReceiverStream::builder(physical.schema(), 2);
    let out = stream.tx();
    stream.spawn(async move {
        // The partitions are dropped together with this task.
        let mut tasks = JoinSet::new();
        let mut waiting: VecDeque<mpsc::Receiver<Result<RecordBatch>>> = VecDeque::new();
        let mut next = 0..physical.properties().output_partitioning().partition_count();
        let mut left = limit.map_or(usize::MAX, |limit| usize::try_from(limit).unwrap_or(usize::MAX));
        loop {
            while waiting.len() < side_by_side.max(1)
                && let Some(partition) = next.next()
            {
                let mut rows = physical.execute(partition, Arc::clone(&context))?;
                let (ahead, behind) = mpsc::channel(AHEAD);
                tasks.spawn(async move {
                    while let Some(batch) = rows.next().await {
                        if ahead.send(batch).await.is_err() {
                            return;
                        }
                    }
                });
                waiting.push_back(behind);
            }
            let Some(mut current) = waiting.pop_front() else { break };
            while let Some(batch) = current.recv().await {
                let batch = batch?;
                let batch = if batch.num_rows() > left { batch.slice(0, left) } else { batch };
                left -= batch.num_rows();
                if out.send(Ok(batch)).await.is_err() || left == 0 {
                    return Ok(());
                }
            }
            while let Some(ended) = tasks.try_join_next() {
                ended.map_err(|error| DataFusionError::ExecutionJoin(Box::new(error)))?;
            }
        }
        while let Some(ended) = tasks.join_next().await {
            ended.map_err(|error| DataFusionError::ExecutionJoin(Box::new(error)))?;
        }
        Ok(())
    });
    stream.build()
}
