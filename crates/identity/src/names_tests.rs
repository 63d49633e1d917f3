//! The names that are stored and sent. They must never change, since databases and clients contain them.

use crate::application::Permission;
use crate::enrollment::EnrollmentStage;
use crate::external_identity::ExternalKind;
use crate::program::Program;
use crate::role::Role;

fn names<T: Copy>(all: &[T], name: fn(T) -> &'static str) -> Vec<&'static str> {
    all.iter().copied().map(name).collect()
}

#[test]
fn names_stay_and_are_read_back() {
    let roles = [
        "global_admin",
        "account_admin",
        "mpn_partner_admin",
        "admin_agent",
        "executive_report_viewer",
        "report_viewer",
        "no_permission",
        "manager",
        "developer",
    ];
    assert_eq!(names(Role::ALL, Role::id), roles);
    assert!(Role::ALL.iter().all(|role| Role::from_id(role.id()) == Some(*role)) && Role::from_id("Manager").is_none());
    let stages = ["Started", "EmailVerification", "Review", "Active", "Rejected", "Suspended"];
    assert_eq!(names(EnrollmentStage::ALL, EnrollmentStage::name), stages);
    assert!(EnrollmentStage::ALL.iter().all(|stage| EnrollmentStage::from_name(stage.name()) == Some(*stage)));
    assert!(EnrollmentStage::from_name("started").is_none());
    assert_eq!(names(ExternalKind::ALL, ExternalKind::name), ["tenant", "user", "application"]);
    assert!(ExternalKind::ALL.iter().all(|kind| ExternalKind::from_name(kind.name()) == Some(*kind)));
    assert!(ExternalKind::from_name("User").is_none());
    assert_eq!(names(Permission::ALL, Permission::name), ["user_impersonation", "management", "Management.ReadWrite.All"]);
    assert_eq!(Permission::from_name("MANAGEMENT.readwrite.all"), Some(Permission::ManagementApplication));
    assert_eq!(names(Program::ALL, Program::name), ["mpn", "cmp"]);
    assert_eq!("MPN".parse(), Ok(Program::Mpn));
}
