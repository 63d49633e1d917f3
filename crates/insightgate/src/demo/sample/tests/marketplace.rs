//! The marketplace's sample: its datasets agree about each purchase, and the values that sample queries name occur.

use std::collections::BTreeMap;

use super::*;

/// Columns that are null more often than not, since most purchases do not have the value.
pub const RARE: [&str; 35] = [
    "DateLost",
    "OrderCancelDate",
    "TrialEndDate",
    "DiscountPriceUSD",
    "PrivateOfferId",
    "PrivateOfferName",
    "SalesNotes",
    "PartnerInfo",
    "CustomerAdjustmentUSD",
    "BillingId",
    "ProviderName",
    "ProviderEmail",
    "PublisherMarkedAnomaly",
    "NewReportedUsage",
    "ActionTakenAt",
    "ActionTakenBy",
    "FinancialImpactUSD",
    "PaymentSentDate",
    "ErrorCode",
    "ErrorName",
    "ErrorMessage",
    "DeepErrorCode",
    "DeepErrorMessage",
    "BilledRevenue",
    "estimatedcharges",
    "AutoRenew",
    "MeteredUsageQuantity",
    "VMSize",
    "VMSubscription",
    "CoreSize",
    "MeterId",
    "MeterDimension",
    "PlanType",
    "CustomerAccess",
    "PublisherAccess",
];

fn rows(name: &str, settings: &SampleSettings) -> Rows {
    Rows::named(name, settings)
}

/// The rows in which these columns have these texts.
fn matching<'a>(rows: &'a Rows, texts: &'a [(&'a str, &'a str)]) -> impl Iterator<Item = usize> + 'a {
    (0..rows.len()).filter(|row| texts.iter().all(|(column, text)| rows.is(*row, column, text)))
}

