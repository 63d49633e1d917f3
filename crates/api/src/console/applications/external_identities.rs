//! The identities of external issuers that stand for an application: binding one, and removing one.

use insightgate_identity::external_identity::ExternalKind;
use insightgate_operations::manage::administrator::Duty;

use super::one::{Part, settled};
use crate::console::endpoint::{Endpoint, Given, Needs};
use crate::console::organisation::bindings::{self, BOUND, UNBOUND};
use crate::console::visit::Visit;

pub(super) fn endpoints() -> Vec<Endpoint> {
    let needs = Needs::Duty(Duty::Directory);
    vec![
        Endpoint::post("/console/tenants/{tenant}/applications/{application}/external-identities", needs, bind),
        Endpoint::post("/console/tenants/{tenant}/applications/{application}/external-identities/unbind", needs, unbind),
    ]
}

async fn bind(visit: Visit) -> Given {
    let outcome = bindings::bind(&visit, ExternalKind::Application).await;
    settled(&visit, outcome, Part::External, BOUND.0).await
}

async fn unbind(visit: Visit) -> Given {
    let outcome = bindings::unbind(&visit).await;
    settled(&visit, outcome, Part::External, UNBOUND.0).await
}
