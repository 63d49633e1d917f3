#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use super::*;
use crate::datasets::builtin;
use crate::plan;

fn notes(program: &str, text: &str) -> Vec<String> {
    let plan = plan(text, &builtin::catalog(program)).unwrap_or_else(|errors| panic!("{errors:?}"));
    sought(&plan).into_iter().map(|sought| sought.note).collect()
}

#[test]
fn what_is_said_of_a_value_that_is_not_there() {
    let cases: [(&str, &str, &[&str]); 12] = [
        ("cmp", "ISVUsage WHERE SKUBillingType = 'Paided'", &["'Paided' occurs nowhere in SKUBillingType; did you mean 'Paid'?"]),
        ("cmp", "ISVUsage WHERE SKUBillingType = 'paid'", &["'paid' occurs nowhere in SKUBillingType"]),
        ("cmp", "ISVUsage WHERE SKUBillingType = 'gratis'", &["'gratis' occurs nowhere in SKUBillingType, whose values are Free or Paid"]),
        ("cmp", "ISVOrder WHERE OrderStatus = 'Cancelled'", &["'Cancelled' occurs nowhere in OrderStatus; did you mean 'Canceled'?"]),
        (
            "cmp",
            "ISVOrder WHERE IsTrial = 'True' AND Quantity = '007'",
            &["'true' occurs nowhere in IsTrial", "'7' occurs nowhere in Quantity"],
        ),
        ("cmp", "ISVOrder WHERE ListPriceUSD = -0.5", &["'-0.50' occurs nowhere in ListPriceUSD"]),
        ("cmp", "ISVOrder WHERE OrderPurchaseDate = '2024-02-29'", &["'2024-02-29' occurs nowhere in OrderPurchaseDate"]),
        ("cmp", "ISVOrder WHERE EventTimestamp = '2024-02-29 01:00:00'", &["'2024-02-29T01:00:00Z' occurs nowhere in EventTimestamp"]),
        ("cmp", "ISVUsage WHERE OfferName IN ('a', 'b')", &["'a' occurs nowhere in OfferName", "'b' occurs nowhere in OfferName"]),
        // Conditions that do not name a value, and literals that are not values.
        (
            "cmp",
            "ISVUsage WHERE OfferName != 'a' AND OfferName NOT IN ('a') AND OfferName LIKE 'a' AND CoreSize > 5 AND CoreSize = 'x'",
            &[],
        ),
        ("mpn", "AzureUsage WHERE TotalACR = 5", &[]),
        ("mpn", "Profile", &[]),
    ];
    for (program, rest, expected) in cases {
        let first = if program == "cmp" { "OfferName" } else { "PartnerName" };
        assert_eq!(notes(program, &format!("SELECT {first} FROM {rest}")), expected, "{rest}");
    }
}

#[test]
fn a_value_is_asked_for_alone_and_not_too_many_are() {
    let text =
        "SELECT DISTINCT OfferName FROM ISVUsage WHERE CustomerName = 'a' AND SKU = 'b' ORDER BY OfferName LIMIT 5 TIMESPAN LAST_MONTH";
    let plan = plan(text, &builtin::catalog("cmp")).unwrap();
    let all = sought(&plan);
    let names: Vec<_> = all.iter().map(|sought| (sought.plan.outputs[0].name.as_str(), sought.sensitive)).collect();
    assert_eq!(names, [("CustomerName", true), ("SKU", false)]);
    for sought in all {
        let plan = sought.plan;
        assert!(plan.row_conditions.len() == 1 && plan.order.is_empty() && !plan.distinct && plan.limit == Some(1) && plan.span.is_none());
    }
    let list: Vec<String> = (0..500).map(|number| format!("'{number}'")).collect();
    assert_eq!(notes("cmp", &format!("SELECT OfferName FROM ISVUsage WHERE SKU IN ({}) AND OfferName = 'x'", list.join(","))).len(), 8);
}
