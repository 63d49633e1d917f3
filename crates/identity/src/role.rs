//! Roles, who may assign them, and the part of the organisation that an assignment covers.
//!
//! Source: the roles of the partner program and the assignment page of its insights workspace.

mod locations;
#[cfg(test)]
mod tests;

use strum::{EnumString, IntoStaticStr, VariantArray};
use thiserror::Error;

use crate::program::Program;

pub use locations::Locations;

/// The roles that give access to data, or that manage such access.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, IntoStaticStr, EnumString, VariantArray)]
#[strum(serialize_all = "snake_case")]
pub enum Role {
    GlobalAdmin,
    AccountAdmin,
    /// An Executive report viewer of the whole organisation, unless a viewer role is assigned explicitly.
    MpnPartnerAdmin,
    /// Gives no access to data by itself.
    AdminAgent,
    ExecutiveReportViewer,
    ReportViewer,
    /// An explicit choice that removes the automatic viewer role.
    NoPermission,
    /// A role of the marketplace.
    Manager,
    /// A role of the marketplace.
    Developer,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoleAssignment {
    pub role: Role,
    pub locations: Locations,
}

/// Why an assignment is not possible.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum AssignmentFault {
    #[error("The role {title} is for the whole organisation: it takes no locations.", title = .0.title())]
    LocationsNotTaken(Role),
    #[error("Name at least one location, or none for the whole organisation.")]
    NoLocations,
    #[error("The role {title} is for users: an application cannot hold it.", title = .0.title())]
    NotForApplications(Role),
}

/// The caller's roles do not allow this assignment. The text names the roles that do (403).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("To assign the role {title} one needs the role {needed}.", title = .0.title(), needed = .0.assigners())]
pub struct MayNotAssign(pub Role);

impl Role {
    pub const ALL: &'static [Role] = Role::VARIANTS;

    /// The roles of a tenant's administrators.
    pub const ADMINISTRATORS: &'static [Role] = &[Role::GlobalAdmin, Role::AccountAdmin];

    /// The titles of the administrators' roles.
    pub(crate) fn administrators() -> String {
        Role::ADMINISTRATORS.iter().map(|role| role.title()).collect::<Vec<_>>().join(" or ")
    }

    /// The stored and transported name.
    pub fn id(self) -> &'static str {
        self.into()
    }

    /// The name for people.
    pub fn title(self) -> &'static str {
        match self {
            Role::GlobalAdmin => "Global admin",
            Role::AccountAdmin => "Account admin",
            Role::MpnPartnerAdmin => "MPN Partner Admin",
            Role::AdminAgent => "Admin agent",
            Role::ExecutiveReportViewer => "Executive report viewer",
            Role::ReportViewer => "Report viewer",
            Role::NoPermission => "No permission",
            Role::Manager => "Manager",
            Role::Developer => "Developer",
        }
    }

    pub fn from_id(id: &str) -> Option<Role> {
        id.parse().ok()
    }

    /// The program that the role belongs to; `None` for a role of the tenant itself.
    pub fn program(self) -> Option<Program> {
        match self {
            Role::GlobalAdmin => None,
            Role::Manager | Role::Developer => Some(Program::Cmp),
            _ => Some(Program::Mpn),
        }
    }

    /// Whether it can be assigned for some locations only.
    pub fn takes_locations(self) -> bool {
        matches!(self, Role::ExecutiveReportViewer | Role::ReportViewer)
    }

    /// Whether an application that acts alone can hold it, which the marketplace's roles allow.
    pub fn is_for_applications(self) -> bool {
        self.program() == Some(Program::Cmp)
    }

    /// Whether it is an explicit choice on the assignment page, which overrides the automatic role.
    pub fn is_viewer_choice(self) -> bool {
        matches!(self, Role::ExecutiveReportViewer | Role::ReportViewer | Role::NoPermission)
    }

    fn may_assign(self, role: Role) -> bool {
        match self {
            Role::GlobalAdmin => true,
            Role::AccountAdmin => role.program() == Some(Program::Mpn),
            Role::Manager => role.program() == Some(Program::Cmp),
            _ => false,
        }
    }

    /// The titles of the roles that may assign it.
    pub fn assigners(self) -> String {
        let titles: Vec<_> = Role::ALL.iter().copied().filter(|holder| holder.may_assign(self)).map(Role::title).collect();
        titles.join(" or ")
    }
}

/// Checks whether somebody with these assignments may assign or remove the role. Operators may without any.
///
/// # Errors
///
/// [`MayNotAssign`] names the roles that may.
pub fn may_assign(assigner: &[RoleAssignment], role: Role) -> Result<(), MayNotAssign> {
    if assigner.iter().any(|held| held.role.may_assign(role)) { Ok(()) } else { Err(MayNotAssign(role)) }
}

impl RoleAssignment {
    /// Makes an assignment with trimmed, sorted and distinct location ids. The caller checks whether the tenant has these locations.
    ///
    /// # Errors
    ///
    /// [`AssignmentFault`] when the role takes no locations, or none are named.
    pub fn new(role: Role, locations: Locations) -> Result<RoleAssignment, AssignmentFault> {
        let Locations::Only(mpn_ids) = locations else { return Ok(RoleAssignment { role, locations }) };
        if !role.takes_locations() {
            return Err(AssignmentFault::LocationsNotTaken(role));
        }
        let mut mpn_ids: Vec<String> = mpn_ids.iter().map(|id| id.trim().to_owned()).collect();
        mpn_ids.sort();
        mpn_ids.dedup();
        if mpn_ids.is_empty() || mpn_ids.iter().any(String::is_empty) {
            return Err(AssignmentFault::NoLocations);
        }
        Ok(RoleAssignment { role, locations: Locations::Only(mpn_ids) })
    }

    /// Makes an assignment for an application that acts alone.
    ///
    /// # Errors
    ///
    /// [`AssignmentFault`] when the role is for users, or when [`RoleAssignment::new`] fails.
    pub fn of_application(role: Role, locations: Locations) -> Result<RoleAssignment, AssignmentFault> {
        if !role.is_for_applications() {
            return Err(AssignmentFault::NotForApplications(role));
        }
        RoleAssignment::new(role, locations)
    }
}
