//! Connections to the database, in lanes: callers that wait in one lane use no connection of another lane.
//!
//! A caller gets the first connection that is free, whether it was returned or newly opened; while none can be opened, the existing ones are shared.
//! A caller waits at most two seconds while no work is done, or ten seconds behind others, and the error says why no connection could be opened. An
//! idle connection that does not answer is closed and never used. A statement that only reads is repeated on another connection if its own was lost.
//! No lane knows what a statement means.

pub(crate) mod connection;

use std::collections::VecDeque;
use std::fmt;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::StreamExt as _;
use futures::future::BoxFuture;
use futures::stream::{self, BoxStream};
use sqlx::any::{AnyArguments, AnyQueryResult, AnyRow, AnyStatement, AnyTypeInfo};
use sqlx::{Any, AnyConnection, Connection as _, Either, Execute, Executor, SqlStr};
use tokio::sync::{Notify, oneshot};
use tokio::time::{Instant, timeout, timeout_at};

use crate::database::again::ATTEMPTS;
use crate::database::dialect::{Dialect, LaneKind};
use crate::database::lanes::connection::{Connection, Transaction};
use crate::database::outage::{NoConnection, is_cut, none_free};
use crate::telemetry::LaneTelemetry;

/// How long a caller waits for a connection while no work is done on any of them.
const ACQUIRE: Duration = Duration::from_secs(2);
/// How long a caller waits behind others while their work is done.
const QUEUE: Duration = Duration::from_secs(10);
/// How long opening a connection may take.
const OPEN: Duration = Duration::from_secs(2);
/// How long an idle connection has to show that the database still answers.
const ANSWER: Duration = Duration::from_secs(1);
/// The time between two attempts to open a connection while a caller waits.
const OPEN_AGAIN: Duration = Duration::from_millis(100);
/// A connection that was unused for this long is closed.
const UNUSED: Duration = Duration::from_mins(10);
/// How long closing the lane may take, since a database that is gone never answers.
const CLOSE: Duration = Duration::from_secs(2);

/// Connections of one kind. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Lane(Arc<Inner>);

struct Inner {
    url: String,
    dialect: Dialect,
    kind: LaneKind,
    most: usize,
    telemetry: LaneTelemetry,
    state: Mutex<State>,
    /// Notified when a connection is closed or given back.
    returned: Notify,
}

#[derive(Default)]
struct State {
    /// The connections that are free. The one that was used last is used first.
    idle: Vec<(AnyConnection, Instant)>,
    /// The number of connections that are idle, in use, or being opened.
    all: usize,
    opening: usize,
    waiting: VecDeque<oneshot::Sender<Connection>>,
    /// Why no connection could be opened, since the last success.
    fault: Option<String>,
    /// When work was last done on one of the connections.
    progress: Option<Instant>,
    closed: bool,
}

/// What an idle connection is asked, to find out whether the database still answers.
#[derive(Debug, Clone, Copy)]
enum Question {
    Ping,
    /// To begin a transaction, which never waits for others where connections can be lost.
    Begin(&'static str),
}

enum Taken {
    Idle(Connection),
    Waits(oneshot::Receiver<Connection>),
}

impl Lane {
    /// Does not open a connection yet.
    pub(crate) fn new(url: &str, dialect: Dialect, kind: LaneKind, telemetry: LaneTelemetry) -> Lane {
        let most = dialect.connections(kind);
        Lane(Arc::new(Inner { url: url.to_owned(), dialect, kind, most, telemetry, state: Mutex::default(), returned: Notify::new() }))
    }

