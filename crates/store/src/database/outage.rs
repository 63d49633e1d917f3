//! Outages: reasons why the database cannot execute a correct statement. They end by themselves or by an operator's action, and callers are asked to try again.

use std::error::Error;
use std::fmt;
use std::io;

/// The kind of an outage. Its text is for all callers, including strangers, and names no host, file or statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Outage {
    /// The database is gone, is starting or stopping, or does not answer.
    Away,
    /// Every connection that the database or this process allows is in use.
    NoConnection,
    /// Another transaction holds a table or a row, or the statement took too long.
    Held,
    /// The database's disk is full.
    Full,
    /// The database accepts no writes: it is a standby, or a file that may only be read.
    ReadOnly,
}

impl fmt::Display for Outage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Outage::Away => "the database does not answer",
            Outage::NoConnection => "the database has no free connection",
            Outage::Held => "the database is held up by other work",
            Outage::Full => "the database's disk is full",
            Outage::ReadOnly => "the database is read-only",
        })
    }
}

/// No connection was returned in time, and none could be opened.
#[derive(Debug)]
pub(crate) struct NoConnection {
    pub(crate) in_use: usize,
    pub(crate) most: usize,
    pub(crate) fault: Option<String>,
}

impl fmt::Display for NoConnection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let NoConnection { in_use, most, fault } = self;
        write!(f, "no connection was free in time, {in_use} of {most} are in use")?;
        match fault {
            Some(fault) => write!(f, "; a further one cannot be opened: {fault}"),
            None => Ok(()),
        }
    }
}

impl Error for NoConnection {}

pub(crate) fn none_free(why: NoConnection) -> sqlx::Error {
    sqlx::Error::Io(io::Error::other(why))
}

pub(crate) fn of(error: &sqlx::Error) -> Option<Outage> {
    match error {
        sqlx::Error::Io(error) => {
            let waited = error.get_ref().and_then(|inner| inner.downcast_ref::<NoConnection>());
            Some(match waited {
                // The text says why no further connection can be opened.
                Some(NoConnection { in_use, .. }) if *in_use > 0 => Outage::NoConnection,
                _ => Outage::Away,
            })
        }
        sqlx::Error::Tls(_) | sqlx::Error::PoolTimedOut | sqlx::Error::PoolClosed | sqlx::Error::WorkerCrashed => Some(Outage::Away),
        sqlx::Error::Database(error) => error.code().and_then(|code| by_code(&code)),
        _ => None,
    }
}

/// Whether the connection was lost during the statement, so that another one may work. False if the database was silent or no connection was free, so
/// that a caller does not wait for that twice.
pub(crate) fn is_cut(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Io(error) => {
            error.kind() != io::ErrorKind::TimedOut && error.get_ref().is_none_or(|inner| inner.downcast_ref::<NoConnection>().is_none())
        }
        sqlx::Error::Tls(_) => true,
        sqlx::Error::Database(error) => error.code().is_some_and(|code| code.len() == 5 && is_cut_code(&code)),
        _ => false,
    }
}

/// The connection failed, or was ended by an operator or by a server that shuts down. Or it is of no use any more: see [`is_outdated`].
fn is_cut_code(code: &str) -> bool {
    code.starts_with("08") || matches!(code, "57P01" | "57P02" | "57P03" | OUTDATED)
}

/// What Postgres says of a prepared statement whose table has a further column since ("cached plan must not change result type"). No statement of ours
/// asks for what the code is about otherwise, a feature that is not there.
const OUTDATED: &str = "0A000";

/// Whether a newer version has changed a table since the connection prepared the statement. It was not executed, and each connection that is as old
/// would answer the same.
pub(crate) fn is_outdated(error: &sqlx::Error) -> bool {
    matches!(error, sqlx::Error::Database(error) if error.code().is_some_and(|code| code == OUTDATED))
}

/// Classifies a code. A code of five characters is from Postgres (<https://www.postgresql.org/docs/current/errcodes-appendix.html>), a number is from
/// SQLite, with details in its upper bytes (<https://sqlite.org/rescode.html>).
fn by_code(code: &str) -> Option<Outage> {
    match code {
        "53300" => return Some(Outage::NoConnection),
        "53100" => return Some(Outage::Full),
        OUTDATED => return Some(Outage::Away),
        "25006" => return Some(Outage::ReadOnly),
        // A lock or a statement took too long; a deadlock was resolved; a serialisation conflict.
        "55P03" | "57014" | "40P01" | "40001" => return Some(Outage::Held),
        _ => {}
    }
    if code.len() == 5 {
        // A failed connection, insufficient resources, an operator's intervention, a system error.
        return ["08", "53", "57", "58"].iter().any(|class| code.starts_with(class)).then_some(Outage::Away);
    }
    match code.parse::<u32>().ok()? & 0xff {
        // SQLITE_BUSY and SQLITE_LOCKED.
        5 | 6 => Some(Outage::Held),
        8 => Some(Outage::ReadOnly),
        // An I/O error; the file cannot be opened.
        10 | 14 => Some(Outage::Away),
        13 => Some(Outage::Full),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_went_away_under_a_statement_is_asked_again() {
        let io = |kind| sqlx::Error::Io(io::Error::from(kind));
        assert!(is_cut(&io(io::ErrorKind::ConnectionReset)) && is_cut(&io(io::ErrorKind::UnexpectedEof)));
        let waited = none_free(NoConnection { in_use: 1, most: 1, fault: None });
        for error in [io(io::ErrorKind::TimedOut), waited, sqlx::Error::PoolClosed, sqlx::Error::RowNotFound] {
            assert!(!is_cut(&error), "{error}");
        }
        assert!(is_cut_code("0A000") && is_cut_code("57P01") && is_cut_code("08006") && !is_cut_code("57014") && !is_cut_code("53300"));
    }

    #[test]
    fn codes_say_what_passes_and_what_does_not() {
        for (code, expected) in [
            ("53300", Some(Outage::NoConnection)),
            ("57P01", Some(Outage::Away)),
            ("57P03", Some(Outage::Away)),
            ("0A000", Some(Outage::Away)),
            ("57014", Some(Outage::Held)),
            ("55P03", Some(Outage::Held)),
            ("53100", Some(Outage::Full)),
            ("25006", Some(Outage::ReadOnly)),
            ("23505", None),
            ("42P01", None),
            ("5", Some(Outage::Held)),
            ("517", Some(Outage::Held)),
            ("13", Some(Outage::Full)),
            ("1032", Some(Outage::ReadOnly)),
            ("778", Some(Outage::Away)),
            ("2067", None),
            ("11", None),
            ("", None),
        ] {
            assert_eq!(by_code(code), expected, "{code}");
        }
    }
}
