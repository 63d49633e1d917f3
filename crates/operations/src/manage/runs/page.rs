//! Which page of a list is asked for: a filter as it was sent, the size of the page, and where it begins.

use insightgate_report::instant;
use insightgate_store::{PageFilter, PagePlace};
use insightgate_wire::limits::{LARGEST_PAGE, PAGE};
use uuid::Uuid;

use crate::context::Context;
use crate::failure::Failure;
use crate::manage::administrator::{Administrator, Duty};

/// The parameters that the lists share, as they were sent.
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
        let tenant = match tenant {
            Some(tenant) => Some(administrator.tenant_for(context, tenant, Duty::Look).await?.id),
            None => {
                administrator.may(context, Duty::Look).await?;
                administrator.own_tenant().map(|tenant| tenant.id)
            }
        };
        let id = |name: &str, text: Option<String>| {
            let wrong = |_| Failure::Invalid(format!("'{name}' should be a UUID."));
            text.map(|text| Uuid::try_parse(text.trim()).map_err(wrong)).transpose()
        };
        let at = |name: &str, text: Option<String>| {
            let wrong = || Failure::Invalid(format!("'{name}' should be a time as {}.", instant::PATTERN));
            text.map(|text| instant::parse(&text).ok_or_else(wrong)).transpose()
        };
        let limit = match self.page_size.as_deref().map(str::parse) {
            None => PAGE,
            Some(Ok(size)) if (1..=LARGEST_PAGE).contains(&size) => size,
            Some(_) => return Err(Failure::Invalid(format!("'pageSize' should be from 1 to {LARGEST_PAGE}."))),
        };
        let filter = PageFilter {
            tenant,
            owner: id("owner", self.owner)?,
            report: id("reportId", self.report)?,
            execution: id("executionId", self.execution)?,
            statuses: self.status.into_iter().collect(),
            from: at("from", self.from)?,
            to: at("to", self.to)?,
        };
        let after = self.skip_token.as_deref().map(place).transpose()?;
        Ok((filter, after, limit))
    }
}

/// The status of this name.
pub(super) fn status(sent: Option<&str>, names: &[&'static str]) -> Result<Option<&'static str>, Failure> {
    let Some(sent) = sent else { return Ok(None) };
    let known = names.iter().find(|name| name.eq_ignore_ascii_case(sent.trim()));
    known.copied().map(Some).ok_or_else(|| Failure::Invalid(format!("'status' should be one of {}.", names.join(", "))))
}

/// Where the page after this one begins, as text.
pub fn skip_token(place: &PagePlace) -> String {
    format!("{}.{}", place.at, place.id)
}

fn place(token: &str) -> Result<PagePlace, Failure> {
    let read = || {
        let (at, id) = token.trim().split_once('.')?;
        Some(PagePlace { at: at.parse().ok()?, id: Uuid::try_parse(id).ok()? })
    };
    read().ok_or_else(|| Failure::Invalid("'skipToken' is not one of this server's.".to_owned()))
}
