//! Mail, from what it tells of to a real mail server.

use chrono::TimeDelta;
use insightgate_identity::application::ClientSecret;
use insightgate_identity::profile::LegalProfile;
use insightgate_identity::program::Program;
use insightgate_identity::role::Role;
use insightgate_operations::background::turn::Turn;
use insightgate_operations::context::Settings;
use insightgate_operations::mail::{deliverer, expiring};
use insightgate_report::callback::CallbackState;
use insightgate_store::{Mail, MailKind, NewMail, Recipient};
use serde_json::json;
use uuid::Uuid;

use crate::tests::harness::mail_server::{MailServer, Received};
use crate::tests::harness::*;

async fn deployment() -> (Deployment, MailServer) {
    let server = MailServer::start().await;
    let change = |settings: &mut Settings| {
        settings.mail = Some(server.settings());
        settings.quotas = false;
    };
    (Deployment::with(change).await, server)
}

async fn deliver(deployment: &Deployment) -> usize {
    deliverer::deliver_due(&deployment.context).await.unwrap()
}

async fn only(deployment: &Deployment) -> Mail {
    let [mail] = deployment.context.store.mails(10).await.unwrap().try_into().unwrap();
    mail
}

/// Executes a report that fails.
async fn fail(deployment: &Deployment, who: Who, name: &str) -> String {
    let file = deployment.data_folder(Program::Mpn, "Sales", CONTOSO).join("b.parquet");
    std::fs::write(file, "no Parquet").unwrap();
    let query = deployment.create_query(who, ALL_SALES).await;
    let report = deployment.create_report(who, &query, json!({"ExecuteNow": true, "ReportName": name})).await;
    assert_eq!(deployment.work().await, 1);
    report
}

fn is_without_links(letter: &Received) -> bool {
    !["http", "sig="].iter().any(|part| letter.whole().contains(part))
}

#[tokio::test]
async fn an_owner_is_told_of_a_failed_execution_once() {
    let (deployment, server) = deployment().await;
    let report = fail(&deployment, ANA, "Weekly Größe").await;
    assert_eq!((deliver(&deployment).await, deliver(&deployment).await), (1, 0));
    let [letter] = server.take().try_into().unwrap();
    assert_eq!(letter.to, "ana@contoso.example");
    assert_eq!(letter.header("Message-ID"), format!("<{}@insights.example>", only(&deployment).await.id));
    assert_eq!(letter.header("Date"), "Sun, 22 Nov 2026 12:00:00 +0000");
    assert!(letter.header("Subject").contains("failed") && is_without_links(&letter), "{letter:?}");
    let reason = deployment.executions(ANA, &report).await[0]["failureReason"].as_str().unwrap().to_owned();
    let body = only(&deployment).await.body;
    for told in ["\"Weekly Größe\"", reason.as_str(), report.as_str(), "Owner: ana@contoso.example"] {
        assert!(body.contains(told), "{told}: {body}");
    }
    assert!(!body.contains("paused"), "{body}");
    // One that succeeds tells of nothing.
    std::fs::remove_file(deployment.data_folder(Program::Mpn, "Sales", CONTOSO).join("b.parquet")).unwrap();
    deployment.export(ANA, ALL_SALES, json!({})).await;
    assert_eq!(deliver(&deployment).await, 0);
}

#[tokio::test]
async fn an_owner_is_told_that_a_schedule_is_paused() {
    let (deployment, server) = deployment().await;
    let query = deployment.create_query(ANA, ALL_SALES).await;
    deployment.create_report(ANA, &query, every_four_hours(None)).await;
    deployment.context.store.revoke_role(ANA.user.unwrap(), Role::ExecutiveReportViewer).await.unwrap();
    deployment.advance(TimeDelta::hours(4));
    assert_eq!((deployment.work().await, deliver(&deployment).await), (1, 1));
    let [letter] = server.take().try_into().unwrap();
    assert_eq!(letter.header("Subject"), "The report \"report\" failed and is paused");
    assert!(letter.whole().contains("Its schedule is paused") && letter.whole().contains("lacks the role"), "{letter:?}");
}

#[tokio::test]
async fn what_others_chose_is_no_header_and_many_failures_are_one_mail() {
    let (deployment, server) = deployment().await;
    for number in 0..8 {
        fail(&deployment, ANA, &format!("r{number}\r\nBcc: eve@evil.example")).await;
    }
    assert_eq!(deliver(&deployment).await, 5);
    for letter in server.take() {
        assert!(!letter.whole().contains("\r\nBcc:") && letter.to == "ana@contoso.example", "{letter:?}");
    }
    deployment.advance(TimeDelta::hours(12));
    assert_eq!(deliver(&deployment).await, 1);
    let [letter] = server.take().try_into().unwrap();
    assert_eq!(letter.header("Subject"), "Further reports failed");
    assert!(letter.whole().contains("executions failed 3 more times") && is_without_links(&letter), "{letter:?}");
    assert!(["r5 ", "r6 ", "r7 "].iter().all(|name| letter.whole().contains(name)) && !letter.whole().contains("r4 "), "{letter:?}");
}

