//! Why an operation gave no answer. All operations use this one type, so that the API maps failures to statuses in one place.

use insightgate_engine::EngineError;
use insightgate_identity::enrollment::IllegalMove;
use insightgate_identity::profile::ProfileFault;
use insightgate_identity::refusal::Refusal;
use insightgate_report::scheduled_report::{ReportFault, ReportFaults};
use insightgate_store::StoreError;
use thiserror::Error;

use crate::callers::challenge::Challenge;
use crate::random::NoRandomness;

/// When to ask again where queries wait for their turns, in seconds.
const CROWDED_SECONDS: u32 = 5;
/// When to look again whether a quota has room that only its owner can make, in seconds.
const QUOTA_SECONDS: u32 = 3600;
/// When to ask again while a database is away, in seconds.
const AWAY_SECONDS: u32 = 5;
/// When to ask again for what an object store did not give, in seconds.
pub(crate) const STORE_AWAY_SECONDS: u32 = 10;

/// The text is for the caller; what only the log needs is in `Internal`.
#[derive(Debug, Error)]
pub enum Failure {
    /// No token, or one that is not accepted. The reason is for the log, the challenge for the caller.
    #[error("Unauthorized")]
    Unauthorized { reason: String, challenge: Challenge },
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
    /// The report is there, but no execution of it matches.
    #[error("no executions")]
    NoExecutions,
    /// The same, but one that failed would match if it were asked for.
    #[error("no executions but failed ones")]
    OnlyFailedExecutions,
    #[error("{0}")]
    Invalid(String),
    /// A documented quota is used up.
    #[error("{told}")]
    QuotaUsed { told: String, wait_seconds: u32 },
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
    /// The caller's own share is taken.
    #[error("{told}")]
    ShareTaken { told: String, wait_seconds: u32 },
    /// Something that the server needs is away or refuses it, or there is no room. The cause is for the log.
    #[error("{told}")]
    Unavailable { told: String, wait_seconds: u32, cause: String },
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

    /// The log gets the whole fault, and the caller `told`.
    pub fn bad_token(reason: impl ToString, told: impl Into<String>) -> Failure {
        Failure::Unauthorized { reason: reason.to_string(), challenge: Challenge::BadToken(told.into()) }
    }

    /// `wait_seconds`: when there will be room without the caller's doing, if that is known.
    pub fn quota_used(told: impl ToString, wait_seconds: Option<u32>) -> Failure {
        Failure::QuotaUsed { told: told.to_string(), wait_seconds: wait_seconds.unwrap_or(QUOTA_SECONDS) }
    }

    /// Something that the server needs cannot be used now. The caller does not learn what.
    pub fn unavailable(cause: &impl ToString) -> Failure {
        Failure::Unavailable { told: "Service unavailable".to_owned(), wait_seconds: AWAY_SECONDS, cause: cause.to_string() }
    }

    /// After how many seconds the same request may succeed, if that is known.
    pub fn retry_after(&self) -> Option<u32> {
        match self {
            Failure::ShareTaken { wait_seconds, .. }
            | Failure::Unavailable { wait_seconds, .. }
            | Failure::QuotaUsed { wait_seconds, .. } => Some(*wait_seconds),
            _ => None,
        }
    }
}

fn listed(faults: &[ProfileFault]) -> String {
    faults.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        match (&error, error.outage()) {
            (StoreError::Full { .. }, _) => Failure::Conflict(error.to_string()),
            _ if error.is_unkeepable() => Failure::Invalid("A text holds the character U+0000, which no text may have.".to_owned()),
            (_, Some(_)) => Failure::unavailable(&error),
            (_, None) => Failure::internal(error),
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
        match fault {
            ReportFault::ActiveQuota | ReportFault::ExecuteNowQuota => Failure::quota_used(fault, None),
            _ => Failure::Invalid(fault.to_string()),
        }
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
            | EngineError::RowGroupTooLarge { .. }
            | EngineError::OutOfRange(_)
            | EngineError::FilesChanged { .. } => {
                tracing::warn!(error = %error, "a query could not be answered");
                Failure::Invalid(error.caller_message())
            }
            EngineError::Crowded { by_own: true } => Failure::ShareTaken { told: error.caller_message(), wait_seconds: CROWDED_SECONDS },
            EngineError::Crowded { by_own: false } => {
                Failure::Unavailable { told: error.caller_message(), wait_seconds: CROWDED_SECONDS, cause: error.to_string() }
            }
            EngineError::Store(_) if !error.is_storage_full() => {
                Failure::Unavailable { told: error.caller_message(), wait_seconds: STORE_AWAY_SECONDS, cause: error.to_string() }
            }
            away if away.is_outage() => Failure::unavailable(&error),
            _ => Failure::internal(error),
        }
    }
}
