//! Sends callbacks that are due, a few at a time, under a lease, fenced by the epoch.
//!
//! Concurrent callbacks are limited per process: 2 per receiver, 4 per tenant, 16 in total, so that a receiver that hangs delays nobody else. If the
//! process dies during an attempt, the callback is sent again. Receivers recognise repetitions by the callback's id.

use std::borrow::Borrow;
use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use insightgate_identity::enrollment::EnrollmentStage;
use insightgate_outbound::{Limits, Message, OutboundError};
use insightgate_report::callback::{AfterAttempt, CallbackMethod, after_attempt};
use insightgate_store::{Callback, CallbackAttempt, CallbackOutcome, ClaimedCallback};
use tokio::task::JoinSet;
use tokio::time::Instant;
use url::Url;
use uuid::Uuid;

use crate::audit::{self, Happening};
use crate::background::turn::Turn;
use crate::callbacks::signature;
use crate::context::{Context, SharedContext};
use crate::failure::Failure;
use crate::sandbox::callbacks::Met;

/// How long a receiver may take to answer.
const EXCHANGE: Duration = Duration::from_secs(15);
/// The length of a lease in milliseconds, by the database's clock. It is several times an exchange.
const LEASE_MILLISECONDS: i64 = 60_000;
/// The most concurrent callbacks.
const MOST: usize = 16;
const MOST_PER_TENANT: usize = 4;
const MOST_PER_RECEIVER: usize = 2;
/// How many due callbacks are read to find some that may be sent now.
const LOOKED_AT: u32 = 1000;
/// The most characters of an attempt's error.
const LONGEST_ERROR: usize = 300;

/// A claimed callback, with the share that it holds until its attempt ends.
struct Flight {
    claimed: ClaimedCallback,
    _share: Share,
}

/// The concurrent callbacks, counted by tenant and by receiver.
#[derive(Debug, Default, Clone)]
pub(crate) struct Shares(Arc<Mutex<Counts>>);

#[derive(Debug, Default)]
struct Counts {
    tenants: HashMap<Uuid, usize>,
    receivers: HashMap<String, usize>,
}

/// Counts for one concurrent callback. Dropping it releases the share, however the attempt ended.
#[derive(Debug)]
struct Share {
    shares: Shares,
    tenant: Uuid,
    receiver: String,
}

impl Shares {
    fn counts(&self) -> MutexGuard<'_, Counts> {
        // The counts are consistent after each statement, so a poisoned lock can be used.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn under_way(&self) -> usize {
        self.counts().tenants.values().sum()
    }

    /// Takes a share. `None` if the tenant or the receiver is at its limit.
    fn take(&self, tenant: Uuid, receiver: String) -> Option<Share> {
        let mut counts = self.counts();
        let (of_tenant, of_receiver) = (counts.tenants.get(&tenant), counts.receivers.get(&receiver));
        if of_tenant.is_some_and(|count| *count >= MOST_PER_TENANT) || of_receiver.is_some_and(|count| *count >= MOST_PER_RECEIVER) {
            return None;
        }
        *counts.tenants.entry(tenant).or_default() += 1;
        *counts.receivers.entry(receiver.clone()).or_default() += 1;
        Some(Share { shares: self.clone(), tenant, receiver })
    }

    fn full_tenants(&self) -> Vec<Uuid> {
        self.counts().tenants.iter().filter(|(_, count)| **count >= MOST_PER_TENANT).map(|(tenant, _)| *tenant).collect()
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        let mut counts = self.shares.counts();
        give_one_back(&mut counts.tenants, &self.tenant);
        give_one_back(&mut counts.receivers, self.receiver.as_str());
    }
}

fn give_one_back<Key, Named>(counts: &mut HashMap<Key, usize>, key: &Named)
where
    Key: Hash + Eq + Borrow<Named>,
    Named: Hash + Eq + ?Sized,
{
    if let Some(count) = counts.get_mut(key) {
        *count = count.saturating_sub(1);
        if *count == 0 {
            counts.remove(key);
        }
    }
}

/// Sends the callbacks that may be sent now. Each attempt is a task of its own, since recording the outcome of one and claiming others both need the
/// database to themselves, and must not wait for each other.
pub(crate) async fn send_due(context: &SharedContext, shares: &Shares, turn: &Turn) -> Result<(), Failure> {
    for flight in take_due(context, shares).await? {
        let context = Arc::clone(context);
        turn.spawn(async move {
            let recorded = deliver(&context, flight).await;
            // The share is free, so another callback may be sent now.
            context.signals.callbacks.notify_one();
            recorded
        });
    }
    Ok(())
}

/// Sends all callbacks that are due now, and waits for the attempts. Returns how many there were.
///
/// # Errors
/// When the database does not answer, so that none could be claimed.
pub async fn deliver_due(context: &SharedContext) -> Result<usize, Failure> {
    let (shares, mut under_way, mut count) = (Shares::default(), JoinSet::new(), 0);
    loop {
        let flights = take_due(context, &shares).await?;
        count += flights.len();
        for flight in flights {
            let context = Arc::clone(context);
            under_way.spawn(async move { deliver(&context, flight).await });
        }
        if under_way.join_next().await.is_none() {
            return Ok(count);
        }
    }
}

