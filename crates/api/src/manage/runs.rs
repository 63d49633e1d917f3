//! Reports and executions of every owner, the pause of a tenant's runs, and its quotas.

use std::collections::BTreeMap;

use insightgate_operations::manage::callbacks::without_query;
use insightgate_operations::manage::runs::executions::{
    SeenExecution, cancel_managed_execution, list_managed_executions, retry_managed_execution, show_managed_execution,
};
use insightgate_operations::manage::runs::limits::{change_limits, show_limits};
use insightgate_operations::manage::runs::reports::{ManagedReport, list_managed_reports, show_managed_report};
use insightgate_operations::manage::runs::{TenantRuns, pause_runs, resume_runs, show_runs};
use insightgate_report::execution::ExecutionStatus;
use insightgate_report::instant;
use insightgate_report::quotas::{ARTIFACT_GIB, Quota};
use insightgate_report::scheduled_report::Timing;
use insightgate_wire::answers::{self, Listed};
use insightgate_wire::bodies::{LimitsChange, Reason};
use insightgate_wire::parameters::{ExecutionQuery, ReportQuery};

use super::answer::listed;
use super::call::Call;
use super::given::{Given, Query, Shown};

pub(super) async fn executions(call: Call, Query(query): Query<ExecutionQuery>) -> Given<Listed<answers::Execution>> {
    execution_page(&call, Some(call.tenant()), query).await
}

pub(super) async fn all_executions(call: Call, Query(query): Query<ExecutionQuery>) -> Given<Listed<answers::Execution>> {
    execution_page(&call, None, query).await
}

async fn execution_page(call: &Call, tenant: Option<&str>, query: ExecutionQuery) -> Given<Listed<answers::Execution>> {
    let page = list_managed_executions(call.context(), &call.administrator, tenant, query).await?;
    Ok(listed(call, page, execution))
}

pub(super) async fn show_execution(call: Call) -> Given<Shown<answers::Execution>> {
    let found = show_managed_execution(call.context(), &call.administrator, call.tenant(), call.path("execution")).await?;
    Ok(Shown(execution(found)))
}

pub(super) async fn cancel_execution(call: Call) -> Given<Shown<answers::Execution>> {
    let cancelled = cancel_managed_execution(call.context(), &call.administrator, call.tenant(), call.path("execution")).await?;
    Ok(Shown(execution(cancelled)))
}

pub(super) async fn retry_execution(call: Call) -> Given<Shown<answers::Execution>> {
    let queued = retry_managed_execution(call.context(), &call.administrator, call.tenant(), call.path("execution")).await?;
    Ok(Shown(execution(queued)))
}

pub(super) async fn reports(call: Call, Query(query): Query<ReportQuery>) -> Given<Listed<answers::Report>> {
    report_page(&call, Some(call.tenant()), query).await
}

pub(super) async fn all_reports(call: Call, Query(query): Query<ReportQuery>) -> Given<Listed<answers::Report>> {
    report_page(&call, None, query).await
}

async fn report_page(call: &Call, tenant: Option<&str>, query: ReportQuery) -> Given<Listed<answers::Report>> {
    let page = list_managed_reports(call.context(), &call.administrator, tenant, query).await?;
    Ok(listed(call, page, report))
}

pub(super) async fn show_report(call: Call) -> Given<Shown<answers::Report>> {
    let found = show_managed_report(call.context(), &call.administrator, call.tenant(), call.path("report")).await?;
    Ok(Shown(report(found)))
}

pub(super) async fn show(call: Call) -> Given<Shown<answers::TenantRuns>> {
    Ok(Shown(runs(show_runs(call.context(), &call.administrator, call.tenant()).await?)))
}

pub(super) async fn pause(call: Call, body: Reason) -> Given<Shown<answers::TenantRuns>> {
    Ok(Shown(runs(pause_runs(call.context(), &call.administrator, call.tenant(), body.reason.as_deref()).await?)))
}

pub(super) async fn resume(call: Call) -> Given<Shown<answers::TenantRuns>> {
    Ok(Shown(runs(resume_runs(call.context(), &call.administrator, call.tenant()).await?)))
}

