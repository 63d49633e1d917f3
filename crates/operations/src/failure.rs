//! Why an operation gave no answer. One kind for all of them, so that the API maps it to a status in one place.

use insightgate_engine::EngineError;
use insightgate_identity::enrollment::IllegalMove;
use insightgate_identity::principal::Refusal;
use insightgate_identity::profile::ProfileFault;
use insightgate_report::scheduled_report::{ReportFault, ReportFaults};
use insightgate_store::StoreError;
use thiserror::Error;

use crate::random::NoRandomness;

/// The text is for the caller; where the log needs more, it is in `Internal`.
#[derive(Debug, Error)]
pub enum Failure {
    /// No token, or one that is not accepted. The reason is for the log.
    #[error("Unauthorized")]
    Unauthorized { reason: String },
    /// The token is right, but its user gave no second factor, and the deployment requires one.
    #[error(
        "MFA required: the token's user gave no second factor. The password grant cannot ask for one: get a token by the device code or the \
         authorization code grant."
    )]
    SecondFactorRequired,
    /// A prerequisite is missing.
    #[error("{0}")]
    Refused(#[from] Refusal),
    /// The caller may know that it exists, but not have it.
    #[error("{0}")]
    Forbidden(String),
    /// Not there, or another's.
    #[error("no item found")]
    NotFound,
    /// The report is there, but no run of it matches.
    #[error("no executions")]
    NoExecutions,
    #[error("{0}")]
    Invalid(String),
    /// Every field of a legal business profile that breaks a rule.
    #[error("The legal business profile breaks rules: {}", listed(.0))]
    Profile(Vec<ProfileFault>),
    /// It stands against what is there already.
    #[error("{0}")]
    Conflict(String),
    /// A step that the enrollment's stage does not allow.
    #[error(transparent)]
    IllegalMove(#[from] IllegalMove),
    #[error("The server has too much to do. Try again shortly.")]
    Busy,
    /// A preview or an explanation.
    #[error("The {what} did not finish within {seconds} seconds. That says nothing against the query: a report of it may still succeed.")]
    QueryTimeout { what: &'static str, seconds: u64 },
    /// Nothing that the caller can mend.
    #[error("Service unavailable")]
    Internal(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl Failure {
    pub fn internal(cause: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Failure {
        Failure::Internal(cause.into())
    }
}

fn listed(faults: &[ProfileFault]) -> String {
    faults.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Full { .. } => Failure::Conflict(error.to_string()),
            _ => Failure::internal(error),
        }
    }
}

impl From<NoRandomness> for Failure {
    fn from(error: NoRandomness) -> Self {
        Failure::internal(error)
    }
}

impl From<ReportFaults> for Failure {
    fn from(faults: ReportFaults) -> Self {
        Failure::Invalid(faults.message())
    }
}

impl From<ReportFault> for Failure {
    fn from(fault: ReportFault) -> Self {
        Failure::Invalid(fault.to_string())
    }
}

impl From<EngineError> for Failure {
    fn from(error: EngineError) -> Self {
        match &error {
            refused if refused.is_refusal() => Failure::Forbidden(error.caller_message()),
            // The data or the query stands in the way, not the server.
            EngineError::Misfit { .. }
            | EngineError::Corrupt { .. }
            | EngineError::Budget { .. }
            | EngineError::OutOfRange(_)
            | EngineError::FilesChanged { .. } => {
                tracing::warn!(error = %error, "a query could not be answered");
                Failure::Invalid(error.caller_message())
            }
            EngineError::Busy => Failure::Busy,
            _ => Failure::internal(error),
        }
    }
}