    pub(crate) fn telemetry(&self) -> &LaneTelemetry {
        &self.0.telemetry
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // The state is consistent after each statement, so that a panic leaves nothing half changed.
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How long the answer to one statement may take.
    pub(crate) fn statement_limit(&self) -> Duration {
        self.0.kind.statement_limit()
    }

    pub(crate) async fn acquire(&self) -> Result<Connection, sqlx::Error> {
        self.acquire_asked(Question::Ping).await
    }

    /// A connection on which a transaction has begun. An idle one shows by that answer that it is not lost, and is not asked twice.
    pub(crate) async fn begin(&self, text: &'static str) -> Result<Transaction, sqlx::Error> {
        Transaction::begin(self.acquire_asked(Question::Begin(text)).await?, text).await
    }

    async fn acquire_asked(&self, question: Question) -> Result<Connection, sqlx::Error> {
        let begun = Instant::now();
        let acquired = self.acquire_since(begun, question).await;
        self.0.telemetry.waited(begun.elapsed());
        acquired
    }

    async fn acquire_since(&self, begun: Instant, question: Question) -> Result<Connection, sqlx::Error> {
        let mut first_free = pin!(self.first_free(question));
        loop {
            let deadline = self.deadline(begun);
            if let Ok(found) = timeout_at(deadline, first_free.as_mut()).await {
                return found;
            }
            if self.deadline(begun) <= deadline {
                let state = self.state();
                let in_use = state.all.saturating_sub(state.opening);
                return Err(none_free(NoConnection { in_use, most: self.0.most, fault: state.fault.clone() }));
            }
        }
    }

    fn deadline(&self, begun: Instant) -> Instant {
        let since = self.state().progress.map_or(begun, |progress| progress.max(begun));
        (since + ACQUIRE).min(begun + QUEUE)
    }

    async fn first_free(&self, question: Question) -> Result<Connection, sqlx::Error> {
        loop {
            let mut connection = match self.take()? {
                Taken::Idle(connection) => connection,
                // The connection was opened or used just now.
                Taken::Waits(given) => return given.await.map_err(|_| sqlx::Error::PoolClosed),
            };
            if !self.0.dialect.loses_connections() {
                return Ok(connection);
            }
            let answering = async {
                match question {
                    Question::Ping => connection.ping().await,
                    Question::Begin(text) => connection.begin(text).await,
                }
            };
            if matches!(timeout(ANSWER, answering).await, Ok(Ok(()))) {
                return Ok(connection);
            }
            // The other idle connections are as old, and each would take as long to fail.
            connection.discard();
            self.discard_idle();
        }
    }

    fn take(&self) -> Result<Taken, sqlx::Error> {
        let mut state = self.state();
        if state.closed {
            return Err(sqlx::Error::PoolClosed);
        }
        if let Some((raw, _)) = state.idle.pop() {
            return Ok(Taken::Idle(Connection::new(raw, self.clone())));
        }
        let (give, given) = oneshot::channel();
        state.waiting.retain(|waiting| !waiting.is_closed());
        state.waiting.push_back(give);
        self.open_more(&mut state);
        Ok(Taken::Waits(given))
    }

    /// Opens connections if more callers wait than connections are being opened, and the limit allows it.
    fn open_more(&self, state: &mut State) {
        while state.opening < state.waiting.len() && state.all < self.0.most {
            state.opening += 1;
            state.all += 1;
            let lane = self.clone();
            // Runs as a task, so that a caller that gives up does not abort a connection that others wait for too.
            tokio::spawn(async move { lane.open_one().await });
        }
    }

    async fn open_one(self) {
        loop {
            match self.open().await {
                Ok(raw) => {
                    let mut state = self.state();
                    state.opening -= 1;
                    state.fault = None;
                    return self.hand_on(state, raw);
                }
                Err(error) => {
                    if self.is_given_up(&error) {
                        return self.0.returned.notify_waiters();
                    }
                }
            }
            tokio::time::sleep(OPEN_AGAIN).await;
        }
    }

    /// Records the error. Returns true if no caller waits any more.
    fn is_given_up(&self, error: &sqlx::Error) -> bool {
        let mut state = self.state();
        let text = error.to_string();
        if state.fault.as_ref() != Some(&text) {
            tracing::warn!(%error, "no connection to the database can be opened");
        }
        state.fault = Some(text);
        state.waiting.retain(|waiting| !waiting.is_closed());
        let given_up = state.waiting.is_empty() || state.closed;
        if given_up {
            state.opening -= 1;
            state.all -= 1;
        }
        given_up
    }

    async fn open(&self) -> Result<AnyConnection, sqlx::Error> {
        let dialect = self.0.dialect;
        let opening = async {
            let mut raw = AnyConnection::connect(&dialect.existing_url(&self.0.url)).await?;
            for statement in dialect.on_connect(self.0.kind) {
                sqlx::query(*statement).execute(&mut raw).await?;
            }
            Ok(raw)
        };
        timeout(OPEN, opening).await.unwrap_or_else(|_| Err(silent(OPEN)))
    }

    /// Gives the connection to the caller that has waited longest, or makes it idle.
    fn hand_on(&self, mut state: MutexGuard<'_, State>, raw: AnyConnection) {
        let mut raw = raw;
        if state.closed {
            state.all -= 1;
            drop(state);
            self.0.returned.notify_waiters();
            return;
        }
        while let Some(waiting) = state.waiting.pop_front() {
            match waiting.send(Connection::new(raw, self.clone())) {
                Ok(()) => return,
                Err(refused) => match refused.into_raw() {
                    Some(back) => raw = back,
                    None => return,
                },
            }
        }
        let now = Instant::now();
        state.idle.push((raw, now));
        if state.idle.first().is_some_and(|(_, since)| now - *since > UNUSED) {
            drop(state.idle.remove(0));
            state.all -= 1;
        }
    }

    /// Returns a connection that is fit for the next caller. `done` says that its statement was executed, or was refused for a reason of its own.
    pub(crate) fn give_back(&self, raw: AnyConnection, done: bool) {
        let mut state = self.state();
        if done {
            state.progress = Some(Instant::now());
        }
        self.hand_on(state, raw);
        self.0.returned.notify_waiters();
    }

    /// A connection was closed, so that its place is free.
    pub(crate) fn closed_one(&self) {
        let mut state = self.state();
        state.all = state.all.saturating_sub(1);
        if !state.closed {
            self.open_more(&mut state);
        }
        drop(state);
        self.0.returned.notify_waiters();
    }

    fn discard_idle(&self) {
        let discarded = std::mem::take(&mut self.state().idle);
        for idle in discarded {
            drop(idle);
            self.closed_one();
        }
    }

    /// Closes the idle connections and waits for those in use, for a limited time.
    pub(crate) async fn close(&self) {
        let idle = {
            let mut state = self.state();
            state.closed = true;
            state.waiting.clear();
            std::mem::take(&mut state.idle)
        };
        let closing = async {
            for (raw, _) in idle {
                // The connection ends whether or not closing it succeeds.
                let _ = raw.close().await;
                self.closed_one();
            }
            loop {
                let returned = self.0.returned.notified();
                if self.state().all == 0 {
                    return;
                }
                returned.await;
            }
        };
        if timeout(CLOSE, closing).await.is_err() {
            tracing::warn!("connections to the database did not end in time");
        }
    }
}

pub(crate) fn silent(limit: Duration) -> sqlx::Error {
    let text = format!("the database did not answer within {} ms", limit.as_millis());
    sqlx::Error::Io(std::io::Error::new(std::io::ErrorKind::TimedOut, text))
}

impl fmt::Debug for Lane {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The address may contain a password.
        f.debug_struct("Lane").field("kind", &self.0.kind).finish_non_exhaustive()
    }
}

/// The lanes of one kind of work: one for statements that read and one for those that write. With SQLite, which has one writer, writers wait here for
/// each other, and no reader waits behind them.
#[derive(Debug, Clone)]
pub(crate) struct Pool {
    reading: Lane,
    writing: Lane,
}

impl Pool {
    pub(crate) fn new(reading: Lane, writing: Lane) -> Pool {
        Pool { reading, writing }
    }

