//! The documented datasets, which every installation offers unless an operator replaces them.
//!
//! They are read from text at the start, like an operator's own; a test checks that each meets the same rules.

use std::sync::Arc;

use crate::datasets::catalog::{Catalog, Dataset};
use crate::datasets::definition;
use crate::datasets::definition::DefinitionErrors;

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

/// The server's own record of who read what: one dataset, the same in each program.
const ACCESS_LOG: (&str, &str) = dataset!("AccessLog.toml");

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

/// The dataset of the access log, which is offered beside the documented ones.
///
/// # Errors
/// When its text is wrong, which a test rules out.
pub fn access_log() -> Result<Arc<Dataset>, DefinitionErrors> {
    let (origin, text) = ACCESS_LOG;
    definition::read(text, origin).map(|found| Arc::new(found.dataset))
}

#[cfg(test)]
mod documented;
#[cfg(test)]
mod tests;
