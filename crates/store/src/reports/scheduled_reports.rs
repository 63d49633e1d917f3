//! Reports. Those of another owner are not found. The creation of a report, its first execution and the quotas share a transaction.

use chrono::{DateTime, TimeDelta, Utc};
use insightgate_identity::program::Program;
use insightgate_report::execution::ExecutionStatus;
use insightgate_report::schedule::{CatchUp, Schedule};
use insightgate_report::scheduled_report::{ReportFault, ReportStatus, ScheduledReport, Timing};
use sqlx::Row;
use uuid::Uuid;

use crate::callbacks::cancel_callbacks;
use crate::database::again::again;
use crate::database::locks::Hold;
use crate::database::row::{Read, millis};
use crate::database::rows::{in_powers_of_two, rows_of_places};
use crate::reports::executions::{NewExecution, end_exhausted_report, insert_execution, insert_executions};
use crate::reports::idempotency::{Creation, CreationKey, keep_key};
use crate::reports::queries::QUERY_COUNT;
use crate::reports::report_row::{COLUMNS, read_report};
use crate::room;
use crate::{Connection, Store, StoreError, execute};

/// How many reports an owner may create, in a deployment that has quotas.
#[derive(Debug, Clone, Copy)]
pub struct ReportQuotas {
    pub active: u64,
    pub execute_now: u64,
    /// Only ExecuteNow reports that were created after this time count.
    pub execute_now_since: DateTime<Utc>,
}

/// How much of its quotas an owner has used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QuotaUse {
    pub queries: u64,
    pub active: u64,
    pub execute_now: u64,
    /// How long the owner has to wait until there is room for an ExecuteNow report; `None` if there is room now.
    pub execute_now_room: Option<TimeDelta>,
}

/// Each field narrows the reports; `None` matches all of them.
#[derive(Debug, Clone, Default)]
pub struct ReportFilter {
    /// An empty list matches all reports.
    pub ids: Vec<Uuid>,
    /// Compared case-insensitively.
    pub name: Option<String>,
    pub query_id: Option<String>,
}

/// Ordered like the index, so that the query stops at the limit. With one more key, each tick would read and sort all reports that are due at the same time.
pub(crate) const DUE: &str =
    "SELECT * FROM scheduled_reports WHERE status = $1 AND next_slot IS NOT NULL AND next_slot <= $2 ORDER BY next_slot LIMIT $3";

