//! Executions: claimed in one committed statement, leased, and fenced by their epoch.
//!
//! Execution is at least once, publication is exactly once: only the holder of the latest claim's epoch can finish an execution.

use chrono::{DateTime, Utc};
use insightgate_identity::program::Program;
use insightgate_query::format::Format;
use insightgate_report::execution::{Artifact, Epoch, Execution, ExecutionStatus, MAXIMUM_DEATHS, wait_after_deaths};
use insightgate_report::quotas::ARTIFACT_GIB;
use insightgate_report::scheduled_report::{ReportStatus, ScheduledReport};
use sqlx::any::AnyRow;
use uuid::Uuid;

use crate::callbacks::{CALLBACKS, NewCallback, insert_callback};
use crate::database::again::again;
use crate::database::dialect::{Dialect, placeholders};
use crate::database::locks::Hold;
use crate::database::row::{ObjectRow, Read, millis, read_locations, written_epoch, written_locations};
use crate::database::rows::{in_powers_of_two, rows_of_places};
use crate::mails::MAILS;
use crate::reports::artifact_blocks::{BlockSum, write_sums};
use crate::reports::report_row::{read_report, report_object};
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

/// From when until when a claim holds, in milliseconds.
#[derive(Debug, Clone, Copy)]
pub struct Lease {
    /// `None`: by the database's own time.
    now: Option<i64>,
    milliseconds: i64,
}

impl Lease {
    /// From the database's time on.
    pub fn of(milliseconds: i64) -> Lease {
        Lease { now: None, milliseconds }
    }

    /// By a time that is not the database's: a simulation's.
    pub fn between(now: i64, until: i64) -> Lease {
        Lease { now: Some(now), milliseconds: until.saturating_sub(now) }
    }
}

