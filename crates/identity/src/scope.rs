//! The rows that a caller may see, and the rows whose sensitive columns are shown. No data can be read without a scope.

use thiserror::Error;
use uuid::Uuid;

use crate::access::Access;
use crate::program::Program;
use crate::role::{Locations, Role};

/// The marketplace's usage reports, in lower case.
const USAGE_DATASETS: [&str; 1] = ["isvusage"];
/// The ending of the names of propensity datasets, in lower case.
const PROPENSITY: &str = "propensity";

/// The dataset of the server's own record of who read what.
pub const ACCESS_LOG: &str = "AccessLog";

/// Whether a dataset of that name is the access log. Letter case does not matter.
pub fn is_access_log(dataset: &str) -> bool {
    dataset.eq_ignore_ascii_case(ACCESS_LOG)
}

/// The tenant, the program and the locations whose rows a query reads. [`crate::principal::Principal::scope`] makes one, and
/// [`TenantScope::operator`] makes one for an operator's own query.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TenantScope {
    tenant: Uuid,
    global_account: Option<String>,
    program: Program,
    access: Access,
    log: LogReach,
    /// Set by [`TenantScope::within`] alone.
    is_within_log: bool,
}

/// Whose rows of the access log a scope opens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LogReach {
    Nobody,
    /// For an administrator of the tenant.
    OwnTenant,
    /// For an operator whose application may read other data too.
    EveryTenant,
    /// For an operator whose application may read nothing else.
    EveryTenantAndNothingElse,
}

/// Why the caller's roles give no access to a dataset. The text is for the caller (403).
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum DatasetRefusal {
    #[error("The role Developer opens usage reports only: '{0}' needs the role Manager.")]
    UsageOnly(String),
    #[error("'{0}' holds propensity data: a Report viewer needs the role for the whole organisation.")]
    PropensityOfLocations(String),
    #[error("'{ACCESS_LOG}' is for administrators: it needs the role {needed}.", needed = Role::administrators())]
    LogOfAdministrators,
    #[error("An operator's application opens '{ACCESS_LOG}' only: '{0}' needs the role Manager.")]
    LogOnly(String),
}

impl TenantScope {
    pub(crate) fn new(tenant: Uuid, global_account: Option<String>, program: Program, access: Access) -> Self {
        TenantScope { tenant, global_account, program, access, log: LogReach::Nobody, is_within_log: false }
    }

    pub(crate) fn with_log(self, log: LogReach) -> Self {
        TenantScope { log, ..self }
    }

    /// The access log of every tenant, and nothing else.
    pub(crate) fn of_log_only(tenant: Uuid, program: Program) -> Self {
        let access = Access { rows: Locations::none(), unredacted: Locations::none(), usage_only: false };
        TenantScope::new(tenant, None, program, access).with_log(LogReach::EveryTenantAndNothingElse)
    }

    /// All rows of one tenant, for an operator on the machine that has the data. This is the only constructor without a principal: audit its use.
    pub fn operator(tenant: Uuid, global_account: Option<String>, program: Program) -> Self {
        let access = Access { rows: Locations::Organization, unredacted: Locations::Organization, usage_only: false };
        TenantScope::new(tenant, global_account, program, access).with_log(LogReach::OwnTenant)
    }

    /// Restricts the scope to some locations. A scope that is already restricted keeps only those that it has.
    pub fn limited_to(self, mpn_ids: Vec<String>) -> Self {
        let Access { rows, unredacted, usage_only } = self.access;
        let access = Access { rows: rows.limited_to(&mpn_ids), unredacted: unredacted.limited_to(&mpn_ids), usage_only };
        TenantScope { access, ..self }
    }