pub(super) async fn limits(call: Call) -> Given<Shown<answers::TenantLimits>> {
    let own = show_limits(call.context(), &call.administrator, call.tenant()).await?;
    Ok(Shown(shown_limits(&call, &own)))
}

pub(super) async fn set_limits(call: Call, change: LimitsChange) -> Given<Shown<answers::TenantLimits>> {
    let own = change_limits(call.context(), &call.administrator, call.tenant(), change).await?;
    Ok(Shown(shown_limits(&call, &own)))
}

fn shown_limits(call: &Call, own: &BTreeMap<String, u64>) -> answers::TenantLimits {
    let settings = &call.context().settings;
    answers::TenantLimits {
        quotas: settings.quotas,
        active_reports: Quota::ActiveReports.of(own),
        execute_now_reports: Quota::ExecuteNowReports.of(own),
        queries: Quota::Queries.of(own),
        artifact_gib: own.get(ARTIFACT_GIB).copied().unwrap_or(settings.tenant_artifact_bytes >> 30),
        own: own.keys().cloned().collect(),
        more: answers::More::new(),
    }
}

fn runs(TenantRuns { paused, pending, running, held, oldest }: TenantRuns) -> answers::TenantRuns {
    let (since, reason) = paused.unzip();
    answers::TenantRuns {
        paused: since.is_some(),
        paused_since: since.map(instant::format),
        paused_reason: reason,
        pending,
        running,
        held,
        oldest_pending: oldest.map(instant::format),
        more: answers::More::new(),
    }
}

fn execution(seen: SeenExecution) -> answers::Execution {
    let SeenExecution { found, waits_for, waiting_seconds, running_seconds } = seen;
    let (execution, report) = (found.record.execution, found.record.report);
    let artifact = execution.artifact.as_ref();
    answers::Execution {
        id: execution.id.to_string(),
        tenant: report.tenant.to_string(),
        report_id: report.id.to_string(),
        report_name: report.name,
        owner: report.owner.to_string(),
        user: report.user,
        program: report.program.name().to_owned(),
        status: execution.status.name().to_owned(),
        progress: execution.progress,
        waits_for,
        anchor: instant::format(execution.anchor),
        queued: instant::format(execution.queued),
        waiting_seconds,
        running_seconds,
        finished: artifact.map(|artifact| artifact.generated).or(found.finished).map(instant::format),
        attempts: execution.attempts,
        failures: execution.failures,
        failure_reason: execution.failure,
        format: artifact.map_or(report.format, |artifact| artifact.format).name().to_owned(),
        row_count: artifact.map(|artifact| artifact.rows),
        byte_count: artifact.map(|artifact| artifact.bytes),
        sha256: artifact.map(|artifact| artifact.sha256.clone()),
        data_version: artifact.and_then(|artifact| artifact.data_version),
        file_removed: execution.artifact_removed.map(instant::format),
        message: execution.note,
        more: answers::More::new(),
    }
}

fn report(ManagedReport { report, executions }: ManagedReport) -> answers::Report {
    let count = |status: ExecutionStatus| executions.get(status.name()).copied().unwrap_or_default();
    let next = match &report.timing {
        Timing::Once { .. } => None,
        Timing::Recurring(schedule) => schedule.next,
    };
    answers::Report {
        execute_now: matches!(report.timing, Timing::Once { .. }),
        interval_hours: report.interval_hours(),
        next_execution: next.map(instant::format),
        id: report.id.to_string(),
        tenant: report.tenant.to_string(),
        owner: report.owner.to_string(),
        user: report.user,
        application: report.application.to_string(),
        program: report.program.name().to_owned(),
        name: report.name,
        description: report.description,
        status: report.status.name().to_owned(),
        query: report.query,
        format: report.format.name().to_owned(),
        callback_url: report.callback.map(|callback| without_query(&callback.url)),
        created: instant::format(report.created),
        modified: report.modified.map(instant::format),
        executions: answers::ExecutionCounts {
            pending: count(ExecutionStatus::Pending),
            running: count(ExecutionStatus::Running),
            paused: count(ExecutionStatus::Paused),
            completed: count(ExecutionStatus::Completed),
            failed: count(ExecutionStatus::Failed),
            cancelled: count(ExecutionStatus::Cancelled),
        },
        more: answers::More::new(),
    }
}
