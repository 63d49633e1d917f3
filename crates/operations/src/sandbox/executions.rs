//! Executions that meet faults: some stay Pending, which is before a runner claims them, others stay Running, are slow or fail, which is in their
//! attempt.

use chrono::{DateTime, Utc};
use insightgate_store::ClaimedExecution;
use tokio::sync::MutexGuard;
use uuid::Uuid;

use crate::context::Context;
use crate::failure::Failure;
use crate::sandbox::Sandbox;
use crate::sandbox::fault::{Effect, ExecutionFault};

/// A fault that an attempt meets, with its id.
pub(crate) type Met = (Uuid, ExecutionFault);

/// Waiting executions that are looked at before a claim.
const LOOKED_AT: u32 = 200;

/// The claim that comes after a look.
pub struct Looked<'a> {
    /// Whom it may claim, if a fault holds others back: what was queued since the look has met none yet.
    pub among: Option<Vec<Uuid>>,
    _claim: MutexGuard<'a, ()>,
}

impl Sandbox {
    /// Holds waiting executions back that a fault meets, and lets those go whose time has come. Comes before each claim, so that none is ever seen
    /// Running that should stay Pending. The claim is made while that which comes back is kept.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn before_claim(&self, context: &Context) -> Result<Looked<'_>, Failure> {
        let _claim = self.claim.lock().await;
        let now = context.clock.now();
        for (id, until) in self.executions.over(|until, fault| until <= now || !self.faults.has(fault)) {
            context.store.let_execution_go(id, until.min(now)).await?;
            self.executions.let_go(id);
        }
        let is_hold = |fault: &ExecutionFault| matches!(fault, ExecutionFault::Pending(_));
        if !self.faults.any(|effect| matches!(effect, Effect::Execution(fault) if is_hold(fault))) {
            return Ok(Looked { among: None, _claim });
        }
        let mut among = Vec::new();
        for record in context.store.waiting_executions(LOOKED_AT).await? {
            let (id, queued) = (record.execution.id, record.execution.queued);
            if self.executions.was_let_go(id) {
                among.push(id);
                continue;
            }
            let met = self.faults.of_execution(|matching| matching.meets_report(&record.report), is_hold);
            match met {
                Some((fault, ExecutionFault::Pending(hold))) => {
                    let until = context.clock.of_work(queued).checked_add_signed(hold).unwrap_or(DateTime::<Utc>::MAX_UTC);
                    context.store.hold_execution_back(id).await?;
                    self.executions.hold(id, until, fault);
                }
                _ => {
                    self.executions.let_go(id);
                    among.push(id);
                }
            }
        }
        Ok(Looked { among: Some(among), _claim })
    }

    /// What an attempt meets. It is asked once.
    pub(crate) fn of_attempt(&self, claimed: &ClaimedExecution) -> Option<Met> {
        let is_other = |fault: &ExecutionFault| !matches!(fault, ExecutionFault::Pending(_));
        self.faults.of_execution(|matching| matching.meets_report(&claimed.report), is_other)
    }

    /// Waits while the attempt is to stay Running, by the product's clock. The time at which it begins then.
    pub(crate) async fn while_held(&self, context: &Context, claimed: &ClaimedExecution, met: Option<&Met>) -> DateTime<Utc> {
        let begun = context.clock.of_work(claimed.execution.queued);
        let Some((id, ExecutionFault::Running(hold))) = met else { return begun };
        let until = begun.checked_add_signed(*hold).unwrap_or(DateTime::<Utc>::MAX_UTC);
        tokio::select! {
            () = reached(context, until) => {}
            () = self.is_cleared(*id) => {}
        }
        context.clock.of_work(until)
    }

    /// Makes the attempt slow, or says why it fails.
    pub(crate) async fn within_attempt(&self, met: &Met) -> Result<(), String> {
        match met {
            (_, ExecutionFault::Failed { reason }) => Err(reason.clone()),
            (id, ExecutionFault::Slow(delay)) => {
                // Whichever comes first.
                let _ = tokio::time::timeout(*delay, self.is_cleared(*id)).await;
                Ok(())
            }
            (_, ExecutionFault::Pending(_) | ExecutionFault::Running(_)) => Ok(()),
        }
    }

    async fn is_cleared(&self, fault: Uuid) {
        loop {
            // Registered before looking, so that none is missed.
            let cleared = self.faults.cleared.notified();
            if !self.faults.has(fault) {
                return;
            }
            cleared.await;
        }
    }
}

/// Once the product's clock has reached it.
async fn reached(context: &Context, until: DateTime<Utc>) {
    loop {
        let moved = context.signals.clock_moved.notified();
        let left = until - context.clock.now();
        let Some(left) = left.to_std().ok().filter(|left| !left.is_zero()) else { return };
        if context.clock.is_manual() {
            moved.await;
        } else {
            tokio::time::sleep(left).await;
        }
    }
}
