//! `/manage/v1/…`: organisations, their people and applications. Its tokens open no data, and tokens for data do not open it.
//!
//! One table, below, is the router and the served document of it. Paths are matched without regard to case, like all others.

mod answer;
mod applications;
mod audit;
mod call;
mod callbacks;
mod datasets;
mod endpoint;
mod given;
mod keys;
pub(crate) mod object;
mod openapi;
mod runs;
mod tenants;
mod users;

use axum::http::StatusCode;
use axum::response::Response;
use insightgate_operations::failure::Failure;
use insightgate_operations::manage::administrator::Duty;
use insightgate_wire::ErrorCode;

use crate::openapi::page;
use crate::table::{Route, Table};
use endpoint::Endpoint;
use tenants::{enrollments, locations};
use users::{external_identities, roles};

const BASE: &str = "/manage/v1";

pub(crate) fn table() -> Table {
    let mut routes: Vec<Route> = endpoints().into_iter().map(Endpoint::route).collect();
    routes.push(Route::get(format!("{BASE}/openapi.json"), openapi::document));
    routes.extend(page::beside(BASE));
    Table::new(routes)
}

pub(crate) fn is_managed(path: &str) -> bool {
    path == BASE || path.starts_with("/manage/v1/")
}

/// What is said before an endpoint is asked, or in its place.
pub(crate) fn told(status: StatusCode, message: &str, correlation: &str) -> Response {
    let code = match status {
        StatusCode::BAD_REQUEST => ErrorCode::Invalid,
        StatusCode::REQUEST_TIMEOUT => ErrorCode::Timeout,
        _ => ErrorCode::Busy,
    };
    answer::error(status, code, message, None, correlation)
}

/// The refusal of a failure, with its status.
pub(crate) fn refuse(failure: &Failure, correlation: &str) -> Response {
    answer::failure(failure, correlation)
}

/// What a fault of a sandbox orders, with the code that a refusal of this status has.
pub(crate) fn ordered(status: StatusCode, message: &str, correlation: &str) -> Response {
    let code = match status.as_u16() {
        401 => ErrorCode::Unauthorized,
        403 => ErrorCode::Forbidden,
        404 => ErrorCode::NotFound,
        408 => ErrorCode::Timeout,
        409 => ErrorCode::Conflict,
        429 => ErrorCode::Busy,
        503 => ErrorCode::Unavailable,
        500.. => ErrorCode::Internal,
        _ => ErrorCode::Invalid,
    };
    answer::error(status, code, message, None, correlation)
}

/// For a path or method that is none of the endpoints.
pub(crate) fn no_endpoint(status: StatusCode, message: &str, correlation: &str) -> Response {
    answer::error(status, ErrorCode::NotFound, message, None, correlation)
}

