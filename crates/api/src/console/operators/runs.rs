//! Executions of every owner: which wait, run or failed, for how long and why. Operators see those of all organisations, administrators their own.

use std::collections::BTreeMap;
use std::time::Duration;

use askama::Template;
use insightgate_operations::failure::Failure;
use insightgate_operations::manage::administrator::{Administrator, Duty};
use insightgate_operations::manage::page::skip_token;
use insightgate_operations::manage::runs::executions::{
    ExecutionQuery, SeenExecution, cancel_managed_execution, list_managed_executions, retry_managed_execution,
};
use insightgate_report::execution::ExecutionStatus;
use url::form_urlencoded::Serializer;
use uuid::Uuid;

use crate::console::audit::instant;
use crate::console::endpoint::{Endpoint, Given, Needs};
use crate::console::page::grouped::Grouped;
use crate::console::page::lasted::Lasted;
use crate::console::page::{self, Frame, Place, Shown};
use crate::console::reports::look::{Count, Size};
use crate::console::visit::Visit;
use crate::console::visit::form::Form;

pub(super) fn endpoints() -> Vec<Endpoint> {
    let directory = Needs::Duty(Duty::Directory);
    vec![
        Endpoint::get("/console/runs", Needs::Duty(Duty::Look), list),
        Endpoint::post("/console/tenants/{tenant}/runs/{execution}/cancel", directory, cancel),
        Endpoint::post("/console/tenants/{tenant}/runs/{execution}/retry", directory, retry),
    ]
}

/// Executions on a page.
const PAGE: u32 = 50;
/// The fields of the filter.
const FILTER: [&str; 6] = ["tenant", "status", "reportId", "executionId", "from", "to"];

#[derive(Template)]
#[template(path = "console/runs.html")]
struct RunsPage<'a> {
    frame: Frame,
    form: &'a Form,
    runs: Vec<Run>,
    total: u64,
    /// Each status, and whether it is the one that is looked for.
    statuses: Vec<(&'static str, bool)>,
    /// The fields of the address of the first page, and of the next.
    filter: String,
    next: Option<String>,
    is_first: bool,
    is_operator: bool,
    may_change: bool,
    fault: Option<String>,
}

/// An execution as it is shown.
struct Run {
    seen: SeenExecution,
    domain: String,
}

impl RunsPage<'_> {
    fn typed(&self, name: &str) -> &str {
        let typed = self.form.raw(name);
        // Inputs of times have no zone.
        if matches!(name, "from" | "to") { typed.trim_end_matches('Z') } else { typed }
    }

    /// The filter, for the hidden fields of a form.
    fn kept(&self) -> Vec<(&'static str, String)> {
        FILTER.into_iter().filter_map(|name| Some((name, self.form.text(name)?))).collect()
    }
}

impl Run {
    fn id(&self) -> Uuid {
        self.seen.found.record.execution.id
    }

    fn status(&self) -> &'static str {
        self.seen.found.record.execution.status.name()
    }

    fn tone(&self) -> &'static str {
        match self.seen.found.record.execution.status {
            ExecutionStatus::Completed => "good",
            ExecutionStatus::Failed => "bad",
            ExecutionStatus::Paused | ExecutionStatus::Cancelled => "warn",
            ExecutionStatus::Pending | ExecutionStatus::Running => "",
        }
    }

    /// What came of it.
    fn file(&self) -> Option<String> {
        let artifact = self.seen.found.record.execution.artifact.as_ref()?;
        Some(format!("{} rows, {}", Count(artifact.rows), Size(artifact.bytes)))
    }

    fn waited(&self) -> Option<String> {
        self.seen.waiting_seconds.map(lasted)
    }

    fn ran(&self) -> Option<String> {
        self.seen.running_seconds.map(lasted)
    }

    fn is_over(&self) -> bool {
        !matches!(self.seen.found.record.execution.status, ExecutionStatus::Pending | ExecutionStatus::Running | ExecutionStatus::Paused)
    }

    fn is_retried(&self) -> bool {
        matches!(self.seen.found.record.execution.status, ExecutionStatus::Failed | ExecutionStatus::Cancelled)
    }
}

