//! `/insights/v1/{program}/…`: the API of the partner programs.

mod admitted;
mod executions;
mod finite;
mod scheduled_dataset;
mod scheduled_queries;
mod scheduled_report;
mod second_factor;

use axum::Router;
use axum::middleware::from_fn;
use axum::routing::{delete, get, put};

use crate::state::ApiState;

/// The paths are in lower case, since letter case does not matter. They are not nested, since a nested handler would not see the whole path.
pub(crate) fn routes() -> Router<ApiState> {
    let mut routes = Router::new();
    for version in ["v1", "v1.1"] {
        let at = |path: &str| format!("/insights/{version}/{{program}}/{path}");
        routes = routes
            .route(&at("scheduleddataset"), get(scheduled_dataset::list))
            .route(&at("scheduledqueries"), get(scheduled_queries::list).post(scheduled_queries::create))
            .route(&at("scheduledqueries/testqueryresult"), get(scheduled_queries::preview).post(scheduled_queries::preview_of_body))
            .route(&at("scheduledqueries/explainquery"), get(scheduled_queries::explain))
            .route(&at("scheduledqueries/{query_id}"), delete(scheduled_queries::delete))
            .route(&at("scheduledreport"), get(scheduled_report::list).post(scheduled_report::create));
        // The report is named in the path, or by the parameter reportId.
        for (path, method) in [
            ("scheduledreport", put(scheduled_report::update).delete(scheduled_report::delete)),
            ("scheduledreport/pause", put(scheduled_report::pause)),
            ("scheduledreport/resume", put(scheduled_report::resume)),
            ("scheduledreport/execution", get(executions::list)),
        ] {
            routes = routes.route(&at(path), method.clone()).route(&at(&format!("{path}/{{report_id}}")), method);
        }
    }
    routes.layer(from_fn(second_factor::report))
}
