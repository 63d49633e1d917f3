//! Who manages, and what each may do. Read anew for every request, as for data.
//!
//! Source: what the roles of the partner program manage. Operators are applications that this deployment trusts with every tenant.

use std::borrow::Cow;
use std::sync::Arc;

use insightgate_identity::application::Permission;
use insightgate_identity::principal::Principal;
use insightgate_identity::refusal::Refusal;
use insightgate_identity::role::{Locations, Role, RoleAssignment};
use insightgate_identity::tenant::{Tenant, TenantReference};
use insightgate_store::{AuditEvent, Store};
use tokio::time::Instant;
use uuid::Uuid;

use crate::audit::{self, Happening};
use crate::context::Context;
use crate::failure::Failure;

#[derive(Debug, Clone)]
pub struct Administrator {
    principal: Arc<Principal>,
    reach: Reach,
    correlation: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reach {
    /// An operator: every tenant, every duty.
    Everything,
    /// An administrator, with the roles that the user holds.
    OwnTenant,
    /// An application that the tenant consented to, which does what a Global admin does.
    OwnTenantAlone,
}

/// What a call does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Duty {
    /// Takes tenants in or removes them, judges enrollments, looks after the server.
    Operate,
    /// Reads what the tenant has.
    Look,
    /// Reads who has which role.
    LookAtRoles,
    /// Users, applications, secrets, permissions, consent.
    Directory,
    /// Locations and the legal business profile.
    Company,
}

impl Duty {
    /// Whether one of the roles has it. Operators have every duty.
    pub fn is_held_by(self, roles: &[RoleAssignment]) -> bool {
        roles.iter().any(|held| self.roles().contains(&held.role))
    }

    fn roles(self) -> &'static [Role] {
        match self {
            Duty::Operate => &[],
            Duty::Look | Duty::Company => Role::ADMINISTRATORS,
            Duty::LookAtRoles => &[Role::GlobalAdmin, Role::AccountAdmin, Role::MpnPartnerAdmin, Role::Manager],
            Duty::Directory => &[Role::GlobalAdmin],
        }
    }

    /// Who has it, for people.
    pub fn holders(self) -> String {
        match self {
            Duty::Operate => "operators only".to_owned(),
            _ => self.roles().iter().map(|role| role.title()).collect::<Vec<_>>().join(" or "),
        }
    }

    fn refusal(self) -> String {
        match self {
            Duty::Operate => "Only an operator of this server may do this.".to_owned(),
            _ => format!("This needs the role {}.", self.holders()),
        }
    }
}

impl Administrator {
    /// Whether the caller may use the management API at all. A refusal is audited.
    ///
    /// # Errors
    /// When the token's bearer may manage nothing, or the database does not answer.
    pub async fn admit(context: &Context, principal: Arc<Principal>, correlation: &str) -> Result<Administrator, Failure> {
        match reach(&principal) {
            Ok(reach) => Ok(Administrator { principal, reach, correlation: correlation.to_owned() }),
            Err(failure) => {
                audit::record_refusal(context, &principal, "management", &failure.to_string(), correlation).await;
                Err(failure)
            }
        }
    }

    pub fn is_operator(&self) -> bool {
        self.reach == Reach::Everything
    }

    /// As the record names who calls.
    pub(super) fn actor(&self) -> String {
        self.principal.owner().to_string()
    }

    pub(super) fn correlation(&self) -> &str {
        &self.correlation
    }

    /// The application that calls.
    pub(super) fn application(&self) -> Uuid {
        self.principal.application.id
    }

    /// None for an operator, who has them all.
    pub(super) fn own_tenant(&self) -> Option<&Tenant> {
        (!self.is_operator()).then_some(&self.principal.tenant)
    }

    /// Another tenant than the caller's own is not found, whatever it is.
    ///
    /// # Errors
    /// When there is no such tenant, the caller may not manage it, or the database does not answer.
    pub async fn tenant(&self, context: &Context, reference: &str) -> Result<Tenant, Failure> {
        let found = match TenantReference::parse(reference.trim()) {
            Some(TenantReference::Id(id)) => context.store.tenant(id).await?,
            Some(TenantReference::Domain(domain)) => context.store.tenant_by_domain(&domain).await?,
            _ => None,
        };
        found.filter(|tenant| self.is_operator() || tenant.id == self.principal.tenant.id).ok_or(Failure::NotFound)
    }

