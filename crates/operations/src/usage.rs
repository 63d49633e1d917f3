//! The access log: who read what. Each preview, execution, link and download is an event, and so is each refusal of data.
//!
//! Events are kept in memory for a few seconds (`recorder`), then in the database until their day is over, and in files (`files`), which are read like
//! those of any dataset. A request never waits for any of that, and never fails because of it. A caller who proved nothing leaves no event here: the
//! audit trail counts those.

pub mod event;
pub mod files;
pub mod recorder;

use insightgate_identity::principal::Principal;
use insightgate_identity::program::Program;
use insightgate_identity::scope::is_access_log;
use tokio::time::Instant;
use uuid::Uuid;

use crate::audit;
use crate::context::Context;
use event::{Access, Event, Noted, Origin, Status};

/// Records an event of this tenant's data.
pub(crate) fn record(context: &Context, tenant: Uuid, access: Access) {
    if context.settings.access_log_days == 0 {
        return;
    }
    let at = context.clock.now();
    // Without randomness nothing else works either, and says so.
    let Ok(id) = context.random.ordered_uuid(at) else { return };
    context.usage.add(Noted { id, tenant, at, access }, Instant::now());
}

/// Records that data was refused, here and in the audit trail. `subject` is as in the audit trail; `access` says what was asked for.
pub(crate) async fn refuse(context: &Context, principal: &Principal, (subject, reason): (&str, &str), access: Access) {
    let correlation = access.correlation.clone().unwrap_or_default();
    audit::record_refusal(context, principal, subject, reason, &correlation).await;
    let access = Access { event: Event::Refused, status: Status::Refused, detail: Some(reason.to_owned()), ..access };
    record(context, principal.tenant.id, access.by(principal));
}

/// What a request of this program asks for, before more is known.
pub(crate) fn asked(event: Event, program: Program, origin: &Origin) -> Access {
    Access::new(event, program).with_origin(origin)
}

/// The name of the dataset that a query reads, in the dataset's own spelling.
pub(crate) fn dataset_of(context: &Context, program: Program, query: &str) -> Option<String> {
    let named = insightgate_query::parse(query).ok()?.dataset.text;
    let known = context.catalogs.of(program).find(&named).map(|dataset| dataset.name.clone());
    Some(known.unwrap_or(named))
}

/// Whether a query reads the access log.
pub(crate) fn reads_access_log(query: &str) -> bool {
    insightgate_query::parse(query).is_ok_and(|query| is_access_log(&query.dataset.text))
}
