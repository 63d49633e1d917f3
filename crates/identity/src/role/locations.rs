//! The part of the organisation that a role assignment covers, and how such parts are combined.

/// The part of the organisation that a role assignment covers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Locations {
    /// The whole partner global account.
    Organization,
    /// Only these locations (MPN ids). Rows of other locations, and rows without one, are hidden.
    Only(Vec<String>),
}

impl Locations {
    pub fn none() -> Locations {
        Locations::Only(Vec::new())
    }

    /// Whether this includes all rows of `other`. A list never covers the organisation, which also has rows without a location.
    pub fn covers(&self, other: &Locations) -> bool {
        match (self, other) {
            (Locations::Organization, _) => true,
            (Locations::Only(_), Locations::Organization) => false,
            (Locations::Only(held), Locations::Only(wanted)) => wanted.iter().all(|id| held.contains(id)),
        }
    }

    /// The union, sorted and distinct.
    pub fn union(&self, other: &Locations) -> Locations {
        let (Locations::Only(one), Locations::Only(other)) = (self, other) else { return Locations::Organization };
        let mut mpn_ids: Vec<String> = one.iter().chain(other).cloned().collect();
        mpn_ids.sort();
        mpn_ids.dedup();
        Locations::Only(mpn_ids)
    }

    pub(crate) fn limited_to(self, mpn_ids: &[String]) -> Locations {
        match self {
            Locations::Organization => Locations::Only(mpn_ids.to_vec()),
            Locations::Only(held) => Locations::Only(held.into_iter().filter(|id| mpn_ids.contains(id)).collect()),
        }
    }
}
