//! Tenants, users, applications and what they hold.

use insightgate_identity::application::{ClientSecret, Permission};
use insightgate_identity::enrollment::{Enrollment, EnrollmentStage};
use insightgate_identity::guessing::Lockout;
use insightgate_identity::profile::LegalProfile;
use insightgate_identity::role::{Role, RoleAssignment};
use insightgate_identity::tenant::Location;
use insightgate_identity::user::PasswordState;

use super::sign_in::token;
use super::*;
use crate::{AuditEvent, AuditFilter, Named, Page, TenantFilter, Thing};

const APP: Uuid = Uuid::from_u128(2);

async fn populated() -> Deployment {
    let deployment = deployment().await;
    let store = &deployment.store;
    let tenant = tenant().id;
    store.add_application(&Application::confidential(APP, tenant, "Reports"), at(0)).await.unwrap();
    store.add_user(&User::new(OWNER, tenant, "analyst@contoso.example".into()), Some("hash"), at(0)).await.unwrap();
    store.put_enrollment(tenant, &Enrollment::active(Program::Mpn, at(0))).await.unwrap();
    store.add_permission(APP, Permission::PartnerApi).await.unwrap();
    let viewer = RoleAssignment { role: Role::ExecutiveReportViewer, locations: Locations::Only(vec!["1".into()]) };
    store.put_role(tenant, OWNER, &viewer).await.unwrap();
    deployment
}

#[tokio::test]
async fn consents_are_the_tenants_or_one_users() {
    let Deployment { store, _folder, .. } = populated().await;
    let other = User::new(Uuid::from_u128(8), tenant().id, "other@contoso.example".into());
    store.add_user(&other, None, at(0)).await.unwrap();
    let consented = async |user: Option<Uuid>| store.principal(tenant().id, APP, user).await.unwrap().unwrap().consented;
    assert_eq!(consented(Some(OWNER)).await, []);
    store.grant_consent(APP, Permission::PartnerApi, Some(OWNER), at(1)).await.unwrap();
    store.grant_consent(APP, Permission::PartnerApi, Some(OWNER), at(2)).await.unwrap();
    assert_eq!(consented(Some(OWNER)).await, [Permission::PartnerApi]);
    assert_eq!(consented(Some(other.id)).await, []);
    assert_eq!(consented(None).await, []);
    store.grant_consent(APP, Permission::PartnerApi, None, at(3)).await.unwrap();
    assert_eq!(consented(Some(other.id)).await, [Permission::PartnerApi]);
    assert_eq!(consented(None).await, [Permission::PartnerApi]);
    let all = store.consents(APP).await.unwrap();
    assert_eq!(all.iter().map(|consent| (consent.user, consent.granted)).collect::<Vec<_>>(), [(None, at(3)), (Some(OWNER), at(1))]);
    assert!(store.revoke_consent(APP, Permission::PartnerApi, None).await.unwrap());
    assert!(!store.revoke_consent(APP, Permission::PartnerApi, None).await.unwrap());
    assert_eq!(consented(Some(other.id)).await, []);
    // Removing a permission removes its consents.
    assert!(store.remove_permission(APP, Permission::PartnerApi).await.unwrap());
    assert!(!store.remove_permission(APP, Permission::PartnerApi).await.unwrap());
    store.add_permission(APP, Permission::PartnerApi).await.unwrap();
    assert_eq!(consented(Some(OWNER)).await, []);
}

/// A caller that read an object before it was removed writes nothing after that.
#[tokio::test]
async fn what_is_gone_gets_no_role_and_no_consent() {
    let Deployment { store, _folder, .. } = populated().await;
    assert!(store.remove_permission(APP, Permission::PartnerApi).await.unwrap());
    store.grant_consent(APP, Permission::PartnerApi, None, at(1)).await.unwrap();
    assert_eq!(store.consents(APP).await.unwrap(), []);
    assert!(store.delete_tenant(tenant().id).await.unwrap());
    let manager = RoleAssignment { role: Role::Manager, locations: Locations::Organization };
    store.put_role(tenant().id, OWNER, &manager).await.unwrap();
    assert_eq!(super::sign_in::rows(&store, "role_assignments").await, 0);
}

