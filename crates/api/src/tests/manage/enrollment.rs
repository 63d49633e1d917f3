//! The state machine of an enrollment: every step from every stage, verification codes, appeals, and the legal profile.

use chrono::TimeDelta;
use insightgate_identity::enrollment::{Enrollment, EnrollmentStage};
use insightgate_identity::profile::LegalProfile;
use insightgate_identity::program::Program;
use insightgate_operations::mail::deliverer::deliver_due;
use serde_json::{Value, json};

use super::desk::*;
use crate::tests::harness::mail_server::MailServer;
use crate::tests::harness::*;

const MPN: &str = "/tenants/contoso.example/enrollments/mpn";

fn body_of(step: &str) -> Value {
    match step {
        "verify" => json!({"code": "00000000"}),
        "reject" | "suspend" => json!({"reason": "said why"}),
        _ => Value::Null,
    }
}

/// The stage to which each step leads from each stage; `None` is an illegal move.
fn allowed(step: &str, from: EnrollmentStage) -> Option<EnrollmentStage> {
    use EnrollmentStage::{Active, EmailVerification, Rejected, Review, Started, Suspended};
    match (step, from) {
        ("sendCode", Started | EmailVerification) => Some(EmailVerification),
        ("activate", Review) => Some(Active),
        ("reject", Started | EmailVerification | Review) => Some(Rejected),
        ("suspend", Active) => Some(Suspended),
        ("reactivate", Suspended) => Some(Active),
        ("reactivate", Rejected) => Some(Review),
        // The code is not the one that was sent.
        _ => None,
    }
}

#[tokio::test]
async fn every_step_from_every_stage() {
    let desk = Desk::new().await;
    for &from in EnrollmentStage::ALL {
        for step in ["sendCode", "verify", "activate", "reject", "suspend", "reactivate"] {
            let enrollment = Enrollment { stage: from, ..Enrollment::active(Program::Mpn, desk.deployment.now()) };
            desk.deployment.context.store.put_enrollment(CONTOSO, &enrollment).await.unwrap();
            let path = format!("{MPN}/{step}");
            let stage = match allowed(step, from) {
                Some(to) => {
                    let moved = desk.done(OPERATOR, "POST", &path, body_of(step)).await;
                    assert_eq!(moved["stage"], to.name(), "{step} {from:?}");
                    assert_eq!(moved.get("verificationCode").is_some(), step == "sendCode");
                    assert_eq!(moved["reason"].is_string(), ["reject", "suspend"].contains(&step));
                    to
                }
                None => {
                    let text = desk.refused(OPERATOR, "POST", &path, body_of(step), "illegalMove").await;
                    assert!(step == "verify" && from == EnrollmentStage::EmailVerification || text.contains(from.name()), "{text}");
                    from
                }
            };
            let kept = desk.deployment.context.store.enrollments(CONTOSO).await.unwrap();
            assert_eq!(kept.iter().find(|kept| kept.program == Program::Mpn).unwrap().stage, stage);
        }
    }
    for program in ["nce", "", "%00"] {
        let path = format!("/tenants/contoso.example/enrollments/{program}/activate");
        desk.refused(OPERATOR, "POST", &path, Value::Null, "notFound").await;
    }
    for step in ["reject", "suspend"] {
        for body in [json!({}), json!({"reason": " "}), json!({"reason": "x".repeat(201)}), json!({"reason": 5})] {
            let text = desk.refused(OPERATOR, "POST", &format!("{MPN}/{step}"), body, "invalid").await;
            assert!(text.contains("'reason'"), "{text}");
        }
    }
}

