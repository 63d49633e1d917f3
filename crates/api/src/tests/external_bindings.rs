//! Who binds an issuer's identifiers to whom, and what that changes.

use insightgate_identity::external_identity::ExternalKind::{Application, Tenant, User};
use insightgate_operations::bind_external_identity::{
    NewExternalIdentity, bind_external_identity, list_external_identities, unbind_external_identity,
};
use insightgate_operations::failure::Failure;
use serde_json::json;
use uuid::Uuid;

use super::harness::*;
use super::issuer::*;

#[tokio::test]
async fn bindings_count_from_the_next_request_on() {
    let issuer = Issuer::start().await;
    let bench = issuer.bench().await;
    let ben = issuer.token(&bench, &FIRST, json!({"oid": "ben-at-issuer"}));
    present(&bench, "mpn", &ben).await.refused(401);
    let refusal = bench.audited("access.refuse").await.remove(0);
    assert!(refusal.actor.contains(&issuer.url) && refusal.actor.contains("ben-at-issuer"), "names whom to bind: {refusal:?}");
    assert_eq!(refusal.tenant, Some(CONTOSO), "whose administrator can");
    let bound = issuer.bind(&bench, CONTOSO, User, Some("ben-at-issuer"), BEN.user, ADMIN).await.unwrap();
    present(&bench, "mpn", &ben).await.ok();
    assert!(list_external_identities(&bench.context, CONTOSO).await.unwrap().contains(&bound));
    // Another tenant neither sees it nor removes it.
    assert_eq!(list_external_identities(&bench.context, FABRIKAM).await.unwrap(), []);
    let foreign = unbind_external_identity(&bench.context, FABRIKAM, bound.id, OPERATOR).await;
    assert!(matches!(foreign, Err(Failure::NotFound)));
    unbind_external_identity(&bench.context, CONTOSO, bound.id, ADMIN).await.unwrap();
    present(&bench, "mpn", &ben).await.refused(401);
    let again = unbind_external_identity(&bench.context, CONTOSO, bound.id, ADMIN).await;
    assert!(matches!(again, Err(Failure::NotFound)));
    let events = [bench.audited("external_identity.bind").await, bench.audited("external_identity.unbind").await].concat();
    assert_eq!(events.len(), 5);
    let last = events.last().unwrap();
    assert_eq!((last.tenant, last.actor.as_str(), last.subject.clone()), (Some(CONTOSO), "admin", BEN.user.unwrap().to_string()));
    assert!(last.detail.contains("ben-at-issuer") && last.detail.contains(&issuer.url), "{}", last.detail);
}

#[tokio::test]
async fn a_tenants_binding_goes_with_all_in_it() {
    let issuer = Issuer::start().await;
    let bench = issuer.bench().await;
    let token = issuer.token(&bench, &FIRST, json!({}));
    present(&bench, "mpn", &token).await.ok();
    let bound = list_external_identities(&bench.context, CONTOSO).await.unwrap();
    let tenant = bound.iter().find(|identity| identity.kind == Tenant).unwrap();
    let by_admin = unbind_external_identity(&bench.context, CONTOSO, tenant.id, ADMIN).await;
    assert!(matches!(by_admin, Err(Failure::Forbidden(_))));
    unbind_external_identity(&bench.context, CONTOSO, tenant.id, OPERATOR).await.unwrap();
    assert_eq!(list_external_identities(&bench.context, CONTOSO).await.unwrap(), []);
    present(&bench, "mpn", &token).await.refused(401);
    // Bound to another organisation, the same token opens nothing of the first one.
    issuer.bind(&bench, FABRIKAM, Tenant, None, None, OPERATOR).await.unwrap();
    present(&bench, "mpn", &token).await.refused(401);
    issuer.bind(&bench, FABRIKAM, Application, Some("app-at-issuer"), Some(FOREIGN_APP), ADMIN).await.unwrap();
    issuer.bind(&bench, FABRIKAM, User, Some("ana-at-issuer"), ZOE.user, ADMIN).await.unwrap();
    let authorization = format!("Bearer {token}");
    let uri = "/insights/v1/mpn/ScheduledQueries/testQueryResult?exportQuery=SELECT%20Name%20FROM%20Sales";
    let rows = bench.fetch(uri, &[("authorization", &authorization)]).await.ok();
    assert_eq!(rows, [json!({"Name": "zeta"})]);
}

