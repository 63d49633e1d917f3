//! The key of an artifact. It is made of identifiers only, and never contains a name from a client.

use insightgate_engine::{ArtifactKey, Format};
use insightgate_report::report_format::ReportFormat;
use insightgate_report::scheduled_report::ScheduledReport;
use uuid::Uuid;

pub(crate) fn of(report: &ScheduledReport, execution: Uuid, epoch: i64, file_format: ReportFormat) -> ArtifactKey {
    // An epoch counts claims: it is never negative.
    let epoch = u64::try_from(epoch).unwrap_or_default();
    ArtifactKey { tenant: report.tenant, report: report.id, execution, epoch, format: format(file_format) }
}

pub(crate) fn format(format: ReportFormat) -> Format {
    match format {
        ReportFormat::Csv => Format::Csv,
        ReportFormat::Tsv => Format::Tsv,
        ReportFormat::CsvGz => Format::CsvGz,
        ReportFormat::CsvZst => Format::CsvZst,
        ReportFormat::TsvGz => Format::TsvGz,
        ReportFormat::TsvZst => Format::TsvZst,
        ReportFormat::Jsonl => Format::Jsonl,
        ReportFormat::Parquet => Format::Parquet,
        ReportFormat::Arrow => Format::Arrow,
    }
}
