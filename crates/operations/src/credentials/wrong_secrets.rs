//! Wrong client secrets, counted by the address that they come from. An address that sends too many different ones is told to wait.
//!
//! No application is ever locked, and a right secret is always taken: a client cannot help who else calls from its address, or in its name. That gives
//! nothing away, since a secret is made by the server and cannot be guessed, however often somebody tries.

use std::net::IpAddr;

use insightgate_identity::tokens::grant::GrantRefusal;

use crate::context::Context;

/// Counts a wrong secret. Returns the refusal of an address that has to wait, which takes the place of any other. The same wrong secret counts once, so
/// that a program which still has last year's does not slow down whoever shares its address.
pub(crate) fn count(context: &Context, (client, secret): (&str, &str), address: Option<IpAddr>) -> Option<GrantRefusal> {
    let now = context.clock.now();
    if let Some(until) = context.secret_senders.shut_until(address, now) {
        return Some(GrantRefusal::too_many_secrets().after(until - now));
    }
    context.secret_senders.failed(address, Some(context.guess_key.wrong_secret(client, secret)), now);
    None
}
