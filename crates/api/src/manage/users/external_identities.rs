//! Bindings of external issuers' identifiers.

use insightgate_identity::external_identity::{ExternalIdentity, ExternalKind};
use insightgate_operations::manage::users::external_identities::{
    bind_external_identity, list_external_identities, unbind_external_identity,
};
use insightgate_report::instant;
use insightgate_wire::answers::{self, Listed};
use insightgate_wire::bodies::NewExternalIdentity;

use crate::manage::call::Call;
use crate::manage::given::{Created, Done, Given};

pub(in crate::manage) async fn list(call: Call) -> Given<Listed<answers::ExternalIdentity>> {
    let identities = list_external_identities(call.context(), &call.administrator, call.tenant()).await?;
    Ok(Listed::whole(identities.iter().map(shown).collect()))
}

pub(in crate::manage) async fn bind(call: Call, new: NewExternalIdentity) -> Given<Created<answers::ExternalIdentity>> {
    let identity = bind_external_identity(call.context(), &call.administrator, call.tenant(), new).await?;
    Ok(Created(shown(&identity)))
}

pub(in crate::manage) async fn unbind(call: Call) -> Given<Done> {
    unbind_external_identity(call.context(), &call.administrator, call.tenant(), call.path("identity")).await?;
    Ok(Done)
}

fn shown(identity: &ExternalIdentity) -> answers::ExternalIdentity {
    let local = |kind: ExternalKind| (identity.kind == kind).then(|| identity.local.to_string());
    answers::ExternalIdentity {
        id: identity.id.to_string(),
        issuer: identity.issuer.clone(),
        external_tenant: (!identity.external_tenant.is_empty()).then(|| identity.external_tenant.clone()),
        kind: identity.kind.name().to_owned(),
        external_id: Some(identity.external_id.clone()),
        user: local(ExternalKind::User),
        application: local(ExternalKind::Application),
        created: instant::format(identity.created),
        more: answers::More::new(),
    }
}
