//! The errors of the database.

use thiserror::Error;

use crate::database::outage::{self, Outage};

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
    /// Another program's database or file. Nothing was written into it.
    #[error("{place} is not a database of insightgate: {why}")]
    NotOurs { place: String, why: &'static str },
    #[error("{place} is damaged: {why}")]
    Damaged { place: String, why: String },
    #[error("{place} was written by a newer version: its tables are at step {found}, and this version knows {known}")]
    Newer { place: String, found: i64, known: i64 },
    /// The open file goes on to work, and is lost with this process.
    #[error("{place} is not the database that this process has open: it was moved, deleted or replaced ({why})")]
    Moved { place: String, why: String },
    #[error("the database's encoding is {0}, and has to be UTF8")]
    Encoding(String),
    #[error("no connection to the database could be opened: {cause}")]
    Unreachable { outage: Outage, cause: String },
    /// There is no room for another row.
    #[error("There are {most} {what} already: remove one first.")]
    Full { what: &'static str, most: i64 },
    /// Very many mails went there in this day.
    #[error("So many mails went to this address or this organisation today that no more is sent: try again tomorrow.")]
    MailsFull,
    /// The audit event could not be written, so that the change was not made.
    #[error("nothing was changed, since the audit event {action} of '{subject}' could not be written: {cause}")]
    Unrecorded { action: String, subject: String, cause: Box<StoreError> },
    /// The task that was to write is gone, since the process is ending; or the connection was lost while a transaction was being committed. It is
    /// unknown whether the write took place.
    #[error("the write was interrupted")]
    Interrupted,
    /// A row contains a value that this version cannot have written.
    #[error("the database holds a value that cannot be read: {column} = '{value}'")]
    Corrupt { column: &'static str, value: String },
}

impl StoreError {
    /// Advice for the user, if there is any.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            StoreError::NotOurs { .. } => Some("move it away, or name another data folder or database; nothing was written into it"),
            StoreError::Damaged { .. } => Some("put a backup in its place (insightgate backup makes them), or move it away to start anew"),
            StoreError::Newer { .. } => {
                Some("run the newer version, or put a backup from before the upgrade in its place: docs/upgrading.md")
            }
            StoreError::Moved { .. } => Some(
                "what is written now is lost when this process ends: make a copy of what it has open (on Linux the file is among /proc/PID/fd), \
                 stop it, and put the file back in its place: docs/backups.md",
            ),
            StoreError::Encoding(_) => Some("make one with: createdb --encoding UTF8 --template template0 NAME"),
            _ => match self.outage()? {
                Outage::NoConnection => Some("raise max_connections of the Postgres, or end what holds its connections"),
                Outage::Away => Some("look whether the database runs and can be reached from here"),
                Outage::Held => Some("another process holds the database: end it, or try again"),
                Outage::Full => Some("free some space where the database lies"),
                Outage::ReadOnly => Some("the database has to take writes: name the primary server, or let this user write the file"),
            },
        }
    }

    /// True if a text contains a character that the database cannot store: U+0000, in Postgres.
    pub fn is_unkeepable(&self) -> bool {
        matches!(self, StoreError::Database(sqlx::Error::Database(error)) if error.code().is_some_and(|code| code == "22021"))
    }

    /// True if a row with that key exists already.
    pub fn is_conflict(&self) -> bool {
        matches!(self, StoreError::Database(sqlx::Error::Database(error)) if error.is_unique_violation())
    }
}

impl StoreError {
    /// Whether the connection was lost, so that another one may work.
    pub(crate) fn is_cut(&self) -> bool {
        match self {
            StoreError::Database(error) => outage::is_cut(error),
            StoreError::Unrecorded { cause, .. } => cause.is_cut(),
            _ => false,
        }
    }

    /// Whether the database ended the transaction to resolve a deadlock, or because it conflicts with others.
    pub(crate) fn met_others(&self) -> bool {
        match self {
            StoreError::Database(sqlx::Error::Database(error)) => error.code().is_some_and(|code| matches!(&*code, "40P01" | "40001")),
            StoreError::Unrecorded { cause, .. } => cause.met_others(),
            _ => false,
        }
    }

    /// Whether a row was not deleted because another one, which may have been added meanwhile, refers to it.
    pub(crate) fn is_still_referred_to(&self) -> bool {
        matches!(self, StoreError::Database(sqlx::Error::Database(error)) if error.is_foreign_key_violation())
    }

    /// The kind of outage; `None` for a fault that does not end by itself.
    pub fn outage(&self) -> Option<Outage> {
        match self {
            StoreError::Database(error) => outage::of(error),
            StoreError::Unreachable { outage, .. } => Some(*outage),
            StoreError::Interrupted => Some(Outage::Away),
            // The event could not be written for the same reason as the change.
            StoreError::Unrecorded { cause, .. } => cause.outage(),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;

    #[test]
    fn an_event_that_cannot_be_written_passes_as_its_cause_does() {
        let cause = Box::new(StoreError::Database(sqlx::Error::Io(io::Error::from(io::ErrorKind::ConnectionReset))));
        let unrecorded = StoreError::Unrecorded { action: "user.add".into(), subject: "s".into(), cause };
        assert_eq!(unrecorded.outage(), Some(Outage::Away));
    }
}
