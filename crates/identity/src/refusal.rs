//! Why a caller gets no data: for example a missing role, a disabled account or a missing consent.

use thiserror::Error;

use crate::enrollment::OverallStatus;
use crate::program::Program;

/// The prerequisite for data that the caller does not meet. The text is for the caller (403).
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
