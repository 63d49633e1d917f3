//! The outbox of mail: written with the change that it tells of, to whom, how many, and what becomes of it.

use insightgate_identity::application::ClientSecret;
use insightgate_identity::enrollment::Enrollment;
use insightgate_identity::profile::LegalProfile;
use insightgate_identity::role::{Role, RoleAssignment};
use insightgate_report::callback::{CallbackState, give_up_after};

use super::*;
use crate::room;

fn mail(id: u128, to: Recipient, occasion: &str, hour: i64) -> NewMail {
    NewMail {
        id: Uuid::from_u128(id),
        tenant: tenant().id,
        to,
        kind: MailKind::Secret,
        occasion: occasion.to_owned(),
        subject: "subject".to_owned(),
        body: "body".to_owned(),
        sealed: None,
        created: at(hour),
        give_up: give_up_after(at(hour)),
        summary: None,
    }
}

fn failure(id: u128, hour: i64) -> NewMail {
    let summary = Some(Summary { subject: "several".to_owned(), line: format!("line {id}\n") });
    NewMail { kind: MailKind::Failure, summary, ..mail(id, Recipient::Contact, &format!("execution {id}"), hour) }
}

async fn name_contact(store: &Store, address: &str) {
    let profile = LegalProfile { primary_contact_email: address.to_owned(), ..LegalProfile::default() };
    assert!(store.change_tenant(&tenant(), Some(&profile), |_, _| None, |_| None).await.unwrap());
}

/// A deployment whose tenant has a contact.
async fn with_contact() -> Deployment {
    let deployment = deployment().await;
    name_contact(&deployment.store, "ana@contoso.example").await;
    deployment
}

async fn recipients(store: &Store, to: Recipient, occasion: &str) -> Vec<String> {
    let id = u128::from(occasion.as_bytes()[0]);
    store.add_mail(&mail(id, to, occasion, 1)).await.unwrap();
    let mut found: Vec<String> =
        store.mails(100).await.unwrap().into_iter().filter(|mail| mail.occasion == occasion).map(|mail| mail.recipient).collect();
    found.sort();
    found
}

async fn add_user(store: &Store, id: u128, name: &str, role: Option<Role>) -> User {
    let user = User::new(Uuid::from_u128(id), tenant().id, format!("{name}@contoso.example"));
    store.add_user(&user, None, at(0)).await.unwrap();
    if let Some(role) = role {
        store.put_role(tenant().id, user.id, &RoleAssignment { role, locations: Locations::Organization }).await.unwrap();
    }
    user
}

#[tokio::test]
async fn a_mail_is_written_with_its_change_or_not_at_all() {
    let Deployment { store, _folder, .. } = with_contact().await;
    store.add_report(&once(7), Some(&first_execution(&once(7))), None).await.unwrap().unwrap();
    let first = store.claim_execution(0, 100).await.unwrap().unwrap();
    let held = store.claim_execution(200, 300).await.unwrap().unwrap();
    let failed = Outcome::Failed { reason: "no".into() };
    let telling = store.telling(failure(1, 1));
    assert!(!telling.finish_execution(&first, &failed, None, at(1)).await.unwrap());
    assert!(store.mails(10).await.unwrap().is_empty(), "whoever lost the execution tells of nothing");
    for _ in 0..2 {
        assert!(telling.finish_execution(&held, &failed, None, at(1)).await.unwrap());
    }
    let [written] = store.mails(10).await.unwrap().try_into().unwrap();
    assert_eq!((written.id, written.kind, written.events), (Uuid::from_u128(1), MailKind::Failure, 1));
    assert_eq!(
        (written.recipient.as_str(), written.delivery.state, written.delivery.due),
        ("ana@contoso.example", CallbackState::Pending, at(1))
    );

    let start = Enrollment::start(Program::Cmp, at(0));
    let code =
        NewMail { kind: MailKind::Code, sealed: Some("sealed".into()), body: String::new(), ..mail(2, Recipient::Contact, "code", 1) };
    let telling = store.telling(code);
    telling.move_enrollment(tenant().id, Program::Cmp, |_| (None, ()), |(), _| None).await.unwrap();
    assert_eq!(store.mails(10).await.unwrap().len(), 1, "nothing was changed");
    telling.move_enrollment(tenant().id, Program::Cmp, |_| (Some(start.clone()), ()), |(), _| None).await.unwrap();
    let [_, code] = store.mails(10).await.unwrap().try_into().unwrap();
    assert_eq!((code.sealed.as_deref(), code.body.as_str()), (Some("sealed"), ""));
    assert_eq!(store.sealed().await.unwrap().last().map(|sealed| sealed.purpose.clone()), Some(format!("mail {}", code.id)));
}

