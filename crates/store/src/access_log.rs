//! The access log's events while they wait to be written into files, and which files there are.
//!
//! An event belongs to the day on which it was written down. A day's events stay until its file is complete; later ones begin another file.

use chrono::{DateTime, Utc};
use sqlx::AssertSqlSafe;
use sqlx::any::AnyRow;
use uuid::Uuid;

use crate::database::again::again;
use crate::database::row::{Read, millis};
use crate::database::rows::insert_rows;
use crate::{Store, StoreError, execute};

/// An event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccessRow {
    pub id: Uuid,
    pub tenant: Uuid,
    pub at: DateTime<Utc>,
    /// JSON without secrets.
    pub fields: String,
}

/// A tenant's file of one day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccessDay {
    pub tenant: Uuid,
    /// Days since 1970.
    pub day: i64,
    /// How many files of this day are complete, and the number of the one that is still written.
    pub generation: u64,
    /// The events that are not in a complete file.
    pub added: u64,
    /// Those of them that the file has.
    pub written: u64,
}

impl Store {
    /// Adds events that are written down on this day. Those that are there already are left out.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn add_access_rows(&self, day: i64, rows: &[AccessRow]) -> Result<(), StoreError> {
        // The order in which the rows of days are locked.
        let mut tenants: Vec<Uuid> = rows.iter().map(|row| row.tenant).collect();
        tenants.sort_unstable();
        tenants.dedup();
        again(|| self.try_add_access_rows(day, &tenants, rows)).await
    }

    async fn try_add_access_rows(&self, day: i64, tenants: &[Uuid], rows: &[AccessRow]) -> Result<(), StoreError> {
        let mut transaction = self.begin_beside().await?;
        for tenant in tenants {
            let of_tenant: Vec<&AccessRow> = rows.iter().filter(|row| row.tenant == *tenant).collect();
            let waiting = "SELECT COUNT(*) AS number FROM access_events WHERE tenant_id = $1 AND day = $2";
            let locked = sqlx::query(
                "INSERT INTO access_days (tenant_id, day, generation, added, written, is_open, claimed_until) VALUES ($1, $2, 0, 0, 0, 1, 0)
                 ON CONFLICT (tenant_id, day) DO UPDATE SET is_open = 1",
            );
            execute(&mut transaction, locked.bind(tenant.to_string()).bind(day)).await?;
            let into = ("access_events (id, tenant_id, day, at, fields)", "ON CONFLICT (id) DO NOTHING");
            insert_rows(&mut transaction, into, 5, &of_tenant, |query, row| {
                query
                    .bind(row.id.to_string())
                    .bind(row.tenant.to_string())
                    .bind(day)
                    .bind(millis(row.at))
                    // Postgres stores no U+0000 in a text; JSON writes it as an escape, so that none is there.
                    .bind(row.fields.clone())
            })
            .await?;
            let counted = format!("UPDATE access_days SET added = ({waiting}) WHERE tenant_id = $1 AND day = $2");
            execute(&mut transaction, sqlx::query(AssertSqlSafe(counted)).bind(tenant.to_string()).bind(day)).await?;
        }
        transaction.commit().await
    }

    /// Returns days whose file lacks events, and days from before `today` that are not complete; at most `limit`.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn unwritten_access_days(&self, today: i64, limit: u32) -> Result<Vec<AccessDay>, StoreError> {
        let query =
            sqlx::query("SELECT * FROM access_days WHERE is_open = 1 AND (added <> written OR day < $1) ORDER BY day, tenant_id LIMIT $2");
        query.bind(today).bind(i64::from(limit)).fetch_all(&self.reports).await?.iter().map(read_day).collect()
    }

    /// Claims the day's file for this process. False if another one has it. Times are the database's, in milliseconds.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn claim_access_day(&self, day: &AccessDay, lease_now: i64, lease_until: i64) -> Result<bool, StoreError> {
        let mut transaction = self.begin_beside().await?;
        let query = sqlx::query(
            "UPDATE access_days SET claimed_until = $1 WHERE tenant_id = $2 AND day = $3 AND generation = $4 AND claimed_until <= $5",
        );
        let query = query.bind(lease_until).bind(day.tenant.to_string()).bind(day.day).bind(written(day.generation)).bind(lease_now);
        let claimed = execute(&mut transaction, query).await?;
        transaction.commit().await?;
        Ok(claimed > 0)
    }

    /// Returns the waiting events of a day, in the order of their times.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn access_rows(&self, day: &AccessDay) -> Result<Vec<AccessRow>, StoreError> {
        let query = sqlx::query("SELECT * FROM access_events WHERE tenant_id = $1 AND day = $2 ORDER BY at, id");
        query.bind(day.tenant.to_string()).bind(day.day).fetch_all(&self.reports).await?.iter().map(read_row).collect()
    }

    /// Says that the day's file has this many events, and gives the claim back. If the file is complete (`ends`) and no event came since, its events are
    /// removed from the database.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn access_day_written(&self, day: &AccessDay, events: u64, ends: bool) -> Result<(), StoreError> {
        let mut transaction = self.begin_beside().await?;
        let (tenant, events) = (day.tenant.to_string(), written(events));
        let noted =
            sqlx::query("UPDATE access_days SET written = $1, claimed_until = 0 WHERE tenant_id = $2 AND day = $3 AND generation = $4");
        execute(&mut transaction, noted.bind(events).bind(&tenant).bind(day.day).bind(written(day.generation))).await?;
        if ends {
            let ended = sqlx::query(
                "UPDATE access_days SET is_open = 0, generation = generation + 1, added = 0, written = 0
                 WHERE tenant_id = $1 AND day = $2 AND generation = $3 AND added = $4",
            );
            if execute(&mut transaction, ended.bind(&tenant).bind(day.day).bind(written(day.generation)).bind(events)).await? > 0 {
                let gone = sqlx::query("DELETE FROM access_events WHERE tenant_id = $1 AND day = $2");
                execute(&mut transaction, gone.bind(&tenant).bind(day.day)).await?;
            }
        }
        transaction.commit().await
    }

    /// Returns days from before `day`, the oldest first, at most `limit`.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn access_days_before(&self, day: i64, limit: u32) -> Result<Vec<AccessDay>, StoreError> {
        let query = sqlx::query("SELECT * FROM access_days WHERE day < $1 ORDER BY day, tenant_id LIMIT $2");
        query.bind(day).bind(i64::from(limit)).fetch_all(&self.reports).await?.iter().map(read_day).collect()
    }

    /// Removes a day whose files are removed, and its events.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn forget_access_day(&self, day: &AccessDay) -> Result<(), StoreError> {
        let mut transaction = self.begin_beside().await?;
        // The order of locks is that of the writers.
        for table in ["access_days", "access_events"] {
            let query = format!("DELETE FROM {table} WHERE tenant_id = $1 AND day = $2");
            execute(&mut transaction, sqlx::query(AssertSqlSafe(query)).bind(day.tenant.to_string()).bind(day.day)).await?;
        }
        transaction.commit().await
    }
}

fn written(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

fn read_day(row: &AnyRow) -> Result<AccessDay, StoreError> {
    Ok(AccessDay {
        tenant: row.id("tenant_id")?,
        day: row.number("day")?,
        generation: row.count("generation")?,
        added: row.count("added")?,
        written: row.count("written")?,
    })
}

fn read_row(row: &AnyRow) -> Result<AccessRow, StoreError> {
    Ok(AccessRow { id: row.id("id")?, tenant: row.id("tenant_id")?, at: row.instant("at")?, fields: row.text("fields")? })
}
