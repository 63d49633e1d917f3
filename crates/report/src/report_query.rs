//! A saved query: a text with a name, owned by a user.

use chrono::{DateTime, Utc};
use insightgate_identity::program::Program;
use uuid::Uuid;

/// The most queries of one owner. Source: the documented quota.
pub const QUERY_QUOTA: u64 = 100;
pub const QUOTA_MESSAGE: &str = "Number of queries exceeded. Delete few queries before creating new queries";

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReportQuery {
    pub id: Uuid,
    pub tenant: Uuid,
    pub owner: Uuid,
    pub program: Program,
    pub name: String,
    pub description: Option<String>,
    pub text: String,
    /// The owner's name as answers show it.
    pub user: String,
    pub created: DateTime<Utc>,
}