#[tokio::test]
async fn codes_are_counted_expire_and_are_replaced() {
    let desk = Desk::new().await;
    let enrolled = desk.done(OPERATOR, "POST", "/tenants", new_tenant()).await;
    let first = enrolled["verificationCode"].as_str().unwrap().to_owned();
    let step = |name: &str| format!("/tenants/adatum.example/enrollments/mpn/{name}");
    let verify = async |code: &str| desk.refused(OPERATOR, "POST", &step("verify"), json!({"code": code}), "illegalMove").await;
    for _ in 0..5 {
        assert_eq!(verify("wrong").await, "The verification code is wrong.");
    }
    assert_eq!(verify(&first).await, "Too many wrong codes were tried. Send another one.");
    let sent = desk.done(OPERATOR, "POST", &step("sendCode"), Value::Null).await;
    let second = sent["verificationCode"].as_str().unwrap().to_owned();
    assert_ne!(first, second);
    assert_eq!(verify(&first).await, "The verification code is wrong.");
    desk.deployment.advance(TimeDelta::days(7));
    assert_eq!(verify(&second).await, "The verification code has expired. Send another one.");
    let sent = desk.done(OPERATOR, "POST", &step("sendCode"), Value::Null).await;
    let third = sent["verificationCode"].as_str().unwrap().to_owned();
    let moved = desk.done(OPERATOR, "POST", &step("verify"), json!({"code": format!(" {third} ")})).await;
    assert_eq!((&moved["stage"], &moved["status"]), (&json!("Review"), &json!("Pending")));
    desk.assert_kept(&[(&first, 1), (&second, 1), (&third, 1)]).await;
}

#[tokio::test]
async fn a_rejection_is_appealed_three_times() {
    let desk = Desk::new().await;
    desk.done(OPERATOR, "POST", "/tenants", new_tenant()).await;
    let step = |name: &str| format!("/tenants/adatum.example/enrollments/mpn/{name}");
    for appeal in 1..=3 {
        let rejected = desk.done(OPERATOR, "POST", &step("reject"), json!({"reason": "no such company"})).await;
        assert_eq!((&rejected["status"], &rejected["reason"]), (&json!("Rejected"), &json!("no such company")));
        let appealed = desk.done(OPERATOR, "POST", &step("reactivate"), Value::Null).await;
        assert_eq!((&appealed["stage"], &appealed["appeals"], &appealed["reason"]), (&json!("Review"), &json!(appeal), &Value::Null));
    }
    desk.done(OPERATOR, "POST", &step("reject"), json!({"reason": "still none"})).await;
    let text = desk.refused(OPERATOR, "POST", &step("reactivate"), Value::Null, "illegalMove").await;
    assert!(text.contains("appealed 3 times"), "{text}");
}

/// The code proves that the contact reads the mail: an administrator of the organisation can request one, but does not see it.
#[tokio::test]
async fn an_administrator_asks_for_a_code_without_getting_it() {
    let desk = Desk::new().await;
    let started = Enrollment::start(Program::Mpn, desk.deployment.now());
    desk.deployment.context.store.put_enrollment(CONTOSO, &started).await.unwrap();
    let asked = desk.done(ACCOUNT, "POST", &format!("{MPN}/sendCode"), Value::Null).await;
    assert_eq!((&asked["stage"], asked.get("verificationCode")), (&json!("Started"), None));
    assert_eq!(desk.deployment.audited("enrollment.askForCode").await.len(), 1);
    let sent = desk.done(OPERATOR, "POST", &format!("{MPN}/sendCode"), Value::Null).await;
    // The code that was sent stays valid.
    desk.done(GLOBAL, "POST", &format!("{MPN}/sendCode"), Value::Null).await;
    let code = json!({"code": sent["verificationCode"]});
    assert_eq!(desk.done(ACCOUNT, "POST", &format!("{MPN}/verify"), code).await["stage"], "Review");
    desk.refused(ACCOUNT, "POST", &format!("{MPN}/sendCode"), Value::Null, "illegalMove").await;
    for step in ["activate", "reject", "suspend", "reactivate"] {
        let text = desk.refused(GLOBAL, "POST", &format!("{MPN}/{step}"), body_of(step), "forbidden").await;
        assert_eq!(text, "Only an operator of this server may do this.");
    }
}

