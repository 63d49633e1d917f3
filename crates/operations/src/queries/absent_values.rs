//! Explains why an answer has no rows: a value in its conditions does not occur in the caller's rows.

use std::time::Duration;

use insightgate_engine::Engine;
use insightgate_identity::scope::TenantScope;
use insightgate_query::plan::Plan;
use insightgate_query::sought::sought;
use insightgate_query::timespan::Window;

/// How long the search may take: a hint is not worth a longer wait.
const LIMIT: Duration = Duration::from_secs(5);

/// A note for each such value, except in columns that the caller may not see in all rows. If the search fails, there is no note.
pub(crate) async fn absent_values(engine: &Engine, scope: &TenantScope, plan: &Plan) -> Vec<String> {
    let mut notes = Vec::new();
    let look = async {
        for sought in sought(plan).into_iter().filter(|sought| !(sought.sensitive && scope.is_redacted())) {
            if engine.preview(scope, &sought.plan, Window::All, 1).await.is_ok_and(|found| found.rows.is_empty()) {
                notes.push(sought.note);
            }
        }
    };
    let _ = tokio::time::timeout(LIMIT, look).await;
    notes
}

/// All notes about an answer, as one message.
pub(crate) fn joined(notes: &[String]) -> Option<String> {
    (!notes.is_empty()).then(|| notes.join("; "))
}
