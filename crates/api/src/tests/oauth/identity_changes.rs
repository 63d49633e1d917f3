//! Cached identities never outlive a change: a request that begins after a write has returned sees it.

use std::sync::Arc;
use std::sync::atomic::Ordering::SeqCst;
use std::sync::atomic::{AtomicBool, AtomicUsize};

use axum::http::StatusCode;
use insightgate_identity::application::Permission;
use insightgate_identity::enrollment::{Enrollment, EnrollmentStage};
use insightgate_identity::program::Program;
use insightgate_identity::role::Role;

use super::token_endpoint::{ask, v1};
use crate::tests::harness::*;

const ALONE_FORM: [(&str, Option<&str>); 3] = [("grant_type", Some("client_credentials")), ("username", None), ("password", None)];

async fn reads(deployment: &Deployment) -> u16 {
    deployment.get(ANA, "ScheduledDataset").await.status.as_u16()
}

#[tokio::test]
async fn each_revocation_is_seen_by_the_next_request_and_so_is_its_end() {
    let deployment = Deployment::new().await;
    let store = &deployment.context.store;
    let (user, now) = (ANA.user.unwrap(), deployment.now());
    let viewer = store.principal(CONTOSO, APP, ANA.user).await.unwrap().unwrap().roles.remove(0);
    let mut application = store.application(CONTOSO, APP).await.unwrap().unwrap();
    assert_eq!(reads(&deployment).await, 200);

    store.set_user_enabled(user, false).await.unwrap();
    assert_eq!(reads(&deployment).await, 403);
    store.set_user_enabled(user, true).await.unwrap();
    assert_eq!(reads(&deployment).await, 200);

    assert!(store.revoke_role(user, Role::ExecutiveReportViewer).await.unwrap());
    assert_eq!(reads(&deployment).await, 403);
    store.put_role(CONTOSO, user, &viewer).await.unwrap();
    assert_eq!(reads(&deployment).await, 200);

    assert!(store.revoke_consent(APP, Permission::PartnerApi, None).await.unwrap());
    assert_eq!(reads(&deployment).await, 403);
    store.grant_consent(APP, Permission::PartnerApi, Some(user), now).await.unwrap();
    assert_eq!(reads(&deployment).await, 200);

    application.enabled = false;
    assert!(store.change_application(&application, None).await.unwrap());
    assert_eq!(reads(&deployment).await, 403);
    application.enabled = true;
    assert!(store.change_application(&application, None).await.unwrap());
    assert_eq!(reads(&deployment).await, 200);

    let suspended = Enrollment { stage: EnrollmentStage::Suspended, ..Enrollment::active(Program::Mpn, now) };
    let suspend = |_| (Some(suspended), ());
    store.change_enrollment(CONTOSO, Program::Mpn, suspend).await.unwrap();
    assert_eq!(reads(&deployment).await, 403);
    store.put_enrollment(CONTOSO, &Enrollment::active(Program::Mpn, now)).await.unwrap();
    assert_eq!(reads(&deployment).await, 200);

    assert!(store.delete_tenant(CONTOSO).await.unwrap());
    assert_eq!(reads(&deployment).await, 401);
}

#[tokio::test]
async fn a_secret_is_good_from_its_addition_to_its_removal() {
    let deployment = Deployment::new().await;
    let store = &deployment.context.store;
    let status = async || ask(&deployment, &v1(), &ALONE_FORM).await.status;
    assert_eq!(status().await, StatusCode::OK);
    let secret = store.client_secrets(APP).await.unwrap().remove(0);
    assert!(store.remove_client_secret(APP, secret.id).await.unwrap());
    assert_eq!(status().await, StatusCode::UNAUTHORIZED);
    store.add_client_secret(APP, &secret).await.unwrap();
    assert_eq!(status().await, StatusCode::OK);
    deployment.context.clock.set(secret.expires).unwrap();
    assert_eq!(status().await, StatusCode::UNAUTHORIZED, "expired while it was remembered");
}

/// Revokes and restores a role while others read: every request that begins after a revocation has returned is refused.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn readers_beside_a_writer_never_bring_back_what_was_revoked() {
    let deployment = Arc::new(Deployment::new().await);
    let user = ANA.user.unwrap();
    let viewer = deployment.context.store.principal(CONTOSO, APP, ANA.user).await.unwrap().unwrap().roles.remove(0);
    let done = Arc::new(AtomicBool::new(false));
    let readers: Vec<_> = (0..3)
        .map(|_| {
            let (deployment, done) = (Arc::clone(&deployment), Arc::clone(&done));
            tokio::spawn(async move {
                let mut answers = 0;
                while !done.load(SeqCst) {
                    deployment.context.directory.view().principal(CONTOSO, APP, ANA.user).await.unwrap();
                    answers += 1;
                    tokio::task::yield_now().await;
                }
                answers
            })
        })
        .collect();
    for round in 0..40 {
        assert!(deployment.context.store.revoke_role(user, Role::ExecutiveReportViewer).await.unwrap());
        assert_eq!(reads(&deployment).await, 403, "round {round}");
        deployment.context.store.put_role(CONTOSO, user, &viewer).await.unwrap();
        assert_eq!(reads(&deployment).await, 200, "round {round}");
    }
    done.store(true, SeqCst);
    for reader in readers {
        assert!(reader.await.unwrap() > 0);
    }
}

/// Counted, not timed: there are more sign-ins at once than may wait. Some are refused at once, and readers finish before the rest of the flood.
#[tokio::test]
async fn a_flood_of_password_grants_is_bounded_and_stops_nobody_else() {
    let deployment = Arc::new(Deployment::new().await);
    deployment.hash_as_usual(ANA).await;
    assert_eq!(reads(&deployment).await, 200);
    let finished = Arc::new(AtomicUsize::new(0));
    let flood: Vec<_> = (0..300)
        .map(|_| {
            let (deployment, finished) = (Arc::clone(&deployment), Arc::clone(&finished));
            tokio::spawn(async move {
                let answer = ask(&deployment, &v1(), &[]).await;
                finished.fetch_add(1, SeqCst);
                let code = answer.json()["error_codes"][0].as_u64();
                (answer.status.as_u16(), code)
            })
        })
        .collect();
    for _ in 0..20 {
        assert_eq!(reads(&deployment).await, 200);
        assert_eq!(ask(&deployment, &v1(), &ALONE_FORM).await.status, 200);
    }
    let before = finished.load(SeqCst);
    let mut answers = Vec::new();
    for answer in flood {
        answers.push(answer.await.unwrap());
    }
    let granted = answers.iter().filter(|(status, _)| *status == 200).count();
    let busy = answers.iter().filter(|answer| **answer == (429, Some(90055))).count();
    assert_eq!(granted + busy, 300, "{answers:?}");
    // Two are hashed at once in this deployment, and 64 may wait.
    assert!((66..300).contains(&granted), "{granted} were granted");
    assert!(before < 300, "the others were through before the flood was");
}