    /// A connection that may write.
    pub(crate) async fn acquire(&self) -> Result<Connection, sqlx::Error> {
        self.writing.acquire().await
    }

    /// A transaction that may write, begun with this statement.
    pub(crate) async fn begin(&self, text: &'static str) -> Result<Transaction, sqlx::Error> {
        self.writing.begin(text).await
    }

    /// A connection for several statements that read.
    pub(crate) async fn acquire_reading(&self) -> Result<Connection, sqlx::Error> {
        self.reading.acquire().await
    }

    /// Repeats the statement on another connection if the first one was lost: a statement that reads may be sent several times.
    async fn read<'q, E>(&self, mut query: E) -> Vec<Answered>
    where
        E: 'q + Execute<'q, Any>,
    {
        let arguments = match query.take_arguments() {
            Ok(arguments) => arguments,
            Err(error) => return vec![Err(sqlx::Error::Encode(error))],
        };
        let text = query.sql();
        for _ in 1..ATTEMPTS {
            let copied = arguments.as_ref().map(|arguments| {
                let mut copied = AnyArguments::default();
                copied.values.0.clone_from(&arguments.values.0);
                copied
            });
            let answered = self.read_once((text.clone(), copied)).await;
            if !answered.iter().any(|item| matches!(item, Err(error) if is_cut(error))) {
                return answered;
            }
        }
        self.read_once((text, arguments)).await
    }

    async fn read_once(&self, query: (SqlStr, Option<AnyArguments>)) -> Vec<Answered> {
        match self.reading.acquire().await {
            Ok(mut connection) => connection.answer(query).await,
            Err(error) => vec![Err(error)],
        }
    }

    pub(crate) async fn close(&self) {
        futures::future::join(self.reading.close(), self.writing.close()).await;
    }
}

/// A part of the answer to a statement.
pub(crate) type Answered = Result<Either<AnyQueryResult, AnyRow>, sqlx::Error>;

pub(crate) fn first_row(answered: Vec<Answered>) -> Result<Option<AnyRow>, sqlx::Error> {
    for item in answered {
        if let Either::Right(row) = item? {
            return Ok(Some(row));
        }
    }
    Ok(None)
}

/// `execute` writes, and all methods that fetch rows read.
impl<'p> Executor<'p> for &'p Pool {
    type Database = Any;

    fn execute<'e, 'q: 'e, E>(self, query: E) -> BoxFuture<'e, Result<AnyQueryResult, sqlx::Error>>
    where
        'p: 'e,
        E: 'q + Execute<'q, Any>,
    {
        Box::pin(async move { self.writing.acquire().await?.execute(query).await })
    }

    fn fetch_many<'e, 'q: 'e, E>(self, query: E) -> BoxStream<'e, Result<Either<AnyQueryResult, AnyRow>, sqlx::Error>>
    where
        'p: 'e,
        E: 'q + Execute<'q, Any>,
    {
        stream::once(self.read(query)).flat_map(stream::iter).boxed()
    }

    fn fetch_optional<'e, 'q: 'e, E>(self, query: E) -> BoxFuture<'e, Result<Option<AnyRow>, sqlx::Error>>
    where
        'p: 'e,
        E: 'q + Execute<'q, Any>,
    {
        Box::pin(async move { first_row(self.read(query).await) })
    }

    fn prepare_with<'e>(self, sql: SqlStr, parameters: &'e [AnyTypeInfo]) -> BoxFuture<'e, Result<AnyStatement, sqlx::Error>>
    where
        'p: 'e,
    {
        Box::pin(async move { self.reading.acquire().await?.prepare_with(sql, parameters).await })
    }
}
