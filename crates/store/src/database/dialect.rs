//! Everything that must differ between databases. All other statements exist once.

use std::time::Duration;

use sqlx::AssertSqlSafe;

use crate::StoreError;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dialect {
    Sqlite,
    Postgres,
}

/// The kinds of work, each of which has connections of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LaneKind {
    /// Statements that every request needs: who the caller is, which rights it has, whether the database answers.
    Identity,
    Reading,
    Writing,
}

impl LaneKind {
    pub(crate) fn name(self) -> &'static str {
        match self {
            LaneKind::Identity => "identity",
            LaneKind::Reading => "reading",
            LaneKind::Writing => "writing",
        }
    }

    /// How long a caller waits for the answer to a statement: a little longer than Postgres itself allows, so that only a silent connection reaches this limit.
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
            // A URL may contain a password, so that only its scheme is shown.
            _ => Err(StoreError::UnsupportedUrl(format!("{scheme}:…"))),
        }
    }

    /// The URL to connect to; SQLite creates the file if it does not exist.
    pub(crate) fn connect_url(self, url: &str) -> String {
        match self {
            Dialect::Sqlite => format!("{url}?mode=rwc"),
            Dialect::Postgres => url.to_owned(),
        }
    }

    /// The URL of an existing database.
    pub(crate) fn existing_url(self, url: &str) -> String {
        match self {
            Dialect::Sqlite => format!("{url}?mode=rw"),
            Dialect::Postgres => url.to_owned(),
        }
    }

    /// SQLite allows one writer at a time, with a few readers beside it. A Postgres database serves several processes, each with at most 16 connections.
    pub(crate) fn connections(self, kind: LaneKind) -> usize {
        match (self, kind) {
            (Dialect::Sqlite, LaneKind::Writing) => 1,
            (Dialect::Sqlite, LaneKind::Identity) => 2,
            (Dialect::Sqlite, LaneKind::Reading) => 4,
            (Dialect::Postgres, LaneKind::Identity) => 4,
            (Dialect::Postgres, LaneKind::Reading | LaneKind::Writing) => 6,
        }
    }

    /// Whether an idle connection may be lost, so that it has to be checked before each use. A connection to a file cannot be lost.
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

    /// SQLite: a write-ahead log, so that the database survives a kill and readers do not wait for the writer; FULL, so that it survives a power cut
    /// too. A reader cannot write by mistake, which would block the writers.
    ///
    /// Postgres: a process that is stopped or disconnected must not block others with its locks or a statement, and waiting for a locked table is an
    /// error after two seconds and not a queue.
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

    /// The settings of the connection that migrates: it may take its time over large tables, and wait for another process that migrates.
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

    /// SQLite must take the write lock first, since a transaction that is upgraded from reading to writing can fail without waiting.
    pub(crate) fn begin(self) -> &'static str {
        match self {
            Dialect::Sqlite => "BEGIN IMMEDIATE",
            Dialect::Postgres => "BEGIN",
        }
    }

    /// Whether a write transaction has the whole database to itself, and therefore needs no locks.
    pub(crate) fn has_one_writer(self) -> bool {
        match self {
            Dialect::Sqlite => true,
            Dialect::Postgres => false,
        }
    }

    /// Ends a query for rows that are read and then changed: it waits until no other transaction holds them. Empty for SQLite, in which none does.
    pub(crate) fn for_update(self) -> &'static str {
        match self {
            Dialect::Sqlite => "",
            Dialect::Postgres => "FOR UPDATE",
        }
    }

    /// Ends a query for rows that are claimed: it skips rows that another transaction is claiming. Empty for SQLite.
    pub(crate) fn skip_locked(self) -> &'static str {
        match self {
            Dialect::Sqlite => "",
            Dialect::Postgres => "FOR UPDATE SKIP LOCKED",
        }
    }

    /// The function that makes a JSON object of names and values that take turns.
    pub(crate) fn json_object(self) -> &'static str {
        match self {
            Dialect::Sqlite => "json_object",
            Dialect::Postgres => "json_build_object",
        }
    }

    pub(crate) fn now_milliseconds(self) -> &'static str {
        match self {
            Dialect::Sqlite => "SELECT CAST(unixepoch('subsec') * 1000 AS INTEGER)",
            Dialect::Postgres => "SELECT CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000 AS BIGINT)",
        }
    }
}

/// Patterns for LIKE, with `!` as its escape, that find the text anywhere in what LOWER gives: beyond ASCII, some databases lower letters and some do not.
pub(crate) fn containing(text: &str) -> [String; 2] {
    [text.to_lowercase(), text.to_ascii_lowercase()].map(|text| {
        let mut pattern = String::from("%");
        for letter in text.chars() {
            if matches!(letter, '!' | '%' | '_') {
                pattern.push('!');
            }
            pattern.push(letter);
        }
        pattern + "%"
    })
}

/// Returns `$1, $2, …`, beginning with the number that follows `after`.
pub(crate) fn placeholders(after: usize, count: usize) -> String {
    let names: Vec<String> = (after + 1..=after + count).map(|number| format!("${number}")).collect();
    names.join(", ")
}

/// A statement in which `{}` follows each text in ORDER BY, so that texts are compared byte by byte, as in SQLite, under any collation.
pub(crate) fn by_bytes(dialect: Dialect, statement: &str) -> AssertSqlSafe<String> {
    AssertSqlSafe(statement.replace("{}", if dialect == Dialect::Postgres { "COLLATE \"C\"" } else { "" }))
}
