//! Reports and executions as those who manage a tenant see them: of every owner, page by page, the newest first.

use std::collections::{BTreeMap, HashMap};

use chrono::{DateTime, Utc};
use insightgate_report::execution::ExecutionStatus;
use insightgate_report::scheduled_report::ScheduledReport;
use sqlx::AssertSqlSafe;
use sqlx::any::AnyRow;
use uuid::Uuid;

use crate::database::dialect::placeholders;
use crate::database::page::{Conditions, Listing, Page, PagePlace};
use crate::database::row::Read;
use crate::reports::executions::{PAUSED_TENANTS, read_execution};
use crate::reports::report_row::read_report;
use crate::{ExecutionRecord, Store, StoreError};

/// Which reports or executions to list. `None` and an empty list match all of them.
#[derive(Debug, Clone, Default)]
pub struct PageFilter {
    pub tenant: Option<Uuid>,
    pub owner: Option<Uuid>,
    pub report: Option<Uuid>,
    /// Executions only.
    pub execution: Option<Uuid>,
    /// The names of statuses.
    pub statuses: Vec<&'static str>,
    /// When it was created, or fell due: from then on.
    pub from: Option<DateTime<Utc>>,
    /// Before then.
    pub to: Option<DateTime<Utc>>,
}

impl PageFilter {
    /// Those on the columns that both tables have; `at` is the column of its instants.
    fn conditions(&self, at: &str) -> Conditions {
        Conditions::default().text("tenant_id = {}", self.tenant).one_of("status", &self.statuses).between(at, self.from, self.to)
    }
}

/// An execution with what only its managers see.
#[derive(Debug, Clone)]
pub struct ManagedExecution {
    pub record: ExecutionRecord,
    /// When the last attempt began, in milliseconds of the database's time.
    pub begun: Option<i64>,
    /// How many milliseconds the last attempt took, once it has ended.
    pub took: Option<i64>,
    /// No attempt begins before then, in milliseconds of the database's time.
    pub not_before: i64,
    pub finished: Option<DateTime<Utc>>,
    /// Whether the runs of its tenant are paused.
    pub runs_paused: bool,
}

/// A report with the number of its executions by status.
#[derive(Debug, Clone)]
pub struct ManagedReport {
    pub report: ScheduledReport,
    pub executions: BTreeMap<&'static str, u64>,
}

impl Store {
    /// Returns executions in the order in which they fell due, the newest first.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn execution_page(
        &self,
        filter: &PageFilter,
        after: Option<PagePlace>,
        limit: u32,
    ) -> Result<Page<ManagedExecution>, StoreError> {
        let conditions = filter
            .conditions("queued")
            .text("report_id = {}", filter.report)
            .text("id = {}", filter.execution)
            .text("report_id IN (SELECT id FROM scheduled_reports WHERE owner_id = {})", filter.owner);
        let page = self.page(Listing { columns: "*", table: "executions", at: "queued" }, conditions, after, limit).await?;
        self.managed(page).await
    }

    /// Returns a report's executions in the order of the times that their time spans are relative to, the newest first. As many are read as the page has,
    /// however many there are.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn executions_of_report(
        &self,
        report: Uuid,
        after: Option<PagePlace>,
        limit: u32,
    ) -> Result<Page<ManagedExecution>, StoreError> {
        let conditions = Conditions::default().text("report_id = {}", Some(report));
        let page = self.page(Listing { columns: "*", table: "executions", at: "anchor" }, conditions, after, limit).await?;
        self.managed(page).await
    }

    async fn managed(&self, page: Page<AnyRow>) -> Result<Page<ManagedExecution>, StoreError> {
        let Page { items: rows, total, next } = page;
        let paused = sqlx::query(PAUSED_TENANTS).fetch_all(&self.reports).await?;
        let paused = paused.iter().map(|row| row.id("id")).collect::<Result<Vec<_>, _>>()?;
        let ids = rows.iter().map(|row| row.text("report_id")).collect::<Result<Vec<_>, _>>()?;
        let reports = self.reports_by_id(ids).await?;
        let mut items = Vec::with_capacity(rows.len());
        for row in &rows {
            let execution = read_execution(row)?;
            // The report was deleted since.
            let Some(report) = reports.get(&execution.report) else { continue };
            let runs_paused = paused.contains(&report.tenant);
            items.push(ManagedExecution {
                record: ExecutionRecord { execution, report: report.clone() },
                begun: row.optional_number("begun")?,
                took: row.optional_number("took")?,
                not_before: row.number("not_before")?,
                finished: row.optional_instant("finished")?,
                runs_paused,
            });
        }
        Ok(Page { items, total, next })
    }

    /// Returns reports in the order in which they were created, the newest first.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn report_page(&self, filter: &PageFilter, after: Option<PagePlace>, limit: u32) -> Result<Page<ManagedReport>, StoreError> {
        let conditions = filter.conditions("created").text("id = {}", filter.report).text("owner_id = {}", filter.owner);
        let page = self.page(Listing { columns: "*", table: "scheduled_reports", at: "created" }, conditions, after, limit).await?;
        let Page { items: reports, total, next } = page.read(read_report)?;
        let mut counts: HashMap<Uuid, BTreeMap<&'static str, u64>> = HashMap::new();
        if !reports.is_empty() {
            let of = placeholders(0, reports.len());
            let text = format!(
                "SELECT report_id, status, COUNT(*) AS number FROM executions WHERE report_id IN ({of}) GROUP BY report_id, status"
            );
            let query = reports.iter().fold(sqlx::query(AssertSqlSafe(text)), |query, report| query.bind(report.id.to_string()));
            for row in query.fetch_all(&self.reports).await? {
                let status = row.named("status", ExecutionStatus::from_name)?;
                counts.entry(row.id("report_id")?).or_default().insert(status.name(), row.count("number")?);
            }
        }
        let counted = |report: ScheduledReport| ManagedReport { executions: counts.remove(&report.id).unwrap_or_default(), report };
        Ok(Page { items: reports.into_iter().map(counted).collect(), total, next })
    }

    async fn reports_by_id(&self, mut ids: Vec<String>) -> Result<HashMap<Uuid, ScheduledReport>, StoreError> {
        ids.sort_unstable();
        ids.dedup();
        if ids.is_empty() {
            return Ok(HashMap::new());
        }
        let text = format!("SELECT * FROM scheduled_reports WHERE id IN ({})", placeholders(0, ids.len()));
        let query = ids.into_iter().fold(sqlx::query(AssertSqlSafe(text)), |query, id| query.bind(id));
        let rows = query.fetch_all(&self.reports).await?;
        rows.iter().map(read_report).map(|read| read.map(|report| (report.id, report))).collect()
    }
}