/// Claims the callbacks that may be sent now, each in a committed statement.
async fn take_due(context: &Context, shares: &Shares) -> Result<Vec<Flight>, Failure> {
    let room = MOST.saturating_sub(shares.under_way());
    if room == 0 {
        return Ok(Vec::new());
    }
    let (now, lease_now) = (context.clock.now(), context.store.lease_time().await?);
    let mut flights = Vec::new();
    for due in context.store.due_callbacks(now, lease_now, &shares.full_tenants(), LOOKED_AT).await? {
        if flights.len() == room {
            break;
        }
        let Some(share) = shares.take(due.tenant, format!("{} {}", due.tenant, receiver(&due.url))) else { continue };
        let claimed = context.store.claim_callback(due.id, now, lease_now, lease_now + LEASE_MILLISECONDS).await;
        if claimed.is_err() && !flights.is_empty() {
            // Those that are claimed are sent. If the error lasts, the next turn meets it again.
            break;
        }
        // `None` if another process claimed it first.
        flights.extend(claimed?.map(|claimed| Flight { claimed, _share: share }));
    }
    Ok(flights)
}

/// The scheme, host and port of the address. Receivers are counted per tenant, so that a shared host which is slow for one tenant delays only that tenant.
fn receiver(url: &str) -> String {
    Url::parse(url).map(|url| url.origin().ascii_serialization()).unwrap_or_default()
}

/// Makes an attempt. Returns whether it was made and its outcome recorded.
async fn deliver(context: &Context, flight: Flight) -> bool {
    let attempted = context.background.in_time(attempt(context, &flight.claimed)).await;
    if let Err(error) = &attempted {
        // The callback is claimed again once its lease has expired.
        tracing::error!(?error, callback = %flight.claimed.callback.id, "an attempt at a callback could not be made or recorded");
    }
    attempted.is_ok()
}

async fn attempt(context: &Context, claimed: &ClaimedCallback) -> Result<(), Failure> {
    let callback = &claimed.callback;
    let now = || context.clock.of_work(callback.due);
    if let Some(reason) = shut(context, callback).await? {
        if context.store.finish_callback(claimed, None, CallbackOutcome::Cancelled, now()).await? {
            context.telemetry.callback("cancelled", None);
            record(context, callback, Some(callback.tenant), "callback.cancel", reason).await;
        }
        return Ok(());
    }
    let at = now();
    if let Some(sandbox) = &context.sandbox {
        match sandbox.before_callback(context, claimed, at).await? {
            Met::Kept => return Ok(()),
            // The last is the attempt that counts.
            Met::Send(times) => {
                for _ in 1..times {
                    drop(send(context, callback).await?);
                }
            }
        }
    }
    let begun = Instant::now();
    let met = send(context, callback).await?;
    let took = begun.elapsed();
    let milliseconds = u32::try_from(took.as_millis()).unwrap_or(u32::MAX);
    let (status, error) = match met {
        Ok(status) => (Some(status), None),
        Err(words) => (None, Some(words)),
    };
    let now = now();
    let outcome = match after_attempt(claimed.tried.saturating_add(1), status, now, callback.give_up) {
        AfterAttempt::Delivered => CallbackOutcome::Delivered,
        AfterAttempt::Retry { due } => CallbackOutcome::Retry { due },
        AfterAttempt::GiveUp => CallbackOutcome::Failed,
    };
    let words = error.clone().unwrap_or_else(|| status.map(|status| format!("HTTP status {status}")).unwrap_or_default());
    let attempt = CallbackAttempt { number: callback.attempts, at, milliseconds, http_status: status, error };
    if !context.store.finish_callback(claimed, Some(&attempt), outcome, now).await? {
        tracing::warn!(callback = %callback.id, attempt = callback.attempts, "an attempt ended when its callback was not held any more");
        return Ok(());
    }
    let counted = match outcome {
        CallbackOutcome::Delivered => "delivered",
        CallbackOutcome::Retry { .. } => "retried",
        CallbackOutcome::Failed => "failed",
        CallbackOutcome::Cancelled => "cancelled",
    };
    context.telemetry.callback(counted, Some(took));
    if let Some(sandbox) = &context.sandbox {
        sandbox.after_callback(context, callback.id, now).await?;
    }
    match outcome {
        CallbackOutcome::Failed => {
            tracing::warn!(callback = %callback.id, attempts = callback.attempts, reason = words, "a callback was given up");
            record(context, callback, Some(callback.tenant), "callback.giveUp", words).await;
        }
        CallbackOutcome::Retry { .. } => {
            tracing::info!(callback = %callback.id, attempt = callback.attempts, reason = words, "a callback failed")
        }
        CallbackOutcome::Delivered | CallbackOutcome::Cancelled => {}
    }
    Ok(())
}

