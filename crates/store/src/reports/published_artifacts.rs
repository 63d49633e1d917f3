//! The artifacts that the database knows, for a check of all of them, and what becomes of those that are lost.

use chrono::{DateTime, Utc};
use insightgate_report::execution::ExecutionStatus;
use uuid::Uuid;

use crate::audit;
use crate::database::row::{millis, written_epoch};
use crate::{AuditEvent, ExecutionRecord, Store, StoreError, execute};

/// The most executions that one statement reads.
const BATCH: i64 = 200;

impl Store {
    /// Returns executions with an artifact that was not removed, by their ids, beginning after the given one. There are no more when it returns none.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn published_artifacts(&self, after: Option<Uuid>) -> Result<Vec<ExecutionRecord>, StoreError> {
        let query = sqlx::query(
            "SELECT * FROM executions WHERE artifact_removed IS NULL AND generated IS NOT NULL AND id > $1
             ORDER BY id LIMIT $2",
        );
        let after = after.map(|id| id.to_string()).unwrap_or_default();
        self.with_reports(query.bind(after).bind(BATCH).fetch_all(&self.reports).await?).await
    }

    /// Ends an execution as failed whose artifact is lost, so that its owner is told and the report can be run again. The event is written with it.
    /// Returns false if the execution has no such artifact any more.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn give_up_artifact(
        &self,
        lost: &ExecutionRecord,
        reason: &str,
        now: DateTime<Utc>,
        event: &AuditEvent,
    ) -> Result<bool, StoreError> {
        let Some(artifact) = &lost.execution.artifact else { return Ok(false) };
        let id = lost.execution.id.to_string();
        let mut transaction = self.begin_beside().await?;
        let query = sqlx::query(
            "UPDATE executions SET status = $2, failure = $3, artifact_removed = $4
             WHERE id = $1 AND artifact_removed IS NULL AND artifact_epoch = $5 AND status = $6",
        );
        let query = query.bind(id.clone()).bind(ExecutionStatus::Failed.name()).bind(reason.to_owned()).bind(millis(now));
        let query = query.bind(written_epoch(artifact.epoch)).bind(ExecutionStatus::Completed.name());
        if execute(&mut transaction, query).await? == 0 {
            return Ok(false);
        }
        execute(&mut transaction, sqlx::query("DELETE FROM artifact_blocks WHERE execution_id = $1").bind(id)).await?;
        audit::insert(&mut transaction, &[event], false).await?;
        transaction.commit().await?;
        Ok(true)
    }
}
