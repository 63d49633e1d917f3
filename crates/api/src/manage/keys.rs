//! The authority's signing keys.

use insightgate_operations::manage::keys;
use serde_json::json;

use super::call::Call;
use super::endpoint::Given;

pub(super) async fn rotate(call: Call) -> Given {
    let ids = keys::rotate(call.context(), &call.administrator).await?;
    Ok(Some(json!({ "keyIds": ids })))
}
