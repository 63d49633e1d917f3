//! The start page of an operator: where the work is.

use askama::Template;
use chrono::TimeDelta;
use insightgate_operations::failure::Failure;
use insightgate_operations::manage::administrator::Administrator;
use insightgate_operations::manage::runs::executions::{ExecutionQuery, list_managed_executions};
use insightgate_operations::manage::server::show_server;
use insightgate_operations::manage::tenant_page::{TenantQuery, page_tenants};
use insightgate_report::execution::ExecutionStatus;
use insightgate_report::instant;
use url::form_urlencoded::byte_serialize;

use crate::console::endpoint::Given;
use crate::console::page::{self, Frame, Place};
use crate::console::reports::look::Count;
use crate::console::visit::Visit;

#[derive(Template)]
#[template(path = "console/operators_start.html")]
struct OperatorsPage {
    frame: Frame,
    /// Organisations with an enrollment to review, and whether there are more than a page of them.
    reviews: usize,
    has_more_reviews: bool,
    running: Count,
    pending: Count,
    failed: Count,
    /// Since when failed executions are counted, as a field of an address.
    since: String,
    is_ready: bool,
}

impl OperatorsPage {
    fn has_failed(&self) -> bool {
        self.failed.0 > 0
    }
}

pub(super) async fn show(visit: &Visit) -> Given {
    let (context, administrator) = (visit.context(), visit.administrator().await?);
    let query = TenantQuery { search: None, stage: Some("Review".to_owned()), paused: false, skip_token: None };
    let reviews = page_tenants(context, &administrator, query).await?;
    let since = instant::format(context.clock.now() - TimeDelta::days(1));
    let count = async |status, from| counted(visit, &administrator, status, from).await.map(Count);
    let page = OperatorsPage {
        frame: Frame::new(visit, Place::Start, "Start"),
        reviews: reviews.tenants.len(),
        has_more_reviews: reviews.next.is_some(),
        running: count(ExecutionStatus::Running, None).await?,
        pending: count(ExecutionStatus::Pending, None).await?,
        failed: count(ExecutionStatus::Failed, Some(since.clone())).await?,
        since: byte_serialize(since.as_bytes()).collect(),
        is_ready: show_server(context, &administrator).await?.checks.iter().all(|check| check.ok),
    };
    Ok(page::show(visit, None, &page))
}

/// How many executions of every organisation have the status.
async fn counted(visit: &Visit, administrator: &Administrator, status: ExecutionStatus, from: Option<String>) -> Result<u64, Failure> {
    let query =
        ExecutionQuery { status: Some(status.name().to_owned()), from, page_size: Some("1".to_owned()), ..ExecutionQuery::default() };
    Ok(list_managed_executions(visit.context(), administrator, None, query).await?.total)
}
