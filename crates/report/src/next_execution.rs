//! The future of a report: its next slot, how many slots are left, and the execution of the next slot, which lists show before it exists.

use chrono::{DateTime, Utc};

use crate::execution::{Epoch, Execution, ExecutionStatus};
use crate::instant;
use crate::schedule::Schedule;
use crate::scheduled_report::{ReportStatus, ScheduledReport, Timing};

impl ScheduledReport {
    /// The next slot. For a paused report, the one with which it would continue if it were resumed now. `None` if no slot is left.
    pub fn next_slot(&self, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        self.to_come(now)?.next
    }

    /// The next slots, at most `count`. For a paused report, those with which it would continue if it were resumed now.
    pub fn next_slots(&self, now: DateTime<Utc>, count: usize) -> Vec<DateTime<Utc>> {
        self.to_come(now).map(|schedule| schedule.slots().take(count).collect()).unwrap_or_default()
    }

    /// How many executions have not begun yet. `None` for a schedule without end.
    pub fn executions_left(&self, now: DateTime<Utc>) -> Option<u32> {
        match &self.timing {
            Timing::Once { .. } => Some(u32::from(self.status != ReportStatus::Inactive)),
            Timing::Recurring(_) => self.to_come(now).map_or(Some(0), |schedule| schedule.slots_left()),
        }
    }

    /// The execution of the next slot, with the id that it will have. `None` if no slot is left, or the execution has no id yet.
    pub fn waiting_execution(&self, now: DateTime<Utc>) -> Option<Execution> {
        let schedule = self.to_come(now)?;
        let anchor = schedule.next?;
        let (status, note) = match self.status {
            ReportStatus::Paused => (ExecutionStatus::Paused, "The run waits until its report is resumed".to_owned()),
            _ => (ExecutionStatus::Pending, format!("The run waits for its time: {}", instant::format(anchor))),
        };
        Some(Execution {
            id: schedule.next_execution?,
            report: self.id,
            anchor,
            queued: anchor,
            status,
            epoch: Epoch::NONE,
            attempts: 0,
            failures: 0,
            refusals: 0,
            failure: None,
            progress: None,
            artifact: None,
            artifact_removed: None,
            note: Some(note),
        })
    }

    fn to_come(&self, now: DateTime<Utc>) -> Option<Schedule> {
        match (&self.timing, self.status) {
            (Timing::Recurring(schedule), ReportStatus::Active) => Some(schedule.clone()),
            (Timing::Recurring(schedule), ReportStatus::Paused) => Some(schedule.skip_to(now)),
            _ => None,
        }
    }
}
