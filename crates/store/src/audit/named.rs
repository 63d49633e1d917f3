//! What the ids in events are of: a user, an application, a report or one of its executions, each with its name.

use insightgate_identity::program::Program;
use sqlx::AssertSqlSafe;
use uuid::Uuid;

use crate::database::dialect::placeholders;
use crate::database::row::Read;
use crate::{Store, StoreError};

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Named {
    pub id: Uuid,
    /// The sign-in name of a user, the name of an application, the name of a report, also for its executions.
    pub name: String,
    pub thing: Thing,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Thing {
    User,
    Application,
    Report { owner: Uuid, program: Program },
    Execution,
}

impl Store {
    /// Returns what has these ids, in no order. Operators' applications are left out.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn named(&self, tenant: Uuid, ids: &[Uuid]) -> Result<Vec<Named>, StoreError> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let listed = placeholders(1, ids.len());
        let query = sqlx::query(AssertSqlSafe(format!(
            "SELECT id, username AS name, 'user' AS thing, '' AS owner_id, '' AS program FROM users WHERE tenant_id = $1 AND id IN ({listed})
             UNION ALL SELECT id, name, 'application', '', '' FROM applications WHERE tenant_id = $1 AND operator = 0 AND id IN ({listed})
             UNION ALL SELECT id, name, 'report', owner_id, program FROM scheduled_reports WHERE tenant_id = $1 AND id IN ({listed})
             UNION ALL SELECT executions.id, scheduled_reports.name, 'execution', '', '' FROM executions
                 JOIN scheduled_reports ON scheduled_reports.id = executions.report_id
                 WHERE scheduled_reports.tenant_id = $1 AND executions.id IN ({listed})"
        )));
        let query = ids.iter().fold(query.bind(tenant.to_string()), |query, id| query.bind(id.to_string()));
        query.fetch_all(&self.pool).await?.iter().map(read_named).collect()
    }
}

fn read_named(row: &impl Read) -> Result<Named, StoreError> {
    let thing = match row.text("thing")?.as_str() {
        "user" => Thing::User,
        "application" => Thing::Application,
        "report" => Thing::Report { owner: row.id("owner_id")?, program: row.named("program", |name| name.parse().ok())? },
        _ => Thing::Execution,
    };
    Ok(Named { id: row.id("id")?, name: row.text("name")?, thing })
}
