//! Who may bind an issuer's identifiers to whom, and what that changes.

use axum::http::Method;
use serde_json::{Value, json};

use crate::tests::harness::issuer::*;
use crate::tests::harness::*;

async fn bind(deployment: &Deployment, who: Who, tenant: &str, body: Value) -> Answer {
    manage(deployment, who, Method::POST, tenant, "", body).await
}

async fn list(deployment: &Deployment, who: Who, tenant: &str) -> Vec<Value> {
    let answer = manage(deployment, who, Method::GET, tenant, "", Value::Null).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json()["value"].as_array().unwrap().clone()
}

async fn unbind(deployment: &Deployment, who: Who, tenant: &str, id: &Value) -> u16 {
    manage(deployment, who, Method::DELETE, tenant, &format!("/{}", id.as_str().unwrap()), Value::Null).await.status.as_u16()
}

#[tokio::test]
async fn bindings_count_from_the_next_request_on() {
    let issuer = Issuer::start().await;
    let deployment = issuer.deployment().await;
    let ben = issuer.token(&deployment, &FIRST, json!({"oid": "ben-at-issuer"}));
    present(&deployment, "mpn", &ben).await.refused(401);
    let refusal = deployment.audited("access.refuse").await.remove(0);
    assert!(refusal.actor.contains(&issuer.url) && refusal.actor.contains("ben-at-issuer"), "names whom to bind: {refusal:?}");
    assert_eq!(refusal.tenant, Some(CONTOSO), "whose administrator can");
    let body = issuer.binding(json!({"kind": "user", "externalId": "ben-at-issuer", "user": BEN.user}));
    let bound = bind(&deployment, ANA, "contoso.example", body.clone()).await;
    assert_eq!(bound.status, 201, "{}", bound.text());
    let bound = bound.json();
    let expected = json!({
        "id": bound["id"], "issuer": issuer.url, "externalTenant": EXTERNAL_TENANT, "kind": "user", "externalId": "ben-at-issuer",
        "user": BEN.user, "application": null, "created": NOW,
    });
    assert_eq!(bound, expected);
    present(&deployment, "mpn", &ben).await.ok();
    assert!(list(&deployment, ANA, "contoso.example").await.contains(&bound));
    // Another tenant neither sees nor removes it.
    assert_eq!(list(&deployment, ZOE, "fabrikam.example").await, Vec::<Value>::new());
    assert_eq!(unbind(&deployment, ZOE, "fabrikam.example", &bound["id"]).await, 404);
    assert_eq!(unbind(&deployment, ZOE, "contoso.example", &bound["id"]).await, 404);
    assert_eq!(unbind(&deployment, ANA, "contoso.example", &bound["id"]).await, 204);
    present(&deployment, "mpn", &ben).await.refused(401);
    assert_eq!(unbind(&deployment, ANA, "contoso.example", &bound["id"]).await, 404);
    assert_eq!(deployment.audited("externalIdentity.bind").await.len(), 4);
    let [removal] = &deployment.audited("externalIdentity.unbind").await[..] else { panic!("one event") };
    let (ana, ben) = (ANA.user.unwrap().to_string(), BEN.user.unwrap().to_string());
    assert_eq!((removal.tenant, &removal.actor, &removal.subject), (Some(CONTOSO), &ana, &ben));
    assert!(removal.detail.contains("ben-at-issuer") && removal.detail.contains(&issuer.url), "{}", removal.detail);
    // A viewer of reports may not bind anybody.
    assert_eq!(bind(&deployment, BEN, "contoso.example", body).await.status, 403);
}

#[tokio::test]
async fn a_tenants_binding_goes_with_all_in_it() {
    let issuer = Issuer::start().await;
    let deployment = issuer.deployment().await;
    let token = issuer.token(&deployment, &FIRST, json!({}));
    present(&deployment, "mpn", &token).await.ok();
    let bound = list(&deployment, ANA, "contoso.example").await;
    let tenant = bound.iter().find(|identity| identity["kind"] == "tenant").unwrap();
    assert_eq!(unbind(&deployment, ANA, "contoso.example", &tenant["id"]).await, 403);
    assert_eq!(unbind(&deployment, OPERATOR, "contoso.example", &tenant["id"]).await, 204);
    assert_eq!(list(&deployment, ANA, "contoso.example").await, Vec::<Value>::new());
    present(&deployment, "mpn", &token).await.refused(401);
    // Once it is bound to another organisation, the same token gives no access to the first one.
    let cases = [
        (OPERATOR, json!({"kind": "tenant"})),
        (ZOE, json!({"kind": "application", "externalId": "app-at-issuer", "application": FOREIGN_APP})),
        (ZOE, json!({"kind": "user", "externalId": "ana-at-issuer", "user": "zoe@fabrikam.example"})),
    ];
    for (who, body) in cases {
        present(&deployment, "mpn", &token).await.refused(401);
        let answer = bind(&deployment, who, "fabrikam.example", issuer.binding(body)).await;
        assert_eq!(answer.status, 201, "{}", answer.text());
    }
    let authorization = format!("Bearer {token}");
    let uri = "/insights/v1/mpn/ScheduledQueries/testQueryResult?exportQuery=SELECT%20Name%20FROM%20Sales";
    let rows = deployment.fetch(uri, &[("authorization", &authorization)]).await.ok();
    assert_eq!(rows, [json!({"Name": "zeta"})]);
}