#[test]
fn what_sample_queries_ask_for_occurs_in_their_span() {
    let days = [(2026, 3, 31), (2026, 2, 28), (2024, 2, 29), (2026, 1, 1), (2025, 7, 15)];
    for (seed, (year, month, day)) in (1..=12).zip(days.into_iter().cycle()) {
        let mut settings = settings(60);
        settings.seed = seed;
        settings.now = Utc.with_ymd_and_hms(year, month, day, 0, 0, 0).unwrap();
        let (last_month, quarter, half) = (TimeSpan::LastMonth, TimeSpan::Last3Months, TimeSpan::Last6Months);
        let any = |dataset: &str, date: &str, span: &TimeSpan, condition: fn(&Rows, usize) -> bool| {
            let found = rows(dataset, &settings).any(date, span, &settings, condition);
            assert!(found, "{dataset} {span} with seed {seed} on {}", settings.now);
        };
        let usage = |span: &TimeSpan, condition: fn(&Rows, usize) -> bool| any("ISVUsage", "UsageDate", span, condition);
        usage(&last_month, |rows, row| rows.is(row, "SKUBillingType", "Paid"));
        usage(&last_month, |rows, row| rows.number(row, "IsPrivateOffer") == 1.0);
        for kind in ["Billed Through Azure", "Bring Your Own License"] {
            let rows = rows("ISVUsage", &settings);
            let found = matching(&rows, &[("MarketplaceLicenseType", kind)])
                .any(|row| is_within(rows.cell(row, "UsageDate"), half, &settings) && rows.number(row, "NormalizedUsageQuantity") > 0.0);
            assert!(found, "{kind} with seed {seed} on {}", settings.now);
        }
        usage(&half, |rows, row| rows.is(row, "OfferType", "vm core image"));
        usage(&half, |rows, row| rows.is(row, "OfferType", "Virtual Machine Licenses"));
        usage(&half, |rows, row| rows.is(row, "OfferType", "multisolution"));
        usage(&half, |rows, row| rows.is(row, "OfferType", "SaaS") && rows.number(row, "MeteredUsageQuantity") > 0.0);
        usage(&half, |rows, row| rows.is(row, "OfferName", "Example Offer Name") && rows.is(row, "OfferType", "Azure Applications"));
        usage(&half, |rows, row| rows.number(row, "NormalizedUsageQuantity") > 100_000.0);
        usage(&half, |rows, row| rows.is(row, "CustomerId", "2a31c234-1f4e-4c60-909e-76d234f93161"));
        usage(&half, |rows, row| rows.is(row, "CustomerId", "80780748-3f9a-11eb-b378-0242ac130002"));
        usage(&half, |rows, row| rows.is(row, "MarketplaceSubscriptionId", "868368da-957d-4959-8992-3c12dc7e6260"));
        // The documents print a blank in front of the customer's id; without the blank the customer is found.
        usage(&half, |rows, row| {
            rows.is(row, "MarketplaceSubscriptionId", "7b487ac0-ce12-b732-dcd6-91a1e4e74a50")
                && rows.is(row, "CustomerId", "0f8b7fa0-eb83-a183-1225-ca153ef807aa")
        });
        let order = |condition: fn(&Rows, usize) -> bool| any("ISVOrder", "OrderPurchaseDate", &half, condition);
        order(|rows, row| rows.is(row, "AzureLicenseType", "Enterprise"));
        order(|rows, row| rows.is(row, "AzureLicenseType", "Pay as You Go"));
        order(|rows, row| rows.is(row, "OrderStatus", "Canceled"));
        order(|rows, row| rows.is(row, "OrderStatus", "Active") && rows.number(row, "BilledRevenue") > 0.0);
        order(|rows, row| rows.is(row, "OrderStatus", "Active") && matches!(rows.cell(row, "IsTrial"), Some(Value::Bool(true))));
        order(|rows, row| rows.is(row, "OrderStatus", "Active") && rows.number(row, "IsPrivateOffer") == 1.0);
        order(|rows, row| rows.is(row, "OfferName", "Contoso Test Services"));
        order(|rows, row| rows.number(row, "OrderQuantity") == 100.0);
        any("ISVCustomer", "DateAcquired", &half, |rows, row| rows.number(row, "IsActive") == 1.0);
        any("ISVCustomer", "DateAcquired", &half, |rows, row| rows.number(row, "IsActive") == 0.0);
        let early = NaiveDate::from_ymd_opt(2020, 6, 30);
        let customers = rows("ISVCustomer", &settings);
        assert!(
            matching(&customers, &[("CustomerCountryRegion", "United States")]).any(|row| customers.date(row, "DateAcquired") <= early)
        );
        any("ISVRevenue", "MonthStartDate", &quarter, |rows, row| rows.is(row, "PayoutStatus", "Sent"));
        any("ISVRevenue", "MonthStartDate", &half, |rows, row| rows.is(row, "BillingModel", "SubscriptionBased"));
        any("ISVQualityOfService", "StartTime", &quarter, |rows, row| rows.is(row, "DeploymentStatus", "successful"));
    }
}

/// Everything that is constant for a customer is the same in all datasets and rows.
#[test]
fn a_customer_is_one_customer() {
    let mut known: BTreeMap<String, BTreeMap<&str, String>> = BTreeMap::new();
    let steady = [
        ("CustomerName", "name"),
        ("CustomerCompanyName", "company"),
        ("CustomerCountry", "country"),
        ("CustomerCountryRegion", "country"),
        ("CustomerCountryName", "country"),
        ("AzureLicenseType", "agreement"),
        ("SalesChannel", "agreement"),
        ("BillingAccountId", "account"),
        ("DateAcquired", "acquired"),
        ("DateLost", "lost"),
        ("Currency", "currency"),
        ("CustomerCurrencyCC", "currency"),
        ("CustomerCurrencyCode", "currency"),
    ];
    for name in ["ISVCustomer", "ISVOrder", "ISVOrderV2", "ISVOfferRetention", "ISVRevenue", "ISVUsage"] {
        let rows = rows(name, &settings(600));
        for row in 0..rows.len() {
            let customer = known.entry(rows.text(row, "CustomerId").to_owned()).or_default();
            for (column, meaning) in steady {
                if !rows.names.iter().any(|known| known == column) {
                    continue;
                }
                let value = format!("{:?}", rows.cell(row, column));
                let first = customer.entry(meaning).or_insert_with(|| value.clone());
                assert_eq!(*first, value, "{column} of {} in {name}", rows.text(row, "CustomerId"));
            }
        }
    }
    assert!(known.len() > 100, "{}", known.len());
}

