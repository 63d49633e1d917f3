//! The limits on incoming requests: their number and the bytes of their bodies, with a bound for all clients together and a share for each address. A
//! body must also arrive at a minimum rate, so that its share is released in time.
//!
//! This module neither looks into a body nor answers a request; [`super::admission`] answers.

use std::collections::HashMap;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::body::{Body, Bytes, HttpBody};
use http_body::{Frame, SizeHint};
use insightgate_operations::telemetry::PREFIX;
use tokio::time::{Instant, Sleep, sleep_until};

use crate::http::correlation::requests::RequestTelemetry;
use crate::http::correlation::strangers::AnswersToStrangers;
use crate::http::network::share;
use crate::http::refusals::Refusals;
use crate::http::unknown_proxies::UnknownProxies;

/// The most bytes of all concurrent bodies, and of those of one address.
const BODIES: usize = 32 << 20;
const BODIES_PER_ADDRESS: usize = 8 << 20;
/// The time in which a body must arrive, plus a second for each `BYTES_A_SECOND` bytes that have arrived.
const BODY_TIME: Duration = Duration::from_secs(15);
const BYTES_A_SECOND: u64 = 4 << 10;

/// The limits, and what is in use. All listeners share one.
#[derive(Debug)]
pub struct Intake {
    most: Load,
    most_per_address: Load,
    body_time: Duration,
    pub(super) unknown_proxies: UnknownProxies,
    pub(crate) refusals: Refusals,
    pub(crate) answers: AnswersToStrangers,
    pub(crate) requests: RequestTelemetry,
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
    /// The address uses its whole share.
    Address,
    Server,
}

impl Intake {
    /// Allows as many concurrent requests as connections, in total and for one address.
    pub fn new(connections: usize, per_address: usize) -> Intake {
        let load = |requests, bytes| Load { requests, bytes };
        Intake {
            most: load(connections, BODIES),
            most_per_address: load(per_address, BODIES_PER_ADDRESS),
            body_time: BODY_TIME,
            unknown_proxies: UnknownProxies::default(),
            refusals: Refusals::default(),
            answers: AnswersToStrangers::default(),
            requests: RequestTelemetry::new(PREFIX),
            under_way: Mutex::default(),
        }
    }

    fn under_way(&self) -> MutexGuard<'_, UnderWay> {
        // The counts are consistent after each statement, so a poisoned lock can be used.
        self.under_way.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds to what is in use, if there is room. Beyond its first request, no address may use more than is left for all others. So however many addresses take
    /// all that they can get, something is left for the next one. Calls within the process have no address, and no share.
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
            // Only the kind of load that is requested is checked.
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

/// The share that one request uses. Dropping it releases the share.
#[derive(Debug)]
pub(super) struct Held {
    intake: Arc<Intake>,
    address: Option<IpAddr>,
    load: Mutex<Load>,
    /// What went wrong with the body. The handler knows only that it did not arrive.
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
    /// Takes in a request of the client with this address.
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

    /// Why reading the body failed, if it did.
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

/// A body that counts how much of it has arrived, and limits how slowly.
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

/// How many bytes of an unread body are read and dropped at most, and how long that may take.
const DRAINED: usize = 2 << 20;
const DRAIN_TIME: Duration = Duration::from_secs(2);

/// A body that is lent to a handler. What the handler leaves unread can still be read afterwards.
#[derive(Clone)]
pub(super) struct Lent(Arc<Mutex<Counted>>);

impl Lent {
    /// Begins to count what arrives of the body.
    pub(super) fn new(body: Body, held: &Arc<Held>) -> Lent {
        let begun = Instant::now();
        let deadline = Box::pin(sleep_until(begun + held.intake.body_time));
        Lent(Arc::new(Mutex::new(Counted { body, held: Arc::clone(held), begun, came: 0, deadline })))
    }

    fn body(&self) -> MutexGuard<'_, Counted> {
        // A poll that panicked ends the request, so the state of a poisoned lock does not matter.
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

/// Reads and drops the rest of a body. False if the rest is large, slow or broken: then the connection has to end, since the next request comes after it.
pub(super) async fn is_drained(body: Lent) -> bool {
    let rest = async {
        let mut left = DRAINED;
        while !body.is_end_stream() {
            // These bytes are not counted, since they are dropped at once.
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
