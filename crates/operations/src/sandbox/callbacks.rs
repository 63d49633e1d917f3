//! Callbacks that meet faults at their first attempt: dropped, doubled, delayed, or sent in the reverse order.

use chrono::{DateTime, TimeDelta, Utc};
use insightgate_report::callback::{CallbackState, give_up_after};
use insightgate_store::{Callback, CallbackAttempt, ClaimedCallback, NEVER_DUE, SendOutcome};
use uuid::Uuid;

use crate::context::Context;
use crate::failure::Failure;
use crate::sandbox::Sandbox;
use crate::sandbox::fault::{CallbackFault, Effect};

/// What the list of attempts says of one that was not made.
const DROPPED: &str = "dropped by a fault of the sandbox";

/// What comes of a callback that is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Met {
    /// It is sent so many times.
    Send(u32),
    /// It is not sent now, and that is written down.
    Kept,
}

impl Sandbox {
    /// `at`: the time of the attempt. Repeated attempts meet nothing.
    pub(crate) async fn before_callback(&self, context: &Context, claimed: &ClaimedCallback, at: DateTime<Utc>) -> Result<Met, Failure> {
        let callback = &claimed.callback;
        if callback.delivery.attempts != 1 || !self.faults.any(|effect| matches!(effect, Effect::Callback(_))) {
            return Ok(Met::Send(1));
        }
        let Some(record) = context.store.execution(callback.execution).await? else { return Ok(Met::Send(1)) };
        let Some((fault, met)) = self.faults.of_callback(|matching| matching.meets_report(&record.report)) else { return Ok(Met::Send(1)) };
        let later = |by: TimeDelta| SendOutcome::Retry { due: at.checked_add_signed(by).unwrap_or(at) };
        let (attempt, outcome) = match met {
            CallbackFault::Doubled => return Ok(Met::Send(2)),
            CallbackFault::Dropped => {
                let error = Some(DROPPED.to_owned());
                let attempt = CallbackAttempt { number: callback.delivery.attempts, at, milliseconds: 0, http_status: None, error };
                (Some(attempt), SendOutcome::Failed)
            }
            CallbackFault::Delayed(by) => (None, later(by)),
            // Until the others are there, however far the clock is moved meanwhile.
            CallbackFault::Reversed(_) => (None, SendOutcome::Retry { due: NEVER_DUE }),
        };
        let is_written = context.store.finish_callback(claimed, attempt.as_ref(), outcome, at).await?;
        if let (CallbackFault::Reversed(of), true) = (met, is_written) {
            self.wait_for_others(context, fault, (callback.created, callback.id), of).await?;
        }
        Ok(Met::Kept)
    }

    /// Lets the newest of the group go once all are there, in whichever order they were ready. Each is written down as waiting before.
    async fn wait_for_others(&self, context: &Context, fault: Uuid, callback: (DateTime<Utc>, Uuid), of: u32) -> Result<(), Failure> {
        if let Some((at, newest)) = self.callbacks.newest_of_all(fault, callback, of) {
            self.make_due(context, newest, at).await?;
        }
        match self.faults.has(fault) {
            true => Ok(()),
            // It was cleared meanwhile, and did not know of this one.
            false => self.let_callbacks_go(context).await,
        }
    }

    /// Makes the callback due that is to be sent after this one.
    pub(crate) async fn after_callback(&self, context: &Context, sent: Uuid, at: DateTime<Utc>) -> Result<(), Failure> {
        match self.callbacks.next_after(sent) {
            Some(next) => self.make_due(context, next, at).await,
            None => Ok(()),
        }
    }

    /// Lets callbacks go whose fault was cleared.
    pub(crate) async fn let_callbacks_go(&self, context: &Context) -> Result<(), Failure> {
        let now = context.clock.now();
        for callback in self.callbacks.of_other_faults(|fault| self.faults.has(fault)) {
            self.make_due(context, callback, now).await?;
        }
        Ok(())
    }

    /// One that still waits; others have been sent since.
    async fn make_due(&self, context: &Context, id: Uuid, at: DateTime<Utc>) -> Result<(), Failure> {
        let waits = |callback: &Callback| callback.delivery.state == CallbackState::Pending && callback.delivery.due > at;
        if let Some(callback) = context.store.callback(id).await?.filter(waits) {
            context.store.replay_callback(id, at, give_up_after(at).max(callback.delivery.give_up)).await?;
            context.signals.callbacks.notify_one();
        }
        Ok(())
    }
}
