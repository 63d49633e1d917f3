//! `limits`, an addition: what the caller may still do.

use insightgate_operations::limits::current::{CurrentLimit, current_limits};
use insightgate_report::instant;
use schemars::JsonSchema;
use serde::Serialize;

use super::call::{Call, Given};

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "Limit", extend("additionalProperties" = false))]
pub(super) struct ShownLimit {
    /// `queries`, `activeReports`, `executeNowReports`, `calls`, `previews` or `downloads`.
    name: &'static str,
    /// Who shares it: `owner`, `tenant` or `application`.
    of: &'static str,
    limit: u64,
    used: u64,
    left: u64,
    /// The seconds in which a used one comes back; null for what the owner has to give up.
    window_seconds: Option<u64>,
    /// When there is one again; null if there is one now, or only once the owner gives one up.
    free_at: Option<String>,
}

pub(super) async fn list(call: Call) -> Given<ShownLimit> {
    let limits = current_limits(call.context(), &call.caller).await?;
    let shown: Vec<_> = limits.into_iter().map(show).collect();
    Ok(call.success(&shown, None))
}

fn show(limit: CurrentLimit) -> ShownLimit {
    ShownLimit {
        name: limit.name,
        of: limit.of,
        limit: limit.limit,
        used: limit.used,
        left: limit.limit.saturating_sub(limit.used),
        window_seconds: limit.window.map(|window| window.as_secs()),
        free_at: limit.free_at.map(instant::format),
    }
}
