//! Checksums of the blocks of finished artifacts, and when an artifact was found to be damaged.
//!
//! They are written in the transaction that ends the execution, so that no artifact is published without them. They are removed with the artifact, or
//! with the execution.

use chrono::{DateTime, Utc};
use insightgate_report::execution::Epoch;
use sqlx::AssertSqlSafe;
use uuid::Uuid;

use crate::audit;
use crate::database::lanes::connection::Connection;
use crate::database::row::{Read, millis, written_epoch};
use crate::database::rows::insert_rows;
use crate::{AuditEvent, Store, StoreError, execute};

/// The blocks in each row, so that a reader of a small range reads one row.
pub const BLOCKS_PER_ROW: u64 = 128;

/// The epoch of an execution's first claim.
const FIRST: Epoch = Epoch::new(1);

/// SHA-256 of a block.
pub(crate) type BlockSum = [u8; 32];

impl Store {
    /// Writes the checksums of a published artifact anew, whose own checksum shows that it is what was written. Returns false if the execution has
    /// another artifact, or none.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn renew_block_sums(&self, execution: Uuid, epoch: Epoch, sums: &[BlockSum]) -> Result<bool, StoreError> {
        let mut transaction = self.begin_beside().await?;
        let published = format!(
            "SELECT id FROM executions WHERE id = $1 AND artifact_epoch = $2 AND artifact_removed IS NULL {}",
            self.dialect.for_update()
        );
        let published = sqlx::query(AssertSqlSafe(published)).bind(execution.to_string()).bind(written_epoch(epoch));
        if published.fetch_optional(&mut *transaction).await?.is_none() {
            return Ok(false);
        }
        remove_sums(&mut transaction, execution).await?;
        insert_sums(&mut transaction, execution, epoch, sums).await?;
        transaction.commit().await?;
        Ok(true)
    }

    /// Returns the checksums in the row of this block: those of [`BLOCKS_PER_ROW`] blocks, or of as many as are left, beginning at a multiple of that
    /// number. Returns `None` for an artifact from before there were checksums.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn block_sums(&self, execution: Uuid, epoch: Epoch, block: u64) -> Result<Option<Vec<BlockSum>>, StoreError> {
        let first = i64::try_from(block - block % BLOCKS_PER_ROW).unwrap_or(i64::MAX);
        let query = sqlx::query("SELECT sums FROM artifact_blocks WHERE execution_id = $1 AND epoch = $2 AND first_block = $3");
        let row = query.bind(execution.to_string()).bind(written_epoch(epoch)).bind(first).fetch_optional(&self.pool).await?;
        let Some(row) = row else { return Ok(None) };
        let text = row.text("sums")?;
        read_sums(&text).map(Some).ok_or(StoreError::Corrupt { column: "sums", value: text.chars().take(70).collect() })
    }

    /// Records that an artifact is damaged, with an audit event, unless that was done since `unless_since`. Returns whether it was recorded now. The
    /// audit trail therefore does not grow with the number of requests.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn note_damage(
        &self,
        execution: Uuid,
        now: DateTime<Utc>,
        unless_since: DateTime<Utc>,
        event: &AuditEvent,
    ) -> Result<bool, StoreError> {
        let mut transaction = self.begin_beside().await?;
        let query = sqlx::query("UPDATE executions SET damage_noted = $2 WHERE id = $1 AND (damage_noted IS NULL OR damage_noted < $3)");
        let query = query.bind(execution.to_string()).bind(millis(now)).bind(millis(unless_since));
        if execute(&mut transaction, query).await? == 0 {
            return Ok(false);
        }
        audit::insert(&mut transaction, &[event], false).await?;
        transaction.commit().await?;
        Ok(true)
    }
}

/// Writes the checksums of the artifact that a claim has made. Runs in the transaction that ends the execution, once it is certain that the claim holds it.
pub(crate) async fn write_sums(connection: &mut Connection, execution: Uuid, epoch: Epoch, sums: &[BlockSum]) -> Result<(), StoreError> {
    // An execution that was published before, and lost its artifact, is claimed anew. The first claim follows none.
    if epoch > FIRST {
        remove_sums(connection, execution).await?;
    }
    insert_sums(connection, execution, epoch, sums).await
}

async fn remove_sums(connection: &mut Connection, execution: Uuid) -> Result<(), StoreError> {
    let query = sqlx::query("DELETE FROM artifact_blocks WHERE execution_id = $1");
    execute(connection, query.bind(execution.to_string())).await.map(drop)
}

async fn insert_sums(connection: &mut Connection, execution: Uuid, epoch: Epoch, sums: &[BlockSum]) -> Result<(), StoreError> {
    let per_row = usize::try_from(BLOCKS_PER_ROW).unwrap_or(usize::MAX);
    let rows: Vec<(i64, String)> = (0..).step_by(per_row).zip(sums.chunks(per_row).map(|sums| hex::encode(sums.concat()))).collect();
    insert_rows(connection, ("artifact_blocks (execution_id, epoch, first_block, sums)", ""), 4, &rows, |query, (first, sums)| {
        query.bind(execution.to_string()).bind(written_epoch(epoch)).bind(*first).bind(sums.clone())
    })
    .await
}

fn read_sums(text: &str) -> Option<Vec<BlockSum>> {
    let bytes = hex::decode(text).ok()?;
    bytes.chunks(size_of::<BlockSum>()).map(|sum| BlockSum::try_from(sum).ok()).collect()
}
