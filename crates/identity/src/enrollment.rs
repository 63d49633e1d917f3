//! A tenant's enrollment in a partner program, and its stages: started → email verification → review → active.
//!
//! Source: the verification stages and statuses of the partner profile. `Suspended` is an operator's decision.

use chrono::{DateTime, TimeDelta, Utc};
use strum::{EnumString, IntoStaticStr, VariantArray};
use thiserror::Error;

use crate::program::Program;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Enrollment {
    pub program: Program,
    pub stage: EnrollmentStage,
    /// Why it was rejected or suspended.
    pub reason: Option<String>,
    /// How often a rejection was appealed.
    pub appeals: u8,
    /// When it reached its stage.
    pub changed: DateTime<Utc>,
    /// The code that the contact has to confirm, while the address is being verified.
    pub code: Option<VerificationCode>,
}

/// The code that was sent to the primary contact, as stored: a digest, never the text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerificationCode {
    /// SHA-256 of the code, hexadecimal.
    pub digest: String,
    pub expires: DateTime<Utc>,
    /// The number of wrong codes so far.
    pub attempts: u8,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, IntoStaticStr, EnumString, VariantArray)]
pub enum EnrollmentStage {
    /// The legal business profile was submitted. The contact has not been asked yet.
    Started,
    /// A code was sent to the primary contact.
    EmailVerification,
    /// Identity, employment and business are being reviewed.
    Review,
    /// Data may be requested.
    Active,
    Rejected,
    Suspended,
}

/// The status that the program's pages show.
#[derive(Debug, Clone, Copy, PartialEq, Eq, IntoStaticStr, VariantArray)]
pub enum OverallStatus {
    Pending,
    Accepted,
    Rejected,
    Suspended,
}

/// A step that the stage does not allow.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum IllegalMove {
    #[error("An enrollment that is {from} cannot be {step}; it must be {allowed}.", from = .from.name())]
    WrongStage { from: EnrollmentStage, step: &'static str, allowed: &'static str },
    #[error("The verification code is wrong.")]
    WrongCode,
    #[error("The verification code has expired. Send another one.")]
    CodeExpired,
    #[error("Too many wrong codes were tried. Send another one.")]
    TooManyAttempts,
    #[error("The enrollment was rejected and appealed {0} times already, which is the limit.")]
    TooManyAppeals(u8),
    #[error("A reason is needed.")]
    ReasonMissing,
}

impl EnrollmentStage {
    pub const ALL: &'static [EnrollmentStage] = EnrollmentStage::VARIANTS;

    /// The stored and transported name.
    pub fn name(self) -> &'static str {
        self.into()
    }

    pub fn from_name(name: &str) -> Option<EnrollmentStage> {
        name.parse().ok()
    }

    pub fn overall(self) -> OverallStatus {
        match self {
            EnrollmentStage::Started | EnrollmentStage::EmailVerification | EnrollmentStage::Review => OverallStatus::Pending,
            EnrollmentStage::Active => OverallStatus::Accepted,
            EnrollmentStage::Rejected => OverallStatus::Rejected,
            EnrollmentStage::Suspended => OverallStatus::Suspended,
        }
    }
}

impl OverallStatus {
    pub const ALL: &'static [OverallStatus] = OverallStatus::VARIANTS;

    pub fn name(self) -> &'static str {
        self.into()
    }
}

impl Enrollment {
    /// For how many days a verification code may be used.
    pub const CODE_DAYS: i64 = 7;
    /// After how many wrong codes a new code has to be sent.
    pub const CODE_ATTEMPTS: u8 = 5;
    /// How often a rejection may be appealed. Source: the observed limit of "Fix now".
    pub const APPEALS: u8 = 3;

    pub fn start(program: Program, now: DateTime<Utc>) -> Enrollment {
        Enrollment { program, stage: EnrollmentStage::Started, reason: None, appeals: 0, changed: now, code: None }
    }

    /// An enrollment that needs no verification, for whoever set up the deployment.
    pub fn active(program: Program, now: DateTime<Utc>) -> Enrollment {
        Enrollment { stage: EnrollmentStage::Active, ..Enrollment::start(program, now) }
    }

    /// Records that a code, the first or another one, is sent to the primary contact. `digest` is the digest of the code.
    ///
    /// # Errors
    ///
    /// [`IllegalMove`] when it is past the verification of the address.
    pub fn send_code(&self, digest: String, now: DateTime<Utc>) -> Result<Enrollment, IllegalMove> {
        self.must_be(
            &[EnrollmentStage::Started, EnrollmentStage::EmailVerification],
            "sent a verification code",
            "Started or EmailVerification",
        )?;
        let code = VerificationCode { digest, expires: now + TimeDelta::days(Enrollment::CODE_DAYS), attempts: 0 };
        Ok(Enrollment { code: Some(code), ..self.moved(EnrollmentStage::EmailVerification, now) })
    }