#[test]
fn customers_orders_and_usage_agree_in_their_dates() {
    let settings = settings(600);
    let customers = rows("ISVCustomer", &settings);
    let (mut acquired, mut lost) = (BTreeMap::new(), BTreeMap::new());
    for row in 0..customers.len() {
        let id = customers.text(row, "CustomerId").to_owned();
        let (from, until) = (customers.date(row, "DateAcquired").unwrap(), customers.date(row, "DateLost"));
        assert_eq!(customers.number(row, "IsActive") == 1.0, until.is_none(), "{id}");
        assert!(until.is_none_or(|until| until >= from), "{id}");
        acquired.insert(id.clone(), from);
        lost.insert(id, until);
    }
    let orders = rows("ISVOrder", &settings);
    let mut first: BTreeMap<&str, NaiveDate> = BTreeMap::new();
    let mut compared = 0;
    for row in 0..orders.len() {
        let id = orders.text(row, "CustomerId");
        let bought = orders.date(row, "OrderPurchaseDate").unwrap();
        assert_eq!(orders.text(row, "AssetId"), orders.text(row, "OrderId"));
        assert_eq!(orders.number(row, "Quantity"), orders.number(row, "OrderQuantity"));
        assert!(orders.date(row, "TermStartDate") < orders.date(row, "TermEndDate"), "{id}");
        assert!(orders.date(row, "TermStartDate") >= Some(bought), "{id}");
        let canceled = orders.date(row, "OrderCancelDate");
        assert_eq!(canceled.is_some(), orders.is(row, "OrderStatus", "Canceled"), "{id}");
        assert!(canceled.is_none_or(|canceled| canceled >= bought && canceled <= settings.now.date_naive()), "{id}");
        let earliest = first.entry(id).or_insert(bought);
        *earliest = bought.min(*earliest);
        if let Some(Some(end)) = lost.get(id) {
            compared += 1;
            assert!(bought <= *end && !orders.is(row, "OrderStatus", "Active"), "{id} left on {end}");
        }
    }
    assert!(compared > 20, "{compared}");
    for (id, day) in first {
        assert!(acquired.get(id).is_none_or(|acquired| *acquired == day), "{id} bought on {day}");
    }
    let usage = rows("ISVUsage", &settings);
    for row in 0..usage.len() {
        let (id, day) = (usage.text(row, "CustomerId"), usage.date(row, "UsageDate").unwrap());
        assert!(acquired.get(id).is_none_or(|acquired| day >= *acquired), "{id}");
        assert!(lost.get(id).copied().flatten().is_none_or(|end| day <= end), "{id}");
    }
}

/// The charges for a month's usage equal that month's revenue, in both currencies, for the order to which both belong.
#[test]
fn usage_comes_to_the_revenue_of_its_month() {
    let settings = settings(600);
    let (orders, usage, revenue) = (rows("ISVOrder", &settings), rows("ISVUsage", &settings), rows("ISVRevenue", &settings));
    let assets: BTreeMap<&str, &str> =
        (0..orders.len()).map(|row| (orders.text(row, "ReferenceId"), orders.text(row, "AssetId"))).collect();
    let charged: BTreeMap<_, _> = (0..revenue.len())
        .map(|row| {
            let month = revenue.date(row, "MonthStartDate").unwrap();
            let told = revenue.text(row, "OfferName").to_owned();
            ((revenue.text(row, "AssetId"), month), (revenue.number(row, "Revenue"), revenue.number(row, "EstimatedRevenuePC"), told))
        })
        .collect();
    let mut compared = 0;
    for row in 0..usage.len() {
        let month = usage.date(row, "MonthStartDate").unwrap();
        let asset = assets.get(usage.text(row, "ReferenceId"));
        let Some((own, payout, offer)) = asset.and_then(|asset| charged.get(&(*asset, month))) else { continue };
        let quantity = usage.number(row, "UsageQuantity");
        assert_eq!(usage.text(row, "OfferName"), offer);
        assert!((usage.number(row, "PriceCC") * quantity - own).abs() < 0.001, "row {row}: {quantity} and {own}");
        assert!((usage.number(row, "EstimatedPricePC") * quantity - payout).abs() < 0.001, "row {row}: {quantity} and {payout}");
        compared += usize::from(*own > 0.0);
    }
    assert!(compared > 100, "{compared}");
}

