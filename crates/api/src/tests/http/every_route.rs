//! Every endpoint, taken from the tables from which the router is made, so that none can be forgotten: it requires a token, or is listed below with
//! the reason why not. Those that require one are called with everything that can be wrong with a token in `prerequisites` and `manage::isolation`.

use std::collections::BTreeSet;
use std::sync::Arc;

use axum::body::Body;
use axum::http::{Method, Request};

use crate::router::tables;
use crate::state::SandboxAccess;
use crate::tests::harness::*;

pub(crate) const ID: &str = "00000000-0000-0000-0000-000000000001";

/// The endpoints that answer without a token, and their status; each was reviewed.
pub(super) const OPEN: [(&str, &str, u16, &str); 79] = [
    ("GET", "/healthz", 200, "says nothing but that the process runs"),
    ("GET", "/readyz", 200, "says in general words what cannot be done, and names no host or file"),
    ("GET", "/metrics", 403, "for programs on the server's own machine, where the settings let it"),
    ("GET", "/manage/v1/openapi.json", 200, "the document of the API, which holds no data"),
    ("GET", "/insights/v1/{program}/openapi.json", 200, "the document of the API, which holds no data"),
    ("GET", "/insights/v1/{program}/swagger", 308, "leads to the page below"),
    ("GET", "/insights/v1/{program}/swagger/index.html", 200, "the page that tries the API, which holds no data"),
    ("GET", "/insights/v1.1/{program}/openapi.json", 200, "the document of the API, which holds no data"),
    ("GET", "/insights/v1.1/{program}/swagger", 308, "leads to the page below"),
    ("GET", "/insights/v1.1/{program}/swagger/index.html", 200, "the page that tries the API, which holds no data"),
    ("GET", "/manage/v1/swagger", 308, "leads to the page below"),
    ("GET", "/manage/v1/swagger/index.html", 200, "the page that tries the API, which holds no data"),
    ("GET", "/oauth2/openapi.json", 200, "the document of the token endpoints, which holds no data"),
    ("GET", "/oauth2/swagger", 308, "leads to the page below"),
    ("GET", "/oauth2/swagger/index.html", 200, "the page that tries the token endpoints, which holds no data"),
    ("GET", "/swagger/start.js", 200, "a file of the pages"),
    ("GET", "/swagger/swagger-ui-bundle.js", 200, "a file of the pages"),
    ("GET", "/swagger/swagger-ui.css", 200, "a file of the pages"),
    ("GET", "/swagger/oauth2-redirect.html", 200, "a file of the pages"),
    ("GET", "/swagger/oauth2-redirect.js", 200, "a file of the pages"),
    ("GET", "/swagger/licence.txt", 200, "a file of the pages"),
    ("GET", "/console/assets/{name}", 404, "a script or a style of the console, which holds no data"),
    ("GET", "/artifacts/{execution}/{file}", 403, "opened by the link's signature"),
    ("GET", "/sandbox/v1/clock", 403, "opened by the caller's own machine, in a sandbox only"),
    ("POST", "/sandbox/v1/clock", 403, "opened by the caller's own machine, in a sandbox only"),
    ("DELETE", "/sandbox/v1/callbacks", 403, "opened by the caller's own machine, in a sandbox only"),
    ("GET", "/sandbox/v1/callbacks", 403, "opened by the caller's own machine, in a sandbox only"),
    ("DELETE", "/sandbox/v1/faults", 403, "opened by the caller's own machine, in a sandbox only"),
    ("GET", "/sandbox/v1/faults", 403, "opened by the caller's own machine, in a sandbox only"),
    ("POST", "/sandbox/v1/faults", 403, "opened by the caller's own machine, in a sandbox only"),
    ("DELETE", "/sandbox/v1/faults/{fault}", 403, "opened by the caller's own machine, in a sandbox only"),
    ("DELETE", "/sandbox/v1/requests", 403, "opened by the caller's own machine, in a sandbox only"),
    ("GET", "/sandbox/v1/requests", 403, "opened by the caller's own machine, in a sandbox only"),
    ("POST", "/sandbox/v1/reset", 403, "opened by the caller's own machine, in a sandbox only"),
    ("GET", "/sandbox/v1/receiver", 403, "opened by the caller's own machine, in a sandbox only"),
    ("POST", "/sandbox/v1/receiver", 403, "opened by the caller's own machine, in a sandbox only"),
    ("GET", "/sandbox/v1/receiver/{*address}", 403, "opened by the caller's own machine, in a sandbox only"),
    ("POST", "/sandbox/v1/receiver/{*address}", 403, "opened by the caller's own machine, in a sandbox only"),
    ("GET", "/console/style.css", 200, "the pages' style"),
    ("GET", "/console/sign-in", 200, "begins a sign-in"),
    ("POST", "/console/sign-in", 403, "a form, bound to the browser by its cookie and the form's proof"),
    ("GET", "/console/signed-in", 403, "a step of a sign-in, bound to the browser by its cookie"),
    ("GET", "/console/external-sign-in", 404, "begins a sign-in at an issuer, if there is one"),
    ("GET", "/console/operator-sign-in", 200, "begins a sign-in"),
    ("POST", "/console/operator-sign-in", 403, "a form, bound to the browser by its cookie and the form's proof"),
    ("GET", "/error", 404, "what a number means"),
    ("GET", "/common/sign-in.css", 200, "the pages' style"),
    ("POST", "/common/sign-in", 400, "a step of a sign-in, bound to the browser by its cookie and the form's proof"),
    ("GET", "/common/oauth2/deviceauth", 200, "the page that asks for a device's code"),
    ("POST", "/common/oauth2/deviceauth", 400, "a form, bound to the browser by its cookie and the form's proof"),
    ("GET", "/{tenant}/oauth2/authorize", 400, "begins a sign-in"),
    ("POST", "/{tenant}/oauth2/authorize", 400, "begins a sign-in"),
    ("GET", "/{tenant}/oauth2/v2.0/authorize", 400, "begins a sign-in"),
    ("POST", "/{tenant}/oauth2/v2.0/authorize", 400, "begins a sign-in"),
    ("GET", "/{tenant}/oauth2/logout", 200, "ends the browser's own session"),
    ("POST", "/{tenant}/oauth2/logout", 200, "ends the browser's own session"),
    ("GET", "/{tenant}/oauth2/v2.0/logout", 200, "ends the browser's own session"),
    ("POST", "/{tenant}/oauth2/v2.0/logout", 200, "ends the browser's own session"),
    ("POST", "/{tenant}/oauth2/token", 400, "gives tokens, for credentials"),
    ("GET", "/{tenant}/oauth2/token", 400, "gives tokens, for credentials in the body, as a client in the wild sends them"),
    ("POST", "/{tenant}/oauth2/v2.0/token", 400, "gives tokens, for credentials"),
    ("GET", "/oauth2/token", 400, "says that the tenant is missing"),
    ("POST", "/oauth2/token", 400, "says that the tenant is missing"),
    ("PUT", "/oauth2/token", 400, "says that the tenant is missing"),
    ("PATCH", "/oauth2/token", 400, "says that the tenant is missing"),
    ("DELETE", "/oauth2/token", 400, "says that the tenant is missing"),
    ("GET", "/oauth2/v2.0/token", 400, "says that the tenant is missing"),
    ("POST", "/oauth2/v2.0/token", 400, "says that the tenant is missing"),
    ("PUT", "/oauth2/v2.0/token", 400, "says that the tenant is missing"),
    ("PATCH", "/oauth2/v2.0/token", 400, "says that the tenant is missing"),
    ("DELETE", "/oauth2/v2.0/token", 400, "says that the tenant is missing"),
    ("POST", "/{tenant}/oauth2/devicecode", 400, "begins a device's sign-in"),
    ("POST", "/{tenant}/oauth2/v2.0/devicecode", 400, "begins a device's sign-in"),
    ("GET", "/{tenant}/.well-known/openid-configuration", 200, "discovery"),
    ("GET", "/{tenant}/v2.0/.well-known/openid-configuration", 200, "discovery"),
    ("GET", "/{tenant}/discovery/keys", 200, "public keys"),
    ("GET", "/{tenant}/discovery/v2.0/keys", 200, "public keys"),
    ("GET", "/common/discovery/instance", 200, "discovery"),
    ("GET", "/common/userrealm/{user}", 200, "discovery: the same for every user, known or not"),
];

