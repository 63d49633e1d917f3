//! Why a sign-in or a token request was not granted: a refusal, for which the protocol has a code, or a failure of the server.

use insightgate_identity::tokens::grant::GrantRefusal;
use insightgate_store::StoreError;
use thiserror::Error;

/// A token request that was not granted.
#[derive(Debug, Error)]
pub enum TokenFailure {
    #[error("{0}")]
    Refused(GrantRefusal),
    #[error("the token endpoint failed: {0}")]
    Internal(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl TokenFailure {
    pub(crate) fn internal(cause: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> TokenFailure {
        TokenFailure::Internal(cause.into())
    }
}

impl From<GrantRefusal> for TokenFailure {
    fn from(refusal: GrantRefusal) -> Self {
        TokenFailure::Refused(refusal)
    }
}

impl From<StoreError> for TokenFailure {
    fn from(error: StoreError) -> Self {
        TokenFailure::internal(error)
    }
}
