//! Wrong clocks: that of one process beside others, and that of a machine that was a year ahead and was set back.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use insightgate_identity::tokens::token::Expectation;
use insightgate_operations::background::turn::Turn;
use insightgate_operations::clock::Clock;
use insightgate_operations::context::Settings;
use insightgate_operations::executions::scheduler::{queue_due, replan};
use insightgate_operations::executions::sweeper::look_after;
use insightgate_operations::keys::rotate::tend_keys;
use insightgate_report::instant;
use serde_json::json;

use crate::tests::harness::*;

const TOKEN: &str = "/contoso.example/oauth2/token";

fn ten_minutes_ahead() -> DateTime<Utc> {
    Clock::of_system() + TimeDelta::minutes(10)
}

fn settings() -> Settings {
    Settings { hold_poll: Duration::ZERO, ..Settings::default() }
}

#[tokio::test]
async fn a_process_whose_clock_is_ahead_goes_by_the_database() {
    let deployment = Deployment::start(settings(), Clock::shared(ten_minutes_ahead)).await;
    let app = APP.to_string();
    let form = [("grant_type", "client_credentials"), ("client_id", app.as_str()), ("client_secret", SECRET), ("resource", RESOURCE)];
    // The view of another process, whose clock is right.
    let accepted = async || {
        let answer = deployment.post_form(TOKEN, &form).await.json();
        let claims = deployment.context.signing.verify(answer["access_token"].as_str().unwrap()).unwrap();
        let audiences = [RESOURCE.to_owned()];
        claims.check(&Expectation { audiences: &audiences, authority: None, now: Clock::of_system() }).is_ok()
    };
    assert!(!accepted().await, "without the database's time");
    assert_eq!(deployment.context.clock.warning(), None);
    deployment.context.clock.follow(&deployment.context.store).await.unwrap();
    assert!(accepted().await);
    assert!((deployment.now() - Clock::of_system()).abs() < TimeDelta::seconds(5));
    let warning = deployment.context.clock.warning().unwrap();
    assert!(warning.contains("s ahead of the database's"), "{warning}");
    let ready = deployment.fetch("/readyz", &[]).await.json();
    let clock = ready["checks"].as_array().unwrap().iter().find(|check| check["name"] == "clock").unwrap();
    assert!(clock["detail"].as_str().unwrap().contains("seconds ahead of the database's"), "{ready}");
}

static AHEAD_SECONDS: AtomicI64 = AtomicI64::new(0);

fn moved() -> DateTime<Utc> {
    Clock::of_system() + TimeDelta::seconds(AHEAD_SECONDS.load(Ordering::SeqCst))
}

fn set_ahead(days: i64) {
    AHEAD_SECONDS.store(days * 86_400, Ordering::SeqCst);
}

#[tokio::test]
async fn a_clock_that_was_a_year_ahead_and_came_back_costs_nothing() {
    let settings = Settings { artifact_days: 5, history_days: 5, audit_days: 5, ..settings() };
    let deployment = Deployment::start(settings, Clock::shared(moved)).await;
    let link = deployment.export(ANA, ALL_SALES, json!({})).await;
    let query = deployment.create_query(ANA, ALL_SALES).await;
    let start = instant::format(deployment.now() + TimeDelta::hours(5));
    deployment.create_report(ANA, &query, json!({"StartTime": start, "RecurrenceInterval": 24})).await;
    let events = deployment.context.store.audit_events(1000).await.unwrap().len();
    let keys = deployment.context.signing.public();
    look_after(&deployment.context, &Turn::alone()).await.unwrap();

    set_ahead(365);
    look_after(&deployment.context, &Turn::alone()).await.unwrap();
    tend_keys(&deployment.context).await.unwrap();
    queue_due(&deployment.context, deployment.now()).await.unwrap();
    assert!(deployment.context.store.next_due().await.unwrap().unwrap() > deployment.now());

    set_ahead(0);
    look_after(&deployment.context, &Turn::alone()).await.unwrap();
    tend_keys(&deployment.context).await.unwrap();
    assert_eq!(deployment.fetch(&link, &[]).await.status, 200, "the file is there");
    assert!(deployment.context.store.audit_events(1000).await.unwrap().len() >= events);
    assert!(keys.iter().all(|key| deployment.context.signing.public().contains(key)));
    let next = async || deployment.context.store.next_due().await.unwrap().unwrap() - deployment.now();
    assert!(next().await > TimeDelta::days(300));
    replan(&deployment.context).await.unwrap();
    let wait = next().await;
    assert!(wait > TimeDelta::hours(4) && wait <= TimeDelta::hours(5), "{wait}");
    assert!(deployment.context.store.replan(deployment.now()).await.unwrap().is_empty(), "once");
}