impl Store {
    /// Writes the report, and its first execution if it runs at once. Returns the quota that is used up as the fault.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn add_report(
        &self,
        report: &ScheduledReport,
        first: Option<&NewExecution>,
        quotas: Option<ReportQuotas>,
    ) -> Result<Result<(), ReportFault>, StoreError> {
        Ok(self.add_report_once(report, first, quotas, None).await?.map(drop))
    }

    /// Like [`Store::add_report`], but a key that made a report before makes none.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn add_report_once(
        &self,
        report: &ScheduledReport,
        first: Option<&NewExecution>,
        quotas: Option<ReportQuotas>,
        key: Option<&CreationKey>,
    ) -> Result<Result<Creation, ReportFault>, StoreError> {
        let mut transaction = self.begin(Hold::Owner(report.owner)).await?;
        if let Some(instead) = keep_key(&mut transaction, key, report.id).await? {
            return Ok(Ok(instead));
        }
        if let Some(quotas) = quotas
            && let Some(fault) = used_up(&mut transaction, report, quotas).await?
        {
            return Ok(Err(fault));
        }
        make_room(&mut transaction, report.owner).await?;
        insert_report(&mut transaction, report).await?;
        if let Some(first) = first {
            sqlx::query("INSERT INTO execute_now_creations (report_id, owner_id, program, created) VALUES ($1, $2, $3, $4)")
                .bind(report.id.to_string())
                .bind(report.owner.to_string())
                .bind(report.program.name())
                .bind(millis(report.created))
                .execute(&mut *transaction)
                .await?;
            insert_execution(&mut transaction, report.tenant, first).await?;
        }
        transaction.commit().await?;
        Ok(Ok(Creation::Made))
    }

    /// Returns how long the owner has to wait until the quota of ExecuteNow reports has room; `None` if it has room now.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn execute_now_room(&self, report: &ScheduledReport, quotas: ReportQuotas) -> Result<Option<TimeDelta>, StoreError> {
        self.room(report.owner, report.program, quotas, report.created).await
    }

    /// Returns how much of its quotas the owner has used.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn quota_use(&self, owner: Uuid, program: Program, quotas: ReportQuotas, now: DateTime<Utc>) -> Result<QuotaUse, StoreError> {
        let mut connection = self.reports.acquire_reading().await?;
        let queries = sqlx::query(QUERY_COUNT).bind(owner.to_string()).bind(program.name());
        let queries = read_count(&queries.fetch_one(&mut connection).await?)?;
        let active = active_count(&mut connection, owner, program).await?;
        let execute_now = execute_now_count(&mut connection, owner, program, quotas, now).await?;
        // The next statement takes a connection of its own.
        drop(connection);
        let execute_now_room = if execute_now < quotas.execute_now { None } else { self.room(owner, program, quotas, now).await? };
        Ok(QuotaUse { queries, active, execute_now, execute_now_room })
    }

    async fn room(&self, owner: Uuid, program: Program, quotas: ReportQuotas, now: DateTime<Utc>) -> Result<Option<TimeDelta>, StoreError> {
        // The oldest of the newest reports that fill the quota: once it no longer counts, there is room.
        let last = "SELECT created FROM execute_now_creations WHERE owner_id = $1 AND program = $2 AND created > $3 AND created <= $4
             ORDER BY created DESC LIMIT 1 OFFSET $5";
        let query = sqlx::query(last).bind(owner.to_string()).bind(program.name());
        let query = query.bind(millis(quotas.execute_now_since)).bind(millis(now));
        let query = query.bind(i64::try_from(quotas.execute_now.saturating_sub(1)).unwrap_or(i64::MAX));
        let Some(row) = query.fetch_optional(&self.reports).await? else { return Ok(None) };
        Ok(Some(TimeDelta::milliseconds(row.try_get::<i64, _>(0)? - millis(quotas.execute_now_since))))
    }

    /// # Errors
    /// When the database does not answer.
    pub async fn report(&self, owner: Uuid, program: Program, id: Uuid) -> Result<Option<ScheduledReport>, StoreError> {
        let query = sqlx::query("SELECT * FROM scheduled_reports WHERE owner_id = $1 AND program = $2 AND id = $3");
        let query = query.bind(owner.to_string()).bind(program.name()).bind(id.to_string());
        query.fetch_optional(&self.reports).await?.as_ref().map(read_report).transpose()
    }

    /// Returns the owner's reports in the order in which they were created.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn reports(&self, owner: Uuid, program: Program, filter: &ReportFilter) -> Result<Vec<ScheduledReport>, StoreError> {
        let query = sqlx::query("SELECT * FROM scheduled_reports WHERE owner_id = $1 AND program = $2 ORDER BY created, number, id");
        let rows = query.bind(owner.to_string()).bind(program.name()).fetch_all(&self.reports).await?;
        let mut reports = rows.iter().map(read_report).collect::<Result<Vec<_>, _>>()?;
        reports.retain(|report| {
            (filter.ids.is_empty() || filter.ids.contains(&report.id))
                && filter.name.as_ref().is_none_or(|name| name.to_lowercase() == report.name.to_lowercase())
                && filter.query_id.as_ref().is_none_or(|id| id.eq_ignore_ascii_case(&report.query_id))
        });
        Ok(reports)
    }

    /// Reads the report, changes it with `change` and writes it back, in one transaction. Returns `None` if there is no such report.
    ///
    /// Waiting executions follow the report's status: they are paused and queued again with it. A change that leaves no slot and no open execution
    /// ends the report. A change that makes it Active again is refused if the quota of active reports is used up. What is queued again falls due
    /// at `now`.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn change_report<E: From<ReportFault>>(
        &self,
        owner: Uuid,
        program: Program,
        id: Uuid,
        quotas: Option<ReportQuotas>,
        now: DateTime<Utc>,
        change: impl Fn(&ScheduledReport) -> Result<ScheduledReport, E>,
    ) -> Result<Option<Result<ScheduledReport, E>>, StoreError> {
        again(|| self.try_to_change_report((owner, program, id), quotas, now, &change)).await
    }

    async fn try_to_change_report<E: From<ReportFault>>(
        &self,
        (owner, program, id): (Uuid, Program, Uuid),
        quotas: Option<ReportQuotas>,
        now: DateTime<Utc>,
        change: impl Fn(&ScheduledReport) -> Result<ScheduledReport, E>,
    ) -> Result<Option<Result<ScheduledReport, E>>, StoreError> {
        let mut transaction = self.begin(Hold::Owner(owner)).await?;
        self.hold(&mut transaction, Hold::Report(id)).await?;
        let query = sqlx::query("SELECT * FROM scheduled_reports WHERE owner_id = $1 AND program = $2 AND id = $3");
        let query = query.bind(owner.to_string()).bind(program.name()).bind(id.to_string());
        let Some(row) = query.fetch_optional(&mut *transaction).await? else { return Ok(None) };
        let report = read_report(&row)?;
        let mut changed = match change(&report) {
            Ok(changed) => changed,
            Err(fault) => return Ok(Some(Err(fault))),
        };
        let reactivated = changed.status == ReportStatus::Active && report.status != ReportStatus::Active;
        if let (true, Some(quotas), Timing::Recurring(_)) = (reactivated, quotas, &changed.timing)
            && let Some(fault) = used_up(&mut transaction, &changed, quotas).await?
        {
            return Ok(Some(Err(fault.into())));
        }
        update_report(&mut transaction, &changed).await?;
        if report.status != changed.status {
            let (from, to) = match changed.status {
                ReportStatus::Paused => (ExecutionStatus::Pending, ExecutionStatus::Paused),
                ReportStatus::Active | ReportStatus::Inactive => (ExecutionStatus::Paused, ExecutionStatus::Pending),
            };
            let query = sqlx::query(
                "UPDATE executions SET status = $1, queued = CASE WHEN $1 = 'Pending' THEN $4 ELSE queued END
                 WHERE report_id = $2 AND status = $3",
            );
            let query = query.bind(to.name()).bind(id.to_string()).bind(from.name()).bind(millis(now));
            execute(&mut transaction, query).await?;
        }
        if end_exhausted_report(&mut transaction, &id.to_string()).await? {
            changed.status = ReportStatus::Inactive;
        }
        transaction.commit().await?;
        Ok(Some(Ok(changed)))
    }

    /// Returns the tenant's reports, of every owner and program.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn report_ids(&self, tenant: Uuid) -> Result<Vec<Uuid>, StoreError> {
        let query = sqlx::query("SELECT id FROM scheduled_reports WHERE tenant_id = $1 ORDER BY id").bind(tenant.to_string());
        query.fetch_all(&self.reports).await?.iter().map(|row| row.id("id")).collect()
    }

    /// Deletes the report with its executions, and cancels callbacks that are still to be sent. Returns false if there was no such report.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn delete_report(&self, owner: Uuid, program: Program, id: Uuid, now: DateTime<Utc>) -> Result<bool, StoreError> {
        again(|| async move {
            let mut transaction = self.begin(Hold::Report(id)).await?;
            let owned = "SELECT id FROM scheduled_reports WHERE owner_id = $1 AND program = $2 AND id = $3";
            let query = sqlx::query(owned).bind(owner.to_string()).bind(program.name()).bind(id.to_string());
            if query.fetch_optional(&mut *transaction).await?.is_none() {
                return Ok(false);
            }
            cancel_callbacks(&mut transaction, id, now).await?;
            execute(&mut transaction, sqlx::query("DELETE FROM executions WHERE report_id = $1").bind(id.to_string())).await?;
            execute(&mut transaction, sqlx::query("DELETE FROM scheduled_reports WHERE id = $1").bind(id.to_string())).await?;
            transaction.commit().await?;
            Ok(true)
        })
        .await
    }

    /// Queues executions for slots that are due by `now`, of at most `limit` reports. Returns the number of reports that were due; there may be more
    /// until it is 0. It may run in several processes at the same time: a slot is queued once, and only one process queues at a time. A report that
    /// another transaction is changing is left for the next time.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn queue_due_reports<E: From<StoreError>>(
        &self,
        now: DateTime<Utc>,
        catch_up: CatchUp,
        limit: u32,
        mut new_id: impl FnMut() -> Result<Uuid, E>,
    ) -> Result<usize, E> {
        let mut transaction = self.begin(Hold::DueReports).await?;
        let rows = sqlx::query(sqlx::AssertSqlSafe(format!("{DUE} {}", self.dialect.skip_locked())))
            .bind(ReportStatus::Active.name())
            .bind(millis(now))
            .bind(i64::from(limit))
            .fetch_all(&mut *transaction)
            .await
            .map_err(StoreError::from)?;
        let (mut fired, mut due, mut ended) = (Vec::new(), Vec::new(), Vec::new());
        for row in &rows {
            let report = read_report(row)?;
            let Timing::Recurring(schedule) = &report.timing else { continue };
            let (slots, after) = schedule.take_due(now, catch_up);
            if slots.is_empty() && after.next.is_none() {
                ended.push(report.id);
            }
            due.extend(slots.into_iter().map(|slot| (report.tenant, report.id, slot)));
            fired.push((report.id, after));
        }
        move_schedules(&mut transaction, &fired).await?;
        // The last slots of these reports were skipped, so that no execution will end them.
        for report in ended {
            end_exhausted_report(&mut transaction, &report.to_string()).await?;
        }
        // Executions run in the order in which they were due, across all reports.
        due.sort_by_key(|(_, _, slot)| slot.at);
        let mut executions = Vec::with_capacity(due.len());
        for (tenant, report, slot) in due {
            let id = slot.execution.map_or_else(&mut new_id, Ok)?;
            executions.push((tenant, NewExecution { id, report, slot: slot.key, anchor: slot.at, queued: now }));
        }
        insert_executions(&mut transaction, &executions).await?;
        transaction.commit().await?;
        Ok(rows.len())
    }

    /// Returns when the next slot of any active report is due.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn next_due(&self) -> Result<Option<DateTime<Utc>>, StoreError> {
        let query = sqlx::query("SELECT MIN(next_slot) AS next_slot FROM scheduled_reports WHERE status = $1");
        query.bind(ReportStatus::Active.name()).fetch_one(&self.reports).await?.optional_instant("next_slot")
    }
}

