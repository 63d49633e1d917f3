//! Reads a report from its row, or from a column of another row.

use insightgate_query::format::Format;
use insightgate_report::callback::{Callback, CallbackMethod};
use insightgate_report::schedule::Schedule;
use insightgate_report::scheduled_report::{ReportStatus, ScheduledReport, Timing};

use crate::StoreError;
use crate::database::dialect::Dialect;
use crate::database::row::Read;

/// The columns of a report that are written with it.
pub(crate) const COLUMNS: &str =
    "id, tenant_id, owner_id, application_id, program, name, description, query_id, query, owner_name, created, modified,
    status, execute_now, query_start, query_end, start_time, interval_hours, recurrence_count, fired, next_slot, revision, callback_url,
    callback_method, format, callback_on_failure, end_time, next_run_id";

/// An expression for a whole report as a JSON object, where the row has no columns for it.
pub(crate) fn report_object(dialect: Dialect) -> String {
    let columns: Vec<String> = COLUMNS.split(',').map(str::trim).map(|column| format!("'{column}', {column}")).collect();
    format!("CAST({}({}) AS TEXT)", dialect.json_object(), columns.join(", "))
}

pub(crate) fn read_report(row: &impl Read) -> Result<ScheduledReport, StoreError> {
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