/// Why the callback must not be sent any more, if so: nothing is sent to an organisation whose enrollment is not active.
async fn shut(context: &Context, callback: &Callback) -> Result<Option<String>, Failure> {
    let enrollments = context.store.enrollments(callback.tenant).await?;
    let stage = enrollments.iter().find(|enrollment| enrollment.program == callback.program).map(|enrollment| enrollment.stage);
    Ok(match stage {
        Some(EnrollmentStage::Active) => None,
        Some(stage) => Some(format!("the enrollment in {} is {}", callback.program.name(), stage.name())),
        None => Some(format!("there is no enrollment in {}", callback.program.name())),
    })
}

/// Sends the callback. Returns the status of the answer, or in words why there is none.
async fn send(context: &Context, callback: &Callback) -> Result<Result<u16, String>, Failure> {
    let Ok(url) = Url::parse(&callback.url) else { return Ok(Err("the address cannot be read".to_owned())) };
    let secrets = context.store.callback_secrets(callback.owner, context.clock.now()).await?;
    // The receiver compares the timestamp with the real time, which in a sandbox the product's clock does not show.
    let timestamp = context.store.lease_time().await? / 1000;
    let headers = match signature::headers(&context.vault, &secrets, callback.id, timestamp, &callback.body) {
        Ok(headers) => headers,
        Err(error) => {
            tracing::error!(error = ?error, callback = %callback.id, "a callback cannot be signed");
            return Ok(Err(error.to_string()));
        }
    };
    let body = match callback.method {
        CallbackMethod::Get => None,
        CallbackMethod::Post => Some(Bytes::from(callback.body.clone())),
    };
    let limits = Limits { time: EXCHANGE, body: 0, https_only: context.settings.callbacks.https_only };
    let sent = context.outbound.send(Message { url: url.clone(), body, headers }, limits).await;
    if let Err(error @ (OutboundError::Forbidden(_) | OutboundError::Unresolved { .. })) = &sent {
        tracing::warn!(callback = %callback.id, tenant = %callback.tenant, cause = %error, "a callback's address was not connected to");
        if matches!(error, OutboundError::Forbidden(_)) {
            // The event belongs to no tenant, so that only operators see it: the tenant must not learn which names are private.
            record(context, callback, None, "callback.refuse", error.to_string()).await;
        }
    }
    Ok(sent.map_err(|error| told(&url, &error)))
}

/// The error as the tenant sees it. A name with a private address and one that does not exist get the same words, since otherwise the names in the
/// operator's network could be probed one by one.
fn told(url: &Url, error: &OutboundError) -> String {
    let words = match error {
        OutboundError::Forbidden(_) | OutboundError::Unresolved { .. } => {
            let host = url.host_str().unwrap_or_default();
            format!("'{host}' does not resolve, or resolves only to addresses that may not be connected to")
        }
        other => other.to_string(),
    };
    // The other side chose some of the text, such as the names in its certificate, so its length is limited.
    words.chars().take(LONGEST_ERROR).collect()
}

/// Records the event. Its detail contains neither the path nor the query of the address.
async fn record(context: &Context, callback: &Callback, tenant: Option<Uuid>, action: &str, detail: String) {
    let happening = Happening {
        tenant,
        actor: "insightgate worker".to_owned(),
        action,
        subject: format!("callback {}", callback.id),
        detail,
        correlation: None,
    };
    audit::record(context, happening).await;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_bounded_and_given_back() {
        let shares = Shares::default();
        let (one, other) = (Uuid::from_u128(1), Uuid::from_u128(2));
        let take = |tenant, receiver: &str| shares.take(tenant, receiver.to_owned());
        let mut held: Vec<Share> = (0..MOST_PER_RECEIVER).map(|_| take(one, "https://a").unwrap()).collect();
        assert!(take(one, "https://a").is_none() && take(other, "https://a").is_none(), "the receiver has its share");
        held.extend(["https://b", "https://c"].map(|receiver| take(one, receiver).unwrap()));
        assert!(take(one, "https://d").is_none() && take(other, "https://d").is_some(), "the tenant has its share");
        assert_eq!((shares.full_tenants(), shares.under_way()), (vec![one], MOST_PER_TENANT));
        drop(held);
        assert!(shares.counts().tenants.is_empty() && shares.counts().receivers.is_empty(), "nothing is kept of what ended");
    }

    #[test]
    fn a_receiver_is_a_host_and_a_port() {
        for (url, expected) in [
            ("https://A.example/cb?code=1", "https://a.example"),
            ("https://a.example:443/other", "https://a.example"),
            ("http://127.0.0.1:8080/", "http://127.0.0.1:8080"),
            ("nonsense", ""),
        ] {
            assert_eq!(receiver(url), expected, "{url}");
        }
    }
}
