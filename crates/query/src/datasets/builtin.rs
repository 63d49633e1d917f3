//! The documented datasets, which every installation offers unless an operator replaces them.
//!
//! They are read from text at the start, like an operator's own; a test checks that each meets the same rules.

use std::sync::Arc;

use crate::datasets::catalog::Catalog;
use crate::datasets::definition;

macro_rules! dataset {
    ($file:literal) => {
        (concat!("built-in ", $file), include_str!(concat!("../../datasets/", $file)))
    };
}

/// The origin and the TOML of each definition, program by program.
const DEFINITIONS: [(&str, &str); 35] = [
    dataset!("mpn/AzureUsage.toml"),
    dataset!("mpn/BusinessApplicationsRevenue.toml"),
    dataset!("mpn/BusinessApplicationsUsage.toml"),
    dataset!("mpn/CLASAgreementRenewalsPropensity.toml"),
    dataset!("mpn/CLASAzurePropensity.toml"),
    dataset!("mpn/CLASD365Propensity.toml"),
    dataset!("mpn/CLASM365Propensity.toml"),
    dataset!("mpn/CLASSurfacePropensity.toml"),
    dataset!("mpn/CPORM365Usage.toml"),
    dataset!("mpn/CSPDirectPartnerEligibility.toml"),
    dataset!("mpn/CloudProductsResellerPerformance.toml"),
    dataset!("mpn/CompetencyPeformanceRequirement.toml"),
    dataset!("mpn/CompetencySummaryHistory.toml"),
    dataset!("mpn/CustomersAndTenants.toml"),
    dataset!("mpn/DynamicsUsage.toml"),
    dataset!("mpn/EMSUsage.toml"),
    dataset!("mpn/MSLearn.toml"),
    dataset!("mpn/OfficeUsage.toml"),
    dataset!("mpn/PowerBIUsage.toml"),
    dataset!("mpn/Profile.toml"),
    dataset!("mpn/ResellerPerformance.toml"),
    dataset!("mpn/SeatsSubscriptionsAndRevenue.toml"),
    dataset!("mpn/TeamsUsage3PApps.toml"),
    dataset!("mpn/TeamsUsageMeetingsAndCalls.toml"),
    dataset!("mpn/TeamsUsageWorkload.toml"),
    dataset!("mpn/TrainingCompletions.toml"),
    dataset!("cmp/ISVCustomer.toml"),
    dataset!("cmp/ISVLicense.toml"),
    dataset!("cmp/ISVMarketplaceInsights.toml"),
    dataset!("cmp/ISVOfferRetention.toml"),
    dataset!("cmp/ISVOrder.toml"),
    dataset!("cmp/ISVOrderV2.toml"),
    dataset!("cmp/ISVQualityOfService.toml"),
    dataset!("cmp/ISVRevenue.toml"),
    dataset!("cmp/ISVUsage.toml"),
];

/// Returns the origin and the TOML of each definition.
pub fn definitions() -> Vec<(&'static str, &'static str)> {
    DEFINITIONS.to_vec()
}

/// The datasets of one program (`mpn` or `cmp`).
pub fn catalog(program: &str) -> Catalog {
    let folder = format!("built-in {program}/");
    let of_program = DEFINITIONS.into_iter().filter(|(origin, _)| origin.starts_with(&folder));
    Catalog::new(of_program.filter_map(|(origin, text)| definition::read(text, origin).ok()).map(|found| Arc::new(found.dataset)))
}

#[cfg(test)]
mod documented;
#[cfg(test)]
mod tests;
