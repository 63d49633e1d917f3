//! Retention: first artifacts are removed, and then the executions that produced them.

use chrono::{DateTime, Utc};
use insightgate_report::execution::{Epoch, ExecutionStatus};
use sqlx::Row;
use sqlx::any::AnyRow;
use uuid::Uuid;

use crate::database::row::{Read, millis};
use crate::reports::executions::read_execution;
use crate::reports::report_row::read_report;
use crate::{ExecutionRecord, Store, StoreError, execute};

/// The most executions that one statement reads or deletes.
const BATCH: i64 = 200;

impl Store {
    /// Returns executions whose artifact is from before this time, the oldest artifact first.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn files_before(&self, before: DateTime<Utc>) -> Result<Vec<ExecutionRecord>, StoreError> {
        let query = sqlx::query(
            "SELECT * FROM executions WHERE artifact_removed IS NULL AND generated IS NOT NULL AND generated < $1
             ORDER BY generated, id LIMIT $2",
        );
        self.with_reports(query.bind(millis(before)).bind(BATCH).fetch_all(&self.reports).await?).await
    }

    /// Returns a tenant's executions that have an artifact, the oldest artifact first.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn oldest_artifacts_of(&self, tenant: Uuid) -> Result<Vec<ExecutionRecord>, StoreError> {
        let query = sqlx::query(
            "SELECT * FROM executions WHERE tenant_id = $1 AND artifact_removed IS NULL AND generated IS NOT NULL
             ORDER BY generated, id LIMIT $2",
        );
        self.with_reports(query.bind(tenant.to_string()).bind(BATCH).fetch_all(&self.reports).await?).await
    }

    pub(super) async fn with_reports(&self, rows: Vec<AnyRow>) -> Result<Vec<ExecutionRecord>, StoreError> {
        let mut records = Vec::with_capacity(rows.len());
        for row in &rows {
            let execution = read_execution(row)?;
            let query = sqlx::query("SELECT * FROM scheduled_reports WHERE id = $1").bind(execution.report.to_string());
            // The report was deleted since.
            let Some(report) = query.fetch_optional(&self.reports).await? else { continue };
            records.push(ExecutionRecord { execution, report: read_report(&report)? });
        }
        Ok(records)
    }

    /// Returns the bytes of a tenant's artifacts.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn artifact_bytes_of(&self, tenant: Uuid) -> Result<u64, StoreError> {
        let sum = "SELECT CAST(COALESCE(SUM(byte_count), 0) AS BIGINT) FROM executions
             WHERE tenant_id = $1 AND artifact_removed IS NULL AND generated IS NOT NULL";
        let bytes: i64 = sqlx::query(sum).bind(tenant.to_string()).fetch_one(&self.reports).await?.try_get(0)?;
        Ok(u64::try_from(bytes).unwrap_or_default())
    }

    /// Returns the same for every tenant with artifacts.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn file_bytes(&self) -> Result<Vec<(Uuid, u64)>, StoreError> {
        let sums = "SELECT tenant_id, CAST(COALESCE(SUM(byte_count), 0) AS BIGINT) AS bytes FROM executions
             WHERE artifact_removed IS NULL AND generated IS NOT NULL GROUP BY tenant_id";
        let rows = sqlx::query(sums).fetch_all(&self.reports).await?;
        rows.iter().map(|row| Ok((row.id("tenant_id")?, u64::try_from(row.number("bytes")?).unwrap_or_default()))).collect()
    }

    /// Marks the artifact as removed: from then on no link opens it. Returns false if it was already marked.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn mark_artifact_removed(&self, execution: Uuid, now: DateTime<Utc>) -> Result<bool, StoreError> {
        let query = sqlx::query("UPDATE executions SET artifact_removed = $2 WHERE id = $1 AND artifact_removed IS NULL");
        let mut connection = self.reports.acquire().await?;
        let marked = execute(&mut connection, query.bind(execution.to_string()).bind(millis(now))).await? == 1;
        let sums = sqlx::query("DELETE FROM artifact_blocks WHERE execution_id = $1");
        execute(&mut connection, sums.bind(execution.to_string())).await?;
        Ok(marked)
    }

    /// Deletes executions that ended before this time and have no artifact. Returns the number of deleted executions; there may be more until it is 0.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn forget_executions(&self, before: DateTime<Utc>) -> Result<u64, StoreError> {
        let mut transaction = self.begin_beside().await?;
        let old = format!(
            "WITH old AS MATERIALIZED
                 (SELECT id FROM executions WHERE finished < $1 AND (generated IS NULL OR artifact_removed IS NOT NULL)
                  ORDER BY finished LIMIT $2 {})
             DELETE FROM executions WHERE id IN (SELECT id FROM old)",
            self.dialect.skip_locked()
        );
        let query = sqlx::query(sqlx::AssertSqlSafe(old)).bind(millis(before)).bind(BATCH);
        let forgotten = execute(&mut transaction, query).await?;
        transaction.commit().await?;
        Ok(forgotten)
    }

    /// Deletes records of created reports that no quota counts any more.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn forget_creations(&self, before: DateTime<Utc>) -> Result<(), StoreError> {
        let query = sqlx::query("DELETE FROM execute_now_creations WHERE created < $1");
        query.bind(millis(before)).execute(&self.reports).await?;
        Ok(())
    }

    /// Returns the artifacts of an execution that may exist: `None` if there is no such execution, and otherwise the epochs of the current claim and
    /// of the published artifact.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn artifact_epochs(&self, execution: Uuid) -> Result<Option<FileEpochs>, StoreError> {
        let query = sqlx::query("SELECT status, epoch, artifact_epoch, artifact_removed FROM executions WHERE id = $1");
        query.bind(execution.to_string()).fetch_optional(&self.reports).await?.as_ref().map(FileEpochs::read).transpose()
    }
}

/// The epochs whose artifacts must not be removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FileEpochs {
    /// The epoch of the claim that may be writing.
    pub writing: Option<Epoch>,
    pub published: Option<Epoch>,
}

impl FileEpochs {
    /// Whether an artifact of this epoch must stay.
    pub fn hold(&self, epoch: u64) -> bool {
        [self.writing, self.published].into_iter().flatten().any(|held| held.number() == epoch)
    }

    fn read(row: &AnyRow) -> Result<FileEpochs, StoreError> {
        let status = row.named("status", ExecutionStatus::from_name)?;
        let published = match row.optional_number("artifact_removed")? {
            None => row.optional_epoch("artifact_epoch")?,
            Some(_) => None,
        };
        Ok(FileEpochs { writing: if status == ExecutionStatus::Running { Some(row.epoch("epoch")?) } else { None }, published })
    }
}
