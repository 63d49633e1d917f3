//! A tenant's enrollment in a partner program.

use crate::program::Program;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Enrollment {
    pub program: Program,
    pub status: EnrollmentStatus,
}

/// Source: the verification status of the partner profile; `Suspended` is an operator's decision.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EnrollmentStatus {
    Pending,
    Accepted,
    Rejected,
    Suspended,
}

impl EnrollmentStatus {
    pub const ALL: [EnrollmentStatus; 4] =
        [EnrollmentStatus::Pending, EnrollmentStatus::Accepted, EnrollmentStatus::Rejected, EnrollmentStatus::Suspended];

    pub fn name(self) -> &'static str {
        match self {
            EnrollmentStatus::Pending => "Pending",
            EnrollmentStatus::Accepted => "Accepted",
            EnrollmentStatus::Rejected => "Rejected",
            EnrollmentStatus::Suspended => "Suspended",
        }
    }

    pub fn from_name(name: &str) -> Option<EnrollmentStatus> {
        EnrollmentStatus::ALL.into_iter().find(|status| status.name() == name)
    }
}
