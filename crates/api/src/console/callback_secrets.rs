//! The part of a page that shows which secrets sign the callbacks of a user's or an application's reports, with the forms to make and revoke one. A new
//! one is shown once: in the answer to the form that made it, which no address and no later page has.

use askama::Template;
use insightgate_operations::failure::Failure;
use insightgate_operations::manage::administrator::Duty;
use insightgate_operations::manage::callbacks::secrets::{add_callback_secret, list_callback_secrets, remove_callback_secret};
use uuid::Uuid;

use super::page::{self, Frame, Place, Shown};
use super::visit::Visit;
use crate::console::endpoint::Given;

/// What is told once a secret was revoked.
pub(super) const REVOKED: (&str, &str) = ("callback-secret-revoked", "The secret is revoked: it signs no callback any more.");

#[derive(Template)]
#[template(path = "console/callback_secrets/part.html")]
pub(super) struct CallbackSecretsPart {
    csrf: String,
    /// The page's address, which those of the forms begin with.
    at: String,
    /// The current one first.
    rows: Vec<Row>,
    may_change: bool,
    fault: Option<String>,
}

/// Its own template has escaped what it shows.
impl askama::filters::HtmlSafe for CallbackSecretsPart {}

struct Row {
    id: String,
    /// The head of the id, by which people tell one from another.
    name: String,
    created: Shown,
    /// When a replaced one ends.
    ends: Option<Shown>,
}

#[derive(Template)]
#[template(path = "console/callback_secrets/made.html")]
struct MadePage {
    frame: Frame,
    at: String,
    secret: String,
}

/// The part for the reports of `owner`. `fault` is why the form of the part could not be done, if it was sent.
///
/// # Errors
/// When the visitor may not look at this, or the database does not answer.
pub(super) async fn callback_secrets_part(
    visit: &Visit,
    owner: Uuid,
    at: &str,
    fault: Option<String>,
) -> Result<CallbackSecretsPart, Failure> {
    let administrator = visit.administrator().await?;
    let secrets = list_callback_secrets(visit.context(), &administrator, visit.tenant(), &owner.to_string()).await?;
    let rows = secrets.into_iter().map(|secret| {
        let id = secret.id.to_string();
        Row { name: id.chars().take(8).collect(), id, created: Shown(secret.created), ends: secret.expires.map(Shown) }
    });
    Ok(CallbackSecretsPart {
        csrf: visit.arrival.browser.form_token(),
        at: at.to_owned(),
        rows: rows.collect(),
        may_change: visit.has(Duty::Directory),
        fault,
    })
}

/// Makes a secret for the reports of `owner`, and shows it. `at` is the address to go on to.
///
/// # Errors
/// As [`add_callback_secret`] has them.
pub(super) async fn make(visit: &Visit, owner: &str, place: Place, at: String) -> Given {
    let administrator = visit.administrator().await?;
    let (_, secret) = add_callback_secret(visit.context(), &administrator, visit.tenant(), owner).await?;
    let frame = Frame::new(visit, place, "The new secret for callbacks");
    Ok(page::show(visit, None, &MadePage { frame, at, secret }))
}

/// Revokes the secret that the form names.
///
/// # Errors
/// As [`remove_callback_secret`] has them.
pub(super) async fn revoke(visit: &Visit, owner: &str) -> Result<(), Failure> {
    let administrator = visit.administrator().await?;
    remove_callback_secret(visit.context(), &administrator, visit.tenant(), owner, visit.form().raw("secret")).await
}
