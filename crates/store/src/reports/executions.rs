//! Executions: claimed in one committed statement, leased, and fenced by their epoch.
//!
//! Execution is at least once, publication is exactly once: only the holder of the latest claim's epoch can finish an execution.

use chrono::{DateTime, Utc};
use insightgate_identity::program::Program;
use insightgate_query::format::Format;
use insightgate_report::execution::{Artifact, Epoch, Execution, ExecutionStatus, MAXIMUM_DEATHS, wait_after_deaths};
use insightgate_report::scheduled_report::{ReportStatus, ScheduledReport};
use sqlx::any::AnyRow;
use uuid::Uuid;

use crate::callbacks::{NewCallback, insert_callback, release_callbacks};
use crate::database::again::again;
use crate::database::dialect::Dialect;
use crate::database::locks::Hold;
use crate::database::row::{Read, millis, read_locations, written_epoch, written_locations};
use crate::reports::report_row::read_report;
use crate::{Connection, Store, StoreError, execute};

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewExecution {
    pub id: Uuid,
    pub report: Uuid,
    /// The slot, which is unique within the report.
    pub slot: String,
    pub anchor: DateTime<Utc>,
    pub queued: DateTime<Utc>,
}

/// An execution that this process holds until its lease expires.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClaimedExecution {
    pub execution: Execution,
    pub report: ScheduledReport,
}

/// An execution with the report to which it belongs, as lists show it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExecutionRecord {
    pub execution: Execution,
    pub report: ScheduledReport,
}

/// An empty list matches everything.
#[derive(Debug, Clone, Default)]
pub struct ExecutionFilter {
    pub ids: Vec<Uuid>,
    pub statuses: Vec<ExecutionStatus>,
    pub queued_since: Option<DateTime<Utc>>,
    pub latest_only: bool,
}

impl ExecutionFilter {
    /// The statement for one report, whose id is the first parameter; then come the ids, the statuses and the instant, if there are any.
    fn statement(&self) -> String {
        let mut statement = "SELECT * FROM executions WHERE report_id = $1".to_owned();
        let mut bound = 1;
        for (column, values) in [("id", self.ids.len()), ("status", self.statuses.len())] {
            if values > 0 {
                let places: Vec<String> = (bound + 1..=bound + values).map(|place| format!("${place}")).collect();
                statement += &format!(" AND {column} IN ({})", places.join(", "));
                bound += values;
            }
        }
        if self.queued_since.is_some() {
            statement += &format!(" AND queued >= ${}", bound + 1);
        }
        statement += " ORDER BY anchor DESC, queued DESC, id DESC";
        if self.latest_only {
            statement += " LIMIT 1";
        }
        statement
    }
}

/// How an attempt ended. All outcomes except `Retry` and `Postponed` end the execution.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    Completed {
        artifact: Artifact,
        note: Option<String>,
    },
    /// Queues the execution again, not before this lease time; if the report was paused in the meantime, the execution is paused too.
    Retry {
        reason: String,
        not_before: i64,
    },
    /// Like `Retry`, for an object store that refused the credentials, which is counted separately.
    Postponed {
        reason: String,
        not_before: i64,
    },
    Failed {
        reason: String,
    },
    /// The owner may no longer read the data, so that the report is paused too.
    Refused {
        reason: String,
    },
}

