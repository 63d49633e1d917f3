//! The fields of a schedule that v1.1 of the marketplace has in addition to those of v1.0.

use chrono::{DateTime, Utc};
use insightgate_report::instant;
use insightgate_report::scheduled_report::{ScheduledReport, Timing};
use schemars::JsonSchema;
use serde::Serialize;

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct FiniteSchedule {
    /// The count as it was requested.
    total_recurrence_count: Option<u32>,
    end_time: Option<String>,
    next_execution_start_time: Option<String>,
}

/// The count of a report and of its executions, and the fields that only versions with finite schedules have. In those versions the count is what is left;
/// in others it is what was requested.
pub(super) fn schedule(report: &ScheduledReport, finite: bool, now: DateTime<Utc>) -> (Option<u32>, Option<FiniteSchedule>) {
    let (total, end) = match &report.timing {
        Timing::Once { .. } => (Some(1), None),
        Timing::Recurring(schedule) => (schedule.count, schedule.end),
    };
    if !finite {
        return (total, None);
    }
    let shown = FiniteSchedule {
        total_recurrence_count: total,
        end_time: end.map(instant::format),
        next_execution_start_time: report.next_slot(now).map(instant::format),
    };
    (report.executions_left(now), Some(shown))
}
