//! Callbacks as their tenant's administrators see them: what was sent, what each attempt met, and sending one anew.

pub mod secrets;

use insightgate_report::callback::{CallbackState, give_up_after};
pub use insightgate_store::{Callback, CallbackAttempt};
use insightgate_store::{CallbackFilter, Page};
pub use insightgate_wire::parameters::CallbackQuery;
use url::Url;
use uuid::Uuid;

use super::administrator::{Administrator, Duty};
use super::page;
use crate::context::Context;
use crate::failure::Failure;

/// Of one tenant, or of all for an operator who names none. Newest first.
///
/// # Errors
/// When the caller may not do this, a filter is wrong, or the database does not answer.
pub async fn list_callbacks(context: &Context, administrator: &Administrator, query: CallbackQuery) -> Result<Page<Callback>, Failure> {
    let tenant = page::tenant(context, administrator, query.tenant.as_deref()).await?;
    let state = query.state.map(|name| {
        let known = CallbackState::ALL.iter().map(|state| state.name()).collect::<Vec<_>>().join(", ");
        CallbackState::from_name(name.trim()).ok_or_else(|| Failure::Invalid(format!("'state' should be one of {known}.")))
    });
    let filter = CallbackFilter {
        tenant,
        report: page::id("reportId", query.report_id.as_deref())?,
        execution: page::id("executionId", query.execution_id.as_deref())?,
        state: state.transpose()?,
    };
    let (after, limit) = (page::place(query.skip_token.as_deref())?, page::size(query.page_size.as_deref())?);
    Ok(context.store.callback_page(&filter, after, limit).await?)
}

/// With its attempts, the first one first.
///
/// # Errors
/// When the caller may not do this, there is no such callback, or the database does not answer.
pub async fn show_callback(
    context: &Context,
    administrator: &Administrator,
    callback: &str,
) -> Result<(Callback, Vec<CallbackAttempt>), Failure> {
    let callback = find_callback(context, administrator, callback, Duty::Look).await?;
    let attempts = context.store.callback_attempts(callback.id).await?;
    Ok((callback, attempts))
}

/// To be sent at once, and for three more days if that fails; delivered ones too.
///
/// # Errors
/// When the caller may not do this, there is no such callback, it cannot be sent again, or the database does not answer.
pub async fn replay_callback(context: &Context, administrator: &Administrator, callback: &str) -> Result<Callback, Failure> {
    let callback = find_callback(context, administrator, callback, Duty::Directory).await?;
    if context.store.execution(callback.execution).await?.is_none() {
        return Err(Failure::Conflict("Its report or its run is deleted: there is nothing to tell of.".to_owned()));
    }
    let now = context.clock.now();
    let detail = format!("was {}", callback.delivery.state.name());
    let store = administrator.recording(context, Some(callback.tenant), "callback.replay", callback.id.to_string(), detail)?;
    let replayed = store.replay_callback(callback.id, now, give_up_after(now)).await?.ok_or(Failure::NotFound)?;
    context.signals.callbacks.notify_one();
    Ok(replayed)
}

/// Where it goes, without the query, which may hold the receiver's key.
pub fn without_query(url: &str) -> String {
    let Ok(mut url) = Url::parse(url) else { return String::new() };
    if url.query().is_some() {
        url.set_query(None);
        return format!("{url}?…");
    }
    url.to_string()
}

/// The duty comes first: who may not look learns nothing of what is there. Another tenant's is not found.
async fn find_callback(context: &Context, administrator: &Administrator, callback: &str, duty: Duty) -> Result<Callback, Failure> {
    administrator.may(context, duty).await?;
    let id = Uuid::try_parse(callback.trim()).map_err(|_| Failure::NotFound)?;
    let found = context.store.callback(id).await?;
    let own = administrator.own_tenant().map(|tenant| tenant.id);
    found.filter(|callback| own.is_none_or(|own| own == callback.tenant)).ok_or(Failure::NotFound)
}
