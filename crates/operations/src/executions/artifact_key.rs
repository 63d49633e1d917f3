//! Where the artifact of an execution lies. Made of identifiers only: no name from a client enters it.

use insightgate_engine::ArtifactKey;
use insightgate_query::format::Format;
use insightgate_report::execution::Epoch;
use insightgate_report::scheduled_report::ScheduledReport;
use uuid::Uuid;

pub(crate) fn of(report: &ScheduledReport, execution: Uuid, epoch: Epoch, format: Format) -> ArtifactKey {
    ArtifactKey { tenant: report.tenant, report: report.id, execution, epoch: epoch.number(), format }
}
