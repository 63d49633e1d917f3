//! The limits of what comes in: concurrent requests and the bytes of their bodies, with a bound for all clients together and a share for each
//! address. A body must also come at a minimum rate, so that its share is freed in time.
//!
//! It never looks into a body, and answers nobody: [`super::admission`] does.

use std::collections::HashMap;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::body::{Body, Bytes, HttpBody};
use http_body::{Frame, SizeHint};
use tokio::time::{Instant, Sleep, sleep_until};

use crate::http::network::share;
use crate::http::refusals::Refusals;
use crate::http::unknown_proxies::UnknownProxies;

/// Bytes of all bodies under way, and of one address's.
const BODIES: usize = 32 << 20;
const BODIES_PER_ADDRESS: usize = 8 << 20;
/// A body has this long, and beyond it a second for so many bytes that have come.
const BODY_TIME: Duration = Duration::from_secs(15);
const BYTES_A_SECOND: u64 = 4 << 10;

/// The bounds and what is in use; shared by all listeners.
#[derive(Debug)]
pub struct Intake {
    most: Load,
    most_per_address: Load,
    body_time: Duration,
    pub(super) unknown_proxies: UnknownProxies,
    pub(crate) refusals: Refusals,
    under_way: Mutex<UnderWay>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Load {
    requests: usize,
    bytes: usize,
}

impl Load {
    fn and(self, more: Load) -> Load {
        Load { requests: self.requests.saturating_add(more.requests), bytes: self.bytes.saturating_add(more.bytes) }
    }

    fn is_within(self, most: Load) -> bool {
        self.requests <= most.requests && self.bytes <= most.bytes
    }
}

#[derive(Debug, Default)]
struct UnderWay {
    all: Load,
    addresses: HashMap<IpAddr, Load>,
}

/// Why there is no room.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Full {
    /// The address has its share.
    Address,
    Server,
}

impl Intake {
    /// Allows as many requests as connections, in total and for one address.
    pub fn new(connections: usize, per_address: usize) -> Intake {
        let load = |requests, bytes| Load { requests, bytes };
        Intake {
            most: load(connections, BODIES),
            most_per_address: load(per_address, BODIES_PER_ADDRESS),
            body_time: BODY_TIME,
            unknown_proxies: UnknownProxies::default(),
            refusals: Refusals::default(),
            under_way: Mutex::default(),
        }
    }

    fn under_way(&self) -> MutexGuard<'_, UnderWay> {
        // Whole between any two statements.
        self.under_way.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds to what is under way, if there is room: beyond its first request, no address may hold more than is left to all others. So however many
    /// addresses ask for all that they can get, something is left for the next one. Calls within the process have no address, and no share.
    fn take(&self, address: Option<IpAddr>, more: Load) -> Result<(), Full> {
        let mut under_way = self.under_way();
        let all = under_way.all.and(more);
        if !all.is_within(self.most) {
            return Err(Full::Server);
        }
        if let Some(address) = address {
            let left = Load { requests: self.most.requests - all.requests, bytes: self.most.bytes - all.bytes };
            let held = under_way.addresses.get(&address).copied().unwrap_or_default().and(more);
            if !held.is_within(self.most_per_address) {
                return Err(Full::Address);
            }
            // What is not asked for is not held against it.
            if more.requests > 0 && held.requests > left.requests.max(1) || more.bytes > 0 && held.bytes > left.bytes {
                return Err(Full::Server);
            }
            under_way.addresses.insert(address, held);
        }
        under_way.all = all;
        Ok(())
    }

    fn give_back(&self, address: Option<IpAddr>, load: Load) {
        let mut under_way = self.under_way();
        let less = |held: &mut Load| {
            held.requests = held.requests.saturating_sub(load.requests);
            held.bytes = held.bytes.saturating_sub(load.bytes);
        };
        less(&mut under_way.all);
        if let Some(address) = address
            && let Some(held) = under_way.addresses.get_mut(&address)
        {
            less(held);
            if *held == Load::default() {
                under_way.addresses.remove(&address);
            }
        }
    }
}

/// What one request holds, given back when it is dropped.
#[derive(Debug)]
pub(super) struct Held {
    intake: Arc<Intake>,
    address: Option<IpAddr>,
    load: Mutex<Load>,
    /// What went wrong with the body: the handler knows only that it did not come.
    fault: AtomicU8,
}

const ADDRESS_FULL: u8 = 1;
const SERVER_FULL: u8 = 2;
const TOO_SLOW: u8 = 3;