    /// The part of the scope that applies to one dataset: Developers get only usage datasets, and Report viewers get propensity data only if they have the
    /// role for the partner global account. Source: the notes on both roles. The access log is for administrators and operators alone, who see all of it,
    /// whatever the locations of their other roles are.
    ///
    /// # Errors
    ///
    /// [`DatasetRefusal`] when the roles give no access to the dataset.
    pub fn within(&self, dataset: &str) -> Result<TenantScope, DatasetRefusal> {
        if is_access_log(dataset) {
            let access = Access { rows: Locations::Organization, unredacted: Locations::Organization, usage_only: false };
            return match self.log {
                LogReach::Nobody => Err(DatasetRefusal::LogOfAdministrators),
                _ => Ok(TenantScope { access, is_within_log: true, ..self.clone() }),
            };
        }
        if self.is_within_log || self.log == LogReach::EveryTenantAndNothingElse {
            return Err(DatasetRefusal::LogOnly(dataset.to_owned()));
        }
        let name = dataset.to_lowercase();
        if self.access.usage_only && !USAGE_DATASETS.contains(&name.as_str()) {
            return Err(DatasetRefusal::UsageOnly(dataset.to_owned()));
        }
        let propensity = self.program == Program::Mpn && name.ends_with(PROPENSITY);
        if !propensity || !self.is_redacted() || self.access.rows == Locations::Organization {
            return Ok(self.clone());
        }
        if self.access.unredacted == Locations::none() {
            return Err(DatasetRefusal::PropensityOfLocations(dataset.to_owned()));
        }
        let access = Access { rows: self.access.unredacted.clone(), ..self.access.clone() };
        Ok(TenantScope { access, ..self.clone() })
    }

    pub fn tenant(&self) -> Uuid {
        self.tenant
    }

    /// Whether the rows of every tenant are visible: those of the access log, in a scope of an operator that is [within](TenantScope::within) it.
    pub fn covers_every_tenant(&self) -> bool {
        self.is_within_log && matches!(self.log, LogReach::EveryTenant | LogReach::EveryTenantAndNothingElse)
    }

    /// The partner global account's MPN id, which some tenant columns contain instead of the tenant id.
    pub fn global_account(&self) -> Option<&str> {
        self.global_account.as_deref()
    }

    pub fn program(&self) -> Program {
        self.program
    }

    /// The locations whose rows are visible.
    pub fn locations(&self) -> &Locations {
        &self.access.rows
    }

    /// The locations whose sensitive columns are shown: all visible ones, or a part of them.
    pub fn unredacted(&self) -> &Locations {
        &self.access.unredacted
    }

