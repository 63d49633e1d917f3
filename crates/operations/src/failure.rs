//! Why an operation failed. All operations use this one type, so that the API maps failures to statuses in one place.

use insightgate_engine::EngineError;
use insightgate_identity::enrollment::IllegalMove;
use insightgate_identity::profile::ProfileFault;
use insightgate_identity::refusal::Refusal;
use insightgate_report::execution::ExecutionStatus;
use insightgate_report::scheduled_report::{ReportFault, ReportFaults};
use insightgate_store::StoreError;
use thiserror::Error;

use crate::callers::challenge::Challenge;
use crate::random::NoRandomness;

/// After how many seconds to retry when too many queries wait.
const CROWDED_SECONDS: u32 = 5;
/// After how many seconds to retry when a quota is used up and only its owner can make room.
const QUOTA_SECONDS: u32 = 3600;
/// After how many seconds to retry when a database is away.
const AWAY_SECONDS: u32 = 5;
/// After how many seconds to retry when an object store does not answer.
pub(crate) const STORE_AWAY_SECONDS: u32 = 10;

/// The text of a failure is for the caller. Reasons and causes that only the log needs are in fields that the text leaves out.
#[derive(Debug, Error)]
pub enum Failure {
    /// No token, or one that is not accepted. The reason is for the log, the challenge for the caller.
    #[error("Unauthorized")]
    Unauthorized { reason: String, challenge: Challenge },
    /// The token is valid, but its user gave no second factor, and the deployment requires one.
    #[error(
        "MFA required: the token's user gave no second factor. The password grant cannot ask for one: get a token by the device code or the \
         authorization code grant."
    )]
    SecondFactorRequired,
    /// A prerequisite is missing.
    #[error("{0}")]
    Refused(#[from] Refusal),
    /// The caller may know that the item exists, but may not access it.
    #[error("{0}")]
    Forbidden(String),
    /// The item does not exist, or belongs to somebody else.
    #[error("no item found")]
    NotFound,
    /// The report exists, but no execution of it matches.
    #[error("no executions")]
    NoExecutions {
        /// When to ask again, while one is pending or running.
        wait_seconds: Option<u32>,
    },
    /// The report exists, and only failed or cancelled executions match, which were not requested. The latest of them has this status.
    #[error("no executions but failed ones")]
    OnlyFailedExecutions { latest: ExecutionStatus },
    #[error("{0}")]
    Invalid(String),
    /// A documented quota is used up. The message is the documented one; the note says when or how a place comes free.
    #[error("{told}")]
    QuotaUsed { told: String, wait_seconds: u32, note: String },
    /// Every field of a legal business profile that breaks a rule.
    #[error("The legal business profile breaks rules: {}", listed(.0))]
    Profile(Vec<ProfileFault>),
    /// A key that made something else.
    #[error("This Idempotency-Key came with another request before. Use a key once, and again only for the same request.")]
    KeyReused,
    /// The request conflicts with the current state.
    #[error("{0}")]
    Conflict(String),
    /// A step that the enrollment's stage does not allow.
    #[error(transparent)]
    IllegalMove(#[from] IllegalMove),
    #[error("The server has too much to do. Try again shortly.")]
    Busy,
    /// The caller already uses its own share.
    #[error("{told}")]
    ShareTaken { told: String, wait_seconds: u32 },
    /// Something that the server needs is away or refuses a request, or there is no room. The cause is for the log.
    #[error("{told}")]
    Unavailable { told: String, wait_seconds: u32, cause: String },
    /// A preview or an explanation took too long.
    #[error("The {what} did not finish within {seconds} seconds. That says nothing against the query: a report of it may still succeed.")]
    QueryTimeout { what: &'static str, seconds: u64 },
    /// A failure that the caller cannot correct.
    #[error("Service unavailable")]
    Internal(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl Failure {
    pub fn internal(cause: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Failure {
        Failure::Internal(cause.into())
    }

    /// A token that is not accepted. `reason` goes to the log, and `told` to the caller.
    pub fn bad_token(reason: impl ToString, told: impl Into<String>) -> Failure {
        Failure::Unauthorized { reason: reason.to_string(), challenge: Challenge::BadToken(told.into()) }
    }

    /// A quota is used up in which only its owner can make room, in the way that `note` says.
    pub fn quota_used(told: impl ToString, note: &str) -> Failure {
        Failure::QuotaUsed { told: told.to_string(), wait_seconds: QUOTA_SECONDS, note: note.to_owned() }
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
            Failure::NoExecutions { wait_seconds } => *wait_seconds,
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
            (StoreError::MailsFull, _) => Failure::ShareTaken { told: error.to_string(), wait_seconds: QUOTA_SECONDS },
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
            ReportFault::ActiveQuota(_) => Failure::quota_used(fault, "A place is free once a report is deleted or paused, or has ended."),
            ReportFault::ExecuteNowQuota(_) => {
                Failure::quota_used(fault, "A place is free once the first of these reports is an hour old.")
            }
            _ => Failure::Invalid(fault.to_string()),
        }
    }
}

impl From<EngineError> for Failure {
    fn from(error: EngineError) -> Self {
        match &error {
            refused if refused.is_refusal() => Failure::Forbidden(error.caller_message()),
            // The cause is the data or the query, not the server.
            EngineError::Misfit { .. }
            | EngineError::Corrupt { .. }
            | EngineError::TableFound { .. }
            | EngineError::Delta { .. }
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