impl Store {
    /// Claims an execution whose lease has expired, after its [backoff](wait_after_deaths), or the one whose turn is next. Times are the database's
    /// (or a simulation's), in milliseconds.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn claim_execution(&self, lease_now: i64, lease_until: i64) -> Result<Option<ClaimedExecution>, StoreError> {
        self.claim_execution_beside(lease_now, lease_until, &[], None).await
    }

    /// Like [`Store::claim_execution`], for tenants other than `busy`. `among`: of the pending ones, one of these.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn claim_execution_beside(
        &self,
        lease_now: i64,
        lease_until: i64,
        busy: &[Uuid],
        among: Option<&[Uuid]>,
    ) -> Result<Option<ClaimedExecution>, StoreError> {
        let (skip_locked, wait) = (self.dialect.skip_locked(), wait_milliseconds());
        let places = |first: usize, count: usize| (first..first + count).map(|place| format!("${place}")).collect::<Vec<_>>().join(", ");
        let of_others = if busy.is_empty() { String::new() } else { format!("AND tenant_id NOT IN ({})", places(3, busy.len())) };
        let of_others = format!("AND tenant_id NOT IN ({PAUSED_TENANTS}) {of_others}");
        let of_these = match among {
            None => String::new(),
            Some([]) => "AND 1 = 0".to_owned(),
            Some(among) => format!("AND id IN ({})", places(3 + busy.len(), among.len())),
        };
        // Two subqueries, so that each one follows the index and stops at its first row.
        let claim = format!(
            "UPDATE executions SET status = 'Running', epoch = epoch + 1, attempts = attempts + 1, lease_until = $1,
                 begun = $2, took = NULL, progress = 0
             WHERE id = COALESCE(
                 (SELECT id FROM executions WHERE status = 'Running' AND lease_until < $2 - {wait} {of_others}
                  ORDER BY turn, anchor, id LIMIT 1 {skip_locked}),
                 (SELECT id FROM executions WHERE status = 'Pending' AND not_before <= $2 {of_others} {of_these}
                  ORDER BY turn, anchor, id LIMIT 1 {skip_locked}))
             RETURNING *"
        );
        let mut transaction = self.begin_beside().await?;
        let query = sqlx::query(sqlx::AssertSqlSafe(claim)).bind(lease_until).bind(lease_now);
        let query = busy.iter().chain(among.unwrap_or_default()).fold(query, |query, id| query.bind(id.to_string()));
        let Some(row) = query.fetch_optional(&mut *transaction).await? else { return Ok(None) };
        let execution = read_execution(&row)?;
        let query = sqlx::query("SELECT * FROM scheduled_reports WHERE id = $1").bind(execution.report.to_string());
        let report = read_report(&query.fetch_one(&mut *transaction).await?)?;
        transaction.commit().await?;
        Ok(Some(ClaimedExecution { execution, report }))
    }

    /// Releases an execution that this process will not finish: another one can claim it at once, and the attempt is not counted.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn release_execution(&self, id: Uuid, epoch: Epoch) -> Result<bool, StoreError> {
        let mut transaction = self.begin(Hold::ReportOfExecution(id)).await?;
        let query = sqlx::query(
            "UPDATE executions SET attempts = attempts - 1, lease_until = 0, begun = NULL, progress = NULL,
                 status = CASE WHEN EXISTS (SELECT 1 FROM scheduled_reports AS report
                                            WHERE report.id = executions.report_id AND report.status = 'Paused')
                               THEN 'Paused' ELSE 'Pending' END
             WHERE id = $1 AND epoch = $2 AND status = 'Running'",
        );
        let released = execute(&mut transaction, query.bind(id.to_string()).bind(written_epoch(epoch))).await?;
        transaction.commit().await?;
        Ok(released == 1)
    }

    /// Extends the lease, and writes how far the attempt is: the percentage of row groups. Returns false if the execution is no longer held; its work must
    /// be dropped then.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn extend_lease(&self, id: Uuid, epoch: Epoch, lease_until: i64, progress: u32) -> Result<bool, StoreError> {
        let mut connection = self.reports.acquire().await?;
        let query =
            sqlx::query("UPDATE executions SET lease_until = $1, progress = $4 WHERE id = $2 AND epoch = $3 AND status = 'Running'");
        let query = query.bind(lease_until).bind(id.to_string()).bind(written_epoch(epoch)).bind(i64::from(progress));
        Ok(execute(&mut connection, query).await? == 1)
    }

    /// Ends the lease of every running execution and of every claimed callback, since their holder died. This is for the start of the only process
    /// that uses this database. An execution can be claimed at once, or after the backoff for the deaths of its earlier attempts; a backoff that has
    /// begun continues.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn release_leases(&self) -> Result<(), StoreError> {
        let ended = self.lease_time().await? - 1;
        let statement = "UPDATE executions SET lease_until = $1 WHERE status = 'Running' AND lease_until > $1";
        sqlx::query(statement).bind(ended).execute(&self.reports).await?;
        let mut connection = self.reports.acquire().await?;
        release_callbacks(&mut connection).await
    }

    /// Finishes an attempt, and in the same transaction updates its report and adds the callback. Returns false if the execution is no longer held.
    ///
    /// Finishing an execution is idempotent: after a lost answer it may be called again, and returns true if this claim has already written that end.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn finish_execution(
        &self,
        claimed: &ClaimedExecution,
        outcome: &Outcome,
        callback: Option<&NewCallback>,
        now: DateTime<Utc>,
    ) -> Result<bool, StoreError> {
        again(|| self.try_to_finish(claimed, outcome, callback, now)).await
    }

    async fn try_to_finish(
        &self,
        claimed: &ClaimedExecution,
        outcome: &Outcome,
        callback: Option<&NewCallback>,
        now: DateTime<Utc>,
    ) -> Result<bool, StoreError> {
        let (id, epoch) = (claimed.execution.id.to_string(), claimed.execution.epoch);
        let took = took(self.dialect);
        let mut transaction = self.begin(Hold::Report(claimed.report.id)).await?;
        let changed = match outcome {
            Outcome::Completed { artifact, note } => {
                let query = sqlx::query(sqlx::AssertSqlSafe(format!(
                    "UPDATE executions SET status = 'Completed', failure = NULL, progress = 100, {took}, artifact_epoch = $2, row_count = $3, byte_count = $4,
                         sha256 = $5, generated = $6, data_as_of = $7, finished = $6, note = $8,
                         locations = $10, artifact_format = $11, clear_locations = $12, artifact_removed = NULL, damage_noted = NULL
                     WHERE id = $1 AND epoch = $9 AND status = 'Running'"
                )))
                .bind(id)
                .bind(written_epoch(artifact.epoch))
                .bind(i64::try_from(artifact.rows).unwrap_or(i64::MAX))
                .bind(i64::try_from(artifact.bytes).unwrap_or(i64::MAX))
                .bind(artifact.sha256.clone())
                .bind(millis(artifact.generated))
                .bind(artifact.data_as_of.map(millis))
                .bind(note.clone())
                .bind(written_epoch(epoch))
                .bind(written_locations(&artifact.locations))
                .bind(artifact.format.name())
                .bind(written_locations(&artifact.unredacted));
                execute(&mut transaction, query).await?
            }
            Outcome::Retry { reason, not_before } | Outcome::Postponed { reason, not_before } => {
                let query = sqlx::query(sqlx::AssertSqlSafe(format!(
                    "UPDATE executions SET failure = $2, not_before = $3, failures = failures + 1, refusals = refusals + $5, progress = NULL, {took},
                         status = CASE WHEN EXISTS (SELECT 1 FROM scheduled_reports AS report
                                                    WHERE report.id = executions.report_id AND report.status = 'Paused')
                                       THEN 'Paused' ELSE 'Pending' END
                     WHERE id = $1 AND epoch = $4 AND status = 'Running'"
                )));
                let refused = i64::from(matches!(outcome, Outcome::Postponed { .. }));
                execute(&mut transaction, query.bind(id).bind(reason.clone()).bind(*not_before).bind(written_epoch(epoch)).bind(refused))
                    .await?
            }
            Outcome::Failed { reason } | Outcome::Refused { reason } => {
                let query = sqlx::query(sqlx::AssertSqlSafe(format!(
                    "UPDATE executions SET status = 'Failed', failure = $2, finished = $3, failures = failures + 1, progress = NULL, {took}
                     WHERE id = $1 AND epoch = $4 AND status = 'Running'"
                )));
                execute(&mut transaction, query.bind(id).bind(reason.clone()).bind(millis(now)).bind(written_epoch(epoch))).await?
            }
        };
        if changed == 0 {
            return has_ended(&mut transaction, claimed, outcome).await;
        }
        if !matches!(outcome, Outcome::Retry { .. } | Outcome::Postponed { .. }) {
            let report = claimed.report.id.to_string();
            if matches!(outcome, Outcome::Refused { .. }) {
                let query = sqlx::query("UPDATE scheduled_reports SET status = $1 WHERE id = $2 AND status = $3 AND next_slot IS NOT NULL");
                let query = query.bind(ReportStatus::Paused.name()).bind(report.clone()).bind(ReportStatus::Active.name());
                execute(&mut transaction, query).await?;
            }
            end_exhausted_report(&mut transaction, &report).await?;
            if let Some(callback) = callback {
                insert_callback(&mut transaction, callback).await?;
            }
        }
        self.record_change(&mut transaction).await?;
        transaction.commit().await?;
        Ok(true)
    }

    /// Returns the executions of these reports of one owner, report by report, the newest first.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn executions(
        &self,
        owner: Uuid,
        program: Program,
        reports: &[Uuid],
        filter: &ExecutionFilter,
    ) -> Result<Vec<ExecutionRecord>, StoreError> {
        let statement = filter.statement();
        let mut records = Vec::new();
        for id in reports {
            let Some(report) = self.report(owner, program, *id).await? else { continue };
            let mut query = sqlx::query(sqlx::AssertSqlSafe(statement.clone())).bind(id.to_string());
            for id in &filter.ids {
                query = query.bind(id.to_string());
            }
            for status in &filter.statuses {
                query = query.bind(status.name());
            }
            if let Some(since) = filter.queued_since {
                query = query.bind(millis(since));
            }
            for row in &query.fetch_all(&self.reports).await? {
                records.push(ExecutionRecord { execution: read_execution(row)?, report: report.clone() });
            }
        }
        Ok(records)
    }

    /// Returns an execution of any owner, for a link, which acts for the owner.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn execution(&self, id: Uuid) -> Result<Option<ExecutionRecord>, StoreError> {
        let query = sqlx::query("SELECT * FROM executions WHERE id = $1").bind(id.to_string());
        let Some(row) = query.fetch_optional(&self.reports).await? else { return Ok(None) };
        let execution = read_execution(&row)?;
        let query = sqlx::query("SELECT * FROM scheduled_reports WHERE id = $1").bind(execution.report.to_string());
        let Some(row) = query.fetch_optional(&self.reports).await? else { return Ok(None) };
        Ok(Some(ExecutionRecord { execution, report: read_report(&row)? }))
    }
}

