//! `/insights/v1/{program}/…`: the API of the partner programs.

mod admitted;
mod executions;
mod scheduled_dataset;
mod scheduled_queries;
mod scheduled_report;

use axum::Router;
use axum::routing::{delete, get, put};

use crate::state::ApiState;

pub(crate) fn routes() -> Router<ApiState> {
    let mut routes = Router::new();
    for version in ["v1", "v1.1"] {
        routes = routes.nest(&format!("/insights/{version}/{{program}}"), program_routes());
    }
    routes
}

/// In lower case: paths are matched without regard to it.
fn program_routes() -> Router<ApiState> {
    Router::new()
        .route("/scheduleddataset", get(scheduled_dataset::list))
        .route("/scheduledqueries", get(scheduled_queries::list).post(scheduled_queries::create))
        .route("/scheduledqueries/testqueryresult", get(scheduled_queries::preview))
        .route("/scheduledqueries/{query_id}", delete(scheduled_queries::delete))
        .route("/scheduledreport", get(scheduled_report::list).post(scheduled_report::create))
        .route("/scheduledreport/{report_id}", put(scheduled_report::update).delete(scheduled_report::delete))
        .route("/scheduledreport/pause/{report_id}", put(scheduled_report::pause))
        .route("/scheduledreport/resume/{report_id}", put(scheduled_report::resume))
        .route("/scheduledreport/execution/{report_ids}", get(executions::list))
}
