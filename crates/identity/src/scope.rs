//! The rows that a caller may see. No data can be read without one.

use uuid::Uuid;

use crate::program::Program;

/// Whose rows of which program a query reads. Made by [`crate::principal::Principal::scope`], or for an operator's own run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TenantScope {
    tenant: Uuid,
    global_account: Option<String>,
    program: Program,
    locations: Locations,
}

/// The part of the organisation that a role assignment covers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Locations {
    /// The whole partner global account.
    Organization,
    /// These locations (MPN ids) only; rows of others, and of none, are hidden.
    Only(Vec<String>),
}

impl Locations {
    /// Whether all rows of `other` may be seen too. A list never covers the organisation: it has rows of no location.
    pub fn covers(&self, other: &Locations) -> bool {
        match (self, other) {
            (Locations::Organization, _) => true,
            (Locations::Only(_), Locations::Organization) => false,
            (Locations::Only(held), Locations::Only(wanted)) => wanted.iter().all(|id| held.contains(id)),
        }
    }
}

impl TenantScope {
    pub(crate) fn new(tenant: Uuid, global_account: Option<String>, program: Program, locations: Locations) -> Self {
        TenantScope { tenant, global_account, program, locations }
    }

    /// All rows of one tenant, for an operator on the machine that holds the data. The one constructor without a principal: audit its use.
    pub fn operator(tenant: Uuid, global_account: Option<String>, program: Program) -> Self {
        TenantScope::new(tenant, global_account, program, Locations::Organization)
    }

    /// Narrows the scope to some locations; a scope of locations keeps only those that it has.
    pub fn limited_to(self, mpn_ids: Vec<String>) -> Self {
        let locations = match self.locations {
            Locations::Organization => Locations::Only(mpn_ids),
            Locations::Only(held) => Locations::Only(held.into_iter().filter(|id| mpn_ids.contains(id)).collect()),
        };
        TenantScope { locations, ..self }
    }

    pub fn tenant(&self) -> Uuid {
        self.tenant
    }

    /// The partner global account's MPN id, which some tenant columns hold instead of the tenant id.
    pub fn global_account(&self) -> Option<&str> {
        self.global_account.as_deref()
    }

    pub fn program(&self) -> Program {
        self.program
    }

    pub fn locations(&self) -> &Locations {
        &self.locations
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_scope_covers() {
        let only = |ids: &[&str]| Locations::Only(ids.iter().map(|id| (*id).to_owned()).collect());
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
}