/// A grant that was in progress when its application was disabled has written its token after that.
#[tokio::test]
async fn no_token_outlives_that_its_application_was_disabled() {
    let Deployment { store, _folder, .. } = populated().await;
    let mut application = store.application(tenant().id, APP).await.unwrap().unwrap();
    let state = async |digest: &str| store.refresh_token(digest).await.unwrap().unwrap().1;
    store.add_refresh_token(&token("before", 1, at(0))).await.unwrap();
    application.name = "Renamed".to_owned();
    assert!(store.change_application(&application, None).await.unwrap());
    assert_eq!(state("before").await, RefreshTokenState::Fresh, "a name ends nothing");
    application.enabled = false;
    assert!(store.change_application(&application, None).await.unwrap());
    store.add_refresh_token(&token("late", 2, at(0))).await.unwrap();
    application.enabled = true;
    assert!(store.change_application(&application, None).await.unwrap());
    assert_eq!([state("before").await, state("late").await], [RefreshTokenState::Revoked, RefreshTokenState::Revoked]);
}

#[tokio::test]
async fn secrets_overlap_and_are_removed_one_by_one() {
    let Deployment { store, _folder, .. } = populated().await;
    let secret = |id: u128, minute| ClientSecret {
        id: Uuid::from_u128(id),
        digest: format!("digest {id}"),
        hint: "abc".into(),
        description: "laptop".into(),
        created: at(minute),
        expires: at(minute + 10),
    };
    let (one, two) = (secret(1, 1), secret(2, 2));
    store.add_client_secret(APP, &one).await.unwrap();
    store.add_client_secret(APP, &two).await.unwrap();
    store.add_client_secret(APP, &ClientSecret { id: Uuid::from_u128(3), ..two.clone() }).await.unwrap();
    assert_eq!(store.client_secrets(APP).await.unwrap(), [two.clone(), one.clone()]);
    assert!(!store.remove_client_secret(Uuid::from_u128(77), one.id).await.unwrap(), "another application's");
    assert!(store.remove_client_secret(APP, one.id).await.unwrap());
    assert_eq!(store.client_secrets(APP).await.unwrap(), [two]);
}

#[tokio::test]
async fn a_users_password_and_second_factor() {
    let Deployment { store, _folder, .. } = populated().await;
    let user = async || store.user(tenant().id, OWNER).await.unwrap().unwrap();
    assert_eq!((user().await.password, user().await.totp), (PasswordState::Set, false));
    let locked = |count: Lockout| Lockout { failures: 12, until: Some(at(2)), ..count };
    store.change_sign_in_count(&Subject::User(OWNER), None, at(1), locked).await.unwrap();
    assert_eq!(user().await.locked_until, Some(at(2)));
    store.set_user_password(OWNER, "other", true).await.unwrap();
    assert_eq!((user().await.password, user().await.locked_until), (PasswordState::MustChange, None));
    assert_eq!(store.sign_in_count(&Subject::User(OWNER), None, at(1)).await.unwrap().count.failures, 0);
    store.set_totp(OWNER, Some("sealed")).await.unwrap();
    assert!(user().await.totp);
    assert!(store.use_totp_step(OWNER, 5).await.unwrap());
    assert!(!store.use_totp_step(OWNER, 5).await.unwrap(), "a code is good once");
    assert!(!store.use_totp_step(OWNER, 4).await.unwrap(), "and so are all before it");
    assert!(store.use_totp_step(OWNER, 6).await.unwrap());
    store.set_totp(OWNER, None).await.unwrap();
    assert!(!user().await.totp);
    store.change_user(OWNER, Some("Analyst"), None).await.unwrap();
    assert_eq!(user().await.display_name, "Analyst");
    let none = User::new(Uuid::from_u128(8), tenant().id, "nobody@contoso.example".into());
    store.add_user(&none, None, at(0)).await.unwrap();
    assert_eq!(store.user(tenant().id, none.id).await.unwrap().unwrap().password, PasswordState::Absent);
    assert_eq!(store.user(Uuid::from_u128(77), OWNER).await.unwrap(), None, "of another tenant");
    assert_eq!(store.users(tenant().id).await.unwrap().len(), 2);
}

