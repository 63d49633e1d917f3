//! Sends mails that are due, as `outbox` does with everything. Whoever gets one twice recognises it by its Message-ID.

use chrono::{DateTime, Utc};
use insightgate_outbound::{Letter, MailError, Mailer};
use insightgate_report::callback::next_attempt;
use insightgate_store::{Due, Mail, SendOutcome, StoreError};
use tokio::sync::Notify;
use tokio::time::Instant;
use uuid::Uuid;

use crate::audit::{self, Happening};
use crate::context::{Context, SharedContext};
use crate::failure::Failure;
use crate::mail::letters;
use crate::outbox::shares::Bounds;
use crate::outbox::{self, Outbox};

/// The outbox of mail.
pub(crate) struct Mails;

impl Outbox for Mails {
    type Claimed = Mail;

    const WHAT: &'static str = "mail";
    /// All of them go to one server, and servers do not like many connections.
    const BOUNDS: Bounds = Bounds { most: 4, per_tenant: 2, per_receiver: 1 };
    const LEASE_MILLISECONDS: i64 = 120_000;

    async fn due(context: &Context, now: DateTime<Utc>, lease_now: i64, without: &[Uuid], limit: u32) -> Result<Vec<Due>, StoreError> {
        context.store.due_mails(now, lease_now, without, limit).await
    }

    async fn claim(context: &Context, id: Uuid, now: DateTime<Utc>, lease_now: i64, lease_until: i64) -> Result<Option<Mail>, StoreError> {
        context.store.claim_mail(id, now, lease_now, lease_until).await
    }

    fn receiver(due: &Due) -> String {
        due.receiver.clone()
    }

    async fn attempt(context: &Context, claimed: &Mail) -> Result<(), Failure> {
        match &context.mail {
            Some(mailer) => attempt(context, mailer, claimed).await,
            None => Ok(()),
        }
    }

    fn signal(context: &Context) -> &Notify {
        &context.signals.mails
    }
}

/// Sends all mails that are due now, and waits for the attempts. Returns how many there were.
///
/// # Errors
/// When the database does not answer, so that none could be claimed.
pub async fn deliver_due(context: &SharedContext) -> Result<usize, Failure> {
    outbox::deliver_due::<Mails>(context).await
}

async fn attempt(context: &Context, mailer: &Mailer, mail: &Mail) -> Result<(), Failure> {
    let begun = Instant::now();
    let sent = send(context, mailer, mail).await;
    let took = begun.elapsed();
    let now = context.clock.of_work(mail.delivery.due);
    let outcome = match &sent {
        Ok(_) => SendOutcome::Delivered,
        Err(error) if error.is_final() => SendOutcome::Failed,
        Err(_) => {
            next_attempt(mail.delivery.attempts, now, mail.delivery.give_up).map_or(SendOutcome::Failed, |due| SendOutcome::Retry { due })
        }
    };
    let words = sent.as_ref().err().map(ToString::to_string);
    if !context.store.finish_mail(mail, words.as_deref(), outcome, now).await? {
        tracing::warn!(mail = %mail.id, attempt = mail.delivery.attempts, "an attempt ended when its mail was not held any more");
        return Ok(());
    }
    let reason = words.unwrap_or_default();
    match outcome {
        SendOutcome::Delivered => {
            context.telemetry.mail("delivered", took);
            tracing::debug!(mail = %mail.id, answer = sent.unwrap_or_default(), "a mail was taken by the server");
        }
        SendOutcome::Retry { .. } => {
            context.telemetry.mail("retried", took);
            tracing::info!(mail = %mail.id, attempt = mail.delivery.attempts, reason, "a mail could not be sent");
        }
        SendOutcome::Failed | SendOutcome::Cancelled => {
            context.telemetry.mail("failed", took);
            tracing::warn!(mail = %mail.id, kind = mail.kind.name(), attempts = mail.delivery.attempts, reason, "a mail was given up");
            // It belongs to no tenant, so that only operators see it: the words are those of their server.
            let happening = Happening {
                tenant: None,
                actor: "insightgate worker".to_owned(),
                action: "mail.giveUp",
                subject: format!("mail {}", mail.id),
                detail: format!("{} to {}: {reason}", mail.kind.name(), mail.recipient),
                correlation: None,
            };
            audit::record(context, happening).await;
        }
    }
    Ok(())
}

/// Returns what the server said when it took the mail.
async fn send(context: &Context, mailer: &Mailer, mail: &Mail) -> Result<String, MailError> {
    let letter = Letter {
        id: mail.id.to_string(),
        to: mail.recipient.clone(),
        subject: mail.subject.clone(),
        text: letters::text(&context.vault, mail)?,
        written: mail.created.into(),
    };
    mailer.send(&letter).await
}
