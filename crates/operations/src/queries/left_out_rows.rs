//! Explains why an answer is empty or has fewer rows than expected: the query has no TIMESPAN, and there are rows outside the default span.

use std::time::Duration;

use insightgate_engine::Engine;
use insightgate_identity::scope::TenantScope;
use insightgate_query::left_out::left_out;
use insightgate_query::plan::{Plan, WindowSource};
use insightgate_query::timespan::Window;

/// How long the search may take for an empty answer, and for one with rows, where the hint matters less.
const LIMIT_OF_EMPTY: Duration = Duration::from_secs(5);
const LIMIT: Duration = Duration::from_secs(1);

/// The note, if the scope has such rows. What the search has not found in time is not mentioned.
pub(crate) async fn left_out_rows(
    engine: &Engine,
    scope: &TenantScope,
    plan: &Plan,
    (window, source): (Window, WindowSource),
    is_empty: bool,
) -> Option<String> {
    let sought = left_out(plan, window, source)?;
    let has = async |window| engine.preview(scope, &sought.plan, window, 1).await.is_ok_and(|found| !found.rows.is_empty());
    let (mut later, mut earlier) = (false, false);
    let look = async {
        later = has(sought.later).await;
        earlier = has(sought.earlier).await;
    };
    let _ = tokio::time::timeout(if is_empty { LIMIT_OF_EMPTY } else { LIMIT }, look).await;
    sought.note(earlier, later)
}
