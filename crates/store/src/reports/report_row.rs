//! Reads a report from its row.

use insightgate_query::format::Format;
use insightgate_report::callback::{Callback, CallbackMethod};
use insightgate_report::schedule::Schedule;
use insightgate_report::scheduled_report::{ReportStatus, ScheduledReport, Timing};
use sqlx::any::AnyRow;

use crate::StoreError;
use crate::database::row::Read;

pub(crate) fn read_report(row: &AnyRow) -> Result<ScheduledReport, StoreError> {
    let timing = if row.flag("execute_now")? {
        Timing::Once { query_start: row.optional_instant("query_start")?, query_end: row.optional_instant("query_end")? }
    } else {
        Timing::Recurring(Schedule {
            start: row.instant("start_time")?,
            interval_hours: row.count("interval_hours")?,
            count: row.optional_count("recurrence_count")?,
            fired: row.count("fired")?,
            next: row.optional_instant("next_slot")?,
            revision: row.count("revision")?,
            end: row.optional_instant("end_time")?,
            next_execution: row.optional_id("next_run_id")?,
        })
    };
    let callback = match row.optional_text("callback_url")? {
        None => None,
        Some(url) => {
            let method = row.named("callback_method", CallbackMethod::from_name)?;
            Some(Callback { url, method, on_failure: row.flag("callback_on_failure")? })
        }
    };
    Ok(ScheduledReport {
        id: row.id("id")?,
        tenant: row.id("tenant_id")?,
        owner: row.id("owner_id")?,
        application: row.id("application_id")?,
        program: row.named("program", |name| name.parse().ok())?,
        name: row.text("name")?,
        description: row.optional_text("description")?,
        query_id: row.text("query_id")?,
        query: row.text("query")?,
        user: row.text("owner_name")?,
        created: row.instant("created")?,
        modified: row.optional_instant("modified")?,
        timing,
        status: row.named("status", ReportStatus::from_name)?,
        callback,
        format: row.named("format", Format::from_name)?,
    })
}