/// With a mail server the code goes to the contact alone, whoever asks for it.
#[tokio::test]
async fn a_code_goes_to_the_contact_by_mail_and_is_shown_to_nobody() {
    let server = MailServer::start().await;
    let desk = Desk::with(|settings| settings.mail = Some(server.settings())).await;
    let (context, deliver) = (&desk.deployment.context, async || deliver_due(&desk.deployment.context).await.unwrap());
    let started = Enrollment::start(Program::Mpn, desk.deployment.now());
    context.store.put_enrollment(CONTOSO, &started).await.unwrap();
    let path = format!("{MPN}/sendCode");
    let shown = desk.done(OPERATOR, "POST", &path, Value::Null).await;
    assert!(shown["verificationCode"].is_string() && deliver().await == 0, "the organisation has no contact: {shown}");
    let tenant = context.store.tenant(CONTOSO).await.unwrap().unwrap();
    let profile = LegalProfile { primary_contact_email: "carla@contoso.example".into(), ..LegalProfile::default() };
    assert!(context.store.change_tenant(&tenant, Some(&profile), |_, _| None, |_| None).await.unwrap());
    let mut codes = Vec::new();
    for who in [OPERATOR, ACCOUNT] {
        let sent = desk.done(who, "POST", &path, Value::Null).await;
        assert_eq!((&sent["stage"], sent.get("verificationCode")), (&json!("EmailVerification"), None));
        assert_eq!(sent["verificationCodeSentTo"], "carla@contoso.example");
        let waiting = context.store.mails(10).await.unwrap().pop().unwrap();
        assert!(waiting.sealed.is_some() && waiting.body.is_empty(), "it is encrypted until it is sent");
        assert_eq!(deliver().await, 1);
        let [letter] = server.take().try_into().unwrap();
        assert_eq!(letter.to, "carla@contoso.example");
        assert_eq!(context.store.mails(10).await.unwrap().pop().unwrap().sealed, None);
        codes.push(letter.whole().split("The verification code: ").nth(1).unwrap()[..8].to_owned());
    }
    let verify = format!("{MPN}/verify");
    desk.refused(ACCOUNT, "POST", &verify, json!({"code": codes[0]}), "illegalMove").await;
    assert_eq!(desk.done(ACCOUNT, "POST", &verify, json!({"code": codes[1]})).await["stage"], "Review");
    assert_eq!(desk.deployment.audited("enrollment.sendCode").await.len(), 3);
    // A stranger's mailbox cannot be filled.
    context.store.put_enrollment(CONTOSO, &started).await.unwrap();
    let mut answer = desk.ask(ACCOUNT, "POST", &path, Value::Null).await;
    for _ in 0..30 {
        answer = desk.ask(ACCOUNT, "POST", &path, Value::Null).await;
    }
    assert_eq!(answer.status, 429, "{}", answer.text());
    assert_eq!(context.store.mails(100).await.unwrap().len(), 20);
}

/// A code shows that one address is read, and nothing about the next one.
#[tokio::test]
async fn a_code_ends_when_the_contact_gets_another_address() {
    let desk = Desk::new().await;
    let path = |rest: &str| format!("/tenants/adatum.example{rest}");
    let enrolled = desk.done(OPERATOR, "POST", "/tenants", new_tenant()).await;
    let second = desk.done(OPERATOR, "POST", &path("/enrollments"), json!({"program": "cmp"})).await;
    let change = async |change: Value| desk.done(OPERATOR, "PATCH", &path(""), json!({"profile": change})).await["enrollments"].clone();
    let stages = |enrollments: &Value| enrollments.as_array().unwrap().iter().map(|one| one["stage"].clone()).collect::<Vec<_>>();
    assert_eq!(stages(&change(json!({"city": "Bergen"})).await), ["EmailVerification"; 2], "the address is the same");
    assert_eq!(stages(&change(json!({"primaryContactEmail": "carla@adatum.example"})).await), ["Started"; 2]);
    let first = profile()["primaryContactEmail"].clone();
    assert_eq!(stages(&change(json!({"primaryContactEmail": first})).await), ["Started"; 2], "nor do they come back");
    for (program, made) in [("mpn", &enrolled), ("cmp", &second)] {
        let code = json!({"code": made["verificationCode"]});
        desk.refused(OPERATOR, "POST", &path(&format!("/enrollments/{program}/verify")), code, "illegalMove").await;
        let again = desk.done(OPERATOR, "POST", &path(&format!("/enrollments/{program}/sendCode")), Value::Null).await;
        let code = json!({"code": again["verificationCode"]});
        assert_eq!(desk.done(OPERATOR, "POST", &path(&format!("/enrollments/{program}/verify")), code).await["stage"], "Review");
    }
    let told: Vec<_> = desk.deployment.audited("tenant.change").await.into_iter().map(|event| event.detail).collect();
    assert!(told.contains(&"profile, mpn back to Started, cmp back to Started".to_owned()), "{told:?}");
}

