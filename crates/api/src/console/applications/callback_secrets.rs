//! The secrets that sign the callbacks of an application's reports, where it acts alone: making one, and revoking one.

use insightgate_operations::manage::administrator::Duty;

use super::one::{Part, address, settled};
use crate::console::callback_secrets::{self, REVOKED};
use crate::console::endpoint::{Endpoint, Given, Needs};
use crate::console::page::{self, Place};
use crate::console::visit::Visit;

pub(super) fn endpoints() -> Vec<Endpoint> {
    let needs = Needs::Duty(Duty::Directory);
    vec![
        Endpoint::post("/console/tenants/{tenant}/applications/{application}/callback-secrets", needs, make),
        Endpoint::post("/console/tenants/{tenant}/applications/{application}/callback-secrets/revoke", needs, revoke),
    ]
}

async fn make(visit: Visit) -> Given {
    match callback_secrets::make(&visit, visit.path("application"), Place::Applications, address(&visit)).await {
        Err(failure) if page::belongs_to_form(&failure) => settled(&visit, Err(failure), Part::CallbackSecrets, "").await,
        given => given,
    }
}

async fn revoke(visit: Visit) -> Given {
    let outcome = callback_secrets::revoke(&visit, visit.path("application")).await;
    settled(&visit, outcome, Part::CallbackSecrets, REVOKED.0).await
}
