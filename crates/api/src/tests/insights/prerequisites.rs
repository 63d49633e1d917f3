//! Calls every endpoint of the Insights API without a token and with each prerequisite missing.

use axum::body::Body;
use axum::http::{Method, Request, header};
use insightgate_identity::application::{Application, Permission};
use insightgate_identity::enrollment::{Enrollment, EnrollmentStage};
use insightgate_identity::program::Program;
use insightgate_identity::role::Role;
use insightgate_identity::tokens::token::AccessClaims;

use crate::tests::harness::*;
use crate::tests::http::every_route::of_program;

async fn ask(deployment: &Deployment, (method, path): &(Method, String), headers: &[(&str, &str)]) -> Answer {
    let request = Request::builder().method(method.clone()).uri(path);
    let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
    deployment.send(request.body(Body::from("{}")).unwrap()).await
}

#[tokio::test]
async fn without_an_accepted_token_nothing_is_answered() {
    let deployment = Deployment::new().await;
    let (ana, ben) = (deployment.token(ANA), deployment.token(BEN));
    let signed = |change: fn(&mut AccessClaims)| {
        let mut claims = deployment.claims(ANA);
        change(&mut claims);
        format!("Bearer {}", deployment.context.signing.sign(&claims).unwrap())
    };
    let wrong = [
        signed(|claims| claims.exp = claims.iat),
        signed(|claims| claims.nbf = claims.iat + 1),
        signed(|claims| claims.aud = "https://graph.microsoft.com".to_owned()),
        signed(|claims| claims.aud = "api://insightgate/manage".to_owned()),
        signed(|claims| claims.iss = "https://elsewhere.example/".to_owned()),
        // Another tenant's user, application, or both.
        signed(|claims| claims.oid = ZOE.user.unwrap()),
        signed(|claims| claims.appid = Some(FOREIGN_APP)),
        signed(|claims| (claims.tid, claims.iss) = (FABRIKAM, format!("{BASE}/{FABRIKAM}/"))),
    ];
    let bearer = format!("Bearer {ana}");
    let mut cases: Vec<Vec<(&str, &str)>> = vec![
        vec![],
        vec![("authorization", "")],
        vec![("authorization", "Bearer")],
        vec![("authorization", "Bearer ")],
        vec![("authorization", &ana)],
        vec![("authorization", "Basic YTpi")],
        vec![("x-aaduserticket", "nonsense")],
        vec![("authorization", &bearer), ("x-aaduserticket", &ben)],
        // A malformed header invalidates the other one.
        vec![("authorization", "Basic YTpi"), ("x-aaduserticket", &ana)],
    ];
    cases.extend(wrong.iter().map(|token| vec![("authorization", token.as_str())]));
    for endpoint in [of_program(&deployment, "mpn").await, of_program(&deployment, "cmp").await].concat() {
        for headers in &cases {
            assert_eq!(ask(&deployment, &endpoint, headers).await.refused(401), "Unauthorized", "{endpoint:?} {headers:?}");
        }
    }
    // All of the endpoints exist, for callers who may use them.
    let both = [("authorization", bearer.as_str()), ("x-aaduserticket", ana.as_str())];
    for endpoint in of_program(&deployment, "mpn").await {
        for headers in [&both[..1], &both[1..], &both[..]] {
            let status = ask(&deployment, &endpoint, headers).await.status.as_u16();
            assert!([200, 400, 404].contains(&status), "{status} {endpoint:?}");
        }
    }
}

/// What is removed after the token was issued.
#[derive(Debug, Clone, Copy)]
enum Missing {
    Enrollment(EnrollmentStage),
    User,
    Consent,
    Role,
    Application,
    Permission,
    Person,
}