fn endpoints() -> Vec<Endpoint> {
    const TENANT: &str = "/tenants/{tenant}";
    vec![
        Endpoint::get("/tenants", tenants::list).about("Lists tenants: all of them, or the caller's own.", Duty::Look),
        Endpoint::post("/tenants", tenants::enroll)
            .about("Takes an organisation in and enrolls it. The verification code goes to the contact by mail; without mail the answer has it, once.", Duty::Operate),
        Endpoint::get(TENANT, tenants::show).about("Shows a tenant, by id or domain.", Duty::Look),
        Endpoint::patch(TENANT, tenants::change)
            .about("Changes name and legal business profile; the global account is an operator's to change.", Duty::Company),
        Endpoint::delete(TENANT, tenants::delete).about("Removes a tenant without an active enrollment.", Duty::Operate),
        Endpoint::post("/tenants/{tenant}/enrollments", enrollments::start)
            .about("Enrolls the tenant in a further program.", Duty::Company),
        Endpoint::post("/tenants/{tenant}/enrollments/{program}/sendCode", enrollments::send_code)
            .about("Makes another verification code, for the contact. Without mail an operator gets it, and an administrator's call asks an operator for one.", Duty::Company),
        Endpoint::post("/tenants/{tenant}/enrollments/{program}/verify", enrollments::verify)
            .about("Confirms the contact's address with the code that it got.", Duty::Company),
        Endpoint::post("/tenants/{tenant}/enrollments/{program}/activate", enrollments::activate)
            .about("Ends the review: data may be asked for.", Duty::Operate),
        Endpoint::post("/tenants/{tenant}/enrollments/{program}/reject", enrollments::reject)
            .about("Rejects an enrollment that is not active yet.", Duty::Operate),
        Endpoint::post("/tenants/{tenant}/enrollments/{program}/suspend", enrollments::suspend)
            .about("Shuts an active enrollment: no token opens data, and its reports are paused.", Duty::Operate),
        Endpoint::post("/tenants/{tenant}/enrollments/{program}/reactivate", enrollments::reactivate)
            .about("Opens a suspended enrollment again, or sends a rejected one back to review.", Duty::Operate),
        Endpoint::get("/tenants/{tenant}/locations", locations::list).about("Lists locations.", Duty::Look),
        Endpoint::post("/tenants/{tenant}/locations", locations::add).about("Adds a location.", Duty::Company),
        Endpoint::delete("/tenants/{tenant}/locations/{location}", locations::delete)
            .about("Removes a location that no role assignment names.", Duty::Company),
        Endpoint::get("/tenants/{tenant}/users", users::list).about("Lists users.", Duty::Look),
        Endpoint::post("/tenants/{tenant}/users", users::add).about("Adds a user. Only operators may choose the id.", Duty::Directory),
        Endpoint::get("/tenants/{tenant}/users/{user}", users::show).about("Shows a user, by id or sign-in name.", Duty::Look),
        Endpoint::patch("/tenants/{tenant}/users/{user}", users::change)
            .about("Changes a display name, disables or enables a user.", Duty::Directory),
        Endpoint::delete("/tenants/{tenant}/users/{user}", users::delete).about(
            "Removes a user: sign-ins end, roles and queries go; reports go with reports=delete, and else refuse it.",
            Duty::Directory,
        ),
        Endpoint::put("/tenants/{tenant}/users/{user}/password", users::set_password)
            .about("Sets a password, which ends the user's sign-ins.", Duty::Directory),
        Endpoint::post("/tenants/{tenant}/users/{user}/totp", users::add_totp)
            .about("Gives a user a second factor. The answer holds its secret, once.", Duty::Directory),
        Endpoint::delete("/tenants/{tenant}/users/{user}/totp", users::reset_totp)
            .about("Takes a user's second factor away.", Duty::Directory),
        Endpoint::get("/tenants/{tenant}/applications", applications::list)
            .about("Lists applications; those of operators show to operators only.", Duty::Look),
        Endpoint::post("/tenants/{tenant}/applications", applications::register)
            .about("Registers an application. Only operators may choose the id, or make an operator's.", Duty::Directory),
        Endpoint::get("/tenants/{tenant}/applications/{application}", applications::show).about("Shows an application.", Duty::Look),
        Endpoint::patch("/tenants/{tenant}/applications/{application}", applications::change)
            .about("Changes name or redirect URIs, disables or enables an application.", Duty::Directory),
        Endpoint::delete("/tenants/{tenant}/applications/{application}", applications::delete).about(
            "Removes an application with its secrets, permissions and consents; reports that were created through it go with \
                 reports=delete, and else refuse it.",
            Duty::Directory,
        ),
        Endpoint::get("/tenants/{tenant}/applications/{application}/secrets", applications::list_secrets)
            .about("Lists an application's secrets, by their first characters.", Duty::Look),
        Endpoint::post("/tenants/{tenant}/applications/{application}/secrets", applications::add_secret)
            .about("Adds a secret beside those that are there. The answer holds it, once.", Duty::Directory),
        Endpoint::delete("/tenants/{tenant}/applications/{application}/secrets/{secret}", applications::remove_secret)
            .about("Removes a secret at once.", Duty::Directory),
        Endpoint::get("/tenants/{tenant}/applications/{application}/permissions", applications::list_permissions)
            .about("Lists what an application may ask for.", Duty::Look),
        Endpoint::post("/tenants/{tenant}/applications/{application}/permissions", applications::add_permission)
            .about("Lets an application ask for a permission, which needs consent too.", Duty::Directory),
        Endpoint::delete("/tenants/{tenant}/applications/{application}/permissions/{permission}", applications::remove_permission)
            .about("Takes a permission away, and its consents.", Duty::Directory),
        Endpoint::get("/tenants/{tenant}/applications/{application}/consents", applications::list_consents)
            .about("Lists consents.", Duty::Look),
        Endpoint::post("/tenants/{tenant}/applications/{application}/consents", applications::grant_consent)
            .about("Consents for the whole tenant, or for one user.", Duty::Directory),
        Endpoint::delete("/tenants/{tenant}/applications/{application}/consents/{permission}", applications::revoke_consent)
            .about("Takes a consent back, of the whole tenant or of one user.", Duty::Directory),
        Endpoint::get("/tenants/{tenant}/roleAssignments", roles::list).about("Lists role assignments.", Duty::LookAtRoles),
        Endpoint::post("/tenants/{tenant}/roleAssignments", roles::assign).about(
            "Gives a role, or changes the locations that it covers. Who may give which role depends on the caller's.",
            Duty::LookAtRoles,
        ),
        Endpoint::delete("/tenants/{tenant}/roleAssignments/{assignee}/{role}", roles::revoke)
            .about("Takes a role away.", Duty::LookAtRoles),
        Endpoint::get("/tenants/{tenant}/externalIdentities", external_identities::list)
            .about("Lists the identifiers of external issuers that are bound here.", Duty::Look),
        Endpoint::post("/tenants/{tenant}/externalIdentities", external_identities::bind)
            .about("Binds an issuer's user or application; its tenant, which comes first, is an operator's to bind.", Duty::Directory),
        Endpoint::delete("/tenants/{tenant}/externalIdentities/{identity}", external_identities::unbind)
            .about("Removes a binding; a tenant's goes with all in it, and is an operator's to remove.", Duty::Directory),
        Endpoint::get("/tenants/{tenant}/audit", audit::of_tenant).about(
            "The record of who was given or refused what, newest first. What came too often to be written one by one, and refusals of \
                 callers who proved nothing, are counted in one event a minute, with the details of the last: see occurrences.",
            Duty::Look,
        ),
        Endpoint::get("/audit", audit::of_all).about("The record of all tenants.", Duty::Operate),
        Endpoint::get("/tenants/{tenant}/reports", runs::reports).about("Lists reports of every owner, the newest first.", Duty::Look),
        Endpoint::get("/tenants/{tenant}/reports/{report}", runs::show_report)
            .about("Shows a report, with the number of its executions by status.", Duty::Look),
        Endpoint::get("/reports", runs::all_reports).about("Lists reports of all tenants, or of the caller's own.", Duty::Look),
        Endpoint::get("/tenants/{tenant}/executions", runs::executions).about(
            "Lists executions of every owner: what waits, runs or failed, for how long and why. What fell due last comes first.",
            Duty::Look,
        ),
        Endpoint::get("/tenants/{tenant}/executions/{execution}", runs::show_execution).about("Shows an execution.", Duty::Look),
        Endpoint::post("/tenants/{tenant}/executions/{execution}/cancel", runs::cancel_execution)
            .about("Cancels an execution that is not over. A running one ends within seconds and leaves no file.", Duty::Directory),
        Endpoint::post("/tenants/{tenant}/executions/{execution}/retry", runs::retry_execution)
            .about("Queues an execution again that failed or was cancelled.", Duty::Directory),
        Endpoint::get("/executions", runs::all_executions).about("Lists executions of all tenants, or of the caller's own.", Duty::Look),
        Endpoint::get("/tenants/{tenant}/runs", runs::show)
            .about("Shows how many executions wait and run, and whether the tenant's runs are paused.", Duty::Look),
        Endpoint::post("/tenants/{tenant}/runs/pause", runs::pause)
            .about("Holds the tenant's executions back. One that runs goes on; what falls due waits.", Duty::Operate),
        Endpoint::post("/tenants/{tenant}/runs/resume", runs::resume).about("Lets the tenant's executions begin again.", Duty::Operate),
        Endpoint::get("/tenants/{tenant}/limits", runs::limits)
            .about("Shows how many queries and reports each owner of the tenant may have, and how much all files may hold.", Duty::Look),
        Endpoint::patch("/tenants/{tenant}/limits", runs::set_limits)
            .about("Gives the tenant numbers of its own; null makes one what every tenant has.", Duty::Operate),
        Endpoint::get("/tenants/{tenant}/callbackSecrets/{owner}", callbacks::list_secrets)
            .about("Lists the secrets that a user's or application's callbacks are signed with, the current one first.", Duty::Look),
        Endpoint::post("/tenants/{tenant}/callbackSecrets/{owner}", callbacks::add_secret)
            .about("Makes a secret; the one before it signs for 24 more hours. The answer holds it, once.", Duty::Directory),
        Endpoint::delete("/tenants/{tenant}/callbackSecrets/{owner}/{secret}", callbacks::remove_secret)
            .about("Removes a secret at once.", Duty::Directory),
        Endpoint::get("/callbacks", callbacks::list)
            .about("Lists callbacks of all tenants, or of the caller's own, newest first.", Duty::Look),
        Endpoint::get("/callbacks/{callback}", callbacks::show).about("Shows a callback with its attempts.", Duty::Look),
        Endpoint::post("/callbacks/{callback}/replay", callbacks::replay)
            .about("Sends a callback anew, and for three more days if that fails.", Duty::Directory),
        Endpoint::post("/keys/rotate", keys::rotate)
            .about("Makes a new signing key. Tokens of the one before are good until they expire.", Duty::Operate),
        Endpoint::get("/datasets", datasets::list).about("Lists the datasets.", Duty::Look),
        Endpoint::get("/datasets/{name}", datasets::show).about("Shows a dataset.", Duty::Look),
    ]
}