#[tokio::test]
async fn a_tenant_is_taken_in_whole_or_not_at_all() {
    let desk = Desk::new().await;
    for (change, named) in [
        (json!({"domain": null}), "'domain' is missing."),
        (json!({"domain": "adatum"}), "'domain'"),
        (json!({"domain": "-a.example"}), "'domain'"),
        (json!({"domain": format!("{}.example", "a".repeat(64))}), "'domain'"),
        (json!({"domain": ["adatum.example"]}), "'domain' should be a string, but holds an array."),
        (json!({"name": ""}), "'name' is missing."),
        (json!({"program": "nce"}), "'program'"),
        (json!({"globalAccountId": "a b"}), "'globalAccountId'"),
        (json!({"profile": "none"}), "'profile' should be an object, but holds a string."),
        (json!({"profile": {"city": 5}}), "'profile.city' should be a string, but holds a number."),
    ] {
        let text = desk.refused(OPERATOR, "POST", "/tenants", with(new_tenant(), change.clone()), "invalid").await;
        assert!(text.contains(named), "{change}: {text}");
    }
    let faulty =
        with(profile(), json!({"city": "", "dunsNumber": "12", "primaryContactEmail": "info@hotmail.com", "addressLine1": "1 Main St."}));
    let answer = desk.ask(OPERATOR, "POST", "/tenants", with(new_tenant(), json!({"profile": faulty}))).await;
    let details = answer.json()["error"]["details"].as_array().unwrap().clone();
    let rules: Vec<_> = details.iter().map(|fault| (fault["field"].as_str().unwrap(), fault["rule"].as_str().unwrap())).collect();
    let wanted = [
        ("city", "required"),
        ("addressLine1", "no-abbreviations"),
        ("dunsNumber", "format"),
        ("primaryContactEmail", "no-personal-domain"),
    ];
    assert_eq!((answer.status.as_u16(), rules), (400, wanted.to_vec()));
    let missing = desk.ask(OPERATOR, "POST", "/tenants", json!({"domain": "adatum.example", "name": "Adatum"})).await;
    assert_eq!(missing.json()["error"]["details"].as_array().unwrap().len(), 8);
    let conflicting = with(new_tenant(), json!({"domain": "CONTOSO.example"}));
    desk.refused(OPERATOR, "POST", "/tenants", conflicting, "conflict").await;
    let conflicting = with(new_tenant(), json!({"globalAccountId": "1000000"}));
    desk.refused(OPERATOR, "POST", "/tenants", conflicting, "conflict").await;
    assert_eq!(desk.get(OPERATOR, "/tenants").await["totalCount"], 2, "nothing was left behind");
}

#[tokio::test]
async fn further_programs_need_a_profile_and_come_once() {
    let desk = Desk::new().await;
    desk.refused(GLOBAL, "POST", &contoso("/enrollments"), json!({"program": "cmp"}), "conflict").await;
    desk.done(OPERATOR, "POST", "/tenants", with(new_tenant(), json!({"program": "cmp"}))).await;
    let path = "/tenants/adatum.example/enrollments";
    assert!(desk.done(OPERATOR, "POST", path, json!({"program": "mpn"})).await["verificationCode"].is_string());
    desk.refused(OPERATOR, "POST", path, json!({"program": "mpn"}), "conflict").await;
    desk.refused(OPERATOR, "POST", path, json!({"program": "x"}), "invalid").await;
    assert_eq!(desk.refused(OPERATOR, "POST", path, json!({}), "invalid").await, "'program' is missing.");
    desk.done(
        GLOBAL,
        "PATCH",
        &contoso(""),
        json!({"profile": with(profile(), json!({"registrationId": {"kind": "VAT", "number": "1"}}))}),
    )
    .await;
    desk.deployment.context.store.change_enrollment(CONTOSO, Program::Cmp, |known| (known, ())).await.unwrap();
    desk.refused(GLOBAL, "POST", &contoso("/enrollments"), json!({"program": "cmp"}), "conflict").await;
}