#[tokio::test]
async fn what_ends_a_users_sign_ins() {
    for way in 0..3 {
        let Deployment { store, _folder, .. } = populated().await;
        let token = RefreshTokenRecord {
            digest: "d".into(),
            family: Uuid::from_u128(5),
            tenant: tenant().id,
            application: APP,
            user: OWNER,
            resource: "r".into(),
            amr: "pwd".into(),
            expires: at(1),
        };
        store.add_refresh_token(&token).await.unwrap();
        match way {
            0 => store.set_user_password(OWNER, "other", false).await.unwrap(),
            1 => store.set_user_enabled(OWNER, false).await.unwrap(),
            _ => {
                let shut = Application { enabled: false, ..Application::confidential(APP, tenant().id, "Reports") };
                assert!(store.change_application(&shut, None).await.unwrap());
            }
        }
        assert_eq!(store.refresh_token("d").await.unwrap().unwrap().1, RefreshTokenState::Revoked, "{way}");
    }
}

#[tokio::test]
async fn an_enrollment_is_changed_as_it_is_found() {
    let Deployment { store, _folder, .. } = populated().await;
    let suspended = store.change_enrollment(tenant().id, Program::Mpn, |found| {
        let changed = found.unwrap().suspend("unpaid", at(5)).unwrap();
        (Some(changed.clone()), changed)
    });
    assert_eq!(suspended.await.unwrap().stage, EnrollmentStage::Suspended);
    let found = store.enrollments(tenant().id).await.unwrap();
    assert_eq!((found[0].reason.as_deref(), found[0].changed), (Some("unpaid"), at(5)));
    let missing = store.change_enrollment(tenant().id, Program::Cmp, |found| (None, found.is_none()));
    assert!(missing.await.unwrap());
    let coded = Enrollment::start(Program::Cmp, at(0)).send_code("digest".into(), at(1)).unwrap();
    store.put_enrollment(tenant().id, &coded).await.unwrap();
    assert!(store.enrollments(tenant().id).await.unwrap().contains(&coded));
}

#[tokio::test]
async fn a_tenant_is_changed_and_deleted_with_all_that_it_has() {
    let Deployment { store, _folder, .. } = populated().await;
    let other = Tenant { id: Uuid::from_u128(9), domain: "fabrikam.example".into(), name: "Fabrikam".into(), global_account: None };
    let profile = LegalProfile { city: "Zürich".into(), ..LegalProfile::default() };
    store.add_tenant(&other, Some(&profile), at(0)).await.unwrap();
    assert_eq!(store.tenant_profile(other.id).await.unwrap(), Some(profile));
    let renamed = Tenant { name: "Contoso Group".into(), global_account: Some("1".into()), ..tenant() };
    assert!(store.change_tenant(&renamed, None, |_, _| None, |_| None).await.unwrap());
    assert_eq!(store.tenants().await.unwrap(), [renamed.clone(), other.clone()]);
    let location = Location { mpn_id: "1".into(), name: "Contoso Ltd".into(), country: "Switzerland".into() };
    store.put_location(renamed.id, &location).await.unwrap();
    assert_eq!(store.locations(renamed.id).await.unwrap(), [location]);
    let assignments = store.role_assignments(renamed.id).await.unwrap();
    assert_eq!((assignments.len(), assignments[0].0), (1, OWNER));
    assert!(store.delete_tenant(renamed.id).await.unwrap());
    assert!(!store.delete_tenant(renamed.id).await.unwrap());
    assert_eq!(store.tenants().await.unwrap(), [other]);
    assert_eq!(store.principal(renamed.id, APP, Some(OWNER)).await.unwrap(), None);
}

