//! What a server tells about itself: to whom, what, and that no stranger makes it grow.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::ConnectInfo;
use axum::http::{Method, Request, header};
use insightgate_operations::context::SharedContext;
use insightgate_operations::executions::runner;
use insightgate_store::StoredKey;
use serde_json::{Value, json};
use tower::ServiceExt as _;
use tracing::Level;

use crate::tests::harness::log::Log;
use crate::tests::harness::*;
use crate::{Intake, router, telemetry_router};

/// A deployment with the listener for operators beside it.
struct Watched {
    deployment: Deployment,
    operators: Router,
}

impl Watched {
    fn new(mut deployment: Deployment) -> Watched {
        let intake = Arc::new(Intake::new(1024, 256));
        deployment.router = router(crate::ApiState { intake: Arc::clone(&intake), ..state(&deployment.context, None) });
        let operators = telemetry_router(Arc::clone(&deployment.context), intake);
        Watched { deployment, operators }
    }

    async fn get(&self, path: &str) -> Answer {
        let response = self.operators.clone().oneshot(Request::get(path).body(Body::empty()).unwrap()).await.unwrap();
        let (parts, body) = response.into_parts();
        Answer { status: parts.status, headers: parts.headers, body: to_bytes(body, usize::MAX).await.unwrap().to_vec() }
    }

    async fn lines(&self) -> Vec<String> {
        let answer = self.get("/metrics").await;
        assert_eq!((answer.status.as_u16(), answer.header("content-type")), (200, "text/plain; version=0.0.4; charset=utf-8"));
        answer.text().lines().map(str::to_owned).collect()
    }
}

/// The number of the line with this name and these labels, in any order; 0 without one.
fn number(lines: &[String], name: &str, labels: &[(&str, &str)]) -> f64 {
    let wanted = |line: &&String| {
        let rest = line.strip_prefix(name).filter(|rest| rest.starts_with(['{', ' ']));
        rest.is_some_and(|rest| labels.iter().all(|(label, value)| rest.contains(&format!("{label}=\"{value}\""))))
    };
    lines.iter().find(wanted).map_or(0.0, |line| line.rsplit(' ').next().unwrap().parse().unwrap())
}

async fn from(router: &Router, address: Option<&str>, host: &str, more: Option<&'static str>) -> u16 {
    let mut request = Request::get("/metrics").header(header::HOST, host);
    if let Some(name) = more {
        request = request.header(name, "203.0.113.9");
    }
    let mut request = request.body(Body::empty()).unwrap();
    if let Some(address) = address {
        request.extensions_mut().insert(ConnectInfo(address.parse::<SocketAddr>().unwrap()));
    }
    router.clone().oneshot(request).await.unwrap().status().as_u16()
}

#[tokio::test]
async fn only_programs_on_the_servers_machine_see_the_metrics_beside_the_api() {
    let deployment = Deployment::new().await;
    let near = Some("127.0.0.1:5000");
    for (address, host, more, expected) in [
        (near, "127.0.0.1:7080", None, 200),
        (Some("[::1]:5000"), "[::1]:7080", None, 200),
        (Some("[::ffff:127.0.0.1]:5000"), "LOCALHOST", None, 200),
        (None, "127.0.0.1", None, 403),
        (Some("203.0.113.7:5000"), "127.0.0.1", None, 403),
        (near, "insights.example", None, 403),
        (near, "127.0.0.1:7080", Some("x-forwarded-for"), 403),
        (near, "127.0.0.1:7080", Some("origin"), 403),
        (near, "127.0.0.1:7080", Some("via"), 403),
        (near, "127.0.0.1:7080", Some("sec-fetch-site"), 403),
    ] {
        assert_eq!(from(&deployment.router, address, host, more).await, expected, "{address:?} {host} {more:?}");
    }
    let closed = router(crate::ApiState { shows_telemetry: false, ..state(&deployment.context, None) });
    assert_eq!(from(&closed, near, "127.0.0.1:7080", None).await, 403, "a proxy may stand before it");
}