/// Details that were verified have to be verified again; contact details do not.
#[tokio::test]
async fn changed_legal_details_are_reviewed_again() {
    let desk = Desk::new().await;
    let stages = async || {
        let tenant = desk.get(ACCOUNT, &contoso("")).await;
        let stages: Vec<_> =
            tenant["enrollments"].as_array().unwrap().iter().map(|one| one["stage"].as_str().unwrap().to_owned()).collect();
        stages
    };
    desk.done(GLOBAL, "PATCH", &contoso(""), json!({"profile": profile()})).await;
    assert_eq!(stages().await, ["Review", "Review"]);
    for program in ["mpn", "cmp"] {
        desk.done(OPERATOR, "POST", &contoso(&format!("/enrollments/{program}/activate")), Value::Null).await;
    }
    let changed = json!({"name": "Contoso!", "profile": {"primaryContactPhone": "+49 30 1", "securityContact": "sec"}});
    let tenant = desk.done(ACCOUNT, "PATCH", &contoso(""), changed).await;
    assert_eq!((&tenant["name"], &tenant["profile"]["primaryContactPhone"]), (&json!("Contoso!"), &json!("+49 30 1")));
    assert_eq!(tenant["profile"]["city"], "Berlin", "what is not sent stays");
    assert_eq!(stages().await, ["Active", "Active"]);
    let tenant = desk.done(ACCOUNT, "PATCH", &contoso(""), json!({"profile": {"securityContact": null}})).await;
    assert_eq!(tenant["profile"].get("securityContact"), None);
    let reason = "The organisation's enrollment in the partner program 'mpn' is Pending, not Accepted.";
    desk.deployment.get(ANA, "ScheduledDataset").await.ok();
    desk.done(ACCOUNT, "PATCH", &contoso(""), json!({"profile": {"city": "Potsdam"}})).await;
    assert_eq!(stages().await, ["Review", "Review"]);
    assert_eq!(desk.deployment.get(ANA, "ScheduledDataset").await.refused(403), reason);
    let events = desk.deployment.audited("tenant.change").await;
    let wanted = "profile, mpn back to Review; 0 reports paused, cmp back to Review; 0 reports paused";
    assert_eq!(events.iter().filter(|event| event.detail == wanted).count(), 2, "{events:?}");
    desk.refused(ACCOUNT, "PATCH", &contoso(""), json!({"profile": {"city": null}}), "invalid").await;
}

#[tokio::test]
async fn a_tenant_is_deleted_once_nothing_is_active() {
    let desk = Desk::new().await;
    let text = desk.refused(OPERATOR, "DELETE", "/tenants/fabrikam.example", Value::Null, "conflict").await;
    assert!(text.contains("active enrollment"), "{text}");
    let query = desk.deployment.create_query(ZOE, ALL_SALES).await;
    desk.deployment.create_report(ZOE, &query, json!({"ExecuteNow": true})).await;
    desk.deployment.work().await;
    let files = desk.deployment.folder.path().join(format!("artifacts/{FABRIKAM}"));
    assert!(files.is_dir());
    for program in ["mpn", "cmp"] {
        let path = format!("/tenants/fabrikam.example/enrollments/{program}/suspend");
        desk.done(OPERATOR, "POST", &path, json!({"reason": "over"})).await;
    }
    let (zoe, fay) = (desk.deployment.token(ZOE), desk.token(FOREIGNER));
    desk.done(OPERATOR, "DELETE", "/tenants/fabrikam.example", Value::Null).await;
    desk.refused(OPERATOR, "GET", "/tenants/fabrikam.example", Value::Null, "notFound").await;
    let bearer = format!("Bearer {zoe}");
    desk.deployment.fetch("/insights/v1/mpn/ScheduledDataset", &[("authorization", &bearer)]).await.refused(401);
    assert_eq!(desk.ask_with(&fay, "GET", "/tenants", Value::Null).await.status, 401);
    assert!(desk.deployment.context.store.report_ids(FABRIKAM).await.unwrap().is_empty());
    assert_eq!(std::fs::read_dir(&files).map_or(0, Iterator::count), 0);
    assert!(desk.events().await.iter().any(|event| event.tenant == Some(FABRIKAM)), "the record stays");
    for program in ["mpn", "cmp"] {
        desk.done(OPERATOR, "POST", &contoso(&format!("/enrollments/{program}/suspend")), json!({"reason": "over"})).await;
    }
    let text = desk.refused(OPERATOR, "DELETE", &contoso(""), Value::Null, "conflict").await;
    assert!(text.contains("act with"), "{text}");
}
