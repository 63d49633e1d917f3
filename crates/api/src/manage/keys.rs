//! The authority's signing keys.

use insightgate_operations::manage::keys;
use insightgate_wire::answers::{More, SigningKeys};

use super::call::Call;
use super::given::{Given, Shown};

pub(super) async fn rotate(call: Call) -> Given<Shown<SigningKeys>> {
    let ids = keys::rotate(call.context(), &call.administrator).await?;
    Ok(Shown(SigningKeys { key_ids: ids, more: More::new() }))
}
