//! Which page of reports or executions is asked for: a filter as it was sent, the size of the page, and where it begins.

use insightgate_store::{PageFilter, PagePlace};

use crate::context::Context;
use crate::failure::Failure;
use crate::manage::administrator::Administrator;
use crate::manage::page;

/// The parameters that both lists share, as they were sent.
#[derive(Debug, Clone, Default)]
pub(super) struct Asked {
    pub(super) report: Option<String>,
    pub(super) execution: Option<String>,
    pub(super) owner: Option<String>,
    /// The name of a status, once it is checked.
    pub(super) status: Option<&'static str>,
    pub(super) from: Option<String>,
    pub(super) to: Option<String>,
    pub(super) page_size: Option<String>,
    pub(super) skip_token: Option<String>,
}

impl Asked {
    /// Of one tenant, or of all tenants for an operator who names none.
    pub(super) async fn read(
        self,
        context: &Context,
        administrator: &Administrator,
        tenant: Option<&str>,
    ) -> Result<(PageFilter, Option<PagePlace>, u32), Failure> {
        let tenant = page::tenant(context, administrator, tenant).await?;
        let filter = PageFilter {
            tenant,
            owner: page::id("owner", self.owner.as_deref())?,
            report: page::id("reportId", self.report.as_deref())?,
            execution: page::id("executionId", self.execution.as_deref())?,
            statuses: self.status.into_iter().collect(),
            from: page::time("from", self.from.as_deref())?,
            to: page::time("to", self.to.as_deref())?,
        };
        Ok((filter, page::place(self.skip_token.as_deref())?, page::size(self.page_size.as_deref())?))
    }
}

/// The status of this name.
pub(super) fn status(sent: Option<&str>, names: &[&'static str]) -> Result<Option<&'static str>, Failure> {
    let Some(sent) = sent else { return Ok(None) };
    let known = names.iter().find(|name| name.eq_ignore_ascii_case(sent.trim()));
    known.copied().map(Some).ok_or_else(|| Failure::Invalid(format!("'status' should be one of {}.", names.join(", "))))
}
