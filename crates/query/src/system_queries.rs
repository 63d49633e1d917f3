//! The documented system queries, which every caller can use.

use serde::Deserialize;

/// The text of each query is composed of the columns, conditions and time span that the documents list for it.
const TEXT: &str = include_str!("../system-queries.toml");

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SystemQuery {
    /// The documented id, which is opaque and not always a UUID.
    pub id: String,
    pub name: String,
    /// `mpn` or `cmp`.
    pub program: String,
    pub text: String,
    /// Whether the query is no longer documented, but still available.
    #[serde(default)]
    pub archived: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    queries: Vec<SystemQuery>,
}

/// The system queries, in the order of the documents.
pub fn system_queries() -> Vec<SystemQuery> {
    // The text is part of the program, and a test parses it.
    toml::from_str(TEXT).map_or_else(|_| Vec::new(), |document: Document| document.queries)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::datasets::builtin;
    use crate::plan;

    #[test]
    fn every_one_plans_on_the_built_in_catalog() {
        let queries = system_queries();
        assert_eq!(queries.len(), 31);
        assert_eq!(queries.iter().filter(|query| query.archived).count(), 3);
        let (mpn, cmp) = (builtin::catalog("mpn"), builtin::catalog("cmp"));
        for query in queries {
            let catalog = if query.program == "mpn" { &mpn } else { &cmp };
            let plan =
                plan(&query.text, catalog).unwrap_or_else(|errors| panic!("{}: {}", query.name, crate::diagnostic::message(&errors)));
            assert_eq!(plan.notes, Vec::<String>::new(), "{}", query.name);
        }
    }

    /// The columns that the current documents show in the one query of orders, and the alias that users of the earlier query look for.
    #[test]
    fn orders_are_those_of_the_current_dataset() {
        let shown = "MarketplaceSubscriptionId, MonthStartDate, OfferType, AzureLicenseType, MarketplaceLicenseType, Sku, CustomerCountry, \
                     IsPreviewSKU, AssetId, Quantity, CloudInstanceName, IsNewCustomer, OrderStatus, OrderCancelDate, CustomerCompanyName, \
                     OrderPurchaseDate, OfferName, TrialEndDate, ";
        let queries = system_queries();
        let orders = queries.iter().find(|query| query.id == "bd1b0cc1-ce45-4578-beba-6fe5a69fd421").unwrap();
        assert!(!orders.archived && orders.text.starts_with(&format!("SELECT {shown}")), "{}", orders.text);
        let cmp = builtin::catalog("cmp");
        let plan = plan(&orders.text, &cmp).unwrap();
        assert_eq!(plan.dataset.name, "ISVOrder");
        assert!(plan.outputs.iter().any(|output| output.name == "EstimatedCharges"), "an alias of BilledRevenue");
        // The earlier query's dataset is no longer listed in the documents, but is kept.
        let current = [
            "ISVOrder",
            "ISVUsage",
            "ISVCustomer",
            "ISVMarketplaceInsights",
            "ISVRevenue",
            "ISVOfferRetention",
            "ISVQualityOfService",
            "ISVLicense",
        ];
        assert!(current.iter().all(|name| cmp.find(name).is_some()) && cmp.find("ISVOrderV2").is_some());
        assert!(!queries.iter().any(|query| !query.archived && query.text.contains("FROM ISVOrderV2 ")));
    }
}
