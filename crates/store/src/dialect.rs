//! What must differ between databases. Everything else is one copy of each statement.

use crate::StoreError;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dialect {
    Sqlite,
}

impl Dialect {
    pub(crate) fn of(url: &str) -> Result<Dialect, StoreError> {
        let scheme = url.split(':').next().unwrap_or_default();
        match scheme {
            "sqlite" => Ok(Dialect::Sqlite),
            // A URL may hold a password: only its scheme is shown.
            _ => Err(StoreError::UnsupportedUrl(format!("{scheme}:…"))),
        }
    }

    /// SQLite makes the file if it is not there.
    pub(crate) fn connect_url(self, url: &str) -> String {
        match self {
            Dialect::Sqlite => format!("{url}?mode=rwc"),
        }
    }

    /// One writer at a time is SQLite's nature; a few readers beside it.
    pub(crate) fn connections(self) -> u32 {
        match self {
            Dialect::Sqlite => 6,
        }
    }

    /// Whether a connection that lies idle may be gone, so that it is asked before each use. A file stays where it is.
    pub(crate) fn loses_connections(self) -> bool {
        match self {
            Dialect::Sqlite => false,
        }
    }

    /// SQLite: a log that survives a kill and readers that do not wait for the writer; FULL, so that it survives a power cut too.
    pub(crate) fn on_connect(self) -> &'static [&'static str] {
        match self {
            Dialect::Sqlite => &[
                "PRAGMA busy_timeout = 10000",
                "PRAGMA journal_mode = WAL",
                "PRAGMA synchronous = FULL",
                "PRAGMA foreign_keys = ON",
                "PRAGMA temp_store = MEMORY",
            ],
        }
    }

    /// SQLite must take the write lock first: a transaction that turns from reading to writing can fail without a wait.
    pub(crate) fn begin(self) -> &'static str {
        match self {
            Dialect::Sqlite => "BEGIN IMMEDIATE",
        }
    }

    pub(crate) fn now_milliseconds(self) -> &'static str {
        match self {
            Dialect::Sqlite => "SELECT CAST(unixepoch('subsec') * 1000 AS INTEGER)",
        }
    }
}