/// An execution that this process holds until its lease expires.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClaimedExecution {
    pub execution: Execution,
    pub report: ScheduledReport,
    /// What the operator gave the tenant for all of its artifacts, in GiB.
    pub artifact_gib: Option<u64>,
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
                statement += &format!(" AND {column} IN ({})", placeholders(bound, values));
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
        /// The checksums of the artifact's blocks, in order.
        sums: Vec<BlockSum>,
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
    /// Claims an execution whose lease has expired, after its [backoff](wait_after_deaths), or the one whose turn is next. Times are a simulation's, in
    /// milliseconds.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn claim_execution(&self, lease_now: i64, lease_until: i64) -> Result<Option<ClaimedExecution>, StoreError> {
        self.claim_execution_beside(Lease::between(lease_now, lease_until), &[], None).await
    }

    /// Like [`Store::claim_execution`], for tenants other than `busy`. `among`: of the pending ones, one of these.
    ///
    /// It is one statement, which is committed by itself and returns all that the attempt needs: in a rush, runners wait for little else.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn claim_execution_beside(
        &self,
        lease: Lease,
        busy: &[Uuid],
        among: Option<&[Uuid]>,
    ) -> Result<Option<ClaimedExecution>, StoreError> {
        let (skip_locked, wait) = (self.dialect.skip_locked(), wait_milliseconds());
        let now = format!("COALESCE($1, ({}))", self.dialect.now_milliseconds());
        let of_others = if busy.is_empty() { String::new() } else { format!("AND tenant_id NOT IN ({})", placeholders(3, busy.len())) };
        let of_others = format!("AND tenant_id NOT IN ({PAUSED_TENANTS}) {of_others}");
        let of_these = match among {
            None => String::new(),
            Some([]) => "AND 1 = 0".to_owned(),
            Some(among) => format!("AND id IN ({})", placeholders(3 + busy.len(), among.len())),
        };
        // Two subqueries, so that each one follows the index and stops at its first row.
        let claim = format!(
            "UPDATE executions SET status = 'Running', epoch = epoch + 1, attempts = attempts + 1, lease_until = {now} + $2,
                 begun = {now}, took = NULL, progress = 0
             WHERE id = COALESCE(
                 (SELECT id FROM executions WHERE status = 'Running' AND lease_until < {now} - {wait} {of_others}
                  ORDER BY turn, anchor, id LIMIT 1 {skip_locked}),
                 (SELECT id FROM executions WHERE status = 'Pending' AND not_before <= {now} {of_others} {of_these}
                  ORDER BY turn, anchor, id LIMIT 1 {skip_locked}))
             RETURNING *,
                 (SELECT {report} FROM scheduled_reports AS report WHERE report.id = executions.report_id) AS report,
                 (SELECT value FROM tenant_limits AS own WHERE own.tenant_id = executions.tenant_id AND own.name = $3) AS artifact_gib",
            report = report_object(self.dialect)
        );
        let mut connection = self.reports.acquire().await?;
        let query = sqlx::query(sqlx::AssertSqlSafe(claim)).bind(lease.now).bind(lease.milliseconds).bind(ARTIFACT_GIB);
        let query = busy.iter().chain(among.unwrap_or_default()).fold(query, |query, id| query.bind(id.to_string()));
        let Some(row) = query.fetch_optional(&mut connection).await? else { return Ok(None) };
        Ok(Some(ClaimedExecution {
            execution: read_execution(&row)?,
            report: read_report(&ObjectRow::of(&row, "report")?)?,
            artifact_gib: row.optional_count("artifact_gib")?,
        }))
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

    /// Ends the lease of every running execution, and of every claimed callback and mail, since their holder died. This is for the start of the only process
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
        CALLBACKS.release(&mut connection).await?;
        MAILS.release(&mut connection).await
    }

    /// Finishes an attempt, and in the same transaction updates its report, adds the callback and writes the checksums of the artifact, so that none is
    /// published without them. Returns false if the execution is no longer held.
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
        let query = match outcome {
            Outcome::Completed { artifact, note, .. } => {
                sqlx::query(sqlx::AssertSqlSafe(format!(
                    "UPDATE executions SET status = 'Completed', failure = NULL, progress = 100, {took}, artifact_epoch = $2, row_count = $3, byte_count = $4,
                         sha256 = $5, generated = $6, data_as_of = $7, data_version = $13, finished = $6, note = $8,
                         locations = $10, artifact_format = $11, clear_locations = $12, artifact_removed = NULL, damage_noted = NULL
                     WHERE id = $1 AND epoch = $9 AND status = 'Running' RETURNING {NEXT_SLOT}"
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
                .bind(written_locations(&artifact.unredacted))
                .bind(artifact.data_version.map(|version| i64::try_from(version).unwrap_or(i64::MAX)))
            }
            Outcome::Retry { reason, not_before } | Outcome::Postponed { reason, not_before } => {
                let query = sqlx::query(sqlx::AssertSqlSafe(format!(
                    "UPDATE executions SET failure = $2, not_before = $3, failures = failures + 1, refusals = refusals + $5, progress = NULL, {took},
                         status = CASE WHEN EXISTS (SELECT 1 FROM scheduled_reports AS report
                                                    WHERE report.id = executions.report_id AND report.status = 'Paused')
                                       THEN 'Paused' ELSE 'Pending' END
                     WHERE id = $1 AND epoch = $4 AND status = 'Running' RETURNING {NEXT_SLOT}"
                )));
                let refused = i64::from(matches!(outcome, Outcome::Postponed { .. }));
                query.bind(id).bind(reason.clone()).bind(*not_before).bind(written_epoch(epoch)).bind(refused)
            }
            Outcome::Failed { reason } | Outcome::Refused { reason } => {
                let query = sqlx::query(sqlx::AssertSqlSafe(format!(
                    "UPDATE executions SET status = 'Failed', failure = $2, finished = $3, failures = failures + 1, progress = NULL, {took}
                     WHERE id = $1 AND epoch = $4 AND status = 'Running' RETURNING {NEXT_SLOT}"
                )));
                query.bind(id).bind(reason.clone()).bind(millis(now)).bind(written_epoch(epoch))
            }
        };
        let Some(row) = query.fetch_optional(&mut *transaction).await? else {
            return has_ended(&mut transaction, claimed, outcome).await;
        };
        if let Outcome::Completed { artifact, sums, .. } = outcome {
            write_sums(&mut transaction, claimed.execution.id, artifact.epoch, sums).await?;
        }
        if !matches!(outcome, Outcome::Retry { .. } | Outcome::Postponed { .. }) {
            let report = claimed.report.id.to_string();
            if row.optional_number("next_slot")?.is_none() {
                end_exhausted_report(&mut transaction, &report).await?;
            } else if matches!(outcome, Outcome::Refused { .. }) {
                let query = sqlx::query("UPDATE scheduled_reports SET status = $1 WHERE id = $2 AND status = $3");
                let query = query.bind(ReportStatus::Paused.name()).bind(report).bind(ReportStatus::Active.name());
                execute(&mut transaction, query).await?;
            }
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

/// What a report still has before it, read under the report's lock: one whose schedule goes on does not end with an execution.
const NEXT_SLOT: &str = "(SELECT next_slot FROM scheduled_reports AS report WHERE report.id = executions.report_id) AS next_slot";

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

/// Queues an execution of a tenant. A slot that is already queued is left unchanged.
pub(crate) async fn insert_execution(connection: &mut Connection, tenant: Uuid, execution: &NewExecution) -> Result<(), StoreError> {
    insert_executions(connection, &[(tenant, execution.clone())]).await
}

/// Queues many executions of many tenants, in order of their anchors. A slot that is already queued is left unchanged, and its turn is left out.
pub(crate) async fn insert_executions(connection: &mut Connection, executions: &[(Uuid, NewExecution)]) -> Result<(), StoreError> {
    for some in in_powers_of_two(executions) {
        let statement = format!(
            "WITH new (id, report_id, slot, anchor, queued, tenant_id) AS (VALUES {}),
                  next AS (SELECT MIN(turn) AS turn FROM executions WHERE status = 'Pending' AND not_before = 0)
             INSERT INTO executions (id, report_id, slot, anchor, queued, status, epoch, attempts, lease_until, not_before, tenant_id, turn)
             SELECT new.id, new.report_id, new.slot, new.anchor, new.queued, 'Pending', 0, 0, 0, 0, new.tenant_id,
                 {TURN_STEP} * (ROW_NUMBER() OVER (PARTITION BY new.tenant_id ORDER BY new.anchor, new.id) - 1)
                 + COALESCE((SELECT MAX(own.turn) FROM executions AS own WHERE own.tenant_id = new.tenant_id AND own.status = 'Pending') + {TURN_STEP},
                            CASE WHEN next.turn < new.queued THEN next.turn ELSE new.queued END)
             FROM new, next WHERE TRUE ON CONFLICT (report_id, slot) DO NOTHING",
            rows_of_places(some.len(), 6)
        );
        let query = some.iter().fold(sqlx::query(sqlx::AssertSqlSafe(statement)), |query, (tenant, execution)| {
            query
                .bind(execution.id.to_string())
                .bind(execution.report.to_string())
                .bind(execution.slot.clone())
                .bind(millis(execution.anchor))
                .bind(millis(execution.queued))
                .bind(tenant.to_string())
        });
        execute(connection, query).await?;
    }
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
            data_version: row.optional_count("data_version")?,
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