/// What went wrong with a body that a handler was reading.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    Full(Full),
    TooSlow,
}

impl Held {
    /// A request of a client that is known by this address.
    pub(super) fn request_of(intake: &Arc<Intake>, client: Option<IpAddr>) -> Result<Held, Full> {
        Held::request(intake, client.map(share))
    }

    fn request(intake: &Arc<Intake>, address: Option<IpAddr>) -> Result<Held, Full> {
        let load = Load { requests: 1, bytes: 0 };
        intake.take(address, load)?;
        Ok(Held { intake: Arc::clone(intake), address, load: Mutex::new(load), fault: AtomicU8::new(0) })
    }

    fn bytes(&self, count: usize) -> Result<(), Full> {
        self.intake.take(self.address, Load { requests: 0, bytes: count })?;
        self.load.lock().unwrap_or_else(PoisonError::into_inner).bytes += count;
        Ok(())
    }

    /// What the body failed with, if it did.
    pub(super) fn fault(&self) -> Option<Fault> {
        match self.fault.load(Ordering::Relaxed) {
            ADDRESS_FULL => Some(Fault::Full(Full::Address)),
            SERVER_FULL => Some(Fault::Full(Full::Server)),
            TOO_SLOW => Some(Fault::TooSlow),
            _ => None,
        }
    }

    fn fail(&self, fault: u8) -> axum::Error {
        self.fault.store(fault, Ordering::Relaxed);
        axum::Error::new(std::io::Error::other("it was not taken"))
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.intake.give_back(self.address, *self.load.get_mut().unwrap_or_else(PoisonError::into_inner));
    }
}

/// A body that counts what came of it, and how fast.
struct Counted {
    body: Body,
    held: Arc<Held>,
    begun: Instant,
    came: u64,
    deadline: Pin<Box<Sleep>>,
}

impl HttpBody for Counted {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let Poll::Ready(frame) = Pin::new(&mut self.body).poll_frame(context) else {
            ready!(self.deadline.as_mut().poll(context));
            return Poll::Ready(Some(Err(self.held.fail(TOO_SLOW))));
        };
        if let Some(Ok(frame)) = &frame
            && let Some(data) = frame.data_ref()
        {
            let count = data.len();
            if let Err(full) = self.held.bytes(count) {
                let fault = if full == Full::Address { ADDRESS_FULL } else { SERVER_FULL };
                return Poll::Ready(Some(Err(self.held.fail(fault))));
            }
            self.came = self.came.saturating_add(count as u64);
            let deadline = self.begun + self.held.intake.body_time + Duration::from_secs(self.came / BYTES_A_SECOND);
            self.deadline.as_mut().reset(deadline);
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// Bytes of a body that are read, and dropped, though no handler asked for them, and how long that may take.
const DRAINED: usize = 2 << 20;
const DRAIN_TIME: Duration = Duration::from_secs(2);

/// A handler's hold on a body: what the handler leaves unread is still there when it has let go.
#[derive(Clone)]
pub(super) struct Lent(Arc<Mutex<Counted>>);

impl Lent {
    /// The body, which counts from now on what comes of it.
    pub(super) fn new(body: Body, held: &Arc<Held>) -> Lent {
        let begun = Instant::now();
        let deadline = Box::pin(sleep_until(begun + held.intake.body_time));
        Lent(Arc::new(Mutex::new(Counted { body, held: Arc::clone(held), begun, came: 0, deadline })))
    }

    fn body(&self) -> MutexGuard<'_, Counted> {
        // A poll that panicked ends the request.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl HttpBody for Lent {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut *self.body()).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body().is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body().size_hint()
    }
}

/// Reads what is left of a body, and keeps nothing of it. False where the rest is large, slow or broken: then the connection has to end, since the
/// next request stands behind it.
pub(super) async fn is_drained(body: Lent) -> bool {
    let rest = async {
        let mut left = DRAINED;
        while !body.is_end_stream() {
            // Past the count: what is dropped at once takes no room.
            match std::future::poll_fn(|context| Pin::new(&mut body.body().body).poll_frame(context)).await {
                None => break,
                Some(Err(_)) => return false,
                Some(Ok(frame)) => match left.checked_sub(frame.data_ref().map_or(0, Bytes::len)) {
                    Some(fewer) => left = fewer,
                    None => return false,
                },
            }
        }
        true
    };
    tokio::time::timeout(DRAIN_TIME, rest).await.unwrap_or(false)
}

#[cfg(test)]
mod tests;
