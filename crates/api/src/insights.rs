//! `/insights/v1/{program}/…`: the API of the partner programs.

mod call;
mod document;
mod endpoint;
mod executions;
mod finite;
mod limits;
mod scheduled_dataset;
mod scheduled_queries;
mod scheduled_report;
mod second_factor;

use std::collections::BTreeSet;
use std::sync::LazyLock;

use axum::middleware::from_fn;
use insightgate_query::diagnostic::nearest::nearest;

use crate::http::parameters::beginning;
use crate::openapi::page;
use crate::table::{Route, Table};
use endpoint::{Endpoint, delete, get, post, put};

/// Each version has the same endpoints.
const VERSIONS: [&str; 2] = ["v1", "v1.1"];

/// The endpoints of all versions. The paths are in lower case, since letter case does not matter. They are not nested, since a nested handler would not
/// see the whole path.
pub(crate) fn table() -> Table {
    let routes = VERSIONS.into_iter().flat_map(|version| routes(&format!("/insights/{version}/{{program}}")));
    Table::new(routes.collect()).within(|router, _| router.layer(from_fn(second_factor::report)))
}

/// The endpoints below `base`, with the document of them and the page that tries it.
pub(crate) fn routes(base: &str) -> Vec<Route> {
    let mut routes: Vec<Route> = endpoints().into_iter().map(|endpoint| endpoint.route(base)).collect();
    routes.push(Route::get(format!("{base}/openapi.json"), document::serve));
    routes.extend(page::beside(base));
    routes
}

/// The one table of the endpoints.
fn endpoints() -> Vec<Endpoint> {
    use executions::{EXECUTION_NAMED, REPORTS_NAMED};
    use scheduled_queries::{ASKED_FIELDS, QUERY_FIELDS, QUERY_NAMED};
    use scheduled_report::{CHANGED_REPORT_FIELDS, NEW_REPORT_FIELDS, REPORT_NAMED};
    const TRY: &str = "/ScheduledQueries/testQueryResult";
    vec![
        get("/limits", limits::list)
            .about("listLimits", "Added: the caller's quotas and limits, what is left of them, and when one is free."),
        get("/ScheduledDataset", scheduled_dataset::list).about("listDatasets", "Lists the datasets of the program."),
        get("/ScheduledQueries", scheduled_queries::list).about("listQueries", "Lists the caller's queries and the system queries."),
        post("/ScheduledQueries", scheduled_queries::create).about("createQuery", "Saves a query.").telling(QUERY_FIELDS).once(),
        get(TRY, scheduled_queries::preview).about("previewQuery", "Runs a query and answers with its first 100 rows.").previewing(),
        post(TRY, scheduled_queries::preview_of_body)
            .about(
                "previewLongQuery",
                "Added: a preview of a query that is too long for an address. A field that is left out is taken from the address.",
            )
            .telling(ASKED_FIELDS)
            .previewing(),
        get("/ScheduledQueries/explainQuery", scheduled_queries::explain)
            .about("explainQuery", "Added: says what a query would do, and reads no rows.")
            .previewing(),
        delete("/ScheduledQueries/{queryId}", scheduled_queries::delete).about("deleteQuery", "Deletes a query.").telling(QUERY_NAMED),
        get("/ScheduledReport", scheduled_report::list).about("listReports", "Lists the caller's reports."),
        post("/ScheduledReport", scheduled_report::create)
            .about("createReport", "Makes a report, which runs at once or on a schedule.")
            .telling(NEW_REPORT_FIELDS)
            .once(),
        // The report is named in the path or by the parameter reportId.
        put("/ScheduledReport/{reportId}", scheduled_report::update)
            .about("updateReport", "Changes a report.")
            .telling(CHANGED_REPORT_FIELDS),
        put("/ScheduledReport", scheduled_report::update)
            .about("updateReportByParameter", "Changes a report that a parameter names.")
            .telling(CHANGED_REPORT_FIELDS),
        delete("/ScheduledReport/{reportId}", scheduled_report::delete).about("deleteReport", "Deletes a report.").telling(REPORT_NAMED),
        delete("/ScheduledReport", scheduled_report::delete).about("deleteReportByParameter", "Deletes a report that a parameter names."),
        put("/ScheduledReport/pause/{reportId}", scheduled_report::pause).about("pauseReport", "Pauses a report.").telling(REPORT_NAMED),
        put("/ScheduledReport/pause", scheduled_report::pause).about("pauseReportByParameter", "Pauses a report that a parameter names."),
        put("/ScheduledReport/resume/{reportId}", scheduled_report::resume)
            .about("resumeReport", "Resumes a report.")
            .telling(REPORT_NAMED),
        put("/ScheduledReport/resume", scheduled_report::resume)
            .about("resumeReportByParameter", "Resumes a report that a parameter names."),
        get("/ScheduledReport/execution/{reportId}", executions::list)
            .about("listExecutions", "Lists the executions of reports, with links to their files.")
            .telling(REPORTS_NAMED),
        get("/ScheduledReport/execution", executions::list)
            .about("listExecutionsByParameter", "Lists the executions of reports that a parameter names."),
        // Here it is an execution that is named.
        delete("/ScheduledReport/execution/{reportId}", executions::cancel)
            .about("cancelExecution", "Added: cancels an execution.")
            .telling(EXECUTION_NAMED),
    ]
}

