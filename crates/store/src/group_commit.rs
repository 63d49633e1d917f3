//! Group commit: small writes that come at the same time share a transaction. If each were committed alone, the flushes of the disk would bound the
//! number of grants a second.
//!
//! A caller waits until its own write is on disk, and hears of its own failure only. A task writes as long as something waits: a caller that
//! gives up takes nothing with it, and closing the store waits for the end of the task. Nothing is ever written later than it is answered for.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use chrono::DateTime;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use uuid::Uuid;

use crate::audit::{self, AuditEvent};
use crate::database::again::again;
use crate::database::locks::Hold;
use crate::database::rows::in_powers_of_two;
use crate::sign_in::refresh_tokens::{self, RefreshTokenRecord, UsedToken};
use crate::{Outage, Store, StoreError};

/// Writes of one transaction at most.
const LARGEST: usize = 256;

/// A write that may share its transaction with others.
#[derive(Debug, Clone)]
enum Write {
    Audit(AuditEvent),
    /// Marks the token used, adds the one that is given for it and records the event. Nothing of it when the token is not good any more.
    Replace {
        used: UsedToken,
        by: Option<RefreshTokenRecord>,
        event: Option<AuditEvent>,
    },
}

/// The writes that wait, and the task that commits them.
#[derive(Debug, Clone, Default)]
pub(crate) struct GroupCommit(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    waiting: Vec<Waiting>,
    writer: Option<JoinHandle<()>>,
}

#[derive(Debug)]
struct Waiting {
    write: Write,
    done: oneshot::Sender<Result<bool, StoreError>>,
}

impl GroupCommit {
    fn lock(&self) -> MutexGuard<'_, State> {
        // The state is whole between any two statements.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Until nothing waits.
    pub(crate) async fn finish(&self) {
        loop {
            let writer = self.lock().writer.take();
            match writer {
                Some(writer) => drop(writer.await),
                None => return,
            }
        }
    }
}

