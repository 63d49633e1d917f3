//! The state of one connection: whether the server works for it or waits for its client, and since when.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;

/// A request whose client pauses is closed for another connection only after this time.
const PATIENCE: Duration = Duration::from_secs(5);

/// How long a connection may wait for its client.
#[derive(Debug, Clone, Copy)]
pub struct Timing {
    /// The time from connecting to the first request, and from the first byte of a later one to the end of its head.
    pub head: Duration,
    /// The time without a request. A ping is not a request.
    pub idle: Duration,
    /// The time for the client to read more of an answer.
    pub stalled: Duration,
    /// The time for the client to close a connection after it was asked to.
    pub closing: Duration,
}

impl Timing {
    pub fn new(idle: Duration) -> Timing {
        Timing { head: Duration::from_secs(15), idle, stalled: Duration::from_secs(120), closing: Duration::from_secs(1) }
    }

    /// How often a connection is checked.
    pub fn look(&self) -> Duration {
        self.head.min(self.idle).min(self.stalled) / 4
    }
}

/// What to do with a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Keep the connection, and check it again at this time.
    Keep(Instant),
    /// No request came in time.
    Idle,
    /// The head of a request was not completed in time.
    NoHead,
    /// The client did not take an answer in time.
    Stalled,
}

#[derive(Debug)]
pub struct Activity {
    doing: Mutex<Doing>,
    told: Notify,
}

#[derive(Debug)]
struct Doing {
    http2: bool,
    /// The requests in progress, from their head to the last byte of their answer.
    requests: usize,
    /// The requests among them that wait for the client.
    waiting: BTreeMap<u64, Waiting>,
    next: u64,
    idle_since: Instant,
    /// The time of a head's first byte; before the first request, the time of connecting.
    head_since: Option<Instant>,
}

#[derive(Debug, Clone, Copy)]
struct Waiting {
    since: Instant,
    /// Whether the client has to take the answer, and not to send the body.
    answers: bool,
}

impl Activity {
    pub fn new(now: Instant) -> Activity {
        let doing = Doing { http2: false, requests: 0, waiting: BTreeMap::new(), next: 0, idle_since: now, head_since: Some(now) };
        Activity { doing: Mutex::new(doing), told: Notify::new() }
    }

    fn doing(&self) -> MutexGuard<'_, Doing> {
        // The state is consistent after each statement, so that a panic leaves nothing half changed.
        self.doing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Asks the connection to end.
    pub(super) fn close(&self) {
        self.told.notify_one();
    }

    /// Waits until the connection is asked to end.
    pub async fn closed(&self) {
        self.told.notified().await;
    }

    /// Since when the connection has waited for its client, if it may be closed for another one.
    pub(super) fn may_be_closed(&self, now: Instant) -> Option<Instant> {
        let doing = self.doing();
        if doing.requests == 0 {
            return Some(doing.idle_since);
        }
        if doing.waiting.len() < doing.requests {
            return None;
        }
        let last = doing.waiting.values().map(|waiting| waiting.since).max()?;
        (now.duration_since(last) >= PATIENCE).then_some(last)
    }

    pub fn verdict(&self, now: Instant, timing: &Timing) -> Verdict {
        let doing = self.doing();
        let stalled = doing.waiting.values().filter(|waiting| waiting.answers).map(|waiting| waiting.since + timing.stalled).min();
        let (end, verdict) = match (doing.requests, doing.head_since, stalled) {
            (0, Some(since), _) => (since + timing.head, Verdict::NoHead),
            (0, None, _) => (doing.idle_since + timing.idle, Verdict::Idle),
            (_, _, Some(end)) => (end, Verdict::Stalled),
            (_, _, None) => (now + timing.head, Verdict::Keep(now)),
        };
        match now >= end {
            true => verdict,
            false => Verdict::Keep(end.min(now + timing.look())),
        }
    }

    /// The number of requests that have begun so far.
    pub fn begun(&self) -> u64 {
        self.doing().next
    }

    pub fn is_at_work(&self) -> bool {
        self.doing().requests > 0
    }

    pub(super) fn bytes_came(&self, now: Instant) {
        let mut doing = self.doing();
        // Over HTTP/2 the bytes may be anything, such as pings.
        if doing.requests == 0 && !doing.http2 {
            doing.head_since.get_or_insert(now);
        }
    }

    /// The end of an answer may still be in transit when its request has ended.
    pub(super) fn bytes_left(&self, now: Instant) {
        let mut doing = self.doing();
        if doing.requests == 0 && !doing.http2 {
            doing.idle_since = now;
        }
    }

    pub(super) fn begin(&self, http2: bool) -> u64 {
        let mut doing = self.doing();
        doing.http2 = http2;
        doing.requests += 1;
        doing.head_since = None;
        doing.next += 1;
        doing.next
    }

    /// A body that comes slowly counts as waiting from its beginning.
    pub(super) fn waits_for_body(&self, request: u64, now: Instant) {
        self.doing().waiting.entry(request).or_insert(Waiting { since: now, answers: false });
    }

    pub(super) fn waits_to_answer(&self, request: u64, now: Instant) {
        self.doing().waiting.insert(request, Waiting { since: now, answers: true });
    }

    pub(super) fn works(&self, request: u64) {
        self.doing().waiting.remove(&request);
    }

    pub(super) fn end(&self, request: u64, now: Instant) {
        let mut doing = self.doing();
        doing.waiting.remove(&request);
        doing.requests = doing.requests.saturating_sub(1);
        if doing.requests == 0 {
            doing.idle_since = now;
        }
    }
}
