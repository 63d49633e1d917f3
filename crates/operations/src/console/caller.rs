//! A request of a browser, and what is audited of its refusals where no other operation does: forms that no page of this server sent, and sign-ins that
//! came to nothing. What visitors who have proved nothing cause is counted, as everywhere.

use std::net::IpAddr;

use insightgate_identity::principal::Principal;

use crate::audit::{self, Happening};
use crate::context::Context;
use crate::failure::Failure;

/// A request of the browser.
#[derive(Debug, Clone, Copy)]
pub struct Caller<'a> {
    /// The address of the listener, without a final slash.
    pub base_url: &'a str,
    pub address: Option<IpAddr>,
    pub correlation: &'a str,
}

/// Refuses a form that does not come from a page that was sent to this browser. `who` is signed in there.
pub async fn refuse_form(context: &Context, caller: Caller<'_>, who: Option<&Principal>) -> Failure {
    let text = "The page has expired, or the browser keeps no cookies. Load the page again, and repeat what you did.";
    let reason = "a form that no page of this server sent to this browser";
    match who {
        Some(principal) => audit::record_refusal(context, principal, "console", reason, caller.correlation).await,
        None => count_refusal(context, caller, reason),
    }
    Failure::Forbidden(text.to_owned())
}

/// Counts a sign-in that was refused. The reason is one of a few, and nothing that was typed: that could be a password in the wrong field.
pub(super) fn count_refusal(context: &Context, caller: Caller<'_>, reason: &'static str) {
    let happening = Happening {
        tenant: None,
        actor: String::new(),
        action: "sign_in.refuse",
        subject: String::new(),
        detail: reason.to_owned(),
        correlation: Some(caller.correlation.to_owned()),
    };
    audit::count(context, happening, reason, caller.address);
}
