//! Tells administrators of secrets that expire soon or have expired, once of each notice.

use chrono::TimeDelta;
use insightgate_identity::application::expiry::SecretNotice;

use crate::background::turn::Turn;
use crate::context::Context;
use crate::failure::Failure;
use crate::mail::letters;

/// How many secrets are read at once.
const AT_ONCE: u32 = 200;

/// Looks at every secret whose end is near.
///
/// # Errors
/// When the database does not answer. Those that were told of stay told of.
pub async fn tell_of_secrets(context: &Context, turn: &Turn) -> Result<(), Failure> {
    let now = context.clock.now();
    let from = now - TimeDelta::days(SecretNotice::DAYS_AFTER);
    let until = now + TimeDelta::days(SecretNotice::Month.days_before());
    let mut last = None;
    loop {
        let secrets = context.store.secrets_that_expire(from, until, last.as_ref(), AT_ONCE).await?;
        let noticed: Vec<_> =
            secrets.iter().filter_map(|secret| Some((secret, SecretNotice::of(secret.created, secret.expires, now)?))).collect();
        let occasions: Vec<String> = noticed.iter().map(|(secret, notice)| letters::occasion(secret, *notice)).collect();
        let told = context.store.told_occasions(&occasions).await?;
        for ((secret, notice), occasion) in noticed.into_iter().zip(&occasions) {
            if told.contains(occasion) {
                continue;
            }
            turn.goes_on();
            if context.store.add_mail(&letters::secret(context, secret, notice, now)?).await? > 0 {
                context.signals.mails.notify_one();
            }
        }
        if secrets.len() < AT_ONCE as usize {
            return Ok(());
        }
        last = secrets.into_iter().next_back();
        turn.goes_on();
    }
}
