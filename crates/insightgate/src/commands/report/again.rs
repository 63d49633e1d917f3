//! `insightgate report run`: a report's query at once. The API runs no report before its time, so that a second one is made, which runs once. It has a
//! name of its own, and takes the place of the one that an earlier run made: whoever runs a report each day has two reports, and not a hundred.

use insightgate_client::{Client, ClientError, NewReport, Report, ReportFilter};

use crate::command_error::CommandError;
use crate::commands::export::waiting::{Watch, is_in_flight};
use crate::commands::named::or_none;
use crate::commands::report::create::{Failed, created, is_unknown_query, saved};
use crate::commands::report::executions::runs_once;
use crate::terminal::table::plain;

/// Behind the name of the report that is run.
const BEHIND: &str = "-run";
/// The most characters that the API takes.
const LONGEST: usize = 256;
/// How the description of every such report begins; the id of the report that was run follows.
const MADE: &str = "One run of the report ";

/// The new report.
pub async fn run(client: &Client, report: &Report) -> Result<Report, CommandError> {
    let once = new(report);
    let made = match created(client, &once).await {
        // A query that was deleted lives on in its report alone.
        Err(Failed::Refused(error)) if is_unknown_query(&error) && report.query.is_some() => {
            let text = report.query.clone().unwrap_or_default();
            let query_id = saved(client, &report.report_name, text).await?;
            created(client, &NewReport { query_id, ..once.clone() }).await?
        }
        other => other?,
    };
    if let Err(error) = remove_earlier(client, &once, &made).await {
        eprintln!("note: an earlier run is still there: {}", plain(&error.message));
    }
    Ok(made)
}

fn new(report: &Report) -> NewReport {
    let again = report.description.as_deref().filter(|text| text.starts_with(MADE) && runs_once(report));
    let (name, description) = match again {
        // Of what is a run itself.
        Some(description) => (report.report_name.clone(), description.to_owned()),
        None => {
            let name: String = report.report_name.chars().take(LONGEST - BEHIND.len()).collect();
            (format!("{name}{BEHIND}"), format!("{MADE}{}", report.report_id))
        }
    };
    NewReport {
        report_name: name,
        description: Some(description),
        query_id: report.query_id.clone(),
        execute_now: true,
        query_start_time: report.query_start_time.as_deref().and_then(|text| text.parse().ok()),
        query_end_time: report.query_end_time.as_deref().and_then(|text| text.parse().ok()),
        format: report.format.clone(),
        ..NewReport::default()
    }
}

/// Those that are over. What a person made under the same name stays, and so does what still runs.
async fn remove_earlier(client: &Client, once: &NewReport, made: &Report) -> Result<(), CommandError> {
    let filter = ReportFilter { report_name: Some(once.report_name.clone()), ..ReportFilter::default() };
    for earlier in or_none(client.reports(&filter).await)? {
        if !is_earlier(&earlier, once, made) || Watch::new(client, &earlier.report_id).executions().await?.iter().any(is_in_flight) {
            continue;
        }
        match client.delete_report(&earlier.report_id).await {
            Err(ClientError::Refused(refusal)) if refusal.is_not_found() => {}
            deleted => drop(deleted?),
        }
    }
    Ok(())
}

fn is_earlier(report: &Report, once: &NewReport, made: &Report) -> bool {
    runs_once(report)
        && report.report_id != made.report_id
        && report.report_name == once.report_name
        && report.description == once.description
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(id: &str, name: &str, description: Option<&str>, once: bool) -> Report {
        let value = serde_json::json!({
            "reportId": id, "reportName": name, "description": description, "queryId": "q", "reportStatus": "Active", "executeNow": once,
            "format": "tsv", "queryStartTime": "2026-01-01T00:00:00Z",
        });
        serde_json::from_value(value).unwrap()
    }

    #[test]
    fn a_run_has_a_name_of_its_own_and_takes_the_place_of_its_own_kind_alone() {
        let once = new(&report("r1", "Weekly", None, false));
        assert_eq!((once.report_name.as_str(), once.description.as_deref()), ("Weekly-run", Some("One run of the report r1")));
        assert!(once.execute_now && once.query_start_time.is_some() && once.format.as_deref() == Some("tsv"));
        // A run of a run is another run of the same.
        let made = report("r2", "Weekly-run", once.description.as_deref(), true);
        assert_eq!(new(&made), once);
        let long = new(&report("r1", &"ü".repeat(256), None, false));
        assert_eq!(long.report_name.chars().count(), 256);
        let earlier = |other: &Report| is_earlier(other, &once, &made);
        assert!(earlier(&report("r3", "Weekly-run", once.description.as_deref(), true)));
        assert!(!earlier(&made));
        assert!(!earlier(&report("r3", "Weekly-run", None, true)), "a person's own");
        assert!(!earlier(&report("r3", "Weekly-run", once.description.as_deref(), false)));
        assert!(!earlier(&report("r3", "Weekly-run", Some("One run of the report r9"), true)));
    }
}
