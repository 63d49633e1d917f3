//! A connection in use. Every statement on it has a time limit, also in a transaction, so that a silent database or network blocks nobody.
//!
//! If a statement or a transaction was abandoned, the connection is cleaned up in the background before the next caller gets it, or it is closed.

use std::ops::{Deref, DerefMut};
use std::time::Duration;

use futures::StreamExt as _;
use futures::future::BoxFuture;
use futures::stream::{self, BoxStream};
use sqlx::any::{AnyQueryResult, AnyRow, AnyStatement, AnyTypeInfo};
use sqlx::{Any, AnyConnection, Connection as _, Either, Execute, Executor, SqlStr};
use tokio::time::{Instant, timeout};
use tracing::Instrument as _;

use crate::StoreError;
use crate::database::lanes::{Answered, Lane, first_row, silent};
use crate::database::outage;

/// How long cleaning up may take before the connection is closed.
const SETTLE: Duration = Duration::from_secs(2);

/// Returned to its lane when it is dropped.
#[derive(Debug)]
pub(crate) struct Connection {
    raw: Option<AnyConnection>,
    lane: Lane,
    state: Use,
}

#[derive(Debug, Clone, Copy, Default)]
struct Use {
    /// A statement was begun and has not ended: its caller gave up, or is about to.
    unanswered: bool,
    /// `BEGIN` was sent, and the end of the transaction is not confirmed yet.
    transaction: bool,
    /// The connection cannot be used any more.
    broken: bool,
    /// The last statement met an outage.
    failed: bool,
}

impl Connection {
    pub(crate) fn new(raw: AnyConnection, lane: Lane) -> Connection {
        Connection { raw: Some(raw), lane, state: Use::default() }
    }

    /// Takes the raw connection, which is then not given back to the lane.
    pub(crate) fn into_raw(mut self) -> Option<AnyConnection> {
        self.raw.take()
    }

    /// Closes the connection.
    pub(crate) fn discard(mut self) {
        self.state.broken = true;
    }

    pub(crate) async fn ping(&mut self) -> Result<(), sqlx::Error> {
        let Some(raw) = &mut self.raw else { return Err(sqlx::Error::PoolClosed) };
        raw.ping().await
    }

    /// Begins a transaction, which ends with the use of the connection at the latest.
    pub(crate) async fn begin(&mut self, text: &'static str) -> Result<(), sqlx::Error> {
        // Set before the statement is sent, since a caller that gives up in between leaves a transaction behind.
        self.state.transaction = true;
        self.command(text).await
    }

    /// Runs one statement to its end. Results are short here, so that they are read as a whole.
    pub(crate) async fn answer<'q, E>(&mut self, query: E) -> Vec<Answered>
    where
        E: 'q + Execute<'q, Any>,
    {
        let limit = self.lane.statement_limit();
        let Some(raw) = &mut self.raw else { return vec![Err(sqlx::Error::PoolClosed)] };
        self.state.unanswered = true;
        let begun = Instant::now();
        let outcome = timeout(limit, raw.fetch_many(query).collect::<Vec<_>>()).instrument(self.lane.telemetry().span()).await;
        let took = begun.elapsed();
        match outcome {
            Ok(answered) => {
                self.state.failed = answered.iter().any(|item| matches!(item, Err(error) if outage::of(error).is_some()));
                if answered.iter().any(|item| matches!(item, Err(error) if outage::is_outdated(error))) {
                    self.state.broken = true;
                    self.lane.discard_idle();
                }
                self.state.unanswered = answered.iter().any(|item| matches!(item, Err(error) if is_of_connection(error)));
                self.lane.telemetry().answered(took, self.state.failed);
                answered
            }
            Err(_) => {
                self.state.broken = true;
                self.lane.telemetry().answered(took, true);
                vec![Err(silent(limit))]
            }
        }
    }

