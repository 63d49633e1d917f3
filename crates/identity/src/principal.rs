//! The caller of a request, or the owner of an execution: the application, the user, and their rights at this moment.

use uuid::Uuid;

use crate::access::{self, AccessRules};
use crate::application::{Application, Permission};
use crate::enrollment::{Enrollment, EnrollmentStage};
use crate::program::Program;
use crate::refusal::Refusal;
use crate::role::{Role, RoleAssignment};
use crate::scope::{LogReach, TenantScope};
use crate::tenant::Tenant;
use crate::user::User;

/// A principal. It is read again for every request and every execution, since what was allowed an hour ago may have been revoked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Principal {
    pub tenant: Tenant,
    pub application: Application,
    /// `None` for an application that acts alone.
    pub user: Option<User>,
    pub enrollments: Vec<Enrollment>,
    /// The permissions of the application that the tenant or the user consented to.
    pub consented: Vec<Permission>,
    /// The permissions of the application, consented to or not.
    pub requested: Vec<Permission>,
    /// The user's roles, or the application's own if it acts alone.
    pub roles: Vec<RoleAssignment>,
    /// Whether the token says that the user gave a second factor. False without a token, as for an execution.
    pub mfa: bool,
}

impl Principal {
    /// The rows of `program` that the caller may see. Administrators of the tenant, and operators, may also see the access log.
    ///
    /// # Errors
    ///
    /// [`Refusal`] names the first prerequisite that is missing.
    pub fn scope(&self, program: Program, rules: &AccessRules) -> Result<TenantScope, Refusal> {
        let is_operator = self.application.operator && self.application.enabled && self.user.is_none();
        let is_administrator = self.roles.iter().any(|held| Role::ADMINISTRATORS.contains(&held.role));
        match self.scope_of_data(program, rules) {
            Ok(scope) if is_operator => Ok(scope.with_log(LogReach::EveryTenant)),
            Ok(scope) if is_administrator => Ok(scope.with_log(LogReach::OwnTenant)),
            // Operators are in no program. An application alone is served by the marketplace's only.
            Err(_) if is_operator && program == Program::Cmp => Ok(TenantScope::of_log_only(self.tenant.id, program)),
            outcome => outcome,
        }
    }

    fn scope_of_data(&self, program: Program, rules: &AccessRules) -> Result<TenantScope, Refusal> {
        match self.enrollments.iter().find(|enrollment| enrollment.program == program) {
            None => return Err(Refusal::NotEnrolled(program)),
            Some(Enrollment { stage: EnrollmentStage::Active, .. }) => {}
            Some(enrollment) => return Err(Refusal::EnrollmentNotAccepted(program, enrollment.stage.overall())),
        }
        if !self.application.enabled {
            return Err(Refusal::ApplicationDisabled);
        }
        if self.user.as_ref().is_some_and(|user| !user.enabled) {
            return Err(Refusal::UserDisabled);
        }
        match program {
            Program::Mpn if self.user.is_none() => return Err(Refusal::UserRequired),
            Program::Cmp if self.user.is_none() => {}
            Program::Mpn | Program::Cmp => self.delegation()?,
        }
        let access = match program {
            Program::Mpn => access::partner_network(&self.roles, rules)?,
            Program::Cmp => access::marketplace(&self.roles)?,
        };
        Ok(TenantScope::new(self.tenant.id, self.tenant.global_account.clone(), program, access))
    }

    /// Checks whether the application may act for a user at all.
    ///
    /// # Errors
    ///
    /// [`Refusal`] when the application lacks the permission, or the tenant's consent to it.
    pub fn delegation(&self) -> Result<(), Refusal> {
        if !self.requested.contains(&Permission::PartnerApi) {
            return Err(Refusal::PermissionMissing);
        }
        if !self.consented.contains(&Permission::PartnerApi) {
            return Err(Refusal::ConsentMissing);
        }
        Ok(())
    }

    /// Whether a required second factor was given. An application that acts alone needs none.
    pub fn is_mfa_compliant(&self) -> bool {
        self.user.is_none() || self.mfa
    }

    /// The owner of the caller's queries and reports: the user, or the application if it acts alone.
    pub fn owner(&self) -> Uuid {
        self.user.as_ref().map_or(self.application.id, |user| user.id)
    }

    /// The name that answers show as `user`.
    pub fn display_name(&self) -> String {
        self.user.as_ref().map_or_else(|| self.application.id.to_string(), |user| user.username.clone())
    }
}

#[cfg(test)]
mod tests;
