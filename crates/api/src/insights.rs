//! `/insights/v1/{program}/…`: the API of the partner programs.

mod call;
mod executions;
mod finite;
mod scheduled_dataset;
mod scheduled_queries;
mod scheduled_report;
mod second_factor;

use axum::middleware::from_fn;

use crate::table::{Route, Table};
use call::serve;

/// Each version has the same endpoints.
const VERSIONS: [&str; 2] = ["v1", "v1.1"];

/// The endpoints of all versions. The paths are in lower case, since letter case does not matter. They are not nested, since a nested handler would not
/// see the whole path.
pub(crate) fn table() -> Table {
    let routes = VERSIONS.into_iter().flat_map(|version| routes(&format!("/insights/{version}/{{program}}")));
    Table::new(routes.collect()).within(|router, _| router.layer(from_fn(second_factor::report)))
}

/// The endpoints below `base`.
pub(crate) fn routes(base: &str) -> Vec<Route> {
    let at = |path: &str| format!("{base}/{path}");
    let mut routes = vec![
        Route::get(at("scheduleddataset"), serve(scheduled_dataset::list)),
        Route::get(at("scheduledqueries"), serve(scheduled_queries::list)),
        Route::post(at("scheduledqueries"), serve(scheduled_queries::create)),
        Route::get(at("scheduledqueries/testqueryresult"), serve(scheduled_queries::preview)),
        Route::post(at("scheduledqueries/testqueryresult"), serve(scheduled_queries::preview_of_body)),
        Route::get(at("scheduledqueries/explainquery"), serve(scheduled_queries::explain)),
        Route::delete(at("scheduledqueries/{query_id}"), serve(scheduled_queries::delete)),
        Route::get(at("scheduledreport"), serve(scheduled_report::list)),
        Route::post(at("scheduledreport"), serve(scheduled_report::create)),
    ];
    // The report is named in the path or by the parameter reportId.
    for named in ["", "/{report_id}"] {
        let of_report = |action: &str| at(&format!("scheduledreport{action}{named}"));
        routes.extend([
            Route::put(of_report(""), serve(scheduled_report::update)),
            Route::delete(of_report(""), serve(scheduled_report::delete)),
            Route::put(of_report("/pause"), serve(scheduled_report::pause)),
            Route::put(of_report("/resume"), serve(scheduled_report::resume)),
            Route::get(of_report("/execution"), serve(executions::list)),
        ]);
    }
    // Here it is an execution that is named.
    routes.push(Route::delete(at("scheduledreport/execution/{report_id}"), serve(executions::cancel)));
    routes
}
