//! How reports and executions look: badges, sizes, schedules in words, and an execution's row.

use std::fmt;

use insightgate_operations::executions::list::{ArtifactLink, ExecutionRecord};
use insightgate_operations::reports::history::OwnExecution;
use insightgate_report::execution::ExecutionStatus;
use insightgate_report::file_name;
use insightgate_report::scheduled_report::{ReportStatus, ScheduledReport, Timing};

use crate::artifacts;
use crate::console::page::Shown;

/// A status with the class of its badge.
pub(crate) struct Badge {
    pub(crate) name: &'static str,
    pub(crate) class: &'static str,
}

pub(crate) fn of_report(status: ReportStatus) -> Badge {
    let (name, class) = match status {
        ReportStatus::Active => ("active", "good"),
        ReportStatus::Paused => ("paused", "warn"),
        ReportStatus::Inactive => ("over", ""),
    };
    Badge { name, class }
}

pub(crate) fn of_execution(status: ExecutionStatus) -> Badge {
    let (name, class) = match status {
        ExecutionStatus::Pending => ("pending", "warn"),
        ExecutionStatus::Running => ("running", "warn"),
        ExecutionStatus::Paused => ("paused", "warn"),
        ExecutionStatus::Completed => ("completed", "good"),
        ExecutionStatus::Failed => ("failed", "bad"),
        ExecutionStatus::Cancelled => ("cancelled", ""),
    };
    Badge { name, class }
}

/// A size in words: `1.4 MiB`.
pub(crate) struct Size(pub(crate) u64);

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut unit = 1_u64;
        for name in ["bytes", "KiB", "MiB", "GiB"] {
            if self.0 / unit < 1024 || name == "GiB" {
                let tenths = u128::from(self.0) * 10 / u128::from(unit);
                return match (unit, tenths) {
                    (1, _) => write!(f, "{} {}", self.0, if self.0 == 1 { "byte" } else { name }),
                    (_, 100..) => write!(f, "{} {name}", tenths / 10),
                    _ => write!(f, "{}.{} {name}", tenths / 10, tenths % 10),
                };
            }
            unit *= 1024;
        }
        Ok(())
    }
}

/// A number with a comma between its thousands.
pub(crate) struct Count(pub(crate) u64);

impl fmt::Display for Count {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = self.0.to_string();
        for (at, digit) in digits.chars().enumerate() {
            if at > 0 && (digits.len() - at).is_multiple_of(3) {
                f.write_str(",")?;
            }
            write!(f, "{digit}")?;
        }
        Ok(())
    }
}

/// A link that opens an artifact, and the name that its file is saved under.
pub(crate) struct Download {
    pub(crate) href: String,
    pub(crate) file: String,
    pub(crate) format: &'static str,
}

impl Download {
    pub(crate) fn of(record: &ExecutionRecord, link: Option<&ArtifactLink>, base_url: &str) -> Option<Download> {
        let (link, artifact) = (link?, record.execution.artifact.as_ref()?);
        Some(Download {
            href: artifacts::opening(&artifacts::location(base_url, link), link),
            file: file_name::on_disk(&record.report.name, record.execution.id, artifact.format),
            format: artifact.format.name(),
        })
    }
}

/// An execution as rows and pages show it.
pub(crate) struct Row {
    pub(crate) id: String,
    pub(crate) status: Badge,
    /// In percent, while it runs.
    pub(crate) progress: Option<u32>,
    pub(crate) anchor: Shown,
    pub(crate) queued: Shown,
    pub(crate) began: Option<Shown>,
    pub(crate) ended: Option<Shown>,
    /// Of the last attempt, in words.
    pub(crate) took: Option<String>,
    pub(crate) waits_for: Option<String>,
    /// Why the last attempt failed, or who cancelled it.
    pub(crate) reason: Option<String>,
    pub(crate) message: Option<String>,
    pub(crate) attempts: u32,
    pub(crate) rows: Option<Count>,
    pub(crate) size: Option<Size>,
    pub(crate) sha256: Option<String>,
    pub(crate) data_as_of: Option<Shown>,
    /// Of a Delta table.
    pub(crate) data_version: Option<u64>,
    pub(crate) removed: Option<Shown>,
    pub(crate) download: Option<Download>,
    pub(crate) can_be_cancelled: bool,
    pub(crate) can_be_retried: bool,
}