/// Writes how far these schedules are.
async fn move_schedules(connection: &mut Connection, schedules: &[(Uuid, Schedule)]) -> Result<(), StoreError> {
    for some in in_powers_of_two(schedules) {
        let statement = format!(
            "WITH moved (id, fired, next_slot, next_run_id) AS (VALUES {})
             UPDATE scheduled_reports SET fired = moved.fired, next_slot = moved.next_slot, next_run_id = moved.next_run_id
             FROM moved WHERE scheduled_reports.id = moved.id",
            rows_of_places(some.len(), 4)
        );
        let query = some.iter().fold(sqlx::query(sqlx::AssertSqlSafe(statement)), |query, (report, after)| {
            let next_execution = after.next_execution.map(|id| id.to_string());
            query.bind(report.to_string()).bind(i64::from(after.fired)).bind(after.next.map(millis)).bind(next_execution)
        });
        execute(connection, query).await?;
    }
    Ok(())
}

/// Pauses every active report on a schedule of the tenant's program, with its waiting executions. Returns the number of reports. Runs in the
/// transaction that ends the enrollment.
pub(crate) async fn pause_reports(connection: &mut Connection, tenant: Uuid, program: Program) -> Result<u64, StoreError> {
    let query = sqlx::query(
        "UPDATE executions SET status = $1 WHERE status = $2 AND report_id IN
             (SELECT id FROM scheduled_reports WHERE tenant_id = $3 AND program = $4 AND status = $5 AND execute_now = 0)",
    )
    .bind(ExecutionStatus::Paused.name())
    .bind(ExecutionStatus::Pending.name())
    .bind(tenant.to_string())
    .bind(program.name())
    .bind(ReportStatus::Active.name());
    execute(&mut *connection, query).await?;
    let query =
        sqlx::query("UPDATE scheduled_reports SET status = $1 WHERE tenant_id = $2 AND program = $3 AND status = $4 AND execute_now = 0")
            .bind(ReportStatus::Paused.name())
            .bind(tenant.to_string())
            .bind(program.name())
            .bind(ReportStatus::Active.name());
    execute(connection, query).await
}