    /// Checks the digest of the code that the contact gave. A wrong code counts as an attempt, so the error contains the enrollment to store.
    ///
    /// # Errors
    ///
    /// [`IllegalMove`] when no code is expected, or the code is wrong, has expired or was tried too often.
    pub fn confirm(&self, digest: &str, now: DateTime<Utc>) -> Result<Enrollment, (Enrollment, IllegalMove)> {
        let unchanged = |fault| (self.clone(), fault);
        self.must_be(&[EnrollmentStage::EmailVerification], "verified", "EmailVerification").map_err(unchanged)?;
        let Some(code) = &self.code else { return Err(unchanged(IllegalMove::CodeExpired)) };
        if code.attempts >= Enrollment::CODE_ATTEMPTS {
            return Err(unchanged(IllegalMove::TooManyAttempts));
        }
        if now >= code.expires {
            return Err(unchanged(IllegalMove::CodeExpired));
        }
        if code.digest != digest {
            let counted = VerificationCode { attempts: code.attempts + 1, ..code.clone() };
            return Err((Enrollment { code: Some(counted), ..self.clone() }, IllegalMove::WrongCode));
        }
        Ok(self.moved(EnrollmentStage::Review, now))
    }

    /// Activates the enrollment, since the review found nothing against it.
    ///
    /// # Errors
    ///
    /// [`IllegalMove`] when it is not in review.
    pub fn activate(&self, now: DateTime<Utc>) -> Result<Enrollment, IllegalMove> {
        self.must_be(&[EnrollmentStage::Review], "activated", "in Review")?;
        Ok(self.moved(EnrollmentStage::Active, now))
    }

    /// Rejects the enrollment, for a reason that the tenant is told.
    ///
    /// # Errors
    ///
    /// [`IllegalMove`] when it is active, suspended or rejected, or no reason is given.
    pub fn reject(&self, reason: &str, now: DateTime<Utc>) -> Result<Enrollment, IllegalMove> {
        let allowed = [EnrollmentStage::Started, EnrollmentStage::EmailVerification, EnrollmentStage::Review];
        self.must_be(&allowed, "rejected", "Started, EmailVerification or in Review")?;
        Ok(Enrollment { reason: Some(given(reason)?), ..self.moved(EnrollmentStage::Rejected, now) })
    }

    /// Suspends the enrollment. It gives no access until it is reactivated.
    ///
    /// # Errors
    ///
    /// [`IllegalMove`] when it is not active, or no reason is given.
    pub fn suspend(&self, reason: &str, now: DateTime<Utc>) -> Result<Enrollment, IllegalMove> {
        self.must_be(&[EnrollmentStage::Active], "suspended", "Active")?;
        Ok(Enrollment { reason: Some(given(reason)?), ..self.moved(EnrollmentStage::Suspended, now) })
    }

    /// Makes a suspended enrollment active again. For a rejected one this is an appeal, which sends it back to review.
    ///
    /// # Errors
    ///
    /// [`IllegalMove`] when it is neither suspended nor rejected, or was appealed as often as allowed.
    pub fn reactivate(&self, now: DateTime<Utc>) -> Result<Enrollment, IllegalMove> {
        match self.stage {
            EnrollmentStage::Suspended => Ok(self.moved(EnrollmentStage::Active, now)),
            EnrollmentStage::Rejected if self.appeals >= Enrollment::APPEALS => Err(IllegalMove::TooManyAppeals(self.appeals)),
            EnrollmentStage::Rejected => Ok(Enrollment { appeals: self.appeals + 1, ..self.moved(EnrollmentStage::Review, now) }),
            from => Err(IllegalMove::WrongStage { from, step: "reactivated", allowed: "Suspended or Rejected" }),
        }
    }

    /// The enrollment after a verified field has changed: an active one goes back to review. One whose code is on its way to a contact with another
    /// address begins again, since the code says nothing about the new address. Any other keeps its stage.
    pub fn legal_details_changed(&self, contact_changed: bool, now: DateTime<Utc>) -> Enrollment {
        match self.stage {
            EnrollmentStage::Active => self.moved(EnrollmentStage::Review, now),
            EnrollmentStage::EmailVerification if contact_changed => self.moved(EnrollmentStage::Started, now),
            _ => self.clone(),
        }
    }

    fn must_be(&self, stages: &[EnrollmentStage], step: &'static str, allowed: &'static str) -> Result<(), IllegalMove> {
        if stages.contains(&self.stage) { Ok(()) } else { Err(IllegalMove::WrongStage { from: self.stage, step, allowed }) }
    }

    fn moved(&self, stage: EnrollmentStage, now: DateTime<Utc>) -> Enrollment {
        Enrollment { stage, reason: None, changed: now, code: None, ..self.clone() }
    }
}

fn given(reason: &str) -> Result<String, IllegalMove> {
    let reason = reason.trim();
    if reason.is_empty() { Err(IllegalMove::ReasonMissing) } else { Ok(reason.to_owned()) }
}

#[cfg(test)]
mod tests;
