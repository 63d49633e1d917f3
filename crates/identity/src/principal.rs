//! The caller of a request, or the owner of an execution: the application, the user, and their rights at this moment.

use thiserror::Error;
use uuid::Uuid;

use crate::access::{self, AccessRules};
use crate::application::{Application, Permission};
use crate::enrollment::{Enrollment, EnrollmentStage, OverallStatus};
use crate::program::Program;
use crate::role::RoleAssignment;
use crate::scope::TenantScope;
use crate::tenant::Tenant;
use crate::user::User;

/// It is read again for every request and every execution: what was allowed an hour ago may be revoked now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Principal {
    pub tenant: Tenant,
    pub application: Application,
    /// None for an application that acts alone.
    pub user: Option<User>,
    pub enrollments: Vec<Enrollment>,
    /// Permissions of the application that the tenant consented to.
    pub consented: Vec<Permission>,
    /// Permissions of the application, consented or not.
    pub requested: Vec<Permission>,
    /// The user's roles; an application's own when it acts alone.
    pub roles: Vec<RoleAssignment>,
    /// Whether the token says that the user gave a second factor. False without a token, as for an execution.
    pub mfa: bool,
}

/// Why a caller gets no data: the prerequisite that is not met. The text is for the caller (403).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum Refusal {
    #[error("The organisation is not enrolled in the partner program '{0}'.")]
    NotEnrolled(Program),
    #[error("The organisation's enrollment in the partner program '{0}' is {status}, not Accepted.", status = .1.name())]
    EnrollmentNotAccepted(Program, OverallStatus),
    #[error("The application is disabled.")]
    ApplicationDisabled,
    #[error("The token is for an application alone; this program needs a token for application and user.")]
    UserRequired,
    #[error("The user account is disabled.")]
    UserDisabled,
    #[error("The application lacks the permission to the Microsoft Partner API (user_impersonation).")]
    PermissionMissing,
    #[error("The organisation has not consented to the application's permission to the Microsoft Partner API (user_impersonation).")]
    ConsentMissing,
    #[error("The user lacks the role Executive report viewer.")]
    ViewerRoleMissing,
    #[error("The role Report viewer opens no data here: the user needs the role Executive report viewer.")]
    ReportViewerNotEnough,
    #[error("The user was given No permission: the role Executive report viewer is needed.")]
    NoPermission,
    #[error("The application or user lacks the role Manager or Developer.")]
    MarketplaceRoleMissing,
}

impl Principal {
    /// The rows of `program` that the caller may see, or the first prerequisite that is missing.
    ///
    /// # Errors
    /// The first prerequisite that the caller does not meet.
    pub fn scope(&self, program: Program, rules: &AccessRules) -> Result<TenantScope, Refusal> {
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

    /// Whether the application may act for a user at all.
    ///
    /// # Errors
    /// The permission was not added to the application, or not consented to.
    pub fn delegation(&self) -> Result<(), Refusal> {
        if !self.requested.contains(&Permission::PartnerApi) {
            return Err(Refusal::PermissionMissing);
        }
        if !self.consented.contains(&Permission::PartnerApi) {
            return Err(Refusal::ConsentMissing);
        }
        Ok(())
    }

    /// Whether a required second factor was given. An application alone needs none.
    pub fn is_mfa_compliant(&self) -> bool {
        self.user.is_none() || self.mfa
    }

    /// Whose queries and reports these are: the user's, or the application's when it acts alone.
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