/// Makes room for one more report: if there are very many, the oldest that is over and has no execution left is deleted.
async fn make_room(connection: &mut Connection, owner: Uuid) -> Result<(), StoreError> {
    match room::REPORTS.check(connection, owner).await {
        Err(StoreError::Full { .. }) => {}
        checked => return checked,
    }
    let query = sqlx::query(
        "DELETE FROM scheduled_reports WHERE id IN
             (SELECT id FROM scheduled_reports AS report WHERE owner_id = $1 AND status = $2
                 AND NOT EXISTS (SELECT 1 FROM executions WHERE report_id = report.id) ORDER BY created, number, id LIMIT 1)",
    );
    execute(connection, query.bind(owner.to_string()).bind(ReportStatus::Inactive.name())).await?;
    room::REPORTS.check(connection, owner).await
}

async fn used_up(connection: &mut Connection, report: &ScheduledReport, quotas: ReportQuotas) -> Result<Option<ReportFault>, StoreError> {
    let (count, quota, fault) = match report.timing {
        Timing::Once { .. } => {
            let count = execute_now_count(connection, report.owner, report.program, quotas, report.created).await?;
            (count, quotas.execute_now, ReportFault::ExecuteNowQuota(quotas.execute_now))
        }
        Timing::Recurring(_) => {
            (active_count(connection, report.owner, report.program).await?, quotas.active, ReportFault::ActiveQuota(quotas.active))
        }
    };
    Ok((count >= quota).then_some(fault))
}