#[tokio::test]
async fn owners_are_told_or_else_administrators_or_else_the_contact() {
    let Deployment { store, _folder, .. } = deployment().await;
    let nobody = Recipient::Owner(Uuid::from_u128(77));
    assert_eq!(recipients(&store, nobody.clone(), "a").await, Vec::<String>::new(), "there is nobody to tell");
    assert_eq!(recipients(&store, Recipient::Contact, "g").await, Vec::<String>::new());
    name_contact(&store, "contact@contoso.example").await;
    assert_eq!(recipients(&store, nobody.clone(), "b").await, ["contact@contoso.example"]);
    let ana = add_user(&store, 20, "ana", None).await;
    add_user(&store, 21, "zoe", Some(Role::GlobalAdmin)).await;
    add_user(&store, 22, "ben", Some(Role::AccountAdmin)).await;
    add_user(&store, 23, "lea", Some(Role::ReportViewer)).await;
    let gone = add_user(&store, 24, "gone", Some(Role::GlobalAdmin)).await;
    store.change_user(gone.id, None, Some(false)).await.unwrap();
    let administrators = ["ben@contoso.example", "zoe@contoso.example"];
    assert_eq!(recipients(&store, Recipient::Administrators, "c").await, administrators);
    assert_eq!(recipients(&store, Recipient::Contact, "h").await, ["contact@contoso.example"]);
    assert_eq!(recipients(&store, nobody, "d").await, administrators);
    assert_eq!(recipients(&store, Recipient::Owner(Uuid::from_u128(24)), "e").await, administrators, "the owner may not sign in");
    assert_eq!(recipients(&store, Recipient::Owner(ana.id), "f").await, ["ana@contoso.example"]);
    let told = store.told_occasions(&["a", "c", "x"].map(str::to_owned)).await.unwrap();
    assert_eq!(told, ["c".to_owned()].into());
    // Once a recipient and occasion.
    assert_eq!(store.add_mail(&mail(9, Recipient::Administrators, "c", 2)).await.unwrap(), 0);
    assert_eq!(recipients(&store, Recipient::Administrators, "c").await, administrators);
    // What goes with a user, and with a tenant.
    store.delete_user(tenant().id, ana.id, false, at(3)).await.unwrap();
    assert!(store.mails(100).await.unwrap().iter().all(|mail| mail.recipient != "ana@contoso.example"));
    assert!(store.delete_tenant(tenant().id).await.unwrap());
    assert!(store.mails(100).await.unwrap().is_empty());
}

#[tokio::test]
async fn many_failures_of_a_day_are_one_mail_at_its_end() {
    let Deployment { store, _folder, .. } = with_contact().await;
    let alone = u128::try_from(room::FAILURES_ALONE).unwrap();
    for id in 1..=alone + 30 {
        assert_eq!(store.add_mail(&failure(id, 1)).await.unwrap(), 1);
    }
    let mails = store.mails(100).await.unwrap();
    let (single, several): (Vec<Mail>, Vec<Mail>) = mails.into_iter().partition(|mail| mail.kind == MailKind::Failure);
    assert_eq!(single.len(), usize::try_from(room::FAILURES_ALONE).unwrap());
    let [several] = several.try_into().unwrap();
    assert_eq!((several.events, several.delivery.due, several.subject.as_str()), (30, at(24), "several"));
    assert_eq!((several.body.lines().next(), several.body.lines().count()), (Some("line 6"), 20));
    assert_eq!(several.delivery.give_up, give_up_after(at(24)));
    let waiting = store.due_mails(at(23), 1000, &[], 100).await.unwrap();
    assert!(waiting.iter().all(|due| due.id != several.id) && waiting.len() == single.len());
    // What comes when it is on its way is not added.
    let held = store.claim_mail(several.id, at(24), 1000, 2000).await.unwrap().unwrap();
    assert!(store.finish_mail(&held, None, SendOutcome::Delivered, at(24)).await.unwrap());
    assert_eq!(store.add_mail(&failure(90, 23)).await.unwrap(), 0);
    // Another day.
    assert_eq!(store.add_mail(&failure(91, 25)).await.unwrap(), 1);
    let newest = store.mails(1).await.unwrap().pop().unwrap();
    assert_eq!((newest.kind, newest.delivery.due), (MailKind::Failure, at(25)));
}

