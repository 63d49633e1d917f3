//! Ids of executions that wait for their slots. An id is kept once it is shown, and the execution begins under it.

use insightgate_identity::program::Program;
use insightgate_report::scheduled_report::ScheduledReport;
use uuid::Uuid;

use crate::database::locks::Hold;
use crate::reports::report_row::read_report;
use crate::{Store, StoreError, execute};

impl Store {
    /// Returns the report, whose next execution has an id from now on: the existing one, or else `fresh`. Returns `None` if there is no such report,
    /// or if no slot is left.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn announce_next_execution(&self, report: Uuid, fresh: Uuid) -> Result<Option<ScheduledReport>, StoreError> {
        // Queueing the slot changes this row too: no id is given to an execution that is just beginning, and an id that was given is never missed.
        let mut transaction = self.begin(Hold::Report(report)).await?;
        let query =
            sqlx::query("UPDATE scheduled_reports SET next_run_id = $2 WHERE id = $1 AND next_run_id IS NULL AND next_slot IS NOT NULL");
        execute(&mut transaction, query.bind(report.to_string()).bind(fresh.to_string())).await?;
        let query = sqlx::query("SELECT * FROM scheduled_reports WHERE id = $1 AND next_slot IS NOT NULL").bind(report.to_string());
        let report = query.fetch_optional(&mut *transaction).await?.as_ref().map(read_report).transpose()?;
        transaction.commit().await?;
        Ok(report)
    }

    /// Returns the report of one owner whose next execution was shown under this id.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn report_of_next_execution(
        &self,
        owner: Uuid,
        program: Program,
        execution: Uuid,
    ) -> Result<Option<ScheduledReport>, StoreError> {
        let query = sqlx::query("SELECT * FROM scheduled_reports WHERE owner_id = $1 AND program = $2 AND next_run_id = $3");
        let query = query.bind(owner.to_string()).bind(program.name()).bind(execution.to_string());
        query.fetch_optional(&self.reports).await?.as_ref().map(read_report).transpose()
    }
}