#[tokio::test]
async fn what_may_pass_is_tried_again_under_the_same_id_for_three_days() {
    let (deployment, server) = deployment().await;
    fail(&deployment, ANA, "report").await;
    server.answer("451 Try again later");
    assert_eq!((deliver(&deployment).await, deliver(&deployment).await), (1, 0), "its wait is not over");
    let first = only(&deployment).await;
    assert_eq!(
        (first.delivery.state, first.error.as_deref()),
        (CallbackState::Pending, Some("the mail server asked to try again later: 451 Try again later"))
    );
    server.answer("250 fine");
    deployment.advance(TimeDelta::seconds(5));
    assert_eq!(deliver(&deployment).await, 1);
    assert_eq!(server.take().remove(0).header("Message-ID"), format!("<{}@insights.example>", first.id));
    assert_eq!(only(&deployment).await.delivery.state, CallbackState::Delivered);

    fail(&deployment, BEN, "report").await;
    // The credentials of the server are nothing that is wrong with the mail, whatever the class of the answer.
    server.answer("535 Who are you");
    let state = async || {
        let mail = deployment.context.store.mails(10).await.unwrap().into_iter().find(|mail| mail.recipient.starts_with("ben")).unwrap();
        (mail.delivery.state, mail.delivery.attempts, mail.delivery.finished.map(|finished| finished - mail.created))
    };
    while state().await.0 == CallbackState::Pending {
        deployment.advance(TimeDelta::hours(1));
        deliver(&deployment).await;
    }
    let (ended, attempts, after) = state().await;
    assert_eq!(ended, CallbackState::Failed);
    assert!(attempts > 10 && after.unwrap() > TimeDelta::hours(60) && after.unwrap() <= TimeDelta::days(3), "{attempts} {after:?}");
    let event = deployment.audited("mail.giveUp").await.remove(0);
    assert!(event.tenant.is_none() && event.detail.starts_with("failure to ben@contoso.example: "), "{event:?}");
}

#[tokio::test]
async fn a_permanent_refusal_is_final() {
    let (deployment, server) = deployment().await;
    fail(&deployment, ANA, "report").await;
    server.answer("550 No such user");
    assert_eq!(deliver(&deployment).await, 1);
    let mail = only(&deployment).await;
    assert_eq!((mail.delivery.state, mail.error.as_deref()), (CallbackState::Failed, Some("the mail server refused it: 550 No such user")));
    assert_eq!(deployment.audited("mail.giveUp").await.len(), 1);
    deployment.advance(TimeDelta::days(1));
    assert_eq!(deliver(&deployment).await, 0);
}

/// This mail server knows no SMTPUTF8.
#[tokio::test]
async fn an_address_that_the_server_cannot_take_is_named_and_final() {
    let (deployment, server) = deployment().await;
    let foreign = NewMail {
        id: Uuid::from_u128(1),
        tenant: CONTOSO,
        to: Recipient::Contact,
        kind: MailKind::Failure,
        occasion: "occasion".to_owned(),
        subject: "subject".to_owned(),
        body: "body".to_owned(),
        sealed: None,
        created: deployment.now(),
        give_up: deployment.now() + TimeDelta::days(3),
        summary: None,
    };
    let none = NewMail { id: Uuid::from_u128(2), ..foreign.clone() };
    let tenant = deployment.context.store.tenant(CONTOSO).await.unwrap().unwrap();
    for (mail, address, words) in
        [(foreign, "zoë@contoso.example", "'zoë@contoso.example' has letters beyond ASCII"), (none, "zoe", "'zoe' is no mail address")]
    {
        let profile = LegalProfile { primary_contact_email: address.to_owned(), ..LegalProfile::default() };
        assert!(deployment.context.store.change_tenant(&tenant, Some(&profile), |_, _| None, |_| None).await.unwrap());
        assert_eq!(deployment.context.store.add_mail(&mail).await.unwrap(), 1);
        assert_eq!(deliver(&deployment).await, 1);
        let kept = deployment.context.store.mails(10).await.unwrap().into_iter().find(|kept| kept.id == mail.id).unwrap();
        assert_eq!(kept.delivery.state, CallbackState::Failed);
        assert!(kept.error.as_ref().unwrap().starts_with(words), "{kept:?}");
    }
    assert!(server.take().is_empty());
}

#[tokio::test]
async fn administrators_are_told_of_a_secret_at_thirty_and_seven_days_and_at_its_end() {
    let (deployment, server) = deployment().await;
    let store = &deployment.context.store;
    let admin = insightgate_identity::role::RoleAssignment {
        role: Role::GlobalAdmin,
        locations: insightgate_identity::role::Locations::Organization,
    };
    store.put_role(CONTOSO, BEN.user.unwrap(), &admin).await.unwrap();
    let end = deployment.now() + TimeDelta::days(100);
    let secret = ClientSecret {
        id: Uuid::from_u128(0x5ec),
        digest: "digest".into(),
        hint: "hin".into(),
        description: "nightly".into(),
        created: deployment.now(),
        expires: end,
    };
    store.add_client_secret(BARE_APP, &secret).await.unwrap();
    // Others may expire in that time too.
    let tell = async || {
        expiring::tell_of_secrets(&deployment.context, &Turn::alone()).await.unwrap();
        deliver(&deployment).await;
        let mut letters = server.take();
        letters.retain(|letter| letter.whole().contains("nightly"));
        letters
    };
    assert!(tell().await.is_empty());
    for (days, happens) in [(30, "expires"), (7, "expires"), (0, "has expired")] {
        deployment.context.clock.set(end - TimeDelta::days(days)).unwrap();
        let [letter] = tell().await.try_into().unwrap();
        assert_eq!((letter.to.as_str(), letter.header("Subject")), ("ben@contoso.example", format!("A secret of app {happens}")));
        assert!(is_without_links(&letter) && !letter.whole().contains("digest") && !letter.whole().contains("hin…"), "{letter:?}");
        assert!(tell().await.is_empty(), "once");
    }
}
