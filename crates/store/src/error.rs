//! What can go wrong with the database.

use thiserror::Error;

#[derive(Debug, Error)]
pub enum StoreError {
    #[error("the database failed: {0}")]
    Database(#[from] sqlx::Error),
    #[error("the database's tables could not be brought up to date: {0}")]
    Migration(#[from] sqlx::migrate::MigrateError),
    #[error("the database address '{0}' is not supported: use sqlite:<file> or postgres://user@host/database")]
    UnsupportedUrl(String),
    #[error("a Postgres is backed up with its own tools, such as pg_dump")]
    NoBackup,
    #[error("the database holds no tables of insightgate")]
    NotOurs,
    /// There is no room for another.
    #[error("There are {most} {what} already: remove one first.")]
    Full { what: &'static str, most: i64 },
    /// What was to be changed stays as it was.
    #[error("nothing was changed, since the audit event {action} of '{subject}' could not be written: {cause}")]
    Unrecorded { action: String, subject: String, cause: Box<StoreError> },
    /// The task that was to write is gone: the process is ending.
    #[error("the write was interrupted")]
    Interrupted,
    /// A row holds what this version cannot have written.
    #[error("the database holds a value that cannot be read: {column} = '{value}'")]
    Corrupt { column: &'static str, value: String },
}

impl StoreError {
    /// True when a row with that key is there already.
    pub fn is_conflict(&self) -> bool {
        matches!(self, StoreError::Database(sqlx::Error::Database(error)) if error.is_unique_violation())
    }
}