/// Longer than a creation waits for its turn.
const LONGEST_TURN: TimeDelta = TimeDelta::minutes(1);

async fn execute_now_count(
    connection: &mut Connection,
    owner: Uuid,
    program: Program,
    quotas: ReportQuotas,
    now: DateTime<Utc>,
) -> Result<u64, StoreError> {
    // Excludes those that were created while the clock was ahead. A creation that waited for the owner's turn has an earlier time than one that did not.
    let now = now + LONGEST_TURN;
    let count = "SELECT COUNT(*) FROM execute_now_creations WHERE owner_id = $1 AND program = $2 AND created > $3 AND created <= $4";
    let query = sqlx::query(count).bind(owner.to_string()).bind(program.name());
    read_count(&query.bind(millis(quotas.execute_now_since)).bind(millis(now)).fetch_one(connection).await?)
}

async fn active_count(connection: &mut Connection, owner: Uuid, program: Program) -> Result<u64, StoreError> {
    let count = "SELECT COUNT(*) FROM scheduled_reports WHERE owner_id = $1 AND program = $2 AND status = $3 AND execute_now = 0";
    let query = sqlx::query(count).bind(owner.to_string()).bind(program.name()).bind(ReportStatus::Active.name());
    read_count(&query.fetch_one(connection).await?)
}

