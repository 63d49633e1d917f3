//! Reports and executions as those who manage a tenant see them: of every owner, page by page, the newest first.

use std::collections::{BTreeMap, HashMap};

use chrono::{DateTime, Utc};
use insightgate_report::execution::ExecutionStatus;
use insightgate_report::scheduled_report::ScheduledReport;
use sqlx::any::AnyRow;
use sqlx::{AssertSqlSafe, Row};
use uuid::Uuid;

use crate::database::dialect::placeholders;
use crate::database::row::{Read, millis};
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

/// The position after which a page begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PagePlace {
    /// In milliseconds.
    pub at: i64,
    pub id: Uuid,
}

#[derive(Debug, Clone)]
pub struct Page<Item> {
    pub items: Vec<Item>,
    /// The number of items that match the filter, on all pages.
    pub total: u64,
    /// Where the next page begins; `None` on the last page.
    pub next: Option<PagePlace>,
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

/// Stands for the owner of an execution's report.
const OWNER: &str = "owner";

/// A list of one table, and the columns that the filter is about.
struct Listing {
    table: &'static str,
    at: &'static str,
    columns: [(&'static str, Option<Uuid>); 4],
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
        // An owner is one of reports.
        let columns = [("tenant_id", filter.tenant), ("report_id", filter.report), ("id", filter.execution), (OWNER, filter.owner)];
        let (rows, total, next) = self.page(Listing { table: "executions", at: "queued", columns }, filter, after, limit).await?;
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
        let columns = [("tenant_id", filter.tenant), ("id", filter.report), ("owner_id", filter.owner), ("id", None)];
        let (rows, total, next) = self.page(Listing { table: "scheduled_reports", at: "created", columns }, filter, after, limit).await?;
        let reports = rows.iter().map(read_report).collect::<Result<Vec<_>, _>>()?;
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

    /// The rows of a page, how many there are on all pages, and where the next one begins.
    async fn page(
        &self,
        listing: Listing,
        filter: &PageFilter,
        after: Option<PagePlace>,
        limit: u32,
    ) -> Result<(Vec<AnyRow>, u64, Option<PagePlace>), StoreError> {
        let Listing { table, at, columns } = listing;
        let (mut conditions, mut texts) = (Vec::new(), Vec::new());
        for (column, value) in columns {
            let Some(value) = value else { continue };
            texts.push(value.to_string());
            let place = texts.len();
            conditions.push(match column {
                OWNER => format!("report_id IN (SELECT id FROM scheduled_reports WHERE owner_id = ${place})"),
                column => format!("{column} = ${place}"),
            });
        }
        if !filter.statuses.is_empty() {
            conditions.push(format!("status IN ({})", placeholders(texts.len(), filter.statuses.len())));
            texts.extend(filter.statuses.iter().map(|status| (*status).to_owned()));
        }
        let mut instants = Vec::new();
        for (comparison, instant) in [(">=", filter.from), ("<", filter.to)] {
            let Some(instant) = instant else { continue };
            instants.push(millis(instant));
            conditions.push(format!("{at} {comparison} ${}", texts.len() + instants.len()));
        }
        let all_of = |conditions: &[String]| match conditions {
            [] => String::new(),
            all => format!(" WHERE {}", all.join(" AND ")),
        };
        let bind = |text: String| {
            let query = texts.iter().fold(sqlx::query(AssertSqlSafe(text)), |query, text| query.bind(text.clone()));
            instants.iter().fold(query, |query, instant| query.bind(*instant))
        };
        let counted = bind(format!("SELECT COUNT(*) FROM {table}{}", all_of(&conditions)));
        let total: i64 = counted.fetch_one(&self.reports).await?.try_get(0)?;
        let mut bound = texts.len() + instants.len();
        if after.is_some() {
            let (instant, id) = (bound + 1, bound + 2);
            conditions.push(format!("({at} < ${instant} OR ({at} = ${instant} AND id < ${id}))"));
            bound += 2;
        }
        let listed = format!("SELECT * FROM {table}{} ORDER BY {at} DESC, id DESC LIMIT ${}", all_of(&conditions), bound + 1);
        let mut listed = bind(listed);
        if let Some(PagePlace { at, id }) = after {
            listed = listed.bind(at).bind(id.to_string());
        }
        let mut rows = listed.bind(i64::from(limit) + 1).fetch_all(&self.reports).await?;
        let further = rows.len() > limit as usize;
        rows.truncate(limit as usize);
        let next = match rows.last() {
            Some(last) if further => Some(PagePlace { at: last.number(at)?, id: last.id("id")? }),
            _ => None,
        };
        Ok((rows, u64::try_from(total).unwrap_or_default(), next))
    }
}