const METHODS: [Method; 5] = [Method::GET, Method::POST, Method::PUT, Method::PATCH, Method::DELETE];

/// The method and the path of every route in the tables, as written there, with `{…}` for parameters.
pub(crate) fn lines(deployment: &Deployment) -> BTreeSet<(String, String)> {
    let access = || SandboxAccess { hosts: Arc::new(["localhost".into()]), loopback_only: true };
    let state = state(&deployment.context, deployment.context.sandbox.as_ref().map(|_| access()));
    let routes: Vec<_> = tables(&state).into_iter().flat_map(|table| table.routes).collect();
    let count = routes.iter().map(|route| route.method.as_ref().map_or(METHODS.len(), |_| 1)).sum::<usize>();
    let methods = |method: Option<Method>| method.map_or(METHODS.to_vec(), |method| vec![method]).into_iter();
    let lines: BTreeSet<_> =
        routes.into_iter().flat_map(|route| methods(route.method).map(move |method| (method.to_string(), route.path.clone()))).collect();
    assert!(lines.len() == count && lines.contains(&("GET".to_owned(), "/healthz".to_owned())), "a line stands there twice: {lines:?}");
    lines
}

fn filled(path: &str) -> String {
    let mut filled = String::new();
    for part in path.split_inclusive('}') {
        let (plain, name) = part.split_once('{').unwrap_or((part, ""));
        filled.push_str(plain);
        filled.push_str(match name {
            "" => "",
            "tenant}" => "contoso.example",
            "program}" => "mpn",
            "user}" => "ana@contoso.example",
            _ => ID,
        });
    }
    filled
}

