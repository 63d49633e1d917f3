//! Limits how many rows a tenant, an application or an owner may have where nothing else limits them, since their administrators are strangers to the operator.
//!
//! The numbers are far beyond any real use. They are not settings: whoever reaches one of them has a program in a loop.

use sqlx::{AssertSqlSafe, Row};
use uuid::Uuid;

use crate::{Connection, StoreError};

/// Rows of a table that share an id.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Room {
    table: &'static str,
    column: &'static str,
    /// The name in messages.
    what: &'static str,
    pub(crate) most: i64,
}

impl Room {
    /// Refuses if there is no room for one more row. Runs in the transaction that adds it.
    pub(crate) async fn check(self, connection: &mut Connection, id: Uuid) -> Result<(), StoreError> {
        let Room { table, column, what, most } = self;
        let query = sqlx::query(AssertSqlSafe(format!("SELECT COUNT(*) FROM {table} WHERE {column} = $1"))).bind(id.to_string());
        let count: i64 = query.fetch_one(connection).await?.try_get(0)?;
        if count < most { Ok(()) } else { Err(StoreError::Full { what, most }) }
    }
}

const fn of_tenant(table: &'static str, what: &'static str, most: i64) -> Room {
    Room { table, column: "tenant_id", what, most }
}

pub(crate) const USERS: Room = of_tenant("users", "users", 10_000);
pub(crate) const APPLICATIONS: Room = of_tenant("applications", "applications", 1_000);
pub(crate) const LOCATIONS: Room = of_tenant("locations", "locations", 10_000);
pub(crate) const EXTERNAL_IDENTITIES: Room = of_tenant("external_identities", "bindings of external identifiers", 30_000);
/// The queries of an owner, in deployments without quotas.
pub(crate) const QUERIES: Room = Room { table: "report_queries", column: "owner_id", what: "queries", most: 10_000 };
/// The reports of an owner. The oldest that has run and has no execution left makes room for another one.
pub(crate) const REPORTS: Room = Room { table: "scheduled_reports", column: "owner_id", what: "reports", most: 10_000 };
/// The secrets of an application, including expired ones. The one that expired first makes room for another one.
pub(crate) const SECRETS: i64 = 20;
/// The number of attempts at a callback that are kept: the last ones.
pub(crate) const ATTEMPTS: i64 = 100;
/// The mails of a day to one recipient. Beyond it nothing but the mail about several failures is written.
pub(crate) const MAILS_OF_RECIPIENT: i64 = 20;
/// The mails of a day of one tenant.
pub(crate) const MAILS_OF_TENANT: i64 = 500;
/// The failures of a day of which a recipient is told one by one. One mail at the end of the day tells of the others.
pub(crate) const FAILURES_ALONE: i64 = 5;
