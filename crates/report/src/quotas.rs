//! How many queries and reports an owner may have: the documented numbers, or what an operator gave one tenant.

use std::collections::BTreeMap;

use strum::{EnumString, IntoStaticStr, VariantArray};

use crate::report_query::QUERY_QUOTA;
use crate::scheduled_report::{ACTIVE_QUOTA, EXECUTE_NOW_QUOTA};

/// The most that an operator may give a tenant.
pub const LARGEST_QUOTA: u64 = 1_000_000;

/// The name of the limit of all files of one tenant together, in GiB, which a setting has for every other tenant.
pub const ARTIFACT_GIB: &str = "artifactGib";

/// A number of queries or reports that an operator may change for one tenant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, IntoStaticStr, EnumString, VariantArray)]
#[strum(serialize_all = "camelCase")]
pub enum Quota {
    /// Active reports on a schedule, of an owner and program.
    ActiveReports,
    /// Reports that run at once, of an owner and program within an hour.
    ExecuteNowReports,
    /// Saved queries of an owner and program.
    Queries,
}

impl Quota {
    pub const ALL: &'static [Quota] = Quota::VARIANTS;

    pub fn name(self) -> &'static str {
        self.into()
    }

    pub fn from_name(name: &str) -> Option<Quota> {
        name.parse().ok()
    }

    /// The number for every tenant that has none of its own.
    pub fn documented(self) -> u64 {
        match self {
            Quota::ActiveReports => ACTIVE_QUOTA,
            Quota::ExecuteNowReports => EXECUTE_NOW_QUOTA,
            Quota::Queries => QUERY_QUOTA,
        }
    }

    /// The number for a tenant with these limits of its own, by their names.
    pub fn of(self, own: &BTreeMap<String, u64>) -> u64 {
        own.get(self.name()).copied().unwrap_or_else(|| self.documented())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tenants_own_number_goes_before_the_documented_one() {
        let own = [("activeReports".to_owned(), 80), ("somethingElse".to_owned(), 1)].into();
        let numbers = Quota::ALL.iter().map(|quota| (quota.name(), quota.of(&own))).collect::<Vec<_>>();
        assert_eq!(numbers, [("activeReports", 80), ("executeNowReports", 5), ("queries", 100)]);
        assert_eq!((Quota::from_name("queries"), Quota::from_name("Queries")), (Some(Quota::Queries), None));
    }
}