    /// Whether the sensitive columns of some visible rows are hidden.
    pub fn is_redacted(&self) -> bool {
        !self.access.unredacted.covers(&self.access.rows)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn only(ids: &[&str]) -> Locations {
        Locations::Only(ids.iter().map(|id| (*id).to_owned()).collect())
    }

    fn scope(program: Program, rows: Locations, unredacted: Locations, usage_only: bool) -> TenantScope {
        TenantScope::new(Uuid::from_u128(1), None, program, Access { rows, unredacted, usage_only })
    }

    #[test]
    fn what_a_scope_covers() {
        for (held, wanted, covered) in [
            (Locations::Organization, Locations::Organization, true),
            (Locations::Organization, only(&["1"]), true),
            (only(&["1", "2"]), only(&["2"]), true),
            (only(&["1", "2"]), only(&["2", "1"]), true),
            (only(&["1"]), only(&["1", "2"]), false),
            (only(&["1"]), only(&["2"]), false),
            (only(&["1"]), only(&[]), true),
            (only(&[]), only(&["1"]), false),
            (only(&["1", "2"]), Locations::Organization, false),
        ] {
            assert_eq!(held.covers(&wanted), covered, "{held:?} {wanted:?}");
        }
    }

    #[test]
    fn unions_are_sorted_and_the_organisation_contains_all() {
        assert_eq!(only(&["2", "1"]).union(&only(&["3", "2"])), only(&["1", "2", "3"]));
        for (one, other) in [(Locations::Organization, only(&["1"])), (only(&["1"]), Locations::Organization)] {
            assert_eq!(one.union(&other), Locations::Organization);
        }
    }

    #[test]
    fn a_limit_narrows_what_is_clear_too() {
        let limited = scope(Program::Mpn, Locations::Organization, only(&["1", "2"]), false).limited_to(vec!["2".into(), "3".into()]);
        assert_eq!((limited.locations(), limited.unredacted()), (&only(&["2", "3"]), &only(&["2"])));
        let operator = TenantScope::operator(Uuid::from_u128(1), None, Program::Mpn).limited_to(vec!["1".into()]);
        assert!(!operator.is_redacted());
    }

    #[test]
    fn developers_open_usage_only() {
        let developer = scope(Program::Cmp, Locations::Organization, Locations::none(), true);
        for name in ["ISVUsage", "isvusage"] {
            assert_eq!(developer.within(name).as_ref(), Ok(&developer));
        }
        for name in ["ISVOrder", "ISVUsageV2", "Usage", ""] {
            assert_eq!(developer.within(name), Err(DatasetRefusal::UsageOnly(name.to_owned())));
        }
        let manager = scope(Program::Cmp, Locations::Organization, Locations::Organization, false);
        assert_eq!(manager.within("ISVOrder").as_ref(), Ok(&manager));
    }

    #[test]
    fn report_viewers_of_locations_open_no_propensity_data() {
        let dataset = "CLASAzurePropensity";
        for (rows, unredacted, opened) in [
            (Locations::Organization, Locations::Organization, Some(Locations::Organization)),
            (only(&["1"]), only(&["1"]), Some(only(&["1"]))),
            (Locations::Organization, only(&[]), Some(Locations::Organization)),
            (Locations::Organization, only(&["1"]), Some(Locations::Organization)),
            (only(&["1", "2"]), only(&["1"]), Some(only(&["1"]))),
            (only(&["1"]), only(&[]), None),
        ] {
            let scope = scope(Program::Mpn, rows, unredacted, false);
            let within = scope.within(dataset).map(|scope| scope.locations().clone());
            assert_eq!(within, opened.ok_or_else(|| DatasetRefusal::PropensityOfLocations(dataset.to_owned())), "{scope:?}");
            assert_eq!(scope.within("AzureUsage").as_ref(), Ok(&scope));
        }
    }

    #[test]
    fn the_access_log_is_for_administrators_and_operators() {
        let viewer = scope(Program::Mpn, only(&["1"]), only(&[]), false);
        assert_eq!(viewer.within("accesslog"), Err(DatasetRefusal::LogOfAdministrators));
        assert_eq!(
            DatasetRefusal::LogOfAdministrators.to_string(),
            "'AccessLog' is for administrators: it needs the role Global admin or Account admin."
        );
        let administrator = viewer.clone().with_log(LogReach::OwnTenant);
        let within = administrator.within("AccessLog").unwrap();
        assert_eq!((within.locations(), within.is_redacted()), (&Locations::Organization, false), "whatever the other roles are for");
        assert!(!within.covers_every_tenant());
        assert_eq!(within.within(ACCESS_LOG), Ok(within.clone()));
        assert_eq!(within.within("AzureUsage"), Err(DatasetRefusal::LogOnly("AzureUsage".into())), "what the log opens opens nothing else");
        assert_eq!(administrator.within("AzureUsage").unwrap().locations(), &only(&["1"]));
        let operator = TenantScope::of_log_only(Uuid::from_u128(1), Program::Cmp);
        assert!(operator.within("ACCESSLOG").unwrap().covers_every_tenant() && !operator.covers_every_tenant());
        assert_eq!(operator.within("ISVOrder"), Err(DatasetRefusal::LogOnly("ISVOrder".into())));
        let managing = scope(Program::Cmp, Locations::Organization, Locations::Organization, false).with_log(LogReach::EveryTenant);
        assert!(managing.within("AccessLog").unwrap().covers_every_tenant());
        assert!(!managing.within("ISVOrder").unwrap().covers_every_tenant());
    }
}
