//! What roles give access to: rows, and the rows whose sensitive columns are shown.
//!
//! This module considers only roles. [`crate::principal`] decides whether the tenant, the application and the user may act at all.

use crate::refusal::Refusal;
use crate::role::{Locations, Role, RoleAssignment};

/// The settings of a deployment about roles.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct AccessRules {
    /// Whether the role Report viewer gives access to data, without sensitive columns. Otherwise it gives none.
    pub allow_report_viewer: bool,
}

/// The part of a program's data that a caller's roles give access to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Access {
    pub(crate) rows: Locations,
    /// The rows whose sensitive columns are shown, a part of `rows`.
    pub(crate) unredacted: Locations,
    /// Whether only usage reports are accessible.
    pub(crate) usage_only: bool,
}

/// The access to the partner network's data. Executive report viewers see everything of their locations, and Report viewers everything except sensitive
/// columns. Source: the insights roles. MPN Partner Admins are Executive report viewers until a viewer role, or No permission, is assigned.
pub(crate) fn partner_network(roles: &[RoleAssignment], rules: &AccessRules) -> Result<Access, Refusal> {
    let chosen = roles.iter().any(|held| held.role.is_viewer_choice());
    let executive = covered(roles, if chosen { Role::ExecutiveReportViewer } else { Role::MpnPartnerAdmin });
    let viewer = covered(roles, Role::ReportViewer);
    let refusal = match &viewer {
        Some(_) => Refusal::ReportViewerNotEnough,
        None if chosen => Refusal::NoPermission,
        None => Refusal::ViewerRoleMissing,
    };
    match (executive, viewer.filter(|_| rules.allow_report_viewer)) {
        (Some(unredacted), viewer) => {
            let rows = viewer.map_or_else(|| unredacted.clone(), |rows| unredacted.union(&rows));
            Ok(Access { rows, unredacted, usage_only: false })
        }
        (None, Some(rows)) => Ok(Access { rows, unredacted: Locations::none(), usage_only: false }),
        (None, None) => Err(refusal),
    }
}

/// The access to the marketplace's data. Managers see everything, and Developers only usage reports without sensitive columns. Source: the marketplace's
/// roles ("usage reports only", "no financial data").
pub(crate) fn marketplace(roles: &[RoleAssignment]) -> Result<Access, Refusal> {
    if let Some(rows) = covered(roles, Role::Manager) {
        return Ok(Access { unredacted: rows.clone(), rows, usage_only: false });
    }
    let rows = covered(roles, Role::Developer).ok_or(Refusal::MarketplaceRoleMissing)?;
    Ok(Access { rows, unredacted: Locations::none(), usage_only: true })
}

/// The union of the locations that the assignments of this role cover; `None` if there is no assignment.
fn covered(roles: &[RoleAssignment], role: Role) -> Option<Locations> {
    roles.iter().filter(|held| held.role == role).map(|held| held.locations.clone()).reduce(|one, other| one.union(&other))
}

#[cfg(test)]
mod tests;