    async fn command(&mut self, text: &'static str) -> Result<(), sqlx::Error> {
        self.answer(sqlx::raw_sql(text)).await.into_iter().try_for_each(|item| item.map(drop))
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        let Some(raw) = self.raw.take() else { return };
        let Use { unanswered, transaction, broken, failed } = self.state;
        if broken {
            drop(raw);
            return self.lane.closed_one();
        }
        if !unanswered && !transaction {
            return self.lane.give_back(raw, !failed);
        }
        let lane = self.lane.clone();
        match tokio::runtime::Handle::try_current() {
            Ok(runtime) => drop(runtime.spawn(settle(raw, transaction, lane))),
            Err(_) => lane.closed_one(),
        }
    }
}

/// Whether the error leaves the state of the connection unknown; an error in a statement leaves it unchanged.
fn is_of_connection(error: &sqlx::Error) -> bool {
    match error.as_database_error() {
        None => true,
        Some(error) => error.code().is_some_and(|code| code.len() == 5 && (code.starts_with("08") || code.starts_with("57P"))),
    }
}

/// Waits for an answer that no caller waits for any more, and rolls back what was not committed.
async fn settle(mut raw: AnyConnection, transaction: bool, lane: Lane) {
    let settling = async {
        raw.ping().await?;
        if transaction {
            // If the database itself has ended the transaction (because its disk is full), this fails, and the connection is closed.
            sqlx::raw_sql("ROLLBACK").execute(&mut raw).await?;
        }
        Ok::<_, sqlx::Error>(())
    };
    if matches!(timeout(SETTLE, settling).await, Ok(Ok(()))) {
        return lane.give_back(raw, false);
    }
    let _ = timeout(SETTLE, raw.close_hard()).await;
    lane.closed_one();
}

impl<'c> Executor<'c> for &'c mut Connection {
    type Database = Any;

    fn fetch_many<'e, 'q: 'e, E>(self, query: E) -> BoxStream<'e, Result<Either<AnyQueryResult, AnyRow>, sqlx::Error>>
    where
        'c: 'e,
        E: 'q + Execute<'q, Any>,
    {
        stream::once(self.answer(query)).flat_map(stream::iter).boxed()
    }

    fn fetch_optional<'e, 'q: 'e, E>(self, query: E) -> BoxFuture<'e, Result<Option<AnyRow>, sqlx::Error>>
    where
        'c: 'e,
        E: 'q + Execute<'q, Any>,
    {
        Box::pin(async move { first_row(self.answer(query).await) })
    }

    fn prepare_with<'e>(self, sql: SqlStr, parameters: &'e [AnyTypeInfo]) -> BoxFuture<'e, Result<AnyStatement, sqlx::Error>>
    where
        'c: 'e,
    {
        match &mut self.raw {
            Some(raw) => raw.prepare_with(sql, parameters),
            None => Box::pin(std::future::ready(Err(sqlx::Error::PoolClosed))),
        }
    }
}

/// A transaction, which is rolled back unless it is committed.
#[derive(Debug)]
pub(crate) struct Transaction(Connection);

impl Transaction {
    /// `text` is the statement that begins it, unless the lane has sent it already.
    pub(crate) async fn begin(mut connection: Connection, text: &'static str) -> Result<Transaction, sqlx::Error> {
        if !connection.state.transaction {
            connection.begin(text).await?;
        }
        Ok(Transaction(connection))
    }

    pub(crate) async fn commit(mut self) -> Result<(), StoreError> {
        self.0.command("COMMIT").await.map_err(|error| if outage::is_cut(&error) { StoreError::Interrupted } else { error.into() })?;
        self.0.state.transaction = false;
        Ok(())
    }
}

impl Deref for Transaction {
    type Target = Connection;

    fn deref(&self) -> &Connection {
        &self.0
    }
}

impl DerefMut for Transaction {
    fn deref_mut(&mut self) -> &mut Connection {
        &mut self.0
    }
}
