use super::*;

fn held(role: Role) -> RoleAssignment {
    RoleAssignment { role, locations: Locations::Organization }
}

fn only(ids: &[&str]) -> Locations {
    Locations::Only(ids.iter().map(|id| (*id).to_owned()).collect())
}

#[test]
fn names_find_their_role() {
    for &role in Role::ALL {
        assert_eq!(Role::from_id(role.id()), Some(role));
        assert!(Role::ALL.iter().all(|other| other == &role || (other.id() != role.id() && other.title() != role.title())));
    }
    for unknown in ["", "Global admin", "GLOBAL_ADMIN", "owner"] {
        assert_eq!(Role::from_id(unknown), None, "{unknown}");
    }
}

#[test]
fn who_may_assign_what() {
    let partner =
        [Role::AccountAdmin, Role::MpnPartnerAdmin, Role::AdminAgent, Role::ExecutiveReportViewer, Role::ReportViewer, Role::NoPermission];
    let marketplace = [Role::Manager, Role::Developer];
    for (assigner, roles) in [
        (Role::GlobalAdmin, Role::ALL),
        (Role::AccountAdmin, &partner),
        (Role::MpnPartnerAdmin, &[]),
        (Role::AdminAgent, &[]),
        (Role::ExecutiveReportViewer, &[]),
        (Role::ReportViewer, &[]),
        (Role::NoPermission, &[]),
        (Role::Manager, &marketplace),
        (Role::Developer, &[]),
    ] {
        for &role in Role::ALL {
            assert_eq!(may_assign(&[held(assigner)], role).is_ok(), roles.contains(&role), "{assigner:?} {role:?}");
            assert_eq!(may_assign(&[], role), Err(MayNotAssign(role)));
        }
    }
    let both = [held(Role::AccountAdmin), held(Role::Manager)];
    assert_eq!(Role::ALL.iter().copied().filter(|role| may_assign(&both, *role).is_err()).collect::<Vec<_>>(), [Role::GlobalAdmin]);
}

#[test]
fn a_refusal_names_the_role_that_it_takes() {
    for (role, text) in [
        (Role::GlobalAdmin, "To assign the role Global admin one needs the role Global admin."),
        (Role::ReportViewer, "To assign the role Report viewer one needs the role Global admin or Account admin."),
        (Role::Developer, "To assign the role Developer one needs the role Global admin or Manager."),
    ] {
        assert_eq!(MayNotAssign(role).to_string(), text);
    }
}

#[test]
fn only_viewers_take_locations() {
    for &role in Role::ALL {
        assert_eq!(RoleAssignment::new(role, Locations::Organization), Ok(held(role)));
        let some = RoleAssignment::new(role, only(&[" 2 ", "1", "2"]));
        if matches!(role, Role::ExecutiveReportViewer | Role::ReportViewer) {
            assert_eq!(some, Ok(RoleAssignment { role, locations: only(&["1", "2"]) }));
            for nothing in [only(&[]), only(&["1", " "])] {
                assert_eq!(RoleAssignment::new(role, nothing), Err(AssignmentFault::NoLocations));
            }
        } else {
            assert_eq!(some, Err(AssignmentFault::LocationsNotTaken(role)));
        }
    }
}

#[test]
fn applications_hold_the_marketplaces_roles() {
    for &role in Role::ALL {
        let wanted = match role {
            Role::Manager | Role::Developer => Ok(held(role)),
            _ => Err(AssignmentFault::NotForApplications(role)),
        };
        assert_eq!(RoleAssignment::of_application(role, Locations::Organization), wanted);
    }
}