fn lasted(seconds: u64) -> String {
    if seconds == 0 { "less than 1 s".to_owned() } else { Lasted(Duration::from_secs(seconds)).to_string() }
}

/// The filter, to be put into an address.
fn fields(form: &Form) -> String {
    let set = FILTER.into_iter().filter_map(|name| Some((name, form.text(name)?)));
    Serializer::new(String::new()).extend_pairs(set).finish()
}

async fn list(visit: Visit) -> Given {
    show_list(&visit, None).await
}

async fn show_list(visit: &Visit, refused: Option<Failure>) -> Given {
    let administrator = visit.administrator().await?;
    let form = visit.form();
    let query = ExecutionQuery {
        report_id: form.text("reportId"),
        execution_id: form.text("executionId"),
        status: form.text("status"),
        from: form.text("from").map(instant),
        to: form.text("to").map(instant),
        page_size: Some(PAGE.to_string()),
        skip_token: form.text("skipToken"),
        ..ExecutionQuery::default()
    };
    let tenant = form.text("tenant");
    let (items, total, next, failure) = match list_managed_executions(visit.context(), &administrator, tenant.as_deref(), query).await {
        Ok(page) => (page.items, page.total, page.next, refused),
        Err(failure @ (Failure::Invalid(_) | Failure::NotFound)) => (Vec::new(), 0, None, Some(failure)),
        Err(failure) => return Err(failure),
    };
    let filter = fields(form);
    let after = |token: &str| Serializer::new(filter.clone()).append_pair("skipToken", token).finish();
    let texts = [("cancelled", "The run was cancelled."), ("retried", "The run is queued again.")];
    let page = RunsPage {
        frame: Frame::new(visit, Place::Runs, "Runs").telling(visit, &texts),
        form,
        runs: named(visit, &administrator, items).await?,
        total,
        statuses: ExecutionStatus::ALL.iter().map(|status| (status.name(), form.raw("status") == status.name())).collect(),
        next: next.map(|place| after(&skip_token(&place))),
        filter,
        is_first: form.text("skipToken").is_none(),
        is_operator: visit.is_operator(),
        may_change: visit.has(Duty::Directory),
        fault: failure.as_ref().map(|failure| match failure {
            Failure::NotFound => "No organisation has this id or domain.".to_owned(),
            _ => failure.to_string(),
        }),
    };
    Ok(page::show(visit, failure.as_ref(), &page))
}

/// With the domains of their organisations, each looked up once.
async fn named(visit: &Visit, administrator: &Administrator, items: Vec<SeenExecution>) -> Result<Vec<Run>, Failure> {
    let mut domains: BTreeMap<Uuid, String> = BTreeMap::new();
    let mut runs = Vec::with_capacity(items.len());
    for seen in items {
        let id = seen.found.record.report.tenant;
        let domain = match domains.get(&id) {
            Some(domain) => domain.clone(),
            None => match administrator.tenant(visit.context(), &id.to_string()).await {
                Ok(tenant) => tenant.domain,
                // It was deleted just now.
                Err(Failure::NotFound) => id.to_string(),
                Err(failure) => return Err(failure),
            },
        };
        domains.insert(id, domain.clone());
        runs.push(Run { seen, domain });
    }
    Ok(runs)
}

async fn cancel(visit: Visit) -> Given {
    let administrator = visit.administrator().await?;
    let outcome = cancel_managed_execution(visit.context(), &administrator, visit.tenant(), visit.path("execution")).await;
    done(&visit, outcome, "cancelled").await
}

async fn retry(visit: Visit) -> Given {
    let administrator = visit.administrator().await?;
    let outcome = retry_managed_execution(visit.context(), &administrator, visit.tenant(), visit.path("execution")).await;
    done(&visit, outcome, "retried").await
}

/// Back to the list, with the filter that it had.
async fn done(visit: &Visit, outcome: Result<SeenExecution, Failure>, word: &str) -> Given {
    match outcome {
        Ok(_) => {
            let address = Serializer::new(fields(visit.form())).append_pair("done", word).finish();
            Ok(page::go_to(&format!("/console/runs?{address}")))
        }
        Err(failure) if page::belongs_to_form(&failure) => show_list(visit, Some(failure)).await,
        Err(failure) => Err(failure),
    }
}
