//! Group commit: small writes that come at the same time share a transaction. If each were committed alone, the flushes of the disk would limit the
//! number of grants per second.
//!
//! A caller waits until its own write is on disk, and gets only the error of its own write. A task writes as long as writes wait: a caller that gives
//! up does not cancel the others, and closing the store waits for the end of the task. No write is ever confirmed before it is on disk.

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

/// The most writes in one transaction.
const LARGEST: usize = 256;

/// A write that may share its transaction with others.
#[derive(Debug, Clone)]
enum Write {
    Audit(AuditEvent),
    /// Marks the token used, adds the one that is given for it and records the event; does nothing if the token is no longer valid.
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
        // The state is consistent after each statement, so that a panic leaves nothing half changed.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until no write is left.
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

    /// Marks the token used, adds the one that is given for it, if any, and records the event, in one transaction. Returns false, and writes nothing,
    /// if the token is no longer valid.
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

    /// Returns true if the write took place, and false if its condition did not hold.
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
                // A write that fails must not fail the others. If the database is away, none can be written, and each one would wait for it.
                Err(error) if batch.len() > 1 && error.outage().is_none() => {
                    for Waiting { write, done } in batch {
                        let alone = self.write_batch(&[&write]).await;
                        let _ = done.send(alone.map(|outcomes| outcomes.first().copied().unwrap_or_default()));
                    }
                }
                // A lock that is held for long is on a token or its user; events have nothing to do with it, and must not be lost because of it.
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

    /// Returns whether each write took place. Retries if the connection was lost. If it was lost during the commit, it is unknown whether the writes
    /// took place, and only events, which have ids of their own, are written again.
    async fn write_batch(&self, writes: &[&Write]) -> Result<Vec<bool>, StoreError> {
        match again(|| self.try_batch(writes, false)).await {
            Err(StoreError::Interrupted) if writes.iter().all(|write| matches!(write, Write::Audit(_))) => {
                again(|| self.try_batch(writes, true)).await
            }
            outcome => outcome,
        }
    }

    /// `written` says that the events may already be there.
    async fn try_batch(&self, writes: &[&Write], written: bool) -> Result<Vec<bool>, StoreError> {
        if let Some(events) = events_of_one_statement(writes) {
            let mut connection = self.pool.acquire().await?;
            // This statement commits by itself: if the connection is lost, it is unknown whether it did.
            let cut = |error: StoreError| if error.is_cut() && !written { StoreError::Interrupted } else { error };
            audit::insert(&mut connection, &events, written).await.map_err(cut)?;
            return Ok(vec![true; writes.len()]);
        }
        let mut transaction = self.begin_grants().await?;
        let mut outcomes = vec![true; writes.len()];
        let mut events = Vec::new();
        // Of the writes that bring the same token, the first uses it for the first time; a later one finds it used.
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
        // If a sign-in is ended at the same time, its new token ends too, or is not added.
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

/// The first write gets the error itself.
fn refuse(batch: Vec<Waiting>, error: StoreError) {
    let outage = error.outage().unwrap_or(Outage::Away);
    let mut first = Some(error);
    for waiting in batch {
        let shared = || StoreError::Unreachable { outage, cause: "a write beside this one failed".to_owned() };
        let _ = waiting.done.send(Err(first.take().unwrap_or_else(shared)));
    }
}

/// The events, if they are all there is to write: they need no transaction, since they are one statement.
fn events_of_one_statement<'a>(writes: &[&'a Write]) -> Option<Vec<&'a AuditEvent>> {
    let event = |write: &&'a Write| match write {
        Write::Audit(event) => Some(event),
        Write::Replace { .. } => None,
    };
    let events: Vec<&AuditEvent> = writes.iter().map(event).collect::<Option<_>>()?;
    (in_powers_of_two(&events).count() == 1).then_some(events)
}

/// The users who get tokens, by id.
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
