//! What the calls of the management API take beside its bodies.

/// A step of an enrollment.
#[derive(Debug, Clone, PartialEq)]
pub enum EnrollmentMove<'a> {
    SendCode,
    Verify { code: &'a str },
    Activate,
    Reject { reason: &'a str },
    Suspend { reason: &'a str },
    Reactivate,
}

#[cfg(test)]
#[path = "manage/tests.rs"]
mod tests;