/// An invoice of an order is the same in both revisions and in revenue.
#[test]
fn invoices_have_the_same_amount_everywhere() {
    let settings = settings(600);
    let mut invoices: BTreeMap<String, (String, f64)> = BTreeMap::new();
    let mut compared = 0;
    for (dataset, asset, amount) in
        [("ISVOrder", "AssetId", "BilledRevenue"), ("ISVOrderV2", "OrderId", "estimatedcharges"), ("ISVRevenue", "AssetId", "Revenue")]
    {
        let rows = rows(dataset, &settings);
        for row in 0..rows.len() {
            let told = (rows.text(row, asset).to_owned(), rows.number(row, amount));
            if told.1.is_nan() {
                continue;
            }
            match invoices.get(rows.text(row, "PurchaseRecordId")) {
                Some(known) => {
                    compared += 1;
                    assert_eq!(*known, told, "{} in {dataset}", rows.text(row, "PurchaseRecordId"));
                }
                None => drop(invoices.insert(rows.text(row, "PurchaseRecordId").to_owned(), told)),
            }
        }
    }
    assert!(compared > 100, "{compared}");
}

#[test]
fn the_rest_is_told_of_the_same_purchases() {
    let settings = settings(600);
    let licenses = rows("ISVLicense", &settings);
    assert!((0..600).all(|row| licenses.number(row, "LicensesAssigned") <= licenses.number(row, "LicensesProvisioned")));
    let deployments = rows("ISVQualityOfService", &settings);
    let mut failed = 0;
    for row in 0..600 {
        let (Some(Value::Timestamp(start)), Some(Value::Timestamp(end))) =
            (deployments.cell(row, "StartTime"), deployments.cell(row, "EndTime"))
        else {
            panic!("row {row} has no times");
        };
        let took = deployments.number(row, "DeploymentDurationInMilliSeconds");
        assert_eq!((*end - *start).num_milliseconds() as f64, took);
        let is_failed = deployments.is(row, "DeploymentStatus", "failed");
        assert_eq!(deployments.cell(row, "ErrorCode").is_some(), is_failed);
        failed += usize::from(is_failed);
    }
    assert!((10..300).contains(&failed), "{failed}");
    let visits = rows("ISVMarketplaceInsights", &settings);
    for row in 0..600 {
        let clicks = ["GetItNow", "ContactMe", "TestDrive", "FreeTrial"].map(|name| visits.number(row, name)).iter().sum::<f64>();
        assert!(clicks <= visits.number(row, "PageVisits"), "row {row}");
    }
    let retention = rows("ISVOfferRetention", &settings);
    let offsets: BTreeSet<_> = (0..600).map(|row| retention.number(row, "Offset") as i64).collect();
    assert!(offsets.len() > 6, "{offsets:?}");
    for row in 0..600 {
        let age = settings.now.date_naive().signed_duration_since(retention.date(row, "FirstUsageDate").unwrap()).num_days();
        assert!(retention.number(row, "Offset") as i64 <= age, "row {row}");
    }
    let orders = rows("ISVOrder", &settings);
    for row in 0..600 {
        let is_private = orders.number(row, "IsPrivateOffer") == 1.0;
        assert_eq!(orders.cell(row, "PrivateOfferId").is_some(), is_private);
        assert!(!orders.is(row, "OrderAction", "Canceled") || orders.is(row, "OrderStatus", "Canceled"));
    }
}

#[test]
fn a_dataset_that_is_not_the_marketplaces_has_no_rows() {
    assert_eq!(super::super::marketplace::table(catalog().find("OfficeUsage").unwrap(), &settings(10)).count(), 0);
}
