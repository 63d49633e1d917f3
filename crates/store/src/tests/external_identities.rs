//! Bindings of the identifiers of external issuers.

use insightgate_identity::external_identity::{ExternalBearer, ExternalIdentity, ExternalKind};

use super::*;

fn identity(id: u128, external_tenant: &str, kind: ExternalKind, external_id: &str) -> ExternalIdentity {
    ExternalIdentity {
        id: Uuid::from_u128(id),
        tenant: tenant().id,
        issuer: "https://issuer.example".into(),
        external_tenant: external_tenant.into(),
        kind,
        external_id: external_id.into(),
        local: Uuid::from_u128(100 + id),
        created: at(i64::try_from(id).unwrap()),
    }
}

#[tokio::test]
async fn identifiers_are_bound_once_and_found_by_their_bearer() {
    let Deployment { store, _folder, .. } = deployment().await;
    let organisation = identity(1, "t", ExternalKind::Tenant, "t");
    let user = identity(2, "t", ExternalKind::User, "ana");
    let application = identity(3, "t", ExternalKind::Application, "app");
    let elsewhere = identity(4, "u", ExternalKind::User, "ana");
    for identity in [&organisation, &user, &application, &elsewhere] {
        store.add_external_identity(identity).await.unwrap();
    }
    let again = ExternalIdentity { id: Uuid::from_u128(9), ..user.clone() };
    assert!(store.add_external_identity(&again).await.unwrap_err().is_conflict());
    let bearer = ExternalBearer { tenant: "t".into(), application: "app".into(), subject: "ana".into(), alone: false };
    let mut found = store.identities_of_bearer("https://issuer.example", &bearer).await.unwrap();
    found.sort_by_key(|identity| identity.id);
    assert_eq!(found, [organisation.clone(), user.clone(), application.clone()]);
    assert_eq!(store.identities_of_bearer("https://other.example", &bearer).await.unwrap(), []);
    assert_eq!(store.tenant_of_external("https://issuer.example", "t").await.unwrap(), Some(tenant().id));
    assert_eq!(store.tenant_of_external("https://issuer.example", "u").await.unwrap(), None);
    assert_eq!(store.external_identity(tenant().id, user.id).await.unwrap(), Some(user.clone()));
    assert_eq!(store.external_identity(Uuid::from_u128(7), user.id).await.unwrap(), None);

    assert!(store.remove_external_identity(&user).await.unwrap());
    assert!(!store.remove_external_identity(&user).await.unwrap());
    let listed = async || store.external_identities(tenant().id).await.unwrap();
    assert_eq!(listed().await, [organisation.clone(), application, elsewhere.clone()]);
    // The tenant's binding is removed with those of its members, and no others.
    assert!(store.remove_external_identity(&organisation).await.unwrap());
    assert_eq!(listed().await, [elsewhere]);
    assert!(store.delete_tenant(tenant().id).await.unwrap());
    assert_eq!(listed().await, []);
}