pub(crate) fn read_count(row: &sqlx::any::AnyRow) -> Result<u64, StoreError> {
    Ok(u64::try_from(row.try_get::<i64, _>(0)?).unwrap_or(u64::MAX))
}

pub(crate) async fn insert_report(connection: &mut Connection, report: &ScheduledReport) -> Result<(), StoreError> {
    let placeholders: Vec<String> = (1..=28).map(|position| format!("${position}")).collect();
    let number = "(SELECT COALESCE(MAX(number), 0) + 1 FROM scheduled_reports WHERE owner_id = $3)";
    let statement = format!("INSERT INTO scheduled_reports ({COLUMNS}, number) VALUES ({}, {number})", placeholders.join(", "));
    execute(connection, bind_report(sqlx::query(sqlx::AssertSqlSafe(statement)), report)).await?;
    Ok(())
}

async fn update_report(connection: &mut Connection, report: &ScheduledReport) -> Result<(), StoreError> {
    let assignments: Vec<String> =
        COLUMNS.split(',').enumerate().map(|(index, column)| format!("{} = ${}", column.trim(), index + 1)).collect();
    let statement = format!("UPDATE scheduled_reports SET {} WHERE id = $1", assignments.join(", "));
    execute(connection, bind_report(sqlx::query(sqlx::AssertSqlSafe(statement)), report)).await?;
    Ok(())
}

type AnyQuery<'q> = sqlx::query::Query<'q, sqlx::Any, sqlx::any::AnyArguments>;

/// Binds the values in the order of `COLUMNS`.
fn bind_report<'q>(query: AnyQuery<'q>, report: &ScheduledReport) -> AnyQuery<'q> {
    let (once, schedule) = match &report.timing {
        Timing::Once { query_start, query_end } => (Some((*query_start, *query_end)), None),
        Timing::Recurring(schedule) => (None, Some(schedule)),
    };
    query
        .bind(report.id.to_string())
        .bind(report.tenant.to_string())
        .bind(report.owner.to_string())
        .bind(report.application.to_string())
        .bind(report.program.name())
        .bind(report.name.clone())
        .bind(report.description.clone())
        .bind(report.query_id.clone())
        .bind(report.query.clone())
        .bind(report.user.clone())
        .bind(millis(report.created))
        .bind(report.modified.map(millis))
        .bind(report.status.name())
        .bind(i64::from(once.is_some()))
        .bind(once.and_then(|(start, _)| start).map(millis))
        .bind(once.and_then(|(_, end)| end).map(millis))
        .bind(schedule.map(|schedule| millis(schedule.start)))
        .bind(schedule.map(|schedule| i64::from(schedule.interval_hours)))
        .bind(schedule.and_then(|schedule| schedule.count).map(i64::from))
        .bind(schedule.map_or(0, |schedule| i64::from(schedule.fired)))
        .bind(schedule.and_then(|schedule| schedule.next).map(millis))
        .bind(schedule.map_or(0, |schedule| i64::from(schedule.revision)))
        .bind(report.callback.as_ref().map(|callback| callback.url.clone()))
        .bind(report.callback.as_ref().map(|callback| callback.method.name()))
        .bind(report.format.name())
        .bind(i64::from(report.callback.as_ref().is_some_and(|callback| callback.on_failure)))
        .bind(schedule.and_then(|schedule| schedule.end).map(millis))
        .bind(schedule.and_then(|schedule| schedule.next_execution).map(|id| id.to_string()))
}
