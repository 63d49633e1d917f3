//! Reports of every owner of an organisation, for operators and administrators.

use insightgate_client::manage::{Report, ReportQuery};
use uuid::Uuid;

use crate::command_error::CommandError;
use crate::commands::named::{Kind, one};
use crate::session::{Output, Session, show_list, show_one, text};

/// How many reports are looked through for a name.
const LOOKED_THROUGH: usize = 10_000;

const REPORTS: Kind<Report> = Kind {
    word: "report",
    plural: "reports",
    list: "insightgate report list --tenant TENANT",
    id: |report| report.id.as_str(),
    name: |report| report.name.as_str(),
};

pub async fn list(session: &Session, tenant: &str, output: Output, name: Option<String>) -> Result<(), CommandError> {
    let mut reports = session.client.reports(Some(tenant), &ReportQuery::default(), LOOKED_THROUGH).await?;
    if let Some(name) = name {
        reports.value.retain(|report| report.name.to_lowercase() == name.to_lowercase());
        reports.total_count = reports.value.len() as u64;
    }
    let row = |report: &Report| {
        let counts = &report.executions;
        [
            report.name.clone(),
            report.status.clone(),
            report.interval_hours.map(|hours| format!("{hours} h")).unwrap_or_else(|| "once".to_owned()),
            text(&report.next_execution),
            (counts.pending + counts.paused).to_string(),
            counts.running.to_string(),
            counts.failed.to_string(),
            report.user.clone(),
            report.id.clone(),
        ]
    };
    show_list(output, &reports, ["name", "status", "every", "next", "waiting", "running", "failed", "owner", "id"], row)
}

pub async fn show(session: &Session, tenant: &str, output: Output, named: &str) -> Result<(), CommandError> {
    let report = match Uuid::try_parse(named) {
        Ok(id) => session.client.report(tenant, &id.to_string()).await?,
        Err(_) => {
            let all = session.client.reports(Some(tenant), &ReportQuery::default(), LOOKED_THROUGH).await?.value;
            one(&REPORTS, &all, named)?.clone()
        }
    };
    let counts = &report.executions;
    let shown = [
        ("id", report.id.clone()),
        ("name", report.name.clone()),
        ("description", text(&report.description)),
        ("status", report.status.clone()),
        ("owner", format!("{} ({})", report.user, report.owner)),
        ("application", report.application.clone()),
        ("program", report.program.clone()),
        ("every", report.interval_hours.map(|hours| format!("{hours} hours")).unwrap_or_else(|| "once".to_owned())),
        ("next execution", text(&report.next_execution)),
        ("waiting", (counts.pending + counts.paused).to_string()),
        ("running", counts.running.to_string()),
        ("completed", counts.completed.to_string()),
        ("failed", counts.failed.to_string()),
        ("cancelled", counts.cancelled.to_string()),
        ("format", report.format.clone()),
        ("callback", text(&report.callback_url)),
        ("created", report.created.clone()),
        ("modified", text(&report.modified)),
        ("query", report.query.clone()),
    ];
    show_one(output, &report, &shown)
}