#[tokio::test]
async fn only_what_is_ones_own_is_bound() {
    let issuer = Issuer::start().await;
    let deployment = issuer.deployment().await;
    let ben = json!({"kind": "user", "externalId": "ben", "user": "ben@contoso.example"});
    let app = json!({"kind": "application", "externalId": "app", "application": APP});
    let but = |body: &Value, changes: Value| issuer.binding(with(body.clone(), changes));
    let cases = [
        ("an unknown issuer", but(&ben, json!({"issuer": format!("{}/", issuer.url)})), 400),
        ("no issuer", but(&ben, json!({"issuer": null})), 400),
        ("no kind", but(&ben, json!({"kind": null})), 400),
        ("an unknown kind", but(&ben, json!({"kind": "group"})), 400),
        ("no external tenant", but(&ben, json!({"externalTenant": null})), 400),
        ("an external tenant that is not bound", but(&ben, json!({"externalTenant": "unbound"})), 409),
        ("no id", but(&ben, json!({"externalId": null})), 400),
        ("an empty id", but(&ben, json!({"externalId": ""})), 400),
        ("an id with a blank", but(&ben, json!({"externalId": "ben "})), 400),
        ("an id with a line", but(&ben, json!({"externalId": "be\nn"})), 400),
        ("a long id", but(&ben, json!({"externalId": "x".repeat(257)})), 400),
        ("an id of another type", but(&ben, json!({"externalId": 7})), 400),
        ("nobody", but(&ben, json!({"user": null})), 400),
        ("an unknown user", but(&ben, json!({"user": "nobody@contoso.example"})), 400),
        ("another tenant's user", but(&ben, json!({"user": "zoe@fabrikam.example"})), 400),
        ("a user and an application", but(&ben, json!({"application": APP})), 400),
        ("an application as a user", but(&ben, json!({"user": APP})), 400),
        ("another tenant's application", but(&app, json!({"application": FOREIGN_APP})), 400),
        ("what is no application", but(&app, json!({"application": "app"})), 400),
        ("an operator's application", but(&app, json!({"application": OPERATOR_APP})), 400),
        ("bound already", but(&ben, json!({"externalId": "ana-at-issuer"})), 409),
        ("a tenant, by its administrator", issuer.binding(json!({"kind": "tenant", "externalTenant": "new"})), 403),
    ];
    for (what, body, status) in cases {
        let answer = bind(&deployment, ANA, "contoso.example", body).await;
        assert_eq!(answer.status.as_u16(), status, "{what}: {}", answer.text());
    }
    let cases = [
        ("a tenant bound already", json!({"kind": "tenant"}), 409),
        ("a tenant with an id", json!({"kind": "tenant", "externalTenant": "new", "externalId": "new"}), 400),
        ("a tenant with a user", json!({"kind": "tenant", "externalTenant": "new", "user": "ben@contoso.example"}), 400),
    ];
    for (what, body, status) in cases {
        let answer = bind(&deployment, OPERATOR, "contoso.example", issuer.binding(body)).await;
        assert_eq!(answer.status.as_u16(), status, "{what}: {}", answer.text());
    }
    // A tenant cannot bind members of an external tenant that is bound to another organisation.
    let claimed = but(&ben, json!({"user": "zoe@fabrikam.example"}));
    assert_eq!(bind(&deployment, ZOE, "fabrikam.example", claimed).await.status, 409);
    assert_eq!(list(&deployment, ANA, "contoso.example").await.len(), 3);
    assert_eq!(deployment.audited("externalIdentity.bind").await.len(), 3);
    // An operator may bind what administrators may not see.
    let operator = but(&app, json!({"application": OPERATOR_APP}));
    assert_eq!(bind(&deployment, OPERATOR, "contoso.example", operator).await.status, 201);
}

#[tokio::test]
async fn an_issuer_of_one_tenant_is_that_tenants_own() {
    let issuer = Issuer::start().await;
    let deployment = issuer.bench_with(issuer.fixed(), Default::default()).await;
    present(&deployment, "mpn", &issuer.token(&deployment, &FIRST, json!({"tid": "whatever"}))).await.ok();
    let user = |name: &str| json!({"kind": "user", "externalId": "new", "user": name, "externalTenant": null});
    let foreign = bind(&deployment, OPERATOR, "fabrikam.example", issuer.binding(user("zoe@fabrikam.example"))).await;
    assert_eq!(foreign.status, 403, "{}", foreign.text());
    let named = with(user("ben@contoso.example"), json!({"externalTenant": EXTERNAL_TENANT}));
    for body in [named, json!({"kind": "tenant", "externalTenant": null})] {
        assert_eq!(bind(&deployment, OPERATOR, "contoso.example", issuer.binding(body)).await.status, 400);
    }
    assert!(list(&deployment, ANA, "contoso.example").await.iter().all(|identity| identity["externalTenant"].is_null()));
}