    /// The tenant, if the caller has this duty there. Who may not even look at a tenant is told so of any: what is not there is answered as what is.
    ///
    /// # Errors
    /// When there is no such tenant, the caller lacks the right, or the database does not answer.
    pub async fn tenant_for(&self, context: &Context, reference: &str, duty: Duty) -> Result<Tenant, Failure> {
        let tenant = self.tenant(context, reference).await;
        if tenant.is_ok() || !self.has(Duty::Look) {
            self.may(context, duty).await?;
        }
        tenant
    }

    /// # Errors
    /// When the caller lacks the right.
    pub async fn may(&self, context: &Context, duty: Duty) -> Result<(), Failure> {
        if self.has(duty) { Ok(()) } else { Err(self.refuse(context, "management", duty.refusal()).await) }
    }

    fn has(&self, duty: Duty) -> bool {
        match self.reach {
            Reach::Everything => true,
            Reach::OwnTenant | Reach::OwnTenantAlone => duty.is_held_by(&self.roles()),
        }
    }

    /// What the caller's right to give roles is judged by.
    pub(super) fn roles(&self) -> Cow<'_, [RoleAssignment]> {
        match self.reach {
            Reach::OwnTenantAlone => Cow::Owned(vec![RoleAssignment { role: Role::GlobalAdmin, locations: Locations::Organization }]),
            Reach::Everything | Reach::OwnTenant => Cow::Borrowed(&self.principal.roles),
        }
    }

    /// The store, whose next change writes this as its one event.
    pub(super) fn recording(
        &self,
        context: &Context,
        tenant: Option<Uuid>,
        action: &str,
        subject: String,
        detail: String,
    ) -> Result<Store, Failure> {
        Ok(context.store.recording(self.event(context, tenant, action, subject, detail)?))
    }

    /// The one event of a change that says only once it is made what its event is.
    pub(super) fn event(
        &self,
        context: &Context,
        tenant: Option<Uuid>,
        action: &str,
        subject: String,
        detail: String,
    ) -> Result<AuditEvent, Failure> {
        // Operators may fill their own disk.
        if !self.is_operator() && !context.recorder.may_change(self.principal.tenant.id, Instant::now()) {
            return Err(Failure::Busy);
        }
        let (actor, correlation) = (self.actor(), Some(self.correlation.clone()));
        Ok(audit::event(context, Happening { tenant, actor, action, subject, detail, correlation })?)
    }

    /// The one event of what changes nothing.
    pub(super) async fn record(&self, context: &Context, tenant: Option<Uuid>, action: &str, subject: String, detail: String) {
        let (actor, correlation) = (self.actor(), Some(self.correlation.clone()));
        audit::record(context, Happening { tenant, actor, action, subject, detail, correlation }).await;
    }

    /// The one event of a refusal, and the refusal.
    pub(super) async fn refuse(&self, context: &Context, subject: &str, reason: String) -> Failure {
        audit::record_refusal(context, &self.principal, subject, &reason, &self.correlation).await;
        Failure::Forbidden(reason)
    }
}

fn reach(principal: &Principal) -> Result<Reach, Failure> {
    if !principal.application.enabled {
        return Err(Refusal::ApplicationDisabled.into());
    }
    let (permission, reach) = match &principal.user {
        Some(user) if !user.enabled => return Err(Refusal::UserDisabled.into()),
        Some(_) => (Permission::Management, Reach::OwnTenant),
        None if principal.application.operator => return Ok(Reach::Everything),
        None => (Permission::ManagementApplication, Reach::OwnTenantAlone),
    };
    let name = permission.name();
    if !principal.requested.contains(&permission) {
        return Err(Failure::Forbidden(format!("The application lacks the permission to the management API ({name}).")));
    }
    if !principal.consented.contains(&permission) {
        let text = format!("The organisation has not consented to the application's permission to the management API ({name}).");
        return Err(Failure::Forbidden(text));
    }
    Ok(reach)
}