#[tokio::test]
async fn a_recipient_and_a_tenant_get_so_many_mails_a_day() {
    let Deployment { store, _folder, .. } = with_contact().await;
    for number in 0..room::MAILS_OF_RECIPIENT {
        assert_eq!(
            store.add_mail(&mail(u128::try_from(number).unwrap() + 1, Recipient::Contact, &number.to_string(), 1)).await.unwrap(),
            1
        );
    }
    assert_eq!(store.add_mail(&mail(90, Recipient::Contact, "further", 2)).await.unwrap(), 0, "it is left out");
    let code = NewMail { kind: MailKind::Code, ..mail(91, Recipient::Contact, "code", 2) };
    assert!(matches!(store.add_mail(&code).await, Err(StoreError::MailsFull)), "whoever asked for it hears of it");
    name_contact(&store, "ben@contoso.example").await;
    assert_eq!(store.add_mail(&mail(92, Recipient::Contact, "further", 2)).await.unwrap(), 1, "another recipient");
    name_contact(&store, "ana@contoso.example").await;
    assert_eq!(store.add_mail(&mail(93, Recipient::Contact, "further", 24)).await.unwrap(), 1, "another day");
    bounds::fill(
        &store,
        room::MAILS_OF_TENANT,
        "INSERT INTO mails (id, tenant_id, recipient, kind, occasion, subject, body, events, created, state, attempts, epoch, due, give_up, lease_until)
         SELECT 'n' || n, '00000000-0000-0000-0000-000000000001', 'n' || n, 'secret', 'o', '', '', 1, 172800000, 'delivered', 0, 0, 0, 0, 0",
    )
    .await;
    assert_eq!(store.add_mail(&mail(94, Recipient::Contact, "of the third day", 48)).await.unwrap(), 0);
}

#[tokio::test]
async fn one_holder_at_a_time_and_what_is_secret_goes_with_the_last_step() {
    let Deployment { store, _folder, .. } = with_contact().await;
    let sealed = NewMail { sealed: Some("sealed".into()), ..mail(1, Recipient::Contact, "code", 1) };
    store.add_mail(&sealed).await.unwrap();
    let id = sealed.id;
    assert!(store.due_mails(at(1), 1000, &[tenant().id], 10).await.unwrap().is_empty());
    let first = store.claim_mail(id, at(1), 1000, 2000).await.unwrap().unwrap();
    assert!(store.claim_mail(id, at(1), 1999, 3000).await.unwrap().is_none(), "it is leased");
    let second = store.claim_mail(id, at(1), 2001, 3000).await.unwrap().unwrap();
    assert_eq!((second.delivery.attempts, second.sealed.as_deref()), (2, Some("sealed")));
    assert!(!store.finish_mail(&first, None, SendOutcome::Delivered, at(1)).await.unwrap(), "a late answer changes nothing");
    assert!(store.finish_mail(&second, Some("away"), SendOutcome::Retry { due: at(2) }, at(1)).await.unwrap());
    assert!(store.claim_mail(id, at(1), 4000, 5000).await.unwrap().is_none(), "it is not due");
    // The only process that uses the database starts again.
    store.claim_mail(id, at(2), 4000, i64::MAX / 2).await.unwrap().unwrap();
    store.release_leases().await.unwrap();
    let third = store.claim_mail(id, at(2), 4000, 5000).await.unwrap().unwrap();
    assert_eq!((third.error.as_deref(), third.sealed.as_deref()), (Some("away"), Some("sealed")));
    assert!(store.finish_mail(&third, None, SendOutcome::Delivered, at(2)).await.unwrap());
    let kept = store.mails(10).await.unwrap().pop().unwrap();
    assert_eq!((kept.delivery.state, kept.sealed, kept.error, kept.delivery.finished), (CallbackState::Delivered, None, None, Some(at(2))));
    // One that nobody sent is over too, once it is given up.
    store.add_mail(&mail(2, Recipient::Contact, "other", 3)).await.unwrap();
    assert_eq!(store.forget_mails(at(3), 10).await.unwrap(), 1);
    assert_eq!(store.forget_mails(at(3 + 73), 10).await.unwrap(), 1);
}

#[tokio::test]
async fn secrets_are_found_by_their_ends() {
    let Deployment { store, _folder, .. } = deployment().await;
    let (app, shut) = (Application::confidential(Uuid::from_u128(2), tenant().id, "app"), Uuid::from_u128(5));
    store.add_application(&app, at(0)).await.unwrap();
    store.add_application(&Application { enabled: false, ..Application::confidential(shut, tenant().id, "shut") }, at(0)).await.unwrap();
    for (application, id, end) in [(app.id, 30, 10), (app.id, 31, 20), (app.id, 32, 20), (app.id, 33, 90), (shut, 34, 20)] {
        let secret = ClientSecret {
            id: Uuid::from_u128(id),
            digest: id.to_string(),
            hint: "abc".into(),
            description: "d".into(),
            created: at(0),
            expires: at(end),
        };
        store.add_client_secret(application, &secret).await.unwrap();
    }
    let mut found = Vec::new();
    while let Some(last) = store.secrets_that_expire(at(10), at(89), found.last(), 1).await.unwrap().pop() {
        found.push(last);
    }
    let shown: Vec<(u128, u64)> = found.iter().map(|secret| (secret.id.as_u128(), secret.longer)).collect();
    assert_eq!(shown, [(30, 3), (31, 1), (32, 1)], "with the number of those that work for longer");
    assert_eq!((found[0].tenant, found[0].application_name.as_str()), (tenant().id, "app"));
}
