//! What the driver hands to the work of a loop for one turn: its deadline, whether the process ends, and room for tasks that outlive the turn.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::{JoinError, JoinSet};
use tokio::time::Instant;

use super::LIMIT;

/// When the next turn is to begin, unless the loop is woken before.
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

/// Tasks of a loop that go on after the turn that began them.
#[derive(Debug, Clone, Default)]
pub(super) struct Tasks(Arc<Mutex<JoinSet<bool>>>);

/// What became of tasks that have ended.
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

    /// For work that somebody calls and waits for, without a driver: nothing stops it, and nobody looks at its deadline.
    pub fn alone() -> Turn {
        Turn::new(LIMIT, watch::channel(false).1, Tasks::default())
    }

    /// A sign of progress: the turn may take its limit from now on.
    pub fn goes_on(&self) {
        self.may_take(self.limit);
    }

    /// The turn may take so long from now on.
    pub fn may_take(&self, time: Duration) {
        self.deadline.send_replace(Instant::now() + time);
    }

    /// Ends once the process is asked to end.
    pub async fn stopped(&self) {
        let mut stop = self.stop.clone();
        if stop.wait_for(|stop| *stop).await.is_err() {
            // Whoever could say it is gone.
            std::future::pending::<()>().await;
        }
    }

    /// Goes on beside the turns that follow. When the loop stops, it has the loop's grace to end. It needs limits of its own. Its output is whether it
    /// did what it should; it logs by itself why not.
    pub fn spawn(&self, task: impl Future<Output = bool> + Send + 'static) {
        self.tasks.lock().spawn(task);
    }

    pub(super) fn deadline(&self) -> watch::Receiver<Instant> {
        self.deadline.subscribe()
    }
}

impl Tasks {
    /// What became of those that have ended since the last look.
    pub(super) fn ended(&self) -> Ended {
        let (mut tasks, mut ended) = (self.lock(), Ended::default());
        while let Some(outcome) = tasks.try_join_next() {
            ended.count(outcome);
        }
        ended
    }

    /// Waits for all of them. None when some had not ended by then, and were cut off.
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