#[tokio::test]
async fn only_what_is_ones_own_is_bound() {
    let issuer = Issuer::start().await;
    let bench = issuer.bench().await;
    let (ben, nobody) = (BEN.user, Some(Uuid::from_u128(999)));
    let asked = |kind, id: Option<&str>, local| issuer.identity(kind, id, local);
    let elsewhere = |identity: NewExternalIdentity, tenant: &str| NewExternalIdentity { external_tenant: Some(tenant.into()), ..identity };
    let long = "x".repeat(257);
    let invalid = [
        ("an unknown issuer", NewExternalIdentity { issuer: format!("{}/", issuer.url), ..asked(User, Some("ben"), ben) }),
        ("no external tenant", NewExternalIdentity { external_tenant: None, ..asked(User, Some("ben"), ben) }),
        ("an external tenant that is not bound", elsewhere(asked(User, Some("ben"), ben), "unbound")),
        ("no id", asked(User, None, ben)),
        ("an empty id", asked(User, Some(""), ben)),
        ("an id with a blank", asked(User, Some("ben "), ben)),
        ("an id with a line", asked(User, Some("be\nn"), ben)),
        ("a long id", asked(User, Some(&long), ben)),
        ("nobody", asked(User, Some("ben"), None)),
        ("an unknown user", asked(User, Some("ben"), nobody)),
        ("another tenant's user", asked(User, Some("ben"), ZOE.user)),
        ("an application as a user", asked(User, Some("ben"), Some(APP))),
        ("another tenant's application", asked(Application, Some("app"), Some(FOREIGN_APP))),
        ("bound already", asked(User, Some("ana-at-issuer"), ben)),
        ("a tenant bound already", asked(Tenant, None, None)),
        ("a tenant with an id", elsewhere(asked(Tenant, Some("x"), None), "new")),
        ("a tenant with a user", elsewhere(asked(Tenant, None, ben), "new")),
    ];
    for (what, identity) in invalid {
        let refused = bind_external_identity(&bench.context, CONTOSO, &identity, OPERATOR).await;
        assert!(matches!(refused, Err(Failure::Invalid(_))), "{what}: {refused:?}");
    }
    let tenant = elsewhere(asked(Tenant, None, None), "new");
    let by_admin = bind_external_identity(&bench.context, CONTOSO, &tenant, ADMIN).await;
    assert!(matches!(by_admin, Err(Failure::Forbidden(_))), "{by_admin:?}");
    // Nobody claims members of a tenant that is bound to another organisation.
    let claimed = bind_external_identity(&bench.context, FABRIKAM, &asked(User, Some("ben"), ZOE.user), ADMIN).await;
    assert!(matches!(claimed, Err(Failure::Invalid(_))), "{claimed:?}");
    assert_eq!(list_external_identities(&bench.context, CONTOSO).await.unwrap().len(), 3);
    assert_eq!(bench.audited("external_identity.bind").await.len(), 3);
}

#[tokio::test]
async fn an_issuer_of_one_tenant_is_that_tenants_own() {
    let issuer = Issuer::start().await;
    let bench = issuer.bench_with(issuer.fixed(), Default::default()).await;
    present(&bench, "mpn", &issuer.token(&bench, &FIRST, json!({"tid": "whatever"}))).await.ok();
    let without_tenant = |identity: NewExternalIdentity| NewExternalIdentity { external_tenant: None, ..identity };
    let zoe = without_tenant(issuer.identity(User, Some("zoe"), ZOE.user));
    let foreign = bind_external_identity(&bench.context, FABRIKAM, &zoe, OPERATOR).await;
    assert!(matches!(foreign, Err(Failure::Forbidden(_))), "{foreign:?}");
    for identity in [without_tenant(issuer.identity(Tenant, None, None)), issuer.identity(User, Some("ben"), BEN.user)] {
        let refused = bind_external_identity(&bench.context, CONTOSO, &identity, OPERATOR).await;
        assert!(matches!(refused, Err(Failure::Invalid(_))), "{refused:?}");
    }
}
