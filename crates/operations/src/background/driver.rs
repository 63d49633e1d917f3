//! Runs a loop: turn after turn, each after the period or when the loop is woken, until the process stops.
//!
//! A turn that takes too long is cancelled, and a panic is caught. Both are counted and logged as failures, and the loop continues. Work must therefore
//! be safe to cancel at every await point: the next turn does whatever was not committed.

use std::fmt::Debug;
use std::panic::AssertUnwindSafe;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt as _;
use futures::future::BoxFuture;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, sleep_until};

use super::record::Record;
use super::turn::{Ended, Next, Tasks, Turn};
use super::{Background, LIMIT};
use crate::failure::Failure;

/// The longest wait after a failure, unless the loop sets its own.
const AFTER_FAILURE: Duration = Duration::from_secs(60);
/// How long the tasks of a loop may continue when it stops, unless the loop sets its own time.
const GRACE: Duration = Duration::from_secs(5);

type Wake = Arc<dyn Fn() -> BoxFuture<'static, ()> + Send + Sync>;
type Work = Arc<dyn Fn(Turn) -> BoxFuture<'static, Result<Next, Failure>> + Send + Sync>;

/// A background loop and how it is run.
#[derive(Clone)]
pub struct Loop {
    name: &'static str,
    /// The log message for a turn that fails.
    trouble: &'static str,
    period: Duration,
    after_failure: Duration,
    limit: Duration,
    grace: Duration,
    copies: usize,
    wake: Option<Wake>,
    work: Work,
}

