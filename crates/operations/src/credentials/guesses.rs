//! Attempts at a password or a code: whether one is allowed, and how its result is counted, for both the token endpoint and the pages. No other code
//! counts them.
//!
//! A user has a separate count at each address where the user is known. Everybody else shares the count of the name, and is also subject to the count of
//! the address.

use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, Ordering};

use chrono::{DateTime, Utc};
use insightgate_identity::guessing::{Counted, WrongPassword};
use insightgate_identity::tokens::grant::GrantRefusal;
use insightgate_store::{SignInCount, Subject, is_news};
use uuid::Uuid;

use crate::context::Context;
use crate::credentials::hashing_queue::Asker;
use crate::token_failure::TokenFailure;

/// Somebody who tries to sign in under a name.
pub(crate) struct Guesser {
    subject: Subject,
    address: Option<IpAddr>,
    /// The keyed digest of the address's network.
    network: Option<String>,
}

impl Guesser {
    pub(crate) fn new(context: &Context, subject: Subject, address: Option<IpAddr>) -> Guesser {
        let network = address.map(|address| context.guess_key.network(address));
        Guesser { subject, address, network }
    }

    /// The check before anything is read: a flood from addresses whose recent attempts all failed must not load the database.
    pub(crate) fn finds_room(context: &Context, address: Option<IpAddr>) -> Result<(), GrantRefusal> {
        let now = context.clock.now();
        if !context.addresses.only_fails(address, now) {
            return Ok(());
        }
        let network = address.map(|address| context.guess_key.network(address));
        let asker = Asker::stranger(network, context.addresses.failures(address, now));
        if context.passwords.is_full_for(&asker) { Err(GrantRefusal::busy()) } else { Ok(()) }
    }

    pub(crate) fn of_user(context: &Context, user: Uuid, address: Option<IpAddr>) -> Guesser {
        Guesser::new(context, Subject::User(user), address)
    }

    /// The check before anything is compared. During a lock every attempt is refused. Otherwise it returns the lane in which to wait for the hash.
    pub(crate) async fn may_try(&self, context: &Context) -> Result<Asker, TokenFailure> {
        let now = context.clock.now();
        let found = self.count(context, now).await?;
        if !found.is_known()
            && let Some(until) = context.addresses.shut_until(self.address, now)
        {
            return Err(GrantRefusal::too_many_failures().after(until - now).into());
        }
        refuse_while_locked(&found, now)?;
        Ok(match (found.is_known(), &self.subject) {
            (true, Subject::User(user)) => Asker::known(Some(user.to_string())),
            _ => Asker::stranger(self.network.clone(), context.addresses.failures(self.address, now)),
        })
    }

    /// Counts a wrong attempt; `wrong` is `None` for a code. If simultaneous guesses have locked the name, the attempt is refused and not counted.
    pub(crate) async fn was_wrong(&self, context: &Context, wrong: Option<WrongPassword>) -> Result<(), TokenFailure> {
        let now = context.clock.now();
        let counts = AtomicBool::new(false);
        let changed = context.store.change_sign_in_count(&self.subject, self.network.as_deref(), now, |count| {
            if count.locked(now).is_some() {
                return count;
            }
            let (changed, counted) = count.after_failure(Counted::Name, wrong, now);
            counts.store(counted, Ordering::Relaxed);
            changed
        });
        let found = changed.await?;
        if counts.into_inner() {
            context.addresses.failed(self.address, None, now);
        }
        refuse_while_locked(&found, now)
    }

    /// Records a right attempt. It is refused if simultaneous guesses have locked the name, since the right one among them would otherwise be recognised.
    ///
    /// With `complete`, the user is known from the address from now on. If the user has a second factor, the attempt is complete only with it.
    pub(crate) async fn was_right(&self, context: &Context, complete: bool) -> Result<(), TokenFailure> {
        let now = context.clock.now();
        let found = self.count(context, now).await?;
        refuse_while_locked(&found, now)?;
        if complete && let (Subject::User(user), Some(network)) = (&self.subject, &self.network) {
            context.addresses.succeeded(self.address, *user, now);
            if is_news(&found, now) {
                context.store.know_address(*user, network, now).await?;
            }
        }
        Ok(())
    }

    async fn count(&self, context: &Context, now: DateTime<Utc>) -> Result<SignInCount, TokenFailure> {
        Ok(context.store.sign_in_count(&self.subject, self.network.as_deref(), now).await?)
    }
}

fn refuse_while_locked(found: &SignInCount, now: DateTime<Utc>) -> Result<(), TokenFailure> {
    match found.count.locked(now) {
        Some(until) => Err(GrantRefusal::locked().after(until - now).into()),
        None => Ok(()),
    }
}
