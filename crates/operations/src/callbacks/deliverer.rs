//! Sends callbacks that are due, as `outbox` does with everything. Receivers recognise repetitions by the callback's id.

use std::time::Duration;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use insightgate_identity::enrollment::EnrollmentStage;
use insightgate_outbound::{Limits, Message, OutboundError};
use insightgate_report::callback::{AfterAttempt, CallbackMethod, after_attempt};
use insightgate_store::{Callback, CallbackAttempt, ClaimedCallback, Due, SendOutcome, StoreError};
use tokio::sync::Notify;
use tokio::time::Instant;
use url::Url;
use uuid::Uuid;

use crate::audit::{self, Happening};
use crate::callbacks::signature;
use crate::context::{Context, SharedContext};
use crate::failure::Failure;
use crate::outbox::shares::Bounds;
use crate::outbox::{self, Outbox};
use crate::sandbox::callbacks::Met;

/// How long a receiver may take to answer.
const EXCHANGE: Duration = Duration::from_secs(15);
/// The most characters of an attempt's error.
const LONGEST_ERROR: usize = 300;

/// The outbox of callbacks.
pub(crate) struct Callbacks;

impl Outbox for Callbacks {
    type Claimed = ClaimedCallback;

    const WHAT: &'static str = "callback";
    const BOUNDS: Bounds = Bounds { most: 16, per_tenant: 4, per_receiver: 2 };
    const LEASE_MILLISECONDS: i64 = 60_000;

    async fn due(context: &Context, now: DateTime<Utc>, lease_now: i64, without: &[Uuid], limit: u32) -> Result<Vec<Due>, StoreError> {
        context.store.due_callbacks(now, lease_now, without, limit).await
    }

    async fn claim(
        context: &Context,
        id: Uuid,
        now: DateTime<Utc>,
        lease_now: i64,
        lease_until: i64,
    ) -> Result<Option<ClaimedCallback>, StoreError> {
        context.store.claim_callback(id, now, lease_now, lease_until).await
    }

    /// Receivers are counted per tenant, so that a shared host which is slow for one tenant delays only that tenant.
    fn receiver(due: &Due) -> String {
        format!("{} {}", due.tenant, receiver(&due.receiver))
    }

    async fn attempt(context: &Context, claimed: &ClaimedCallback) -> Result<(), Failure> {
        attempt(context, claimed).await
    }

    fn signal(context: &Context) -> &Notify {
        &context.signals.callbacks
    }
}

/// Sends all callbacks that are due now, and waits for the attempts. Returns how many there were.
///
/// # Errors
/// When the database does not answer, so that none could be claimed.
pub async fn deliver_due(context: &SharedContext) -> Result<usize, Failure> {
    outbox::deliver_due::<Callbacks>(context).await
}

/// The scheme, host and port of the address.
fn receiver(url: &str) -> String {
    Url::parse(url).map(|url| url.origin().ascii_serialization()).unwrap_or_default()
}

async fn attempt(context: &Context, claimed: &ClaimedCallback) -> Result<(), Failure> {
    let callback = &claimed.callback;
    let now = || context.clock.of_work(callback.delivery.due);
    if let Some(reason) = shut(context, callback).await? {
        if context.store.finish_callback(claimed, None, SendOutcome::Cancelled, now()).await? {
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
    let outcome = match after_attempt(claimed.tried.saturating_add(1), status, now, callback.delivery.give_up) {
        AfterAttempt::Delivered => SendOutcome::Delivered,
        AfterAttempt::Retry { due } => SendOutcome::Retry { due },
        AfterAttempt::GiveUp => SendOutcome::Failed,
    };
    let words = error.clone().unwrap_or_else(|| status.map(|status| format!("HTTP status {status}")).unwrap_or_default());
    let attempt = CallbackAttempt { number: callback.delivery.attempts, at, milliseconds, http_status: status, error };
    if !context.store.finish_callback(claimed, Some(&attempt), outcome, now).await? {
        tracing::warn!(callback = %callback.id, attempt = callback.delivery.attempts, "an attempt ended when its callback was not held any more");
        return Ok(());
    }
    let counted = match outcome {
        SendOutcome::Delivered => "delivered",
        SendOutcome::Retry { .. } => "retried",
        SendOutcome::Failed => "failed",
        SendOutcome::Cancelled => "cancelled",
    };
    context.telemetry.callback(counted, Some(took));
    if let Some(sandbox) = &context.sandbox {
        sandbox.after_callback(context, callback.id, now).await?;
    }
    match outcome {
        SendOutcome::Failed => {
            tracing::warn!(callback = %callback.id, attempts = callback.delivery.attempts, reason = words, "a callback was given up");
            record(context, callback, Some(callback.tenant), "callback.giveUp", words).await;
        }
        SendOutcome::Retry { .. } => {
            tracing::info!(callback = %callback.id, attempt = callback.delivery.attempts, reason = words, "a callback failed")
        }
        SendOutcome::Delivered | SendOutcome::Cancelled => {}
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
