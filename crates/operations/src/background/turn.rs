//! What the driver passes to the work of a loop for one turn: its deadline, whether the process is stopping, and a place for tasks that outlive the turn.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::{JoinError, JoinSet};
use tokio::time::Instant;

use super::LIMIT;

/// When the next turn begins, unless the loop is woken before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// There is more to do.
    Now,
    After(Duration),
    /// After the loop's period.
    Period,
}

/// One turn. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Turn {
    limit: Duration,
    deadline: Arc<watch::Sender<Instant>>,
    stop: watch::Receiver<bool>,
    tasks: Tasks,
}

/// Tasks of a loop that continue after the turn that spawned them.
#[derive(Debug, Clone, Default)]
pub(super) struct Tasks(Arc<Mutex<JoinSet<bool>>>);

/// The outcomes of tasks that have ended.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Ended {
    pub failures: u64,
    pub panics: u64,
}

impl Turn {
    pub(super) fn new(limit: Duration, stop: watch::Receiver<bool>, tasks: Tasks) -> Turn {
        let deadline = Arc::new(watch::channel(Instant::now() + limit).0);
        Turn { limit, deadline, stop, tasks }
    }

    /// A turn for work that is called directly, without a driver. It is never stopped, and its deadline is not enforced.
    pub fn alone() -> Turn {
        Turn::new(LIMIT, watch::channel(false).1, Tasks::default())
    }

    /// A sign of progress: resets the deadline to the limit from now.
    pub fn goes_on(&self) {
        self.may_take(self.limit);
    }

    /// Sets the deadline to `time` from now.
    pub fn may_take(&self, time: Duration) {
        self.deadline.send_replace(Instant::now() + time);
    }

    /// Completes once the process is asked to stop.
    pub async fn stopped(&self) {
        let mut stop = self.stop.clone();
        if stop.wait_for(|stop| *stop).await.is_err() {
            // The sender is gone, so that no request to stop can come any more.
            std::future::pending::<()>().await;
        }
    }

    /// Spawns a task that continues beside the turns that follow. When the loop stops, the task has the loop's grace period to end. It needs time limits of
    /// its own. It returns whether it succeeded, and logs its failures itself.
    pub fn spawn(&self, task: impl Future<Output = bool> + Send + 'static) {
        self.tasks.lock().spawn(task);
    }

    pub(super) fn deadline(&self) -> watch::Receiver<Instant> {
        self.deadline.subscribe()
    }
}

impl Tasks {
    /// The outcomes of the tasks that have ended since the last call.
    pub(super) fn ended(&self) -> Ended {
        let (mut tasks, mut ended) = (self.lock(), Ended::default());
        while let Some(outcome) = tasks.try_join_next() {
            ended.count(outcome);
        }
        ended
    }

    /// Waits for all tasks. `None` if some had not ended within the grace period and were cancelled.
    pub(super) async fn end_within(&self, grace: Duration) -> Option<Ended> {
        let (mut tasks, mut ended) = (std::mem::take(&mut *self.lock()), Ended::default());
        let ending = async {
            while let Some(outcome) = tasks.join_next().await {
                ended.count(outcome);
            }
        };
        tokio::time::timeout(grace, ending).await.is_ok().then_some(ended)
    }

    fn lock(&self) -> MutexGuard<'_, JoinSet<bool>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Ended {
    fn count(&mut self, outcome: Result<bool, JoinError>) {
        match outcome {
            Ok(true) => {}
            Ok(false) => self.failures += 1,
            Err(error) => self.panics += u64::from(error.is_panic()),
        }
    }
}