/// Tenants whose executions nobody claims.
pub(crate) const PAUSED_TENANTS: &str = "SELECT id FROM tenants WHERE runs_paused IS NOT NULL";

/// Sets how many milliseconds the attempt that ends here has taken, by the database's time.
pub(crate) fn took(dialect: Dialect) -> String {
    format!("took = CASE WHEN status = 'Running' THEN ({}) - begun ELSE took END", dialect.now_milliseconds())
}

/// How long a running execution waits, after its holder is considered dead, until it may be claimed.
fn wait_milliseconds() -> String {
    let waits = (0..MAXIMUM_DEATHS).map(|deaths| format!("WHEN {deaths} THEN {}", wait_after_deaths(deaths) * 1000));
    let longest = wait_after_deaths(MAXIMUM_DEATHS) * 1000;
    format!("CASE attempts - failures {} ELSE {longest} END", waits.collect::<Vec<_>>().join(" "))
}

/// Whether this very claim has ended the execution with this outcome.
async fn has_ended(connection: &mut Connection, claimed: &ClaimedExecution, outcome: &Outcome) -> Result<bool, StoreError> {
    let status = match outcome {
        Outcome::Completed { .. } => ExecutionStatus::Completed,
        Outcome::Failed { .. } | Outcome::Refused { .. } => ExecutionStatus::Failed,
        // The execution may have been claimed again since, which is as good.
        Outcome::Retry { .. } | Outcome::Postponed { .. } => return Ok(false),
    };
    let query = sqlx::query("SELECT id FROM executions WHERE id = $1 AND epoch = $2 AND status = $3");
    let query = query.bind(claimed.execution.id.to_string()).bind(written_epoch(claimed.execution.epoch)).bind(status.name());
    Ok(query.fetch_optional(connection).await?.is_some())
}

