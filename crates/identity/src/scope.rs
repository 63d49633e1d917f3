//! The rows that a caller may see, and the rows whose sensitive columns are shown. No data can be read without a scope.

use thiserror::Error;
use uuid::Uuid;

use crate::access::Access;
use crate::program::Program;

pub use crate::role::Locations;

/// The marketplace's usage reports, in lower case.
const USAGE_DATASETS: [&str; 1] = ["isvusage"];
/// The ending of the names of propensity datasets, in lower case.
const PROPENSITY: &str = "propensity";

/// The tenant, the program and the locations whose rows a query reads. [`crate::principal::Principal::scope`] makes one, and
/// [`TenantScope::operator`] makes one for an operator's own query.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TenantScope {
    tenant: Uuid,
    global_account: Option<String>,
    program: Program,
    access: Access,
}

/// Why the caller's roles give no access to a dataset. The text is for the caller (403).
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum DatasetRefusal {
    #[error("The role Developer opens usage reports only: '{0}' needs the role Manager.")]
    UsageOnly(String),
    #[error("'{0}' holds propensity data: a Report viewer needs the role for the whole organisation.")]
    PropensityOfLocations(String),
}

impl TenantScope {
    pub(crate) fn new(tenant: Uuid, global_account: Option<String>, program: Program, access: Access) -> Self {
        TenantScope { tenant, global_account, program, access }
    }

    /// All rows of one tenant, for an operator on the machine that has the data. This is the only constructor without a principal: audit its use.
    pub fn operator(tenant: Uuid, global_account: Option<String>, program: Program) -> Self {
        let access = Access { rows: Locations::Organization, unredacted: Locations::Organization, usage_only: false };
        TenantScope::new(tenant, global_account, program, access)
    }

    /// Restricts the scope to some locations. A scope that is already restricted keeps only those that it has.
    pub fn limited_to(self, mpn_ids: Vec<String>) -> Self {
        let Access { rows, unredacted, usage_only } = self.access;
        let access = Access { rows: rows.limited_to(&mpn_ids), unredacted: unredacted.limited_to(&mpn_ids), usage_only };
        TenantScope { access, ..self }
    }

    /// The part of the scope that applies to one dataset: Developers get only usage datasets, and Report viewers get propensity data only if they have the
    /// role for the partner global account. Source: the notes on both roles.
    ///
    /// # Errors
    ///
    /// [`DatasetRefusal`] when the roles give no access to the dataset.
    pub fn within(&self, dataset: &str) -> Result<TenantScope, DatasetRefusal> {
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
}
