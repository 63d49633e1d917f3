//! Roles, and the part of the organisation that an assignment covers.

use crate::scope::Locations;

/// The roles that open data. Source: roles and permissions of the insights workspace.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Role {
    ExecutiveReportViewer,
    ReportViewer,
    /// Marketplace.
    Manager,
    /// Marketplace.
    Developer,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoleAssignment {
    pub role: Role,
    pub locations: Locations,
}

impl Role {
    pub const ALL: [Role; 4] = [Role::ExecutiveReportViewer, Role::ReportViewer, Role::Manager, Role::Developer];

    /// The stored and transported name.
    pub fn id(self) -> &'static str {
        match self {
            Role::ExecutiveReportViewer => "executive_report_viewer",
            Role::ReportViewer => "report_viewer",
            Role::Manager => "manager",
            Role::Developer => "developer",
        }
    }

    /// As people know it.
    pub fn title(self) -> &'static str {
        match self {
            Role::ExecutiveReportViewer => "Executive report viewer",
            Role::ReportViewer => "Report viewer",
            Role::Manager => "Manager",
            Role::Developer => "Developer",
        }
    }

    pub fn from_id(id: &str) -> Option<Role> {
        Role::ALL.into_iter().find(|role| role.id() == id)
    }
}