#[tokio::test]
async fn each_missing_prerequisite_is_refused_with_its_reason_and_audited() {
    let cases = [
        (
            Missing::Enrollment(EnrollmentStage::Suspended),
            "The organisation's enrollment in the partner program 'mpn' is Suspended, not Accepted.",
        ),
        (
            Missing::Enrollment(EnrollmentStage::Review),
            "The organisation's enrollment in the partner program 'mpn' is Pending, not Accepted.",
        ),
        (Missing::User, "The user account is disabled."),
        (
            Missing::Consent,
            "The organisation has not consented to the application's permission to the Microsoft Partner API (user_impersonation).",
        ),
        (Missing::Role, "The user lacks the role Executive report viewer."),
        (Missing::Application, "The application is disabled."),
        (Missing::Permission, "The application lacks the permission to the Microsoft Partner API (user_impersonation)."),
        (Missing::Person, "The token is for an application alone; this program needs a token for application and user."),
    ];
    for (missing, reason) in cases {
        let deployment = Deployment::new().await;
        let who = match missing {
            Missing::Application => Who { application: SHUT_APP, ..ANA },
            Missing::Permission => Who { application: BARE_APP, ..ANA },
            Missing::Person => ALONE,
            _ => ANA,
        };
        let token = format!("Bearer {}", deployment.token(who));
        let store = &deployment.context.store;
        let user = ANA.user.unwrap();
        match missing {
            Missing::Enrollment(stage) => {
                let enrollment = Enrollment { stage, ..Enrollment::active(Program::Mpn, deployment.now()) };
                store.put_enrollment(CONTOSO, &enrollment).await.unwrap()
            }
            Missing::User => store.set_user_enabled(user, false).await.unwrap(),
            Missing::Consent => assert!(store.revoke_consent(APP, Permission::PartnerApi, None).await.unwrap()),
            Missing::Role => assert!(store.revoke_role(user, Role::ExecutiveReportViewer).await.unwrap()),
            Missing::Application | Missing::Permission | Missing::Person => {}
        }
        let endpoints = of_program(&deployment, "mpn").await;
        for (index, endpoint) in endpoints.iter().enumerate() {
            let correlation = format!("request-{index}");
            let headers = [(header::AUTHORIZATION.as_str(), token.as_str()), ("ms-correlationid", &correlation)];
            let answer = ask(&deployment, endpoint, &headers).await;
            assert_eq!(answer.refused(403), reason, "{endpoint:?}");
            assert_eq!(answer.header("ms-correlationid"), correlation);
        }
        let audited = deployment.audited("access.refuse").await;
        assert_eq!(audited.len(), endpoints.len(), "{missing:?}");
        for index in 0..endpoints.len() {
            let event = audited.iter().find(|event| event.correlation == Some(format!("request-{index}"))).unwrap();
            assert_eq!((event.tenant, event.detail.as_str(), event.subject.as_str()), (Some(CONTOSO), reason, "mpn"));
            assert_eq!((event.actor.clone(), event.at), (who.user.unwrap_or(who.application).to_string(), deployment.now()));
        }
    }
}

/// The marketplace accepts an application without a user if it has a role itself.
#[tokio::test]
async fn the_marketplace_takes_an_application_alone() {
    let deployment = Deployment::new().await;
    let datasets = |who| deployment.call_program(who, "cmp", Method::GET, "ScheduledDataset?datasetName=Orders", serde_json::Value::Null);
    assert_eq!(datasets(ALONE).await.ok()[0]["datasetName"], "Orders");
    let lacking = "The application or user lacks the role Manager or Developer.";
    assert_eq!(datasets(ANA).await.refused(403), lacking);
    assert_eq!(datasets(Who { application: BARE_APP, ..ALONE }).await.refused(403), lacking);
    let endpoints = of_program(&deployment, "cmp").await;
    let token = format!("Bearer {}", deployment.token(ALONE));
    let all_refused = async |reason: &str| {
        for endpoint in &endpoints {
            assert_eq!(ask(&deployment, endpoint, &[("authorization", &token)]).await.refused(403), reason, "{endpoint:?}");
        }
    };
    for endpoint in &endpoints {
        let status = ask(&deployment, endpoint, &[("authorization", &token)]).await.status.as_u16();
        assert!([200, 400, 404].contains(&status), "{status} {endpoint:?}");
    }
    let store = &deployment.context.store;
    store.revoke_role(APP, Role::Manager).await.unwrap();
    all_refused(lacking).await;
    let suspended = Enrollment { stage: EnrollmentStage::Suspended, ..Enrollment::active(Program::Cmp, deployment.now()) };
    store.put_enrollment(CONTOSO, &suspended).await.unwrap();
    all_refused("The organisation's enrollment in the partner program 'cmp' is Suspended, not Accepted.").await;
    store.put_enrollment(CONTOSO, &Enrollment::active(Program::Cmp, deployment.now())).await.unwrap();
    let shut = Application { enabled: false, ..store.application(CONTOSO, APP).await.unwrap().unwrap() };
    assert!(store.change_application(&shut, None).await.unwrap());
    all_refused("The application is disabled.").await;
}

#[tokio::test]
async fn an_unknown_program_is_not_found() {
    let deployment = Deployment::new().await;
    let unknown = deployment.call_program(ANA, "nce", Method::GET, "ScheduledDataset", serde_json::Value::Null).await;
    assert_eq!(unknown.refused(404), "No item found with given filters.");
}