#[tokio::test]
async fn what_happened_is_counted_and_names_nobody() {
    let watched = Watched::new(Deployment::new().await);
    let deployment = &watched.deployment;
    let form = |secret: &'static str| {
        [
            ("grant_type", "client_credentials".to_owned()),
            ("client_id", APP.to_string()),
            ("client_secret", secret.to_owned()),
            ("resource", RESOURCE.to_owned()),
        ]
    };
    for secret in [SECRET, "wrong", "wrong"] {
        let fields = form(secret);
        let fields: Vec<_> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
        deployment.post_form("/contoso.example/oauth2/token", &fields).await;
    }
    deployment.post_form("/contoso.example/oauth2/token", &[("grant_type", "made-up")]).await;
    let link = deployment.export(ANA, "SELECT Name, Amount FROM Sales", json!({})).await;
    let file = deployment.fetch(&link, &[]).await;
    let query = deployment.create_query(ANA, "SELECT Name FROM Sales").await;
    let report = json!({"ReportName": "waits", "QueryId": query, "ExecuteNow": true});
    assert_eq!(deployment.call(ANA, Method::POST, "ScheduledReport", report).await.status, 200);
    let lines = watched.lines().await;
    let token = |outcome| number(&lines, "insightgate_tokens_total", &[("grant", "client_credentials"), ("outcome", outcome)]);
    assert_eq!((token("issued"), token("AADSTS7000215")), (1.0, 2.0), "{lines:?}");
    assert_eq!(number(&lines, "insightgate_tokens_total", &[("grant", "other"), ("outcome", "AADSTS70003")]), 1.0);
    let route = [("method", "POST"), ("route", "/{tenant}/oauth2/token"), ("status", "401")];
    assert_eq!(number(&lines, "insightgate_http_requests_total", &route), 2.0);
    assert_eq!(number(&lines, "insightgate_http_request_duration_seconds_count", &route[..2]), 4.0);
    let artifacts = [("method", "GET"), ("route", "/artifacts/{execution}/{file}")];
    assert_eq!(number(&lines, "insightgate_http_response_bytes_total", &artifacts), file.body.len() as f64);
    assert_eq!(number(&lines, "insightgate_executions_total", &[("end", "completed")]), 1.0);
    assert!(number(&lines, "insightgate_execution_rows_total", &[]) >= 1.0);
    assert_eq!(number(&lines, "insightgate_execution_bytes_total", &[]), file.body.len() as f64);
    assert_eq!(number(&lines, "insightgate_queue_length", &[("queue", "executions"), ("state", "due")]), 1.0);
    for check in ["database", "databaseWrites", "keys", "artifacts", "data"] {
        assert_eq!(number(&lines, "insightgate_check_ok", &[("check", check)]), 1.0, "{check}");
    }
    assert!(number(&lines, "insightgate_engine_memory_limit_bytes", &[]) > 0.0);
    assert_eq!(number(&lines, "insightgate_build_info", &[("version", env!("CARGO_PKG_VERSION"))]), 1.0);
    for name in ["contoso", &CONTOSO.to_string(), &APP.to_string(), "ana@", SECRET] {
        assert!(lines.iter().all(|line| !line.contains(name)), "{name}");
    }
    // Further executions are due, and the counts of what waits are good for a few seconds.
    assert!(runner::execute_next(&deployment.context).await.unwrap());
    assert_eq!(number(&watched.lines().await, "insightgate_executions_total", &[("end", "completed")]), 2.0);
}

#[tokio::test]
async fn strangers_make_no_metrics() {
    let watched = Watched::new(Deployment::new().await);
    let ask = |number: u32| {
        let method = if number == 0 { "GET".to_owned() } else { format!("M{number}") };
        Request::builder().method(method.as_str()).uri(format!("/nowhere-{number}/{number}?q={number}")).body(Body::empty()).unwrap()
    };
    let routes = |number: u32| {
        let tenant = format!("/t{number}/oauth2/token");
        Request::post(tenant).header("ms-correlationid", format!("c{number}")).body(Body::from(format!("grant_type=g{number}"))).unwrap()
    };
    for number in 0..3 {
        watched.deployment.send(ask(number)).await;
        watched.deployment.send(routes(number)).await;
    }
    let before = watched.lines().await.len();
    for number in 3..60 {
        watched.deployment.send(ask(number)).await;
        watched.deployment.send(routes(number)).await;
    }
    let after = watched.lines().await;
    assert_eq!(after.len(), before);
    assert!(after.len() < 600, "{}", after.len());
}

#[tokio::test]
async fn tenants_are_counted_where_the_settings_ask_for_it() {
    let watched = Watched::new(Deployment::with(|settings| settings.tenant_telemetry = true).await);
    let deployment = &watched.deployment;
    deployment.export(ANA, "SELECT Name, Amount FROM Sales", json!({})).await;
    let lines = watched.lines().await;
    let contoso = CONTOSO.to_string();
    assert!(number(&lines, "insightgate_tenant_requests_total", &[("tenant", &contoso)]) >= 3.0);
    assert_eq!(number(&lines, "insightgate_tenant_executions_total", &[("tenant", &contoso), ("end", "completed")]), 1.0);
}

