//! An owner's reports with what they did last and do next. However many reports and executions there are, it is the same few statements, and each follows
//! an index.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use insightgate_identity::program::Program;
use insightgate_report::execution::ExecutionStatus;
use insightgate_report::scheduled_report::{ReportStatus, ScheduledReport};
use sqlx::AssertSqlSafe;
use uuid::Uuid;

use crate::database::dialect::placeholders;
use crate::database::page::{Conditions, Listing, Page, PagePlace};
use crate::database::row::Read;
use crate::reports::executions::read_execution;
use crate::reports::report_row::read_report;
use crate::{ExecutionRecord, Store, StoreError};

/// A report with what it did last.
#[derive(Debug, Clone)]
pub struct ReportOverview {
    pub report: ScheduledReport,
    /// Of its newest execution.
    pub last_status: Option<ExecutionStatus>,
    /// When the newest execution that is over has ended.
    pub last_finished: Option<DateTime<Utc>>,
}

/// What is read of a report.
const OVERVIEW: &str = "report.*,
     (SELECT status FROM executions WHERE report_id = report.id ORDER BY anchor DESC, id DESC LIMIT 1) AS last_status,
     (SELECT finished FROM executions WHERE report_id = report.id AND finished IS NOT NULL
      ORDER BY anchor DESC, id DESC LIMIT 1) AS last_finished";

impl Store {
    /// Returns the owner's reports in the order in which they were created, the newest first, after this position.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn report_overviews(
        &self,
        owner: Uuid,
        program: Program,
        after: Option<PagePlace>,
        limit: u32,
    ) -> Result<Page<ReportOverview>, StoreError> {
        let listing = Listing { columns: OVERVIEW, table: "scheduled_reports AS report", at: "created" };
        let conditions = Conditions::default().text("owner_id = {}", Some(owner)).text("program = {}", Some(program.name()));
        self.page(listing, conditions, after, limit).await?.read(|row| {
            let last_status = match row.optional_text("last_status")? {
                Some(_) => Some(row.named("last_status", ExecutionStatus::from_name)?),
                None => None,
            };
            let last_finished = row.optional_instant("last_finished")?;
            Ok(ReportOverview { report: read_report(row)?, last_status, last_finished })
        })
    }

    /// Returns the newest executions of all the owner's reports in these programs, the newest first.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn latest_executions(&self, owner: Uuid, programs: &[Program], limit: u32) -> Result<Vec<ExecutionRecord>, StoreError> {
        // No other report can have one of the newest executions than those whose own newest ones are the newest.
        let text = format!(
            "SELECT * FROM (SELECT report.*, (SELECT MAX(anchor) FROM executions WHERE report_id = report.id) AS latest
                            FROM scheduled_reports AS report WHERE owner_id = $1 AND program IN ({})) AS ran
             WHERE latest IS NOT NULL ORDER BY latest DESC, id DESC LIMIT ${}",
            placeholders(1, programs.len()),
            programs.len() + 2,
        );
        let query = sqlx::query(AssertSqlSafe(text)).bind(owner.to_string());
        let query = programs.iter().fold(query, |query, program| query.bind(program.name()));
        let rows = query.bind(i64::from(limit)).fetch_all(&self.reports).await?;
        let reports = rows.iter().map(read_report).collect::<Result<Vec<_>, _>>()?;
        if reports.is_empty() {
            return Ok(Vec::new());
        }
        let newest = |place: usize| {
            format!(
                "SELECT * FROM (SELECT * FROM executions WHERE report_id = ${place} ORDER BY anchor DESC, id DESC LIMIT {limit}) AS of_{place}"
            )
        };
        let each: Vec<String> = (1..=reports.len()).map(newest).collect();
        let text = format!("SELECT * FROM ({}) AS newest ORDER BY anchor DESC, id DESC LIMIT {limit}", each.join(" UNION ALL "));
        let query = reports.iter().fold(sqlx::query(AssertSqlSafe(text)), |query, report| query.bind(report.id.to_string()));
        let by_id: HashMap<Uuid, &ScheduledReport> = reports.iter().map(|report| (report.id, report)).collect();
        let mut records = Vec::new();
        for row in &query.fetch_all(&self.reports).await? {
            let execution = read_execution(row)?;
            let Some(report) = by_id.get(&execution.report) else { continue };
            records.push(ExecutionRecord { report: (*report).clone(), execution });
        }
        Ok(records)
    }

    /// Returns the owner's reports in these programs that are due next, the soonest first.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn next_reports(&self, owner: Uuid, programs: &[Program], limit: u32) -> Result<Vec<ScheduledReport>, StoreError> {
        let text = format!(
            "SELECT * FROM scheduled_reports WHERE owner_id = $1 AND program IN ({}) AND status = ${} AND next_slot IS NOT NULL
             ORDER BY next_slot, id LIMIT ${}",
            placeholders(1, programs.len()),
            programs.len() + 2,
            programs.len() + 3,
        );
        let query = sqlx::query(AssertSqlSafe(text)).bind(owner.to_string());
        let query = programs.iter().fold(query, |query, program| query.bind(program.name()));
        let rows = query.bind(ReportStatus::Active.name()).bind(i64::from(limit)).fetch_all(&self.reports).await?;
        rows.iter().map(read_report).collect()
    }
}
