//! What the caller may still do: its documented quotas, and the limits of its tenant and application, against which its requests are counted.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use insightgate_report::instant::whole_second;
use insightgate_report::quotas::Quota;
use insightgate_report::scheduled_report::EXECUTE_NOW_WINDOW_MINUTES;

use super::{Allowance, Counted, MINUTE, Whose};
use crate::callers::caller::Caller;
use crate::context::Context;
use crate::failure::Failure;
use crate::reports::create::report_quotas;

/// A limit, and how much of it is used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CurrentLimit {
    pub name: &'static str,
    /// `owner`, `tenant` or `application`.
    pub of: &'static str,
    pub limit: u64,
    pub used: u64,
    /// `None` for what does not come back by itself.
    pub window: Option<Duration>,
    /// When one more may come, in a whole second. `None` if it may now, or only once the owner makes room.
    pub free_at: Option<DateTime<Utc>>,
}

/// Counts a request against the limits of the caller's tenant and application. All that it was counted against is added to `seen`.
///
/// # Errors
/// When a limit is used up.
pub fn count(context: &Context, caller: &Caller, counted: &[Counted], seen: &mut Vec<Allowance>) -> Result<(), Failure> {
    context.limits.take(&context.settings.limits, (counted, whose(caller)), context.clock.now(), seen)
}

fn whose(caller: &Caller) -> Whose {
    Whose { tenant: caller.scope.tenant(), application: caller.principal.application.id }
}

/// # Errors
/// When the database does not answer.
pub async fn current_limits(context: &Context, caller: &Caller) -> Result<Vec<CurrentLimit>, Failure> {
    let now = context.clock.now();
    let mut limits = Vec::new();
    if context.settings.quotas {
        let own = context.store.tenant_limits(caller.scope.tenant()).await?;
        let quotas = report_quotas(&own, now);
        let used = context.store.quota_use(caller.owner(), caller.program, quotas, now).await?;
        let of_owner = |name, limit, used| CurrentLimit { name, of: "owner", limit, used, window: None, free_at: None };
        limits.push(of_owner("queries", Quota::Queries.of(&own), used.queries));
        limits.push(of_owner("activeReports", quotas.active, used.active));
        limits.push(CurrentLimit {
            window: Some(MINUTE * u32::try_from(EXECUTE_NOW_WINDOW_MINUTES).unwrap_or(u32::MAX)),
            free_at: used.execute_now_room.map(|wait| whole_second(now + wait)),
            ..of_owner("executeNowReports", quotas.execute_now, used.execute_now)
        });
    }
    let left = context.limits.look(&context.settings.limits, whose(caller), now);
    limits.extend(left.into_iter().map(|one| CurrentLimit {
        name: one.of.name(),
        of: one.holder.name(),
        limit: u64::from(one.limit),
        used: u64::from(one.limit - one.left),
        window: Some(MINUTE),
        free_at: (one.left == 0).then(|| whole_second(now + TimeDelta::from_std(one.wait).unwrap_or_default())),
    }));
    Ok(limits)
}