/// The transaction itself finds the contact that is replaced: whoever changes the profile may have read an earlier one.
#[tokio::test]
async fn a_code_ends_in_the_transaction_that_changes_the_contact() {
    let Deployment { store, _folder, .. } = deployment().await;
    let of = |address: &str| LegalProfile { primary_contact_email: address.to_owned(), ..LegalProfile::default() };
    let change = async |address: &str| {
        let (profile, replaced) = (of(address), std::sync::Mutex::new(Vec::new()));
        let review = |known: Option<&LegalProfile>, enrollment: &Enrollment| {
            let known = known.map(|known| known.primary_contact_email.clone());
            replaced.lock().unwrap().push((known.clone(), enrollment.program));
            Some(enrollment.legal_details_changed(known.as_deref() != Some(address), at(2)))
        };
        assert!(store.change_tenant(&tenant(), Some(&profile), review, |_| None).await.unwrap());
        replaced.into_inner().unwrap()
    };
    assert!(change("ana@contoso.example").await.is_empty(), "there is no enrollment");
    for program in [Program::Mpn, Program::Cmp] {
        let coded = Enrollment::start(program, at(0)).send_code("digest".into(), at(1)).unwrap();
        store.put_enrollment(tenant().id, &coded).await.unwrap();
    }
    let codes = async || store.enrollments(tenant().id).await.unwrap().iter().filter(|one| one.code.is_some()).count();
    let of_both = |address: &str| [Program::Mpn, Program::Cmp].map(|program| (Some(address.to_owned()), program));
    assert_eq!((change("ana@contoso.example").await, codes().await), (of_both("ana@contoso.example").to_vec(), 2));
    assert_eq!((change("ben@contoso.example").await, codes().await), (of_both("ana@contoso.example").to_vec(), 0));
    assert_eq!((change("ana@contoso.example").await, codes().await), (of_both("ben@contoso.example").to_vec(), 0), "it does not come back");
    let stages: Vec<_> = store.enrollments(tenant().id).await.unwrap().iter().map(|one| one.stage).collect();
    assert_eq!(stages, [EnrollmentStage::Started; 2]);
}