impl Loop {
    /// A loop whose turns follow each other after `period`. `trouble` is the log message for a turn that fails.
    pub fn new<F>(name: &'static str, trouble: &'static str, period: Duration, work: impl Fn(Turn) -> F + Send + Sync + 'static) -> Loop
    where
        F: Future<Output = Result<Next, Failure>> + Send + 'static,
    {
        let work: Work = Arc::new(move |turn| work(turn).boxed());
        let after_failure = period.min(AFTER_FAILURE);
        Loop { name, trouble, period, after_failure, limit: LIMIT, grace: GRACE, copies: 1, wake: None, work }
    }

    /// A turn also begins when the future that `wake` returns completes.
    pub fn woken_by<F>(self, wake: impl Fn() -> F + Send + Sync + 'static) -> Loop
    where
        F: Future<Output = ()> + Send + 'static,
    {
        Loop { wake: Some(Arc::new(move || wake().boxed())), ..self }
    }

    /// How long a turn may go without a sign of progress.
    pub fn limit(self, limit: Duration) -> Loop {
        Loop { limit, ..self }
    }

    /// How long after a failure the next turn begins.
    pub fn after_failure(self, after_failure: Duration) -> Loop {
        Loop { after_failure, ..self }
    }

    /// How long tasks that turns have spawned may continue when the loop stops.
    pub fn grace(self, grace: Duration) -> Loop {
        Loop { grace, ..self }
    }

    /// How many copies of the loop run concurrently.
    pub fn copies(self, copies: usize) -> Loop {
        Loop { copies, ..self }
    }

    pub fn name(&self) -> &'static str {
        self.name
    }

    pub fn period(&self) -> Duration {
        self.period
    }

    /// Starts all copies, each as a task. They run until `stop` is true, and then drain the tasks that their turns have spawned.
    pub fn start(self, background: &Arc<Background>, stop: &watch::Receiver<bool>, tasks: &mut JoinSet<()>) {
        self.due(background, Instant::now());
        for _ in 0..self.copies {
            let (copy, background, stop) = (self.clone(), Arc::clone(background), stop.clone());
            tasks.spawn(async move { copy.run(&background, stop).await });
        }
    }

    async fn run(&self, background: &Background, mut stop: watch::Receiver<bool>) {
        let tasks = Tasks::default();
        while !*stop.borrow() {
            let turn = Turn::new(self.limit.min(background.limit()), stop.clone(), tasks.clone());
            let pause = self.turn(background, turn).await;
            self.tasks_ended(background, tasks.ended());
            if pause.is_zero() {
                continue;
            }
            let woken = async {
                match &self.wake {
                    Some(wake) => wake().await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = sleep(pause) => {}
                () = woken => {}
                // A dropped sender stops the loop too.
                _ = stop.wait_for(|stop| *stop) => break,
            }
        }
        match tasks.end_within(self.grace).await {
            Some(ended) => self.tasks_ended(background, ended),
            None => tracing::warn!("{}: what was under way was cut off; it will be done again", self.name),
        }
    }

    fn tasks_ended(&self, background: &Background, Ended { failures, panics }: Ended) {
        background.record(self.name, |record| {
            record.failures += failures;
            record.panics += panics;
        });
        for _ in 0..panics {
            self.failed(background, &"a task panicked");
        }
    }

    /// Runs one turn, and returns how long to wait after it.
    async fn turn(&self, background: &Background, turn: Turn) -> Duration {
        let begun = Instant::now();
        let number = background.record(self.name, Record::began);
        let work = AssertUnwindSafe(async { (self.work)(turn.clone()).await }).catch_unwind();
        let outcome = self.within_deadline(background, number, &turn, work).await;
        background.record(self.name, |record| record.ended(number, begun.elapsed()));
        match outcome {
            Some(Ok(Ok(next))) => {
                let pause = match next {
                    Next::Now => Duration::ZERO,
                    Next::After(pause) => pause,
                    Next::Period => self.period,
                };
                let now = Instant::now();
                background.record(self.name, |record| record.succeeded(now));
                self.due(background, now + pause);
                return pause;
            }
            Some(Ok(Err(error))) => self.failed(background, &error),
            Some(Err(_)) => {
                background.record(self.name, |record| record.panics += 1);
                self.failed(background, &"it panicked");
            }
            None => self.failed(background, &format!("it was cut off after {} seconds", begun.elapsed().as_secs())),
        }
        self.after_failure
    }

    /// Runs the work. `None` if it does not end before the deadline, which the work itself may extend.
    async fn within_deadline<T>(&self, background: &Background, number: u64, turn: &Turn, work: impl Future<Output = T>) -> Option<T> {
        let (mut work, mut deadline) = (pin!(work), turn.deadline());
        loop {
            let until = *deadline.borrow_and_update();
            tokio::select! {
                biased;
                outcome = &mut work => return Some(outcome),
                _ = deadline.changed() => {
                    let due = self.at_the_latest(background, *deadline.borrow());
                    background.record(self.name, |record| record.may_take_until(number, due));
                }
                () = sleep_until(until) => return None,
            }
        }
    }

    /// The next turn begins at `next` at the latest.
    fn due(&self, background: &Background, next: Instant) {
        let due = self.at_the_latest(background, next);
        background.record(self.name, |record| record.is_due(due));
    }

    /// When a turn that begins at `next` must have succeeded. The time allows for one failure and one retry before the loop counts as stuck.
    fn at_the_latest(&self, background: &Background, next: Instant) -> Instant {
        next + self.after_failure + 2 * self.limit.min(background.limit())
    }

    fn failed(&self, background: &Background, error: &dyn Debug) {
        if let Some(unlogged) = background.record(self.name, |record| record.failed(Instant::now())) {
            tracing::error!(?error, background = self.name, unlogged, "{}", self.trouble);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use tokio::sync::Notify;

    use super::*;

    const PERIOD: Duration = Duration::from_secs(10);

    /// Lets the time pass. The paused clock advances only as soon as every task waits for it.
    async fn pass(time: Duration) {
        sleep_until(Instant::now() + time).await;
    }

    /// Runs the loop for this time of the paused clock, and then stops it.
    async fn run_for(time: Duration, looped: Loop) -> Arc<Background> {
        let (background, mut tasks) = (Arc::new(Background::default()), JoinSet::new());
        let (stop, stopped) = watch::channel(false);
        looped.start(&background, &stopped, &mut tasks);
        pass(time).await;
        stop.send_replace(true);
        tasks.join_all().await;
        background
    }

    #[tokio::test(start_paused = true)]
    async fn a_turn_that_fails_panics_or_hangs_is_counted_and_the_loop_goes_on() {
        let turns = Arc::new(AtomicUsize::new(0));
        let work = move |_| {
            let number = turns.fetch_add(1, Ordering::Relaxed);
            async move {
                match number {
                    0 => Err(Failure::Busy),
                    1 => panic!("as a mistake in a loop does"),
                    2 => std::future::pending().await,
                    _ => Ok(Next::Period),
                }
            }
        };
        // Turns at 0, 10, 20 (until 110), 120 and 130 seconds.
        let background = run_for(Duration::from_secs(135), Loop::new("loop", "it failed", PERIOD, work)).await;
        let record = background.records()["loop"].clone();
        assert_eq!((record.turns, record.failures, record.panics), (5, 3, 1));
        assert!(record.last_success.is_some() && background.stuck().is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn a_turn_may_go_on_for_long_with_signs_of_progress_and_no_longer_without() {
        let work = |turn: Turn| async move {
            for _ in 0..10 {
                pass(LIMIT - Duration::from_secs(1)).await;
                turn.goes_on();
            }
            turn.may_take(20 * LIMIT);
            pass(19 * LIMIT).await;
            turn.goes_on();
            std::future::pending().await
        };
        let begun = Instant::now();
        let background = run_for(Duration::from_secs(1), Loop::new("loop", "it failed", PERIOD, work)).await;
        assert_eq!(background.records()["loop"].failures, 1);
        assert_eq!(begun.elapsed().as_secs(), 30 * LIMIT.as_secs() - 10);
    }

    #[tokio::test(start_paused = true)]
    async fn a_loop_that_gets_nothing_done_is_told_of_until_it_does() {
        let works = Arc::new(AtomicUsize::new(0));
        let (asked, background) = (Arc::clone(&works), Arc::new(Background::default()));
        let work = move |_| {
            let works = asked.load(Ordering::Relaxed) > 0;
            async move { if works { Ok(Next::Period) } else { Err(Failure::Busy) } }
        };
        let (_stop, stopped) = watch::channel(false);
        let mut tasks = JoinSet::new();
        Loop::new("loop", "it failed", PERIOD, work).start(&background, &stopped, &mut tasks);
        pass(LIMIT).await;
        assert!(background.stuck().is_empty(), "a few failures may pass by themselves");
        pass(2 * LIMIT).await;
        assert_eq!(background.stuck().iter().map(|(name, time)| (*name, time.as_secs())).collect::<Vec<_>>(), [("loop", 270)]);
        works.store(1, Ordering::Relaxed);
        pass(PERIOD).await;
        assert!(background.stuck().is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn a_stop_lets_the_turn_end_and_gives_its_tasks_their_grace() {
        let done = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&done);
        let work = move |turn: Turn| {
            let done = Arc::clone(&counted);
            async move {
                for seconds in [3, 30] {
                    let done = Arc::clone(&done);
                    turn.spawn(async move {
                        pass(Duration::from_secs(seconds)).await;
                        done.fetch_add(1, Ordering::Relaxed);
                        true
                    });
                }
                turn.spawn(async { panic!("as a mistake in a task does") });
                turn.stopped().await;
                done.fetch_add(10, Ordering::Relaxed);
                Ok(Next::Now)
            }
        };
        let begun = Instant::now();
        let background = run_for(Duration::from_secs(1), Loop::new("loop", "it failed", PERIOD, work)).await;
        assert_eq!((done.load(Ordering::Relaxed), begun.elapsed().as_secs()), (11, 1 + GRACE.as_secs()));
        assert_eq!(background.records()["loop"].panics, 1);
    }

    #[tokio::test(start_paused = true)]
    async fn a_loop_begins_a_turn_when_it_is_woken_and_at_once_when_there_is_more() {
        let (turns, signal) = (Arc::new(AtomicUsize::new(0)), Arc::new(Notify::new()));
        let (counted, waited) = (Arc::clone(&turns), Arc::clone(&signal));
        let work = move |_| {
            let more = counted.fetch_add(1, Ordering::Relaxed) < 3;
            async move { Ok(if more { Next::Now } else { Next::Period }) }
        };
        let woken = move || {
            let signal = Arc::clone(&waited);
            async move { signal.notified().await }
        };
        let looped = Loop::new("loop", "it failed", PERIOD, work).woken_by(woken);
        let waking = async {
            for expected in [4, 5, 6] {
                pass(Duration::from_secs(1)).await;
                assert_eq!(turns.load(Ordering::Relaxed), expected);
                signal.notify_one();
            }
        };
        futures::join!(run_for(Duration::from_secs(9), looped), waking);
        assert_eq!(turns.load(Ordering::Relaxed), 7);
    }
}