async fn keys_verdict(context: &SharedContext, watched: &Watched) -> (u16, Value) {
    tokio::time::pause();
    // The verdict of a second ago is reused.
    tokio::time::advance(std::time::Duration::from_secs(2)).await;
    tokio::time::resume();
    assert!(Arc::ptr_eq(context, &watched.deployment.context));
    let answer = watched.get("/readyz").await;
    let verdict = answer.json()["checks"].as_array().unwrap().iter().find(|check| check["name"] == "keys").unwrap().clone();
    (answer.status.as_u16(), verdict)
}

#[tokio::test]
async fn a_process_of_any_role_says_whether_it_can_work() {
    let watched = Watched::new(Deployment::new().await);
    let context = Arc::clone(&watched.deployment.context);
    assert_eq!((watched.get("/healthz").await.text(), watched.get("/nothing").await.status.as_u16()), ("ok".into(), 404));
    assert_eq!(keys_verdict(&context, &watched).await, (200, json!({"name": "keys", "ok": true, "detail": null})));
    // As after another process has begun to use another encryption key.
    let sealed = "of another encryption key".to_owned();
    let created = context.clock.now();
    context.store.add_key(&StoredKey { id: "other".into(), purpose: "link".into(), sealed, created }).await.unwrap();
    let (status, verdict) = keys_verdict(&context, &watched).await;
    assert_eq!((status, &verdict["ok"]), (503, &json!(false)));
    assert!(verdict["detail"].as_str().unwrap().contains("another encryption key"), "{verdict}");
    assert_eq!(number(&watched.lines().await, "insightgate_check_ok", &[("check", "keys")]), 0.0);
    context.store.close().await;
    let answer = watched.get("/readyz").await;
    assert_eq!((answer.status.as_u16(), answer.header("retry-after")), (503, "5"));
    // What could not be counted is not there.
    tokio::time::pause();
    tokio::time::advance(std::time::Duration::from_secs(6)).await;
    tokio::time::resume();
    let lines = watched.lines().await;
    assert!(lines.iter().all(|line| !line.starts_with("insightgate_queue_length{")), "{lines:?}");
    assert!(number(&lines, "insightgate_database_statement_seconds_count", &[("lane", "identity")]) > 0.0);
}

#[tokio::test]
async fn a_line_of_the_log_says_who_got_how_much_and_how_long_it_took() {
    let deployment = Deployment::new().await;
    let link = deployment.export(ANA, "SELECT Name, Amount FROM Sales", json!({})).await;
    // The first answer of the authority is compared with its document, whose own line would be in the log.
    assert_eq!(deployment.post_form("/contoso.example/oauth2/token", &[("grant_type", "none")]).await.status, 400);
    let (log, _guard) = Log::begin();
    let file = deployment.fetch(&link, &[("ms-correlationid", "abc-1")]).await;
    let told = log.take(Level::INFO, "answered");
    assert_eq!(told.len(), 1, "{told:?}");
    let size = format!("bytes={} ", file.body.len());
    let (tenant, user, application) = (format!("tenant={CONTOSO} "), format!("user={} ", ANA.user.unwrap()), format!("application={APP} "));
    for part in [
        "method=\"GET\"",
        "route=\"/artifacts/{execution}/{file}\"",
        "status=200",
        "milliseconds=",
        "correlation=\"abc-1\"",
        &size,
        &tenant,
        &user,
        &application,
    ] {
        assert!(told[0].contains(part), "{part} in {told:?}");
    }
    assert!(!told[0].contains("sig=") && !told[0].contains("cut_off"), "{told:?}");
    // A reader that goes away leaves a line too.
    let request = Request::get(link.strip_prefix(BASE).unwrap()).header(header::HOST, "insights.example").body(Body::empty()).unwrap();
    drop(deployment.router.clone().oneshot(request).await.unwrap());
    let told = log.take(Level::INFO, "answered");
    assert!(told.len() == 1 && told[0].contains("bytes=0 cut_off=true"), "{told:?}");
    // Of a grant, whom the token stands for.
    let app = APP.to_string();
    let form = [("grant_type", "client_credentials"), ("client_id", app.as_str()), ("client_secret", SECRET), ("resource", RESOURCE)];
    assert_eq!(deployment.post_form("/contoso.example/oauth2/token", &form).await.status, 200);
    let told = log.take(Level::INFO, "answered");
    assert!(told.len() == 1 && told[0].contains(&tenant) && told[0].contains(&application) && !told[0].contains("user="), "{told:?}");
    assert!(!told[0].contains(SECRET), "{told:?}");
    deployment.get(ANA, "ScheduledReport").await;
    let told = log.take(Level::INFO, "answered");
    assert!(told.len() == 1 && told[0].contains(&tenant) && told[0].contains("/scheduledreport"), "{told:?}");
}