#[tokio::test]
async fn tenants_are_found_by_part_of_a_name_and_by_their_state_page_by_page() {
    let Deployment { store, _folder, .. } = populated().await;
    for (id, domain, name) in [(9, "fabrikam.example", "100% Fabrikam"), (10, "adatum.example", "A_Datum Öd")] {
        let other = Tenant { id: Uuid::from_u128(id), domain: domain.into(), name: name.into(), global_account: None };
        store.add_tenant(&other, None, at(0)).await.unwrap();
    }
    let review = Enrollment { stage: EnrollmentStage::Review, ..Enrollment::active(Program::Cmp, at(0)) };
    store.put_enrollment(Uuid::from_u128(9), &review).await.unwrap();
    store.pause_runs(Uuid::from_u128(10), Some("the lake moves"), at(1)).await.unwrap();
    let found = async |filter: TenantFilter, limit| {
        let page = store.tenant_page(&filter, limit).await.unwrap();
        page.into_iter().map(|tenant| tenant.domain.split('.').next().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let text = |text: &str| TenantFilter { text: Some(text.into()), ..TenantFilter::default() };
    assert_eq!(found(TenantFilter::default(), 9).await, ["adatum", "contoso", "fabrikam"]);
    assert_eq!(found(TenantFilter::default(), 2).await, ["adatum", "contoso"]);
    assert_eq!(found(TenantFilter { after: Some("contoso.example".into()), ..TenantFilter::default() }, 9).await, ["fabrikam"]);
    assert_eq!(found(text("CONTOSO"), 9).await, ["contoso"]);
    assert_eq!(found(text("00%"), 9).await, ["fabrikam"]);
    assert_eq!(found(text("a_d"), 9).await, ["adatum"], "no sign stands for others");
    assert_eq!(found(text("DATUM Öd"), 9).await, ["adatum"], "beyond ASCII as it is shown");
    assert_eq!(found(text("00000000000a"), 9).await, ["adatum"]);
    assert_eq!(found(TenantFilter { stage: Some(EnrollmentStage::Review), ..TenantFilter::default() }, 9).await, ["fabrikam"]);
    assert_eq!(found(TenantFilter { paused: true, ..TenantFilter::default() }, 9).await, ["adatum"]);
}

/// A list that another version wrote is an error, and never means everything.
#[tokio::test]
async fn redirect_uris_and_changes_of_an_application() {
    let Deployment { store, _folder, .. } = populated().await;
    let found = store.application(tenant().id, APP).await.unwrap().unwrap();
    let changed = Application { name: "Renamed".into(), redirect_uris: vec!["http://localhost".into()], ..found };
    assert!(store.change_application(&changed, None).await.unwrap());
    assert_eq!(store.applications(tenant().id).await.unwrap().first(), Some(&changed));
    let foreign = Application { tenant: Uuid::from_u128(77), ..changed };
    assert!(!store.change_application(&foreign, None).await.unwrap());
    sqlx::query("UPDATE applications SET redirect_uris = 'x'").execute(&store.pool).await.unwrap();
    assert!(matches!(store.application(tenant().id, APP).await, Err(StoreError::Corrupt { column: "redirect_uris", .. })));
}

#[tokio::test]
async fn the_record_is_filtered_and_paged() {
    let Deployment { store, _folder, .. } = populated().await;
    for (id, second, tenant, action) in
        [(1, 5, Some(1), "a"), (2, 5, Some(1), "a"), (3, 9, Some(2), "a"), (4, 7, None, "b"), (5, 5, Some(1), "a")]
    {
        let event = AuditEvent {
            id: Uuid::from_u128(id),
            at: at(second),
            tenant: tenant.map(Uuid::from_u128),
            actor: "actor".into(),
            action: action.into(),
            subject: "it's \"quoted\"; --".into(),
            detail: String::new(),
            correlation: None,
            occurrences: 1,
            address: None,
        };
        store.record_audit_event(event).await.unwrap();
    }
    let ids = |page: &Page<AuditEvent>| page.items.iter().map(|event| event.id.as_u128()).collect::<Vec<_>>();
    let all = AuditFilter::default();
    let first = store.audit_page(&all, None, 3).await.unwrap();
    assert_eq!((ids(&first), first.total), (vec![3, 4, 5], 5));
    let last = store.audit_page(&all, first.next, 3).await.unwrap();
    assert_eq!((ids(&last), last.total, last.next), (vec![2, 1], 5, None));
    let own = AuditFilter { tenant: Some(Uuid::from_u128(1)), action: Some("a".into()), ..AuditFilter::default() };
    assert_eq!(ids(&store.audit_page(&own, None, 3).await.unwrap()), [5, 2, 1]);
    let between = AuditFilter { from: Some(at(7)), to: Some(at(9)), ..AuditFilter::default() };
    assert_eq!(ids(&store.audit_page(&between, None, 3).await.unwrap()), [4]);
    let quoted = AuditFilter { subject: Some("it's \"quoted\"; --".into()), ..AuditFilter::default() };
    assert_eq!(store.audit_page(&quoted, None, 1).await.unwrap().total, 5);
}

/// An id is taken by any kind of object, since assignments use ids alone.
#[tokio::test]
async fn an_id_is_taken_by_tenants_users_and_applications() {
    let Deployment { store, _folder, .. } = populated().await;
    for (id, taken) in [(tenant().id, true), (OWNER, true), (APP, true), (Uuid::from_u128(0xdead), false)] {
        assert_eq!(store.is_id_taken(id).await.unwrap(), taken, "{id}");
    }
}

#[tokio::test]
async fn who_is_removed_takes_along_what_depends_on_them() {
    let Deployment { store, _folder, .. } = deployment().await;
    let (own, application) = (tenant().id, Uuid::from_u128(2));
    for id in [OWNER, Uuid::from_u128(4)] {
        let user = User::new(id, own, format!("user{}@contoso.example", id.as_u128()));
        store.add_user(&user, None, at(0)).await.unwrap();
    }
    store.add_application(&Application::confidential(application, own, "app"), at(0)).await.unwrap();
    store.add_permission(application, Permission::PartnerApi).await.unwrap();
    store.grant_consent(application, Permission::PartnerApi, Some(OWNER), at(0)).await.unwrap();
    let location = Location { mpn_id: "7".into(), name: "n".into(), country: "c".into() };
    store.put_location(own, &location).await.unwrap();
    let role = RoleAssignment { role: Role::ReportViewer, locations: Locations::Only(vec!["7".into()]) };
    store.put_role(own, OWNER, &role).await.unwrap();
    let once = once(7);
    store.add_report(&once, Some(&first_execution(&once)), None).await.unwrap().unwrap();

    assert_eq!(store.delete_location(own, "7").await.unwrap(), Removal::HasRoles(1));
    assert_eq!(store.delete_user(own, OWNER, false, at(1)).await.unwrap(), Removal::HasReports(1));
    assert_eq!(store.delete_application(own, application, false, at(1)).await.unwrap(), Removal::HasReports(1));
    assert_eq!(store.delete_user(Uuid::from_u128(8), OWNER, true, at(1)).await.unwrap(), Removal::NotFound, "of another tenant");
    let removed = store.delete_user(own, OWNER, true, at(1)).await.unwrap();
    assert_eq!(removed, Removal::Done { reports: vec![once.id] });
    assert_eq!(store.delete_user(own, OWNER, true, at(1)).await.unwrap(), Removal::NotFound);
    assert!(store.user(own, OWNER).await.unwrap().is_none() && store.role_assignments(own).await.unwrap().is_empty());
    assert!(store.execution(first_execution(&once).id).await.unwrap().is_none());
    assert_eq!(store.delete_location(own, "7").await.unwrap(), Removal::Done { reports: Vec::new() });
    assert_eq!(store.delete_location(own, "7").await.unwrap(), Removal::NotFound);

    // Reports that another user created through the application depend on it too.
    let of_another = ScheduledReport { owner: Uuid::from_u128(4), ..super::once(9) };
    store.add_report(&of_another, Some(&first_execution(&of_another)), None).await.unwrap().unwrap();
    let removed = store.delete_application(own, application, true, at(2)).await.unwrap();
    assert_eq!(removed, Removal::Done { reports: vec![of_another.id] });
    assert!(store.application(own, application).await.unwrap().is_none());
    assert!(store.user(own, Uuid::from_u128(4)).await.unwrap().is_some());
}

#[tokio::test]
async fn users_are_listed_by_pages_and_found_by_a_part_of_a_name() {
    let Deployment { store, _folder, .. } = populated().await;
    for (id, name, display) in [(21, "b%c", "Bea Ärmel"), (22, "bxc", ""), (23, "c!_d", "Cem Bey")] {
        let user = User { display_name: display.into(), ..User::new(Uuid::from_u128(id), tenant().id, format!("{name}@contoso.example")) };
        store.add_user(&user, None, at(0)).await.unwrap();
    }
    let found = async |search: &str, after: &str, limit| {
        let page = store.users_page(tenant().id, search, after, limit).await.unwrap();
        page.iter().map(|user| user.username.split('@').next().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(found("", "", 2).await, ["analyst", "b%c"]);
    assert_eq!(found("", "b%c@contoso.example", 2).await, ["bxc", "c!_d"]);
    assert_eq!(found("", "c!_d@contoso.example", 2).await, [""; 0]);
    // What is typed stands for itself.
    for (search, names) in [
        ("%", vec!["b%c"]),
        ("!_", vec!["c!_d"]),
        ("BE", vec!["b%c", "c!_d"]),
        ("bxc@CON", vec!["bxc"]),
        ("EA Ärm", vec!["b%c"]),
        ("zz", vec![]),
    ] {
        assert_eq!(found(search, "", 10).await, names, "{search}");
    }
    assert_eq!(store.users_page(Uuid::from_u128(99), "", "", 10).await.unwrap(), []);
    let roles = store.role_assignments_of(tenant().id, &[Uuid::from_u128(21), OWNER]).await.unwrap();
    assert_eq!(roles.iter().map(|(holder, held)| (*holder, held.role)).collect::<Vec<_>>(), [(OWNER, Role::ExecutiveReportViewer)]);
    assert_eq!(store.role_assignments_of(tenant().id, &[]).await.unwrap(), []);
}

#[tokio::test]
async fn what_an_id_is_of_is_told_within_its_organisation() {
    let Deployment { store, _folder, .. } = populated().await;
    let report = once(7);
    store.add_report(&report, Some(&first_execution(&report)), None).await.unwrap().unwrap();
    let operator = Application { operator: true, ..Application::confidential(Uuid::from_u128(8), tenant().id, "Operator") };
    store.add_application(&operator, at(0)).await.unwrap();
    let execution = first_execution(&report).id;
    let ids = [OWNER, APP, report.id, execution, operator.id, Uuid::from_u128(99)];
    let mut found = store.named(tenant().id, &ids).await.unwrap();
    found.sort();
    let named = |id, name: &str, thing| Named { id, name: name.to_owned(), thing };
    let of_report = Thing::Report { owner: OWNER, program: Program::Mpn };
    assert_eq!(
        found,
        [
            named(APP, "Reports", Thing::Application),
            named(OWNER, "analyst@contoso.example", Thing::User),
            named(report.id, "Größe", of_report),
            named(execution, "Größe", Thing::Execution),
        ]
    );
    assert_eq!(store.named(Uuid::from_u128(99), &ids).await.unwrap(), [], "those of another organisation are not told");
    assert_eq!(store.named(tenant().id, &[]).await.unwrap(), []);
}
