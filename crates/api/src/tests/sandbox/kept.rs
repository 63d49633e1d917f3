//! What the sandbox keeps: the last requests, and what its receiver got.

use serde_json::{Value, json};

use super::*;

#[tokio::test]
async fn requests_are_kept_with_their_secrets_masked() {
    let deployment = Deployment::sandbox().await;
    let (app, password) = (APP.to_string(), PASSWORD);
    let form = [
        ("grant_type", "password"),
        ("client_id", app.as_str()),
        ("client_secret", SECRET),
        ("username", "ana@contoso.example"),
        ("password", password),
    ];
    deployment.post_form("/contoso.example/oauth2/token", &form).await;
    let link = deployment.export(ANA, ALL_SALES, json!({})).await;
    assert_eq!(deployment.fetch(&link, &[("range", "bytes=0-3")]).await.status, 206);
    let fault = order(&deployment, json!({"status": 500, "times": 1})).await;
    deployment.get(ANA, "ScheduledDataset?datasetName=Sales").await.refused(500);
    let kept = ask(&deployment, Method::GET, "requests", Value::Null).await.json();
    let kept = kept["requests"].as_array().unwrap();
    let text = Value::from(kept.clone()).to_string();
    assert!(!text.contains("eyJ") && !text.contains("sig=A") && !text.contains(SECRET) && !text.contains("app%2Bsecret"), "{text}");
    let of = |path: &str| kept.iter().rev().find(|request| request["path"] == path).unwrap_or_else(|| panic!("{path}: {text}"));
    let token = of("/contoso.example/oauth2/token");
    assert!(token["body"].as_str().unwrap().contains("client_secret=***&username=ana%40contoso.example&password=***"), "{token}");
    let created = of("/insights/v1/mpn/scheduledqueries");
    assert_eq!(
        (&created["method"], &created["body"]["Query"], &created["headers"]["authorization"]),
        (&json!("POST"), &json!(ALL_SALES), &json!("Bearer ***"))
    );
    let download = kept.iter().find(|request| request["path"].as_str().unwrap().starts_with("/artifacts/")).unwrap();
    assert!(
        download["query"].as_str().unwrap().contains("sig=***") && download["headers"]["range"] == "bytes=0-3" && download["status"] == 206
    );
    let failed = of("/insights/v1/mpn/scheduleddataset");
    assert_eq!((&failed["status"], &failed["fault"], &failed["query"]), (&json!(500), &fault["id"], &json!("datasetName=Sales")));
    assert!(kept.iter().all(|request| !request["path"].as_str().unwrap().starts_with("/sandbox/")));
    ask(&deployment, Method::DELETE, "requests", Value::Null).await;
    assert_eq!(ask(&deployment, Method::GET, "requests", Value::Null).await.json(), json!({"requests": []}));
}

#[tokio::test]
async fn a_request_is_kept_whose_client_did_not_wait() {
    let deployment = Deployment::sandbox().await;
    let fault = order(&deployment, json!({"match": {"method": "POST"}, "delay": "PT120S"})).await;
    let body = json!({"Name": "query", "Query": ALL_SALES});
    let met = async {
        while ask(&deployment, Method::GET, "faults", Value::Null).await.json()["faults"][0]["happened"] != 1 {
            tokio::task::yield_now().await;
        }
    };
    tokio::select! {
        _ = deployment.call(ANA, Method::POST, "ScheduledQueries", body) => panic!("it was answered"),
        () = met => {}
    }
    deployment.get(ANA, "ScheduledReport").await.ok();
    let kept = ask(&deployment, Method::GET, "requests", Value::Null).await.json();
    let [gone, answered] = &kept["requests"].as_array().unwrap()[..] else { panic!("{kept}") };
    assert_eq!(
        (&gone["method"], &gone["path"], &gone["status"], &gone["gaveUp"], &gone["fault"]),
        (&json!("POST"), &json!("/insights/v1/mpn/scheduledqueries"), &Value::Null, &json!(true), &fault["id"])
    );
    assert_eq!((&answered["status"], &answered["gaveUp"], &answered["fault"]), (&json!(200), &json!(false), &Value::Null));
}

#[tokio::test]
async fn the_receiver_says_whether_a_signature_holds() {
    let deployment = Deployment::sandbox().await;
    for (path, body) in [("receiver", Value::Null), ("receiver/any/where", json!({"reportId": "r"}))] {
        assert_eq!(ask(&deployment, Method::POST, path, body).await.status, 204);
    }
    let got = ask(&deployment, Method::GET, "callbacks", Value::Null).await.json();
    let got = got["callbacks"].as_array().unwrap();
    assert_eq!(
        (got.len(), &got[1]["path"], &got[1]["body"], &got[1]["signature"]),
        (2, &json!("/sandbox/v1/receiver/any/where"), &json!({"reportId": "r"}), &json!("missing"))
    );
    // A receiver that fails is ordered as anything else.
    order(&deployment, json!({"match": {"path": "/sandbox/v1/receiver"}, "status": 500, "times": 1})).await;
    assert_eq!(ask(&deployment, Method::POST, "receiver", Value::Null).await.status, 500);
    ask(&deployment, Method::DELETE, "callbacks", Value::Null).await;
    assert_eq!(ask(&deployment, Method::GET, "callbacks", Value::Null).await.json(), json!({"callbacks": []}));
}
