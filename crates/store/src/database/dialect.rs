//! What must differ between databases. Everything else is one copy of each statement.

use std::time::Duration;

use sqlx::AssertSqlSafe;

use crate::StoreError;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dialect {
    Sqlite,
    Postgres,
}

/// What connections are kept apart for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LaneKind {
    /// Statements that every request needs: who asks, what they hold, whether the database is there.
    Identity,
    Reading,
    Writing,
}

impl LaneKind {
    /// How long a caller waits for the answer to a statement. A little longer than Postgres itself lets it run: what falls silent is found out here.
    pub(crate) fn statement_limit(self) -> Duration {
        match self {
            LaneKind::Identity => Duration::from_secs(5),
            LaneKind::Reading | LaneKind::Writing => Duration::from_secs(12),
        }
    }
}

impl Dialect {
    pub(crate) fn of(url: &str) -> Result<Dialect, StoreError> {
        let scheme = url.split(':').next().unwrap_or_default();
        match scheme {
            "sqlite" => Ok(Dialect::Sqlite),
            "postgres" | "postgresql" => Ok(Dialect::Postgres),
            // A URL may hold a password: only its scheme is shown.
            _ => Err(StoreError::UnsupportedUrl(format!("{scheme}:…"))),
        }
    }

    /// SQLite makes the file if it is not there.
    pub(crate) fn connect_url(self, url: &str) -> String {
        match self {
            Dialect::Sqlite => format!("{url}?mode=rwc"),
            Dialect::Postgres => url.to_owned(),
        }
    }

    /// Of a database that is there already.
    pub(crate) fn existing_url(self, url: &str) -> String {
        match self {
            Dialect::Sqlite => format!("{url}?mode=rw"),
            Dialect::Postgres => url.to_owned(),
        }
    }

    /// One writer at a time is SQLite's nature; a few readers beside it. A Postgres serves several processes, each with 16 at most.
    pub(crate) fn connections(self, kind: LaneKind) -> usize {
        match (self, kind) {
            (Dialect::Sqlite, LaneKind::Writing) => 1,
            (Dialect::Sqlite, LaneKind::Identity) => 2,
            (Dialect::Sqlite, LaneKind::Reading) => 4,
            (Dialect::Postgres, LaneKind::Identity) => 4,
            (Dialect::Postgres, LaneKind::Reading | LaneKind::Writing) => 6,
        }
    }

    /// Whether a connection that lies idle may be gone, so that it is asked before each use. A file stays where it is.
    pub(crate) fn loses_connections(self) -> bool {
        match self {
            Dialect::Sqlite => false,
            Dialect::Postgres => true,
        }
    }

    /// Whether several processes may use the database at once.
    pub(crate) fn is_shared(self) -> bool {
        match self {
            Dialect::Sqlite => false,
            Dialect::Postgres => true,
        }
    }

    /// SQLite: a log that survives a kill and readers that do not wait for the writer; FULL, so that it survives a power cut too. A reader cannot
    /// write by mistake: it would stand in the writers' way.
    ///
    /// Postgres: a process that is stopped or cut off must not hold up the others, with its locks or with a statement; and a table that somebody
    /// locked is an error after two seconds, not a queue.
    pub(crate) fn on_connect(self, kind: LaneKind) -> &'static [&'static str] {
        match (self, kind) {
            (Dialect::Sqlite, LaneKind::Writing) => &[
                "PRAGMA busy_timeout = 2000",
                "PRAGMA journal_mode = WAL",
                "PRAGMA synchronous = FULL",
                "PRAGMA foreign_keys = ON",
                "PRAGMA temp_store = MEMORY",
            ],
            (Dialect::Sqlite, LaneKind::Identity | LaneKind::Reading) => {
                &["PRAGMA busy_timeout = 2000", "PRAGMA temp_store = MEMORY", "PRAGMA query_only = ON"]
            }
            (Dialect::Postgres, LaneKind::Identity) => &[
                "SET idle_in_transaction_session_timeout = '15s'",
                "SET lock_timeout = '2s'",
                "SET statement_timeout = '4s'",
                "SET client_min_messages = warning",
            ],
            (Dialect::Postgres, LaneKind::Reading | LaneKind::Writing) => &[
                "SET idle_in_transaction_session_timeout = '15s'",
                "SET lock_timeout = '2s'",
                "SET statement_timeout = '10s'",
                "SET client_min_messages = warning",
            ],
        }
    }

    /// Of the connection that may take its time over large tables, and wait for another process that does.
    pub(crate) fn before_migrating(self) -> &'static [&'static str] {
        match self {
            Dialect::Sqlite => &[
                "PRAGMA busy_timeout = 10000",
                "PRAGMA journal_mode = WAL",
                "PRAGMA synchronous = FULL",
                "PRAGMA foreign_keys = ON",
                "PRAGMA temp_store = MEMORY",
            ],
            Dialect::Postgres => &["SET lock_timeout = 0", "SET statement_timeout = 0", "SET client_min_messages = warning"],
        }
    }

    /// SQLite must take the write lock first: a transaction that turns from reading to writing can fail without a wait.
    pub(crate) fn begin(self) -> &'static str {
        match self {
            Dialect::Sqlite => "BEGIN IMMEDIATE",
            Dialect::Postgres => "BEGIN",
        }
    }

    /// Whether a write transaction has the whole database to itself, and so needs no lock.
    pub(crate) fn has_one_writer(self) -> bool {
        match self {
            Dialect::Sqlite => true,
            Dialect::Postgres => false,
        }
    }

    /// At the end of a query for rows to be read and then changed: waits until no other transaction holds them. In SQLite none does.
    pub(crate) fn for_update(self) -> &'static str {
        match self {
            Dialect::Sqlite => "",
            Dialect::Postgres => "FOR UPDATE",
        }
    }

    /// At the end of a query for rows to be taken: passes over those that another transaction is taking. In SQLite there is none.
    pub(crate) fn skip_locked(self) -> &'static str {
        match self {
            Dialect::Sqlite => "",
            Dialect::Postgres => "FOR UPDATE SKIP LOCKED",
        }
    }

    pub(crate) fn now_milliseconds(self) -> &'static str {
        match self {
            Dialect::Sqlite => "SELECT CAST(unixepoch('subsec') * 1000 AS INTEGER)",
            Dialect::Postgres => "SELECT CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000 AS BIGINT)",
        }
    }
}

/// `$1, $2, …`, counted from the place after `after`.
pub(crate) fn placeholders(after: usize, count: usize) -> String {
    let names: Vec<String> = (after + 1..=after + count).map(|number| format!("${number}")).collect();
    names.join(", ")
}

/// A statement whose `{}` stand behind texts that rows are listed by: they are compared byte by byte, as SQLite does, whatever language the
/// database was made for.
pub(crate) fn by_bytes(dialect: Dialect, statement: &str) -> AssertSqlSafe<String> {
    AssertSqlSafe(statement.replace("{}", if dialect == Dialect::Postgres { "COLLATE \"C\"" } else { "" }))
}