impl Store {
    /// Returns once the event is on disk. Events that come at the same time share a transaction.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn record_audit_event(&self, event: AuditEvent) -> Result<(), StoreError> {
        self.write_in_group(Write::Audit(event)).await.map(drop)
    }

    /// Marks the token used, adds the one that is given for it, if any, and records the event, in one transaction. False, with nothing written, when
    /// the token is not good any more.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn replace_refresh_token(
        &self,
        used: UsedToken,
        by: Option<RefreshTokenRecord>,
        event: Option<AuditEvent>,
    ) -> Result<bool, StoreError> {
        self.write_in_group(Write::Replace { used, by, event }).await
    }

    /// True if the write took place; false if its condition did not hold.
    async fn write_in_group(&self, write: Write) -> Result<bool, StoreError> {
        let (done, written) = oneshot::channel();
        {
            let mut state = self.group_commit.lock();
            state.waiting.push(Waiting { write, done });
            if state.writer.as_ref().is_none_or(JoinHandle::is_finished) {
                let store = self.clone();
                state.writer = Some(tokio::spawn(async move { store.write_waiting().await }));
            }
        }
        written.await.unwrap_or(Err(StoreError::Interrupted))
    }

    async fn write_waiting(&self) {
        loop {
            let batch: Vec<Waiting> = {
                let mut state = self.group_commit.lock();
                if state.waiting.is_empty() {
                    state.writer = None;
                    return;
                }
                let count = state.waiting.len().min(LARGEST);
                state.waiting.drain(..count).collect()
            };
            let writes: Vec<&Write> = batch.iter().map(|waiting| &waiting.write).collect();
            match self.write_batch(&writes).await {
                Ok(outcomes) => {
                    for (waiting, outcome) in batch.into_iter().zip(outcomes) {
                        let _ = waiting.done.send(Ok(outcome));
                    }
                }
                // One that cannot be written must not take the others with it. Where the database is away, none can, and each would wait for it.
                Err(error) if batch.len() > 1 && error.outage().is_none() => {
                    for Waiting { write, done } in batch {
                        let alone = self.write_batch(&[&write]).await;
                        let _ = done.send(alone.map(|outcomes| outcomes.first().copied().unwrap_or_default()));
                    }
                }
                // A lock that somebody holds for long is on a token or its user: events have nothing to do with it, and are not lost for it.
                Err(error) if error.outage() == Some(Outage::Held) => {
                    let (events, tokens): (Vec<_>, Vec<_>) =
                        batch.into_iter().partition(|waiting| matches!(waiting.write, Write::Audit(_)));
                    refuse(tokens, error);
                    let writes: Vec<&Write> = events.iter().map(|waiting| &waiting.write).collect();
                    match self.write_batch(&writes).await {
                        Ok(_) => events.into_iter().for_each(|waiting| drop(waiting.done.send(Ok(true)))),
                        Err(error) => refuse(events, error),
                    }
                }
                Err(error) => refuse(batch, error),
            }
        }
    }

    /// Whether each took place. Again where the connection was cut; where the end was under way, nobody knows whether it took place, and only
    /// events, which have ids of their own, are written again.
    async fn write_batch(&self, writes: &[&Write]) -> Result<Vec<bool>, StoreError> {
        match again(|| self.try_batch(writes, false)).await {
            Err(StoreError::Interrupted) if writes.iter().all(|write| matches!(write, Write::Audit(_))) => {
                again(|| self.try_batch(writes, true)).await
            }
            outcome => outcome,
        }
    }

    /// `written`: its events may be there already.
    async fn try_batch(&self, writes: &[&Write], written: bool) -> Result<Vec<bool>, StoreError> {
        if let Some(events) = events_of_one_statement(writes) {
            let mut connection = self.pool.acquire().await?;
            // Which commits by itself: where the connection is cut, nobody knows whether it did.
            let cut = |error: StoreError| if error.is_cut() && !written { StoreError::Interrupted } else { error };
            audit::insert(&mut connection, &events, written).await.map_err(cut)?;
            return Ok(vec![true; writes.len()]);
        }
        let mut transaction = self.begin_grants().await?;
        let mut outcomes = vec![true; writes.len()];
        let mut events = Vec::new();
        // The first of those that bring one token uses it for the first time; a later one finds it used.
        let mut first_with: HashMap<&str, usize> = HashMap::new();
        let mut now = DateTime::UNIX_EPOCH;
        for (place, (write, outcome)) in writes.iter().zip(&mut outcomes).enumerate() {
            match write {
                Write::Audit(event) => events.push(event),
                Write::Replace { used, .. } => {
                    first_with.entry(&used.digest).or_insert(place);
                    now = now.max(used.now);
                    *outcome = false;
                }
            }
        }
        // A sign-in that is ended meanwhile ends with the token that it gets here, or before it gets one.
        for some in in_powers_of_two(&users_of(writes)) {
            self.hold(&mut transaction, Hold::UsersStay(some)).await?;
        }
        let mut digests: Vec<&str> = first_with.keys().copied().collect();
        digests.sort_unstable();
        let mut replacing = Vec::new();
        for digest in refresh_tokens::use_up(self.dialect, &mut transaction, &digests, now).await? {
            let Some(place) = first_with.get(digest.as_str()).copied() else { continue };
            if let Some(outcome) = outcomes.get_mut(place) {
                *outcome = true;
            }
            if let Some(Write::Replace { by, event, .. }) = writes.get(place) {
                replacing.extend(by);
                events.extend(event);
            }
        }
        for (write, outcome) in writes.iter().zip(&mut outcomes) {
            if let Write::Replace { used, by, event } = write
                && !*outcome
                && refresh_tokens::use_again(&mut transaction, used).await?
            {
                *outcome = true;
                replacing.extend(by);
                events.extend(event);
            }
        }
        refresh_tokens::insert(&mut transaction, &replacing, false).await?;
        audit::insert(&mut transaction, &events, written).await?;
        transaction.commit().await?;
        self.grown.note(replacing);
        Ok(outcomes)
    }
}

/// The first of them gets the error itself.
fn refuse(batch: Vec<Waiting>, error: StoreError) {
    let outage = error.outage().unwrap_or(Outage::Away);
    let mut first = Some(error);
    for waiting in batch {
        let shared = || StoreError::Unreachable { outage, cause: "a write beside this one failed".to_owned() };
        let _ = waiting.done.send(Err(first.take().unwrap_or_else(shared)));
    }
}

/// What needs no transaction, since it is one statement.
fn events_of_one_statement<'a>(writes: &[&'a Write]) -> Option<Vec<&'a AuditEvent>> {
    let event = |write: &&'a Write| match write {
        Write::Audit(event) => Some(event),
        Write::Replace { .. } => None,
    };
    let events: Vec<&AuditEvent> = writes.iter().map(event).collect::<Option<_>>()?;
    (in_powers_of_two(&events).count() == 1).then_some(events)
}

/// Whose tokens are given, by id.
fn users_of(writes: &[&Write]) -> Vec<Uuid> {
    let user = |write: &&Write| match write {
        Write::Replace { by, .. } => by.as_ref().map(|token| token.user),
        Write::Audit(_) => None,
    };
    let mut users: Vec<Uuid> = writes.iter().filter_map(user).collect();
    users.sort_unstable();
    users.dedup();
    users
}
