#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use super::*;
use crate::datasets::catalog::{Dataset, Grain, Tenancy};
use crate::timespan::TimeSpan;

#[test]
fn every_definition_is_right() {
    for (origin, text) in definitions() {
        let definition = definition::read(text, origin).unwrap_or_else(|errors| panic!("{errors}"));
        assert_eq!(origin, format!("built-in {}/{}.toml", definition.program, definition.dataset.name));
    }
}

#[test]
fn the_access_log_is_a_dataset() {
    let log = access_log().unwrap_or_else(|errors| panic!("{errors}"));
    assert_eq!((log.name.as_str(), &log.tenancy, log.grain), ("AccessLog", &Tenancy::Folder, Grain::Day));
    assert_eq!(log.columns[log.date_column.unwrap()].name, "Time");
    assert!(log.columns.iter().all(|column| !column.sensitive && column.selectable), "who sees it sees all of it");
}

/// The counts come from the documents.
#[test]
fn nothing_is_missing() {
    let (mpn, cmp) = (catalog("mpn"), catalog("cmp"));
    assert_eq!((mpn.datasets().len(), cmp.datasets().len()), (26, 9));
    let datasets: Vec<&Arc<Dataset>> = mpn.datasets().iter().chain(cmp.datasets()).collect();
    let sum = |count: fn(&Dataset) -> usize| datasets.iter().map(|dataset| count(dataset)).sum::<usize>();
    assert_eq!(sum(|dataset| dataset.columns.len()), 1199);
    assert_eq!(sum(|dataset| dataset.columns.iter().filter(|column| !column.selectable).count()), 9);
    assert_eq!(sum(|dataset| dataset.metrics.len()), 98);
    assert_eq!(catalog("other").datasets().len(), 0);
}

#[test]
fn each_has_what_its_kind_has() {
    let documented = [TimeSpan::LastMonth, TimeSpan::Last3Months, TimeSpan::Last6Months, TimeSpan::Last1Year, TimeSpan::Lifetime];
    for (program, hours) in [("mpn", 24), ("cmp", 4)] {
        for dataset in catalog(program).datasets() {
            let name = &dataset.name;
            assert_eq!(dataset.minimum_interval_hours, hours, "{name}");
            assert_eq!(dataset.tenancy, Tenancy::Folder, "{name}");
            assert_eq!(dataset.date_column.is_none(), dataset.grain == Grain::None, "{name}");
            match dataset.grain {
                Grain::Day => assert_eq!(dataset.date_ranges, TimeSpan::ALL, "{name}"),
                Grain::Month => assert_eq!(dataset.date_ranges, documented, "{name}"),
                Grain::None => assert_eq!(dataset.date_ranges, [], "{name}"),
            }
        }
    }
}

#[test]
fn locations_are_the_partner_ids() {
    let without = [
        "BusinessApplicationsRevenue",
        "BusinessApplicationsUsage",
        "CloudProductsResellerPerformance",
        "CompetencyPeformanceRequirement",
        "CompetencySummaryHistory",
        "ResellerPerformance",
        "TeamsUsage3PApps",
        "TeamsUsageMeetingsAndCalls",
        "TeamsUsageWorkload",
    ];
    for dataset in catalog("mpn").datasets() {
        let location = dataset.location_column.map(|index| dataset.columns[index].name.to_lowercase());
        let expected = (!without.contains(&dataset.name.as_str())).then(|| "mpnid".to_owned());
        assert_eq!(location, expected, "{}", dataset.name);
    }
    assert!(catalog("cmp").datasets().iter().all(|dataset| dataset.location_column.is_none()));
}

/// The time is printed and not asserted: a server reads both catalogs before its first answer.
#[test]
#[allow(clippy::disallowed_methods, reason = "a measurement that nothing depends on")]
fn reading_them_takes() {
    let start = std::time::Instant::now();
    let datasets = catalog("mpn").datasets().len() + catalog("cmp").datasets().len();
    println!("{datasets} definitions read in {:?}", start.elapsed());
    assert_eq!(datasets, definitions().len());
}
