//! Saved queries. Those of another owner are not found.

use insightgate_identity::program::Program;
use insightgate_report::report_query::ReportQuery;
use sqlx::Row;
use sqlx::any::AnyRow;
use uuid::Uuid;

use crate::database::locks::Hold;
use crate::database::row::{Read, millis};
use crate::reports::idempotency::{Creation, CreationKey, keep_key};
use crate::room;
use crate::{Store, StoreError, execute};

pub(crate) const QUERY_COUNT: &str = "SELECT COUNT(*) FROM report_queries WHERE owner_id = $1 AND program = $2";

impl Store {
    /// Adds the query. Returns false, and writes nothing, if the owner already keeps `quota` queries.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn add_report_query(&self, query: &ReportQuery, quota: Option<u64>) -> Result<bool, StoreError> {
        Ok(self.add_report_query_once(query, quota, None).await?.is_some())
    }

    /// Like [`Store::add_report_query`], but a key that made a query before makes none. `None` if the quota is used up.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn add_report_query_once(
        &self,
        query: &ReportQuery,
        quota: Option<u64>,
        key: Option<&CreationKey>,
    ) -> Result<Option<Creation>, StoreError> {
        let mut transaction = self.begin(Hold::Owner(query.owner)).await?;
        if let Some(instead) = keep_key(&mut transaction, key, query.id).await? {
            return Ok(Some(instead));
        }
        if let Some(quota) = quota {
            let count = sqlx::query(QUERY_COUNT)
                .bind(query.owner.to_string())
                .bind(query.program.name())
                .fetch_one(&mut *transaction)
                .await?
                .try_get::<i64, _>(0)?;
            if u64::try_from(count).unwrap_or(u64::MAX) >= quota {
                return Ok(None);
            }
        }
        room::QUERIES.check(&mut transaction, query.owner).await?;
        sqlx::query(
            "INSERT INTO report_queries (id, tenant_id, owner_id, program, name, description, query, owner_name, created, number)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9,
                     (SELECT COALESCE(MAX(number), 0) + 1 FROM report_queries WHERE owner_id = $3))",
        )
        .bind(query.id.to_string())
        .bind(query.tenant.to_string())
        .bind(query.owner.to_string())
        .bind(query.program.name())
        .bind(query.name.clone())
        .bind(query.description.clone())
        .bind(query.text.clone())
        .bind(query.user.clone())
        .bind(millis(query.created))
        .execute(&mut *transaction)
        .await?;
        transaction.commit().await?;
        Ok(Some(Creation::Made))
    }

    /// # Errors
    /// When the database does not answer.
    pub async fn report_query(&self, owner: Uuid, program: Program, id: Uuid) -> Result<Option<ReportQuery>, StoreError> {
        let query = sqlx::query("SELECT * FROM report_queries WHERE owner_id = $1 AND program = $2 AND id = $3");
        let query = query.bind(owner.to_string()).bind(program.name()).bind(id.to_string());
        query.fetch_optional(&self.reports).await?.as_ref().map(read_query).transpose()
    }

    /// Returns the owner's queries in the order in which they were created.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn report_queries(&self, owner: Uuid, program: Program) -> Result<Vec<ReportQuery>, StoreError> {
        let query = sqlx::query("SELECT * FROM report_queries WHERE owner_id = $1 AND program = $2 ORDER BY created, number, id");
        let rows = query.bind(owner.to_string()).bind(program.name()).fetch_all(&self.reports).await?;
        rows.iter().map(read_query).collect()
    }

    /// Returns false if there was no such query.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn delete_report_query(&self, owner: Uuid, program: Program, id: Uuid) -> Result<bool, StoreError> {
        let mut connection = self.reports.acquire().await?;
        let query = sqlx::query("DELETE FROM report_queries WHERE owner_id = $1 AND program = $2 AND id = $3");
        let query = query.bind(owner.to_string()).bind(program.name()).bind(id.to_string());
        Ok(execute(&mut connection, query).await? == 1)
    }
}

fn read_query(row: &AnyRow) -> Result<ReportQuery, StoreError> {
    Ok(ReportQuery {
        id: row.id("id")?,
        tenant: row.id("tenant_id")?,
        owner: row.id("owner_id")?,
        program: row.named("program", |name| name.parse().ok())?,
        name: row.text("name")?,
        description: row.optional_text("description")?,
        text: row.text("query")?,
        user: row.text("owner_name")?,
        created: row.instant("created")?,
    })
}