/// The method and the written path of everything that is served, with its answer without a token. No other method of these paths is served.
async fn served(deployment: &Deployment) -> Vec<(Method, String, Answer)> {
    let lines = lines(deployment);
    let mut served = Vec::new();
    for path in lines.iter().map(|(_, path)| path).collect::<BTreeSet<_>>() {
        for method in METHODS {
            let request = Request::builder().method(method.clone()).uri(filled(path)).body(Body::empty()).unwrap();
            let answer = deployment.send(request).await;
            // Some of the authority's endpoints use their own words for a wrong method.
            let wrong_verb = answer.status == 400 && answer.text().contains("AADSTS900561");
            let is_line = lines.contains(&(method.to_string(), path.clone()));
            // The older endpoint takes the form as a GET, and refuses one without it as a wrong method.
            let is_empty = (method.as_str(), path.as_str()) == ("GET", "/{tenant}/oauth2/token");
            assert_eq!(is_line, is_empty || answer.status != 405 && !wrong_verb, "{method} {path}: {}", answer.text());
            if is_line {
                served.push((method, path.clone(), answer));
            }
        }
    }
    served
}

fn is_open(path: &str) -> bool {
    OPEN.iter().any(|(_, open, ..)| *open == path)
}

/// All endpoints of a program.
pub(crate) async fn of_program(deployment: &Deployment, program: &str) -> Vec<(Method, String)> {
    let served = served(deployment).await.into_iter().filter(|(_, path, _)| path.starts_with("/insights/") && !is_open(path));
    let all: Vec<_> = served.map(|(method, path, _)| (method, filled(&path.replace("{program}", program)))).collect();
    assert!(all.len() >= 26, "{all:?}");
    assert!(all.iter().any(|(_, path)| path.ends_with("/scheduledqueries/explainquery")), "{all:?}");
    all
}

/// All endpoints of the management API, as they are written below its base.
pub(crate) async fn of_management(deployment: &Deployment) -> BTreeSet<(String, String)> {
    let served = served(deployment).await.into_iter();
    let closed = served.filter(|(_, path, _)| !is_open(path));
    closed.filter_map(|(method, path, _)| Some((method.to_string(), path.strip_prefix("/manage/v1")?.to_owned()))).collect()
}

#[tokio::test]
async fn every_route_asks_for_a_token_or_says_why_not() {
    let deployment = Deployment::sandbox().await;
    let mut open = Vec::new();
    for (method, path, answer) in served(&deployment).await {
        if path.starts_with("/insights/") && !is_open(&path) {
            assert_eq!(answer.refused(401), "Unauthorized", "{method} {path}");
        } else if path.starts_with("/manage/") && !is_open(&path) {
            assert_eq!(answer.status, 401, "{method} {path}");
            assert_eq!(answer.json()["error"]["message"], "Unauthorized", "{method} {path}");
        } else if (path == "/" || path.starts_with("/console/")) && !is_open(&path) {
            assert_eq!(answer.status, 303, "{method} {path}");
            assert!(answer.header("location").starts_with("/console/sign-in?to="), "{method} {path}");
        } else {
            open.push((method.to_string(), path, answer.status.as_u16()));
        }
    }
    let mut reviewed: Vec<_> = OPEN.iter().map(|(method, path, status, _)| ((*method).to_owned(), (*path).to_owned(), *status)).collect();
    open.sort();
    reviewed.sort();
    assert_eq!(open, reviewed);
}
