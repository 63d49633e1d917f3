//! How an enrollment stands, for people: what is missing, and who acts next.

use insightgate_identity::enrollment::{Enrollment, EnrollmentStage};
use insightgate_identity::profile::LegalProfile;
use insightgate_identity::program::Program;

use super::super::page::Shown;

/// An enrollment as pages show it.
pub(in crate::console) struct Stand {
    pub(in crate::console) program: Program,
    pub(in crate::console) stage: EnrollmentStage,
    pub(in crate::console) reason: Option<String>,
    pub(in crate::console) changed: Shown,
    /// What is missing until data may be asked for.
    pub(in crate::console) missing: String,
    /// Who acts next.
    pub(in crate::console) next: &'static str,
    /// Until when the code is good, and how many wrong ones may still be tried.
    pub(in crate::console) code: Option<(Shown, u8)>,
}

impl Stand {
    pub(in crate::console) fn of(enrollment: &Enrollment, profile: Option<&LegalProfile>) -> Stand {
        let contact = profile.map_or("the primary contact", |profile| profile.primary_contact_email.as_str());
        let (missing, next) = match enrollment.stage {
            EnrollmentStage::Started => (
                "The contact's address is not confirmed: no code was sent yet.".to_owned(),
                "an administrator, who asks for a code here, or an operator of this server, who sends one",
            ),
            EnrollmentStage::EmailVerification => (
                format!("The contact's address is not confirmed: a code was made for {contact}."),
                "whoever has the code, who enters it here",
            ),
            EnrollmentStage::Review => (
                "The identity, the employment and the business are being reviewed.".to_owned(),
                "an operator of this server, who accepts or rejects",
            ),
            EnrollmentStage::Active => ("Nothing is missing: data may be asked for.".to_owned(), ""),
            EnrollmentStage::Rejected => {
                let left = Enrollment::APPEALS.saturating_sub(enrollment.appeals);
                (
                    format!("It was rejected. {left} of {} appeals are left.", Enrollment::APPEALS),
                    "the organisation, which mends its profile; then an operator of this server",
                )
            }
            EnrollmentStage::Suspended => (
                "It is suspended: no token opens data, and its reports are paused.".to_owned(),
                "an operator of this server, who lifts the suspension",
            ),
        };
        let code = enrollment.code.as_ref();
        Stand {
            program: enrollment.program,
            stage: enrollment.stage,
            reason: enrollment.reason.clone(),
            changed: Shown(enrollment.changed),
            missing,
            next,
            code: code.map(|code| (Shown(code.expires), Enrollment::CODE_ATTEMPTS.saturating_sub(code.attempts))),
        }
    }

    pub(in crate::console) fn title(&self) -> &'static str {
        self.program.title()
    }

    pub(in crate::console) fn tone(&self) -> &'static str {
        match self.stage {
            EnrollmentStage::Active => "good",
            EnrollmentStage::Rejected | EnrollmentStage::Suspended => "bad",
            _ => "warn",
        }
    }

    /// Whether the address of the contact is still to be confirmed.
    pub(in crate::console) fn is_unconfirmed(&self) -> bool {
        matches!(self.stage, EnrollmentStage::Started | EnrollmentStage::EmailVerification)
    }

    pub(in crate::console) fn is(&self, stage: &str) -> bool {
        self.stage.name() == stage
    }
}
