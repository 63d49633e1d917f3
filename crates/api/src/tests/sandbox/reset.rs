//! Back to the first state.

use axum::http::Method;
use insightgate_operations::background::turn::Turn;
use insightgate_operations::sandbox::reset::remember_first_state;
use insightgate_operations::usage::files::{write_down, write_files};
use serde_json::{Value, json};

use super::*;

#[tokio::test]
async fn everything_that_came_since_is_gone_and_who_was_there_is_there_again() {
    let deployment = Deployment::sandbox().await;
    assert_eq!(ask(&deployment, Method::POST, "reset", json!({})).await.status, 409, "there is nothing to go back to yet");
    remember_first_state(&deployment.context).await.unwrap();
    for _ in 0..2 {
        let token = deployment.token(ANA);
        let link = deployment.export(ANA, ALL_SALES, json!({})).await;
        let query = deployment.create_query(ANA, ALL_SALES).await;
        deployment.create_report(ANA, &query, every_four_hours(None)).await;
        deployment.context.store.set_user_enabled(BEN.user.unwrap(), false).await.unwrap();
        assert_ne!(deployment.get(BEN, "ScheduledReport").await.status, 200);
        order(&deployment, json!({"status": 500})).await;
        ask(&deployment, Method::POST, "receiver", json!({})).await;
        write_down(&deployment.context, true).await.unwrap();
        write_files(&deployment.context, &Turn::alone()).await.unwrap();
        assert!(deployment.folder.path().join("artifacts/access-log").exists());
        assert_eq!(ask(&deployment, Method::POST, "reset", json!({})).await.json(), json!({"reset": true}));
        assert!(deployment.get(ANA, "ScheduledReport").await.ok().is_empty());
        deployment.get(BEN, "ScheduledReport").await.ok();
        let queries = deployment.get(ANA, "ScheduledQueries").await.ok();
        assert!(queries.iter().all(|query| query["type"] != "userDefined"), "{queries:?}");
        deployment.fetch(&link, &[]).await.refused(404);
        assert!(walked(&deployment.folder.path().join("artifacts")).is_empty(), "the files are gone too");
        for path in ["faults", "callbacks"] {
            assert_eq!(ask(&deployment, Method::GET, path, Value::Null).await.json(), json!({ path: [] }));
        }
        // A token that was given before goes on to work, and the clock stays.
        let request = Request::get("/insights/v1/mpn/ScheduledReport").header(header::AUTHORIZATION, format!("Bearer {token}"));
        deployment.send(request.body(Body::empty()).unwrap()).await.ok();
        assert_eq!(ask(&deployment, Method::GET, "clock", Value::Null).await.json()["now"], NOW);
    }
}

#[tokio::test]
async fn of_a_report_that_was_there_only_the_first_files_stay() {
    let deployment = Deployment::sandbox().await;
    let query = deployment.create_query(ANA, ALL_SALES).await;
    let report = deployment.create_report(ANA, &query, every_four_hours(None)).await;
    advance(&deployment, "PT4H").await;
    assert_eq!(deployment.work().await, 1);
    let first = deployment.executions(ANA, &report).await.remove(0);
    remember_first_state(&deployment.context).await.unwrap();
    let artifacts = deployment.folder.path().join("artifacts");
    let before = walked(&artifacts);
    assert_eq!(before.len(), 1);
    advance(&deployment, "PT8H").await;
    assert_eq!(deployment.work().await, 2);
    assert_eq!(walked(&artifacts).len(), 3);
    assert_eq!(ask(&deployment, Method::POST, "reset", json!({})).await.status, 200);
    assert_eq!(walked(&artifacts), before);
    let link = first["reportAccessSecureLink"].as_str().unwrap();
    assert_eq!(deployment.fetch(link, &[]).await.status, 200, "what was there can still be fetched");
}

/// The files below a folder.
fn walked(folder: &std::path::Path) -> Vec<std::path::PathBuf> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    entries.map(|entry| entry.unwrap().path()).flat_map(|path| if path.is_dir() { walked(&path) } else { vec![path] }).collect()
}
