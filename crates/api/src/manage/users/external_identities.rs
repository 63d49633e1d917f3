//! Bindings of external issuers' identifiers.

use insightgate_identity::external_identity::{ExternalIdentity, ExternalKind};
use insightgate_operations::manage::users::external_identities::{
    NewExternalIdentity, bind_external_identity, list_external_identities, unbind_external_identity,
};
use insightgate_report::instant;
use serde_json::{Value, json};

use crate::manage::answer;
use crate::manage::call::Call;
use crate::manage::endpoint::Given;

pub(in crate::manage) async fn list(call: Call) -> Given {
    let identities = list_external_identities(call.context(), &call.administrator, call.tenant()).await?;
    Ok(Some(answer::list(identities.iter().map(shown).collect())))
}

pub(in crate::manage) async fn bind(call: Call) -> Given {
    let body = &call.body;
    let new = NewExternalIdentity {
        issuer: body.text("issuer")?,
        external_tenant: body.text("externalTenant")?,
        kind: body.text("kind")?,
        external_id: body.text("externalId")?,
        user: body.text("user")?,
        application: body.text("application")?,
    };
    let identity = bind_external_identity(call.context(), &call.administrator, call.tenant(), new).await?;
    Ok(Some(shown(&identity)))
}

pub(in crate::manage) async fn unbind(call: Call) -> Given {
    unbind_external_identity(call.context(), &call.administrator, call.tenant(), call.path("identity")).await?;
    Ok(None)
}

fn shown(identity: &ExternalIdentity) -> Value {
    let local = |kind: ExternalKind| (identity.kind == kind).then_some(identity.local);
    json!({
        "id": identity.id,
        "issuer": identity.issuer,
        "externalTenant": (!identity.external_tenant.is_empty()).then_some(&identity.external_tenant),
        "kind": identity.kind.name(),
        "externalId": identity.external_id,
        "user": local(ExternalKind::User),
        "application": local(ExternalKind::Application),
        "created": instant::format(identity.created),
    })
}
