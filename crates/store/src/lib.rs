//! The only SQL. One file a table family; every statement runs on SQLite and on Postgres, what must differ stands in `dialect`.
//!
//! Statements are short and committed at once: no transaction is held while a run works. Rules live in the pure crates; here is only what
//! must be atomic.

mod applications;
mod audit;
mod audit_trail;
mod authorization_codes;
mod callback_secrets;
mod callbacks;
mod device_codes;
mod dialect;
mod error;
mod executions;
mod external_identities;
mod identity_version;
mod keys;
mod principals;
mod refresh_tokens;
mod report_queries;
mod retention;
mod row;
mod scheduled_reports;
mod sealed;
mod settings;
mod sign_in_sessions;
mod tenants;
mod together;
mod users;

use std::borrow::Cow;

use sqlx::any::AnyPoolOptions;
use sqlx::migrate::{Migration, MigrationType, Migrator};
use sqlx::{Any, AnyConnection, AnyPool, Connection, Row, SqlSafeStr, Transaction};

pub use applications::Consent;
pub use audit::AuditEvent;
pub use audit_trail::{AuditFilter, AuditPage, AuditPlace};
pub use authorization_codes::AuthorizationCode;
pub use callback_secrets::CallbackSecret;
pub use callbacks::{
    Callback, CallbackAttempt, CallbackFilter, CallbackOutcome, CallbackPage, CallbackPlace, ClaimedCallback, DueCallback, NewCallback,
};
pub use device_codes::{DeviceCode, DeviceState};
pub use error::StoreError;
pub use executions::{ClaimedExecution, ExecutionFilter, ExecutionRecord, NewExecution, Outcome};
pub use keys::StoredKey;
pub use refresh_tokens::{RefreshTokenRecord, RefreshTokenState};
pub use retention::FileEpochs;
pub use scheduled_reports::{ReportFilter, ReportQuotas};
pub use sealed::{Sealed, SealedPlace};
pub use sign_in_sessions::{MissingStep, SignInSession};
pub use users::UserCredentials;

use dialect::Dialect;
use identity_version::IdentityVersion;
use together::Together;

/// A database. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Store {
    pool: AnyPool,
    dialect: Dialect,
    together: Together,
    identities: IdentityVersion,
}

impl Store {
    /// Opens the database, makes it if it is a SQLite file that is not there, and brings its tables up to date.
    ///
    /// `url`: `sqlite:<path>` or `postgres://…`.
    pub async fn open(url: &str) -> Result<Store, StoreError> {
        sqlx::any::install_default_drivers();
        let dialect = Dialect::of(url)?;
        let options = AnyPoolOptions::new().max_connections(dialect.connections()).test_before_acquire(dialect.loses_connections());
        let options = options.after_connect(move |connection, _| {
            Box::pin(async move {
                for statement in dialect.on_connect() {
                    sqlx::query(*statement).execute(&mut *connection).await?;
                }
                Ok(())
            })
        });
        // Where the database itself ends a transaction (its disk is full), the driver goes on believing in it: such a connection would
        // refuse every transaction to come. The ping waits for the rollback that is on its way.
        let options = options.after_release(|connection, _| {
            Box::pin(async move {
                if !connection.is_in_transaction() {
                    return Ok(true);
                }
                connection.ping().await?;
                Ok(!connection.is_in_transaction())
            })
        });
        let pool = options.connect(&dialect.connect_url(url)).await?;
        let store = Store { pool, dialect, together: Together::default(), identities: IdentityVersion::default() };
        // On a connection of its own, which may take its time over large tables and wait for another process that does.
        let mut migrating = store.pool.acquire().await?;
        for statement in dialect.before_migrating() {
            sqlx::query(*statement).execute(&mut *migrating).await?;
        }
        migrations().run(&mut *migrating).await?;
        migrating.close().await?;
        Ok(store)
    }

    /// The database's own time, in milliseconds: what leases are measured by.
    pub async fn lease_time(&self) -> Result<i64, StoreError> {
        let row = sqlx::query(self.dialect.now_milliseconds()).fetch_one(&self.pool).await?;
        Ok(row.try_get(0)?)
    }

    /// Writes a copy of a SQLite database to a file that is new or empty, whole and as of one moment, while others go on using it. Its tables stay as they are.
    pub async fn back_up(url: &str, file: &str) -> Result<(), StoreError> {
        sqlx::any::install_default_drivers();
        let dialect = Dialect::of(url)?;
        let Some(existing) = dialect.existing_url(url) else { return Err(StoreError::NoBackup) };
        let mut connection = AnyConnection::connect(&existing).await?;
        sqlx::query("PRAGMA busy_timeout = 10000").execute(&mut connection).await?;
        // An empty file is a database too, of nobody.
        sqlx::query("SELECT 1 FROM settings LIMIT 1").fetch_optional(&mut connection).await.map_err(|_| StoreError::NotOurs)?;
        sqlx::query("VACUUM INTO $1").bind(file.to_owned()).execute(&mut connection).await?;
        Ok(connection.close().await?)
    }

    /// Waits for all connections to close, so that the last writes are on disk.
    pub async fn close(&self) {
        self.together.finish().await;
        self.pool.close().await;
    }

    /// Whether other processes may use the database too.
    pub fn is_shared(&self) -> bool {
        self.dialect.is_shared()
    }

    /// A transaction that may write from its first statement on, and that no other such transaction runs beside: what it reads stays so.
    async fn begin(&self) -> Result<Transaction<'static, Any>, StoreError> {
        let mut transaction = self.begin_beside().await?;
        if let Some(lock) = self.dialect.one_at_a_time() {
            execute(&mut transaction, sqlx::query(lock)).await?;
        }
        Ok(transaction)
    }

    /// As `begin`, but others may run beside it: each of its statements must hold for itself.
    async fn begin_beside(&self) -> Result<Transaction<'static, Any>, StoreError> {
        let (pool, begin) = (self.pool.clone(), self.dialect.begin());
        // In a task, which ends what it has begun: where a caller gave up between BEGIN and its answer, the driver would not know of the
        // transaction, and hand the connection on with it open.
        Ok(tokio::spawn(async move { pool.begin_with(begin).await }).await.map_err(|_| StoreError::Interrupted)??)
    }
}

/// Applied once each, in order. Never change one that was released: add another.
fn migrations() -> Migrator {
    let all = [
        ("first tables", include_str!("../migrations/0001_first_tables.sql")),
        ("delivery", include_str!("../migrations/0002_delivery.sql")),
        ("room", include_str!("../migrations/0005_room.sql")),
    ];
    let migration = |(version, (name, text)): (i64, (&'static str, &'static str))| {
        Migration::new(version, Cow::Borrowed(name), MigrationType::Simple, text.into_sql_str(), false)
    };
    Migrator { migrations: Cow::Owned((1..).zip(all).map(migration).collect()), ..Migrator::DEFAULT }
}

/// How many rows a statement changed; a connection, not a pool, so that it can be part of a transaction.
async fn execute(connection: &mut AnyConnection, query: sqlx::query::Query<'_, Any, sqlx::any::AnyArguments>) -> Result<u64, StoreError> {
    Ok(query.execute(connection).await?.rows_affected())
}

#[cfg(test)]
mod tests;
