use super::*;
use chrono::DateTime;

use crate::enrollment::OverallStatus;
use crate::role::{Locations, Role};

fn complete() -> Principal {
    let tenant = Uuid::from_u128(1);
    Principal {
        tenant: Tenant { id: tenant, domain: "contoso.example".into(), name: "Contoso".into(), global_account: Some("1001234".into()) },
        application: Application::confidential(Uuid::from_u128(2), tenant, "Reports"),
        user: Some(User::new(Uuid::from_u128(3), tenant, "analyst@contoso.example".into())),
        enrollments: vec![Enrollment::active(Program::Mpn, DateTime::UNIX_EPOCH)],
        consented: vec![Permission::PartnerApi],
        requested: vec![Permission::PartnerApi],
        roles: vec![RoleAssignment { role: Role::ExecutiveReportViewer, locations: Locations::Organization }],
        mfa: false,
    }
}

#[test]
fn every_prerequisite_is_needed_and_named() {
    type Change = fn(&mut Principal);
    let cases: [(Change, Refusal); 9] = [
        (|p| p.enrollments.clear(), Refusal::NotEnrolled(Program::Mpn)),
        (|p| p.enrollments[0].stage = EnrollmentStage::Suspended, Refusal::EnrollmentNotAccepted(Program::Mpn, OverallStatus::Suspended)),
        (|p| p.application.enabled = false, Refusal::ApplicationDisabled),
        (|p| p.user = None, Refusal::UserRequired),
        (|p| p.user.as_mut().unwrap().enabled = false, Refusal::UserDisabled),
        (|p| p.requested.clear(), Refusal::PermissionMissing),
        (|p| p.consented.clear(), Refusal::ConsentMissing),
        (|p| p.roles.clear(), Refusal::ViewerRoleMissing),
        (|p| p.roles[0].role = Role::ReportViewer, Refusal::ReportViewerNotEnough),
    ];
    assert!(complete().scope(Program::Mpn, &AccessRules::default()).is_ok());
    for (change, refusal) in cases {
        let mut principal = complete();
        change(&mut principal);
        assert_eq!(principal.scope(Program::Mpn, &AccessRules::default()), Err(refusal));
    }
}

#[test]
fn the_marketplace_takes_an_application_alone_with_a_role_of_its_own() {
    let mut principal = complete();
    principal.enrollments.push(Enrollment::active(Program::Cmp, DateTime::UNIX_EPOCH));
    assert_eq!(principal.scope(Program::Cmp, &AccessRules::default()), Err(Refusal::MarketplaceRoleMissing));
    principal.user = None;
    principal.roles = vec![RoleAssignment { role: Role::Manager, locations: Locations::Organization }];
    assert!(principal.scope(Program::Cmp, &AccessRules::default()).is_ok());
}

#[test]
fn a_refusal_names_the_role() {
    for refusal in [Refusal::ViewerRoleMissing, Refusal::ReportViewerNotEnough, Refusal::NoPermission] {
        assert!(refusal.to_string().contains("the role Executive report viewer"), "{refusal}");
    }
    assert!(Refusal::ReportViewerNotEnough.to_string().starts_with("The role Report viewer "));
}

#[test]
fn roles_decide_what_is_redacted() {
    let rules = AccessRules { allow_report_viewer: true };
    let only = |ids: &[&str]| Locations::Only(ids.iter().map(|id| (*id).to_owned()).collect());
    let mut principal = complete();
    assert!(!principal.scope(Program::Mpn, &rules).unwrap().is_redacted());
    principal.roles = vec![RoleAssignment { role: Role::ReportViewer, locations: only(&["1"]) }];
    let scope = principal.scope(Program::Mpn, &rules).unwrap();
    assert_eq!((scope.locations(), scope.unredacted(), scope.is_redacted()), (&only(&["1"]), &only(&[]), true));
    principal.roles.push(RoleAssignment { role: Role::ExecutiveReportViewer, locations: only(&["2"]) });
    let scope = principal.scope(Program::Mpn, &rules).unwrap();
    assert_eq!((scope.locations(), scope.unredacted(), scope.is_redacted()), (&only(&["1", "2"]), &only(&["2"]), true));
    principal.roles.push(RoleAssignment { role: Role::ExecutiveReportViewer, locations: only(&["1"]) });
    assert!(!principal.scope(Program::Mpn, &rules).unwrap().is_redacted());
}

#[test]
fn the_access_log_opens_to_administrators_and_to_operators_alone() {
    let rules = AccessRules::default();
    let opens = |principal: &Principal, program| principal.scope(program, &rules).unwrap().within("AccessLog");
    assert!(opens(&complete(), Program::Mpn).is_err(), "an Executive report viewer is no administrator");
    for role in Role::ADMINISTRATORS {
        let mut administrator = complete();
        administrator.roles.push(RoleAssignment { role: *role, locations: Locations::Organization });
        assert!(!opens(&administrator, Program::Mpn).unwrap().covers_every_tenant(), "{role:?}");
        administrator.roles.remove(0);
        assert_eq!(administrator.scope(Program::Mpn, &rules), Err(Refusal::ViewerRoleMissing), "the role admits nobody by itself");
    }
    let mut operator = complete();
    operator.application.operator = true;
    assert!(opens(&operator, Program::Mpn).is_err(), "a person who uses an operator's application is no operator");
    (operator.user, operator.roles) = (None, Vec::new());
    assert!(opens(&operator, Program::Cmp).unwrap().covers_every_tenant());
    assert_eq!(operator.scope(Program::Mpn, &rules), Err(Refusal::UserRequired));
    operator.application.enabled = false;
    assert!(operator.scope(Program::Cmp, &rules).is_err());
}
