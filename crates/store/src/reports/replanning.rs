//! Corrects times that were written while the clock was ahead, and that would otherwise be waited for.

use chrono::{DateTime, TimeDelta, Utc};
use insightgate_report::scheduled_report::{ReportStatus, Timing};
use sqlx::AssertSqlSafe;
use uuid::Uuid;

use crate::database::row::millis;
use crate::reports::executions::end_exhausted_report;
use crate::reports::report_row::read_report;
use crate::{Store, StoreError, execute};

/// Farther ahead than any of these times can be.
const TOO_FAR: TimeDelta = TimeDelta::days(4);

impl Store {
    /// Plans schedules again whose next slot is more than an interval ahead. Returns their reports.
    ///
    /// Pending executions, retries of callbacks and lockouts that are days ahead are corrected as well.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn replan(&self, now: DateTime<Utc>) -> Result<Vec<Uuid>, StoreError> {
        // Rows that another transaction is changing are left for the next time.
        let (mut transaction, skip_locked) = (self.begin_beside().await?, self.dialect.skip_locked());
        let far = format!(
            "SELECT * FROM scheduled_reports WHERE status = $1 AND next_slot > start_time AND next_slot - interval_hours * 3600000 > $2
             {skip_locked}"
        );
        let query = sqlx::query(AssertSqlSafe(far)).bind(ReportStatus::Active.name()).bind(millis(now));
        let mut replanned = Vec::new();
        for row in &query.fetch_all(&mut *transaction).await? {
            let report = read_report(row)?;
            let Timing::Recurring(schedule) = &report.timing else { continue };
            let Some(schedule) = schedule.replanned(now) else { continue };
            let query = sqlx::query("UPDATE scheduled_reports SET next_slot = $2, revision = $3 WHERE id = $1");
            let query = query.bind(report.id.to_string()).bind(schedule.next.map(millis)).bind(i64::from(schedule.revision));
            execute(&mut transaction, query).await?;
            end_exhausted_report(&mut transaction, &report.id.to_string()).await?;
            replanned.push(report.id);
        }
        let too_far = now.checked_add_signed(TOO_FAR).unwrap_or(now);
        for (table, key, change, condition) in [
            ("executions", "id", "turn = $1", "status = 'Pending' AND turn > $2"),
            ("callbacks", "id", "due = $1", "state = 'pending' AND due > $2"),
            ("sign_in_counts", "(subject, network)", "locked_until = NULL", "locked_until > $1 AND locked_until > $2"),
        ] {
            let columns = key.trim_matches(['(', ')']);
            let chosen = format!("SELECT {columns} FROM {table} WHERE {condition} {skip_locked}");
            let query = sqlx::query(AssertSqlSafe(format!("UPDATE {table} SET {change} WHERE {key} IN ({chosen})")));
            execute(&mut transaction, query.bind(millis(now)).bind(millis(too_far))).await?;
        }
        transaction.commit().await?;
        Ok(replanned)
    }
}
