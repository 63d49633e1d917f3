//! The calls of the management API about what runs for a tenant: reports and executions of every owner, pauses and quotas; and removals.

use insightgate_wire::answers::{AuditEvent, Execution, Listed, Report, TenantLimits, TenantRuns};
use insightgate_wire::bodies::{LimitsChange, Reason};
use insightgate_wire::parameters::{AuditQuery, ExecutionQuery, RemovalQuery, ReportQuery};
use reqwest::Method;

use super::{APPLICATIONS, AUDIT, LOCATIONS, ManageClient, TENANTS, USERS, page_size, parameters};
use crate::error::ClientError;
use crate::http::{body, link_parameters};

const EXECUTIONS: &str = "executions";
const REPORTS: &str = "reports";
const RUNS: &str = "runs";
const LIMITS: &str = "limits";

impl ManageClient {
    /// Returns the newest `limit` executions that match the filter, of one tenant, or of all that the caller manages.
    ///
    /// # Errors
    /// When the request cannot be sent, its answer cannot be read, or the server refuses it.
    pub async fn executions(&self, tenant: Option<&str>, filter: &ExecutionQuery, limit: usize) -> Result<Listed<Execution>, ClientError> {
        let query = parameters(&ExecutionQuery { page_size: page_size(limit), ..filter.clone() })?;
        let mut listed = self.pages(&below(tenant, EXECUTIONS), query, limit).await?;
        listed.value.truncate(limit);
        Ok(listed)
    }

    /// # Errors
    /// When the request cannot be sent, its answer cannot be read, or the server refuses it.
    pub async fn execution(&self, tenant: &str, execution: &str) -> Result<Execution, ClientError> {
        self.get(&[TENANTS, tenant, EXECUTIONS, execution]).await
    }

    /// # Errors
    /// When the request cannot be sent, its answer cannot be read, or the server refuses it.
    pub async fn cancel_execution(&self, tenant: &str, execution: &str) -> Result<Execution, ClientError> {
        self.change(Method::POST, &[TENANTS, tenant, EXECUTIONS, execution, "cancel"], None).await
    }

    /// Queues an execution again that failed or was cancelled.
    ///
    /// # Errors
    /// When the request cannot be sent, its answer cannot be read, or the server refuses it.
    pub async fn retry_execution(&self, tenant: &str, execution: &str) -> Result<Execution, ClientError> {
        self.change(Method::POST, &[TENANTS, tenant, EXECUTIONS, execution, "retry"], None).await
    }

    /// Returns the newest `limit` reports that match the filter, of one tenant, or of all that the caller manages.
    ///
    /// # Errors
    /// When the request cannot be sent, its answer cannot be read, or the server refuses it.
    pub async fn reports(&self, tenant: Option<&str>, filter: &ReportQuery, limit: usize) -> Result<Listed<Report>, ClientError> {
        let query = parameters(&ReportQuery { page_size: page_size(limit), ..filter.clone() })?;
        let mut listed = self.pages(&below(tenant, REPORTS), query, limit).await?;
        listed.value.truncate(limit);
        Ok(listed)
    }

    /// # Errors
    /// When the request cannot be sent, its answer cannot be read, or the server refuses it.
    pub async fn report(&self, tenant: &str, report: &str) -> Result<Report, ClientError> {
        self.get(&[TENANTS, tenant, REPORTS, report]).await
    }

    /// # Errors
    /// When the request cannot be sent, its answer cannot be read, or the server refuses it.
    pub async fn runs(&self, tenant: &str) -> Result<TenantRuns, ClientError> {
        self.get(&[TENANTS, tenant, RUNS]).await
    }

    /// # Errors
    /// When the request cannot be sent, its answer cannot be read, or the server refuses it.
    pub async fn pause_runs(&self, tenant: &str, reason: &str) -> Result<TenantRuns, ClientError> {
        let reason = body(&Reason { reason: Some(reason.to_owned()) })?;
        self.change(Method::POST, &[TENANTS, tenant, RUNS, "pause"], Some(reason)).await
    }

    /// # Errors
    /// When the request cannot be sent, its answer cannot be read, or the server refuses it.
    pub async fn resume_runs(&self, tenant: &str) -> Result<TenantRuns, ClientError> {
        self.change(Method::POST, &[TENANTS, tenant, RUNS, "resume"], None).await
    }

    /// # Errors
    /// When the request cannot be sent, its answer cannot be read, or the server refuses it.
    pub async fn limits(&self, tenant: &str) -> Result<TenantLimits, ClientError> {
        self.get(&[TENANTS, tenant, LIMITS]).await
    }

    /// # Errors
    /// When the request cannot be sent, its answer cannot be read, or the server refuses it.
    pub async fn set_limits(&self, tenant: &str, change: &LimitsChange) -> Result<TenantLimits, ClientError> {
        self.change(Method::PATCH, &[TENANTS, tenant, LIMITS], Some(body(change)?)).await
    }

    /// Removes a user, and the user's reports if they need not stay.
    ///
    /// # Errors
    /// When the request cannot be sent, its answer cannot be read, or the server refuses it.
    pub async fn delete_user(&self, tenant: &str, user: &str, with_reports: bool) -> Result<(), ClientError> {
        self.delete(&[TENANTS, tenant, USERS, user], &fate(with_reports)).await
    }

    /// Removes an application, and the reports that were created through it if they need not stay.
    ///
    /// # Errors
    /// When the request cannot be sent, its answer cannot be read, or the server refuses it.
    pub async fn delete_application(&self, tenant: &str, application: &str, with_reports: bool) -> Result<(), ClientError> {
        self.delete(&[TENANTS, tenant, APPLICATIONS, application], &fate(with_reports)).await
    }

    /// # Errors
    /// When the request cannot be sent, its answer cannot be read, or the server refuses it.
    pub async fn delete_location(&self, tenant: &str, mpn_id: &str) -> Result<(), ClientError> {
        self.delete(&[TENANTS, tenant, LOCATIONS, mpn_id], &super::NOTHING).await
    }

    /// Gives the events that match the filter to `take`, page by page, the newest first, until it returns false: no more than a page is held.
    ///
    /// # Errors
    /// With the error of `take`, or when a request cannot be sent, its answer cannot be read, or the server refuses it.
    pub async fn each_audit_page<E: From<ClientError>>(
        &self,
        tenant: Option<&str>,
        filter: &AuditQuery,
        mut take: impl FnMut(Vec<AuditEvent>) -> Result<bool, E>,
    ) -> Result<(), E> {
        let segments = below(tenant, AUDIT);
        let mut query = parameters(&AuditQuery { page_size: page_size(usize::MAX), ..filter.clone() })?;
        loop {
            let page: Listed<AuditEvent> = self.send(Method::GET, &segments, &query, None).await?.read()?;
            if !take(page.value)? {
                return Ok(());
            }
            let next = page.next_link.as_deref().map(link_parameters);
            let Some(further) = next.filter(|further| *further != query) else { return Ok(()) };
            query = further;
        }
    }
}

/// A list of one tenant, or of all.
fn below<'a>(tenant: Option<&'a str>, list: &'static str) -> Vec<&'a str> {
    match tenant {
        Some(tenant) => vec![TENANTS, tenant, list],
        None => vec![list],
    }
}

fn fate(with_reports: bool) -> RemovalQuery {
    RemovalQuery { reports: with_reports.then(|| "delete".to_owned()) }
}