/// The words of a refusal, with the path of this API that may be meant.
pub(crate) fn nothing_at(path: &str) -> String {
    let shown = beginning(path);
    match meant(path) {
        Some(meant) => format!("There is nothing at {shown}. Is {meant} meant?"),
        None => format!("There is nothing at {shown}."),
    }
}

/// The path that is meant by this one, which no endpoint has: both whole, as `/insights/v1/mpn/ScheduledReport/pause`. What names a thing does not count.
pub(crate) fn meant(path: &str) -> Option<String> {
    static FIXED: LazyLock<BTreeSet<&str>> = LazyLock::new(|| {
        let fixed = endpoints().into_iter().map(|endpoint| endpoint.path.split("/{").next().unwrap_or_default());
        fixed.collect()
    });
    let mut slashes = path.match_indices('/').map(|(place, _)| place);
    let (base, rest) = path.split_at_checked(slashes.nth(3)?)?;
    let names_a_thing = |part: &str| part.contains('-') && part.contains(|character: char| character.is_ascii_digit());
    let rest = match rest.rsplit_once('/') {
        Some((before, last)) if names_a_thing(last) => before,
        _ => rest,
    };
    // The names of operations in the documents are longer than their paths: pauseReport is PUT ScheduledReport/pause.
    let is_near = |(part, fixed): (&str, &str)| {
        part.to_ascii_lowercase().starts_with(&fixed.to_ascii_lowercase()) || nearest(part, [fixed]).is_some()
    };
    let is_meant = |fixed: &&&str| {
        let same_length = rest.matches('/').count() == fixed.matches('/').count();
        same_length && !rest.eq_ignore_ascii_case(fixed) && rest.split('/').zip(fixed.split('/')).skip(1).all(is_near)
    };
    let near = FIXED.iter().find(is_meant).filter(|_| base.starts_with("/insights/"))?;
    Some(format!("{base}{near}"))
}

/// Of each endpoint, the names of which something is told, and those that are there.
#[cfg(test)]
pub(crate) fn told() -> Vec<(&'static str, Vec<&'static str>, Vec<&'static str>)> {
    let of_endpoint = |endpoint: Endpoint| {
        let told = endpoint.told.iter().map(|about| about.field).collect();
        let variables = endpoint.path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'));
        let fields = endpoint.body.into_iter().flatten().map(|field| field.name);
        let parameters = endpoint.parameters.iter().map(|parameter| parameter.name);
        (endpoint.id, told, variables.chain(fields).chain(parameters).collect())
    };
    endpoints().into_iter().map(of_endpoint).collect()
}
