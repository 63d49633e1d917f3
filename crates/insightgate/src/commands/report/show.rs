//! Reports as people read them.

use insightgate_client::{Client, ClientError, Report, ReportFilter};
use serde_json::json;

use crate::command_error::CommandError;
use crate::commands::named;
use crate::commands::report::interval::interval;
use crate::session::{Output, text};
use crate::terminal::table::{Table, fields, plain};
use crate::terminal::{print, print_json};

pub async fn list(client: &Client, output: Output, query: Option<String>, name: Option<String>) -> Result<(), CommandError> {
    let query_id = match query {
        Some(query) => Some(named::query(client, &query).await?.query_id),
        None => None,
    };
    let any = query_id.is_none() && name.is_none();
    let filter = ReportFilter { report_name: name, query_id, ..ReportFilter::default() };
    let reports = match client.reports(&filter).await {
        Ok(answer) => answer.envelope,
        // Nobody asked for a certain one: there simply are none.
        Err(ClientError::Refused(refusal)) if refusal.is_not_found() && any => {
            eprintln!("there are none");
            return if output.json { print_json(&json!({"value": []})) } else { Ok(()) };
        }
        Err(error) => return Err(error.into()),
    };
    if output.json {
        return print_json(&reports);
    }
    let mut table = Table::new(&["id", "name", "status", "every", "next or first", "format"]);
    for report in &reports.value {
        table.row([
            report.report_id.as_str(),
            &report.report_name,
            &report.report_status,
            &report.recurrence_interval.map(interval).unwrap_or_default(),
            report.start_time.as_deref().unwrap_or_default(),
            report.format.as_deref().unwrap_or_default(),
        ]);
    }
    print(&table.text())
}

pub fn one(output: Output, report: &Report) -> Result<(), CommandError> {
    if output.json {
        return print_json(report);
    }
    let shown = fields(&[
        ("id", report.report_id.clone()),
        ("name", report.report_name.clone()),
        ("description", text(&report.description)),
        ("status", report.report_status.clone()),
        ("start", text(&report.start_time)),
        ("every", report.recurrence_interval.map(interval).unwrap_or_default()),
        ("times", report.recurrence_count.map(|count| count.to_string()).unwrap_or_default()),
        ("format", text(&report.format)),
        ("rows from", text(&report.query_start_time)),
        ("rows before", text(&report.query_end_time)),
        ("callback", text(&report.callback_url)),
        ("called by", text(&report.callback_method)),
        ("query id", report.query_id.clone()),
        ("user", text(&report.user)),
        ("created", text(&report.created_time)),
        ("modified", text(&report.modified_time)),
    ]);
    let lines: String =
        report.query.iter().flat_map(|query| query.lines()).map(|line| format!("{}\n", plain(&line.replace('\t', "    ")))).collect();
    print(&if lines.is_empty() { shown } else { format!("{shown}\n{lines}") })
}

/// After a change of its status.
pub fn state(output: Output, report: Option<&Report>) -> Result<(), CommandError> {
    let report = report.ok_or_else(|| CommandError::failed("the server's answer holds nothing"))?;
    if output.json {
        return print_json(report);
    }
    eprintln!("{} ({}) is {}", plain(&report.report_name), plain(&report.report_id), plain(&report.report_status));
    Ok(())
}