/// The milliseconds of virtual time from one waiting execution of a tenant to its next one, between which other tenants' executions come. The first
/// execution of a tenant that has none waiting gets the turn that is next now, however far behind the runners are.
const TURN_STEP: i64 = 1000;

/// A slot that is already queued is left unchanged.
pub(crate) async fn insert_execution(connection: &mut Connection, tenant: Uuid, execution: &NewExecution) -> Result<(), StoreError> {
    let query = sqlx::query(
        "INSERT INTO executions (id, report_id, slot, anchor, queued, status, epoch, attempts, lease_until, not_before, tenant_id, turn)
         SELECT $1, $2, $3, $4, $5, 'Pending', 0, 0, 0, 0, $6,
             CASE WHEN own.turn IS NOT NULL THEN own.turn + $7 WHEN next.turn < $5 THEN next.turn ELSE $5 END
         FROM (SELECT MAX(turn) AS turn FROM executions WHERE tenant_id = $6 AND status = 'Pending') AS own,
              (SELECT MIN(turn) AS turn FROM executions WHERE status = 'Pending' AND not_before = 0) AS next
         WHERE TRUE ON CONFLICT (report_id, slot) DO NOTHING",
    )
    .bind(execution.id.to_string())
    .bind(execution.report.to_string())
    .bind(execution.slot.clone())
    .bind(millis(execution.anchor))
    .bind(millis(execution.queued))
    .bind(tenant.to_string())
    .bind(TURN_STEP);
    execute(connection, query).await?;
    Ok(())
}