impl Row {
    pub(crate) fn of(own: OwnExecution, base_url: &str) -> Row {
        let OwnExecution { seen, began, link } = own;
        let record = &seen.found.record;
        let (execution, artifact) = (&record.execution, record.execution.artifact.as_ref());
        let status = execution.status;
        Row {
            id: execution.id.to_string(),
            status: of_execution(status),
            progress: execution.progress.filter(|_| status == ExecutionStatus::Running),
            anchor: Shown(execution.anchor),
            queued: Shown(execution.queued),
            began: began.map(Shown),
            ended: seen.found.finished.map(Shown),
            took: seen.running_seconds.map(in_words),
            waits_for: seen.waits_for.clone(),
            reason: execution.failure.clone(),
            message: execution.note.clone(),
            attempts: execution.attempts,
            rows: artifact.map(|artifact| Count(artifact.rows)),
            size: artifact.map(|artifact| Size(artifact.bytes)),
            sha256: artifact.map(|artifact| artifact.sha256.clone()),
            data_as_of: artifact.and_then(|artifact| artifact.data_as_of).map(Shown),
            data_version: artifact.and_then(|artifact| artifact.data_version),
            removed: execution.artifact_removed.map(Shown),
            download: Download::of(record, link.as_ref(), base_url),
            can_be_cancelled: !status.is_over(),
            can_be_retried: matches!(status, ExecutionStatus::Failed | ExecutionStatus::Cancelled),
        }
    }

    /// Whether there is more to say of its state than its name.
    pub(crate) fn has_words(&self) -> bool {
        self.progress.is_some() || self.waits_for.is_some() || self.reason.is_some() || self.message.is_some()
    }
}

/// A length of time in words.
fn in_words(seconds: u64) -> String {
    match seconds {
        0 => "less than a second".to_owned(),
        1..120 => format!("{seconds} s"),
        120..7200 => format!("{} min {} s", seconds / 60, seconds % 60),
        _ => format!("{} h {} min", seconds / 3600, seconds % 3600 / 60),
    }
}

/// How often a report runs, in words.
pub(crate) fn schedule(report: &ScheduledReport) -> String {
    let Timing::Recurring(schedule) = &report.timing else { return "Once, when it was created".to_owned() };
    let hours = schedule.interval_hours;
    let every = match hours {
        24 => "Every day".to_owned(),
        168 => "Every week".to_owned(),
        _ if hours % 24 == 0 => format!("Every {} days", hours / 24),
        _ => format!("Every {hours} hours"),
    };
    match schedule.count {
        Some(count) => format!("{every}, {} of {count} runs so far", schedule.fired),
        None => format!("{every}, without a limit of runs"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_and_counts_are_read_at_a_glance() {
        for (bytes, words) in [
            (0, "0 bytes"),
            (1, "1 byte"),
            (1023, "1023 bytes"),
            (1024, "1.0 KiB"),
            (1536, "1.5 KiB"),
            (10 << 10, "10 KiB"),
            ((1 << 20) - 1, "1023 KiB"),
            (1 << 20, "1.0 MiB"),
            (5 << 30, "5.0 GiB"),
            (5000 << 30, "5000 GiB"),
            (u64::MAX, "17179869183 GiB"),
        ] {
            assert_eq!(Size(bytes).to_string(), words);
        }
        for (number, words) in [(0, "0"), (999, "999"), (1000, "1,000"), (12_345_678, "12,345,678")] {
            assert_eq!(Count(number).to_string(), words);
        }
        assert_eq!([0, 1, 119, 120, 7200].map(in_words), ["less than a second", "1 s", "119 s", "2 min 0 s", "2 h 0 min"]);
    }
}
