use super::*;

const DEFAULT: AccessRules = AccessRules { allow_report_viewer: false };
const ALLOWED: AccessRules = AccessRules { allow_report_viewer: true };

fn all() -> Locations {
    Locations::Organization
}

fn only(ids: &[&str]) -> Locations {
    Locations::Only(ids.iter().map(|id| (*id).to_owned()).collect())
}

fn roles(held: &[(Role, Locations)]) -> Vec<RoleAssignment> {
    held.iter().map(|(role, locations)| RoleAssignment { role: *role, locations: locations.clone() }).collect()
}

/// Each case has the roles, and the rows and unredacted rows (or the refusal): first by default, then with Report viewers allowed.
#[test]
fn every_combination_of_the_partner_roles() {
    use Role::{AccountAdmin, AdminAgent, Developer, GlobalAdmin, Manager, MpnPartnerAdmin as Admin, NoPermission as Nothing};
    use Role::{ExecutiveReportViewer as Erv, ReportViewer as Rv};
    type Opened = Result<(Locations, Locations), Refusal>;
    let open = |rows: Locations, unredacted: Locations| -> Opened { Ok((rows, unredacted)) };
    let unredacted = |rows: Locations| -> Opened { Ok((rows.clone(), rows)) };
    let missing: Opened = Err(Refusal::ViewerRoleMissing);
    let not_enough: Opened = Err(Refusal::ReportViewerNotEnough);
    let taken: Opened = Err(Refusal::NoPermission);
    type Case = (Vec<(Role, Locations)>, Opened, Opened);
    let cases: Vec<Case> = vec![
        (vec![], missing.clone(), missing.clone()),
        (vec![(GlobalAdmin, all())], missing.clone(), missing.clone()),
        (vec![(AccountAdmin, all())], missing.clone(), missing.clone()),
        (vec![(AdminAgent, all())], missing.clone(), missing.clone()),
        (vec![(Manager, all()), (Developer, all())], missing.clone(), missing.clone()),
        (vec![(Erv, all())], unredacted(all()), unredacted(all())),
        (vec![(Erv, only(&["1"]))], unredacted(only(&["1"])), unredacted(only(&["1"]))),
        (vec![(Erv, only(&["2", "1"])), (Erv, only(&["2", "3"]))], unredacted(only(&["1", "2", "3"])), unredacted(only(&["1", "2", "3"]))),
        (vec![(Rv, all())], not_enough.clone(), open(all(), only(&[]))),
        (vec![(Rv, only(&["1"]))], not_enough.clone(), open(only(&["1"]), only(&[]))),
        (vec![(Erv, only(&["1"])), (Rv, all())], unredacted(only(&["1"])), open(all(), only(&["1"]))),
        (vec![(Erv, only(&["1"])), (Rv, only(&["2"]))], unredacted(only(&["1"])), open(only(&["1", "2"]), only(&["1"]))),
        (vec![(Erv, only(&["1", "2"])), (Rv, only(&["2"]))], unredacted(only(&["1", "2"])), unredacted(only(&["1", "2"]))),
        (vec![(Erv, all()), (Rv, only(&["2"]))], unredacted(all()), unredacted(all())),
        (vec![(Nothing, all())], taken.clone(), taken.clone()),
        (vec![(Nothing, all()), (Erv, only(&["1"]))], unredacted(only(&["1"])), unredacted(only(&["1"]))),
        (vec![(Nothing, all()), (Rv, all())], not_enough.clone(), open(all(), only(&[]))),
        (vec![(Admin, all())], unredacted(all()), unredacted(all())),
        (vec![(Admin, all()), (AdminAgent, all()), (GlobalAdmin, all())], unredacted(all()), unredacted(all())),
        (vec![(Admin, all()), (Nothing, all())], taken.clone(), taken.clone()),
        (vec![(Admin, all()), (Erv, only(&["1"]))], unredacted(only(&["1"])), unredacted(only(&["1"]))),
        (vec![(Admin, all()), (Rv, all())], not_enough.clone(), open(all(), only(&[]))),
        (vec![(Admin, all()), (Rv, only(&["1"]))], not_enough, open(only(&["1"]), only(&[]))),
        (vec![(Admin, all()), (Erv, only(&["1"])), (Rv, all())], unredacted(only(&["1"])), open(all(), only(&["1"]))),
    ];
    for (held, by_default, allowed) in cases {
        for (rules, wanted) in [(DEFAULT, by_default), (ALLOWED, allowed)] {
            let opened = partner_network(&roles(&held), &rules);
            assert!(opened.as_ref().is_ok_and(|access| !access.usage_only) || opened.is_err());
            assert_eq!(opened.map(|access| (access.rows, access.unredacted)), wanted, "{held:?} {rules:?}");
        }
    }
}

#[test]
fn every_combination_of_the_marketplace_roles() {
    let manager = Ok(Access { rows: all(), unredacted: all(), usage_only: false });
    let developer = Ok(Access { rows: all(), unredacted: only(&[]), usage_only: true });
    let missing = Err(Refusal::MarketplaceRoleMissing);
    for (held, wanted) in [
        (vec![(Role::Manager, all())], &manager),
        (vec![(Role::Developer, all())], &developer),
        (vec![(Role::Developer, all()), (Role::Manager, all())], &manager),
        (vec![], &missing),
        (vec![(Role::ExecutiveReportViewer, all()), (Role::MpnPartnerAdmin, all()), (Role::GlobalAdmin, all())], &missing),
    ] {
        assert_eq!(marketplace(&roles(&held)), *wanted, "{held:?}");
    }
}