/// Ends the report, and returns true, if no slot is left and no execution is open.
pub(crate) async fn end_exhausted_report(connection: &mut Connection, report: &str) -> Result<bool, StoreError> {
    let query = sqlx::query(
        "UPDATE scheduled_reports SET status = $1 WHERE id = $2 AND next_slot IS NULL
             AND NOT EXISTS (SELECT 1 FROM executions WHERE report_id = $2 AND status IN ('Pending', 'Running', 'Paused'))",
    );
    Ok(execute(connection, query.bind(ReportStatus::Inactive.name()).bind(report.to_owned())).await? == 1)
}

pub(crate) fn read_execution(row: &AnyRow) -> Result<Execution, StoreError> {
    let artifact = match row.optional_epoch("artifact_epoch")? {
        None => None,
        Some(epoch) => Some(Artifact {
            epoch,
            format: row.named("artifact_format", Format::from_name)?,
            rows: row.count("row_count")?,
            bytes: row.count("byte_count")?,
            sha256: row.text("sha256")?,
            generated: row.instant("generated")?,
            data_as_of: row.optional_instant("data_as_of")?,
            locations: read_locations(row.optional_text("locations")?)?,
            unredacted: read_locations(row.optional_text("clear_locations")?)?,
        }),
    };
    Ok(Execution {
        id: row.id("id")?,
        report: row.id("report_id")?,
        anchor: row.instant("anchor")?,
        queued: row.instant("queued")?,
        status: row.named("status", ExecutionStatus::from_name)?,
        epoch: row.epoch("epoch")?,
        attempts: row.count("attempts")?,
        failures: row.count("failures")?,
        refusals: row.count("refusals")?,
        failure: row.optional_text("failure")?,
        progress: row.optional_count("progress")?,
        artifact,
        artifact_removed: row.optional_instant("artifact_removed")?,
        note: row.optional_text("note")?,
    })
}
