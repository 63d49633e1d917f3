#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use serde::Deserialize;

use super::*;
use crate::column::{Comparison, Value};
use crate::datasets::builtin;
use crate::diagnostic::{MAXIMUM_DIAGNOSTICS, message};
use crate::plan::Predicate;

mod literals;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Samples {
    queries: Vec<Sample>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Sample {
    program: String,
    text: String,
    refused: Option<String>,
    note: Option<String>,
    /// For the end-to-end tests: why the demo has no row for this query.
    empty: Option<String>,
}

#[test]
fn every_documented_sample_plans_or_is_refused_for_its_reason() {
    let samples: Samples = toml::from_str(include_str!("../../tests-data/sample-queries.toml")).unwrap();
    assert!(samples.queries.len() > 70);
    for sample in samples.queries {
        assert!(sample.refused.is_none() || sample.empty.is_none(), "{}", sample.text);
        let planned = plan(&sample.text, &builtin::catalog(&sample.program));
        match (planned, sample.refused.as_deref()) {
            (Ok(plan), None) => assert_eq!(plan.notes, Vec::from_iter(sample.note), "{}", sample.text),
            (Err(errors), Some("syntax")) => assert!(errors.iter().all(|e| e.code == Code::Syntax), "{}: {errors:?}", sample.text),
            (Err(errors), Some("name")) => assert!(errors.iter().all(|e| e.code == Code::UnknownName), "{}: {errors:?}", sample.text),
            (Ok(_), refused) => panic!("{} is planned, but {refused:?}", sample.text),
            (Err(errors), refused) => panic!("{} is refused ({refused:?}): {}", sample.text, message(&errors)),
        }
    }
}

fn mpn(text: &str) -> Plan {
    plan(text, &builtin::catalog("mpn")).unwrap_or_else(|errors| panic!("{text}: {}", message(&errors)))
}

fn refused(text: &str) -> String {
    message(&plan(text, &builtin::catalog("mpn")).expect_err(text))
}

fn names(plan: &Plan) -> Vec<&str> {
    plan.outputs.iter().map(|output| output.name.as_str()).collect()
}

#[test]
fn names_ignore_case_and_aliases_are_names() {
    let plan = mpn("select customername, PGAPartnerID, MONTH, customername from officeusage");
    assert_eq!(names(&plan), ["CustomerName", "PGAPartnerID", "Month", "CustomerName"]);
    assert!(!plan.grouped && !plan.distinct);
    assert_eq!(plan.span, None);
    let plan = mpn("SELECT \"CustomerName\", [Month] FROM [OfficeUsage] LIMIT 3 TIMESPAN last_month ;");
    assert_eq!((names(&plan), plan.limit, plan.span), (vec!["CustomerName", "Month"], Some(3), Some(TimeSpan::LastMonth)));
    let plan = mpn("SELECT Month FROM CompetencyPerformanceRequirement");
    assert_eq!(plan.dataset.name, "CompetencyPeformanceRequirement");
}

/// Every column is headed by the name that the query uses for it, and messages about the column use that name too.
#[test]
fn an_answer_has_the_names_that_were_written() {
    let plan = mpn(
        "SELECT partnerlocation, PARTNERLOCATIONID, PartnerLocation FROM CustomersAndTenants WHERE partnerlocationid = 'DE' ORDER BY PartnerLocationID",
    );
    assert_eq!(names(&plan), ["PartnerLocation", "PartnerLocationID", "PartnerLocation"]);
    let field = plan.dataset.field("PartnerLocation").unwrap();
    assert!(plan.outputs.iter().all(|output| output.field == field));
    assert_eq!((plan.row_conditions[0].field, plan.order[0].field), (field, field));
    assert_eq!(plan.name_of(field), "PartnerLocation", "the first of the names");

    // The query only uses an alias, so that messages must not use the dataset's own name.
    let plan = mpn("SELECT DISTINCT PartnerID FROM AzureUsage WHERE IsDuplicateAtPGALevel = 'x' ORDER BY PartnerID TIMESPAN LIFETIME");
    assert_eq!(plan.notes, ["'x' is not a number, so the condition on IsDuplicateAtPGALevel matches no row"]);
    assert_eq!((names(&plan), plan.name_of(plan.order[0].field)), (vec!["PartnerID"], "PartnerID"));
    let message = refused("SELECT DISTINCT CustomerName FROM AzureUsage ORDER BY partnerid");
    assert!(message.starts_with("ORDER BY PartnerID at line 1, column 55 has no meaning"), "{message}");

    // A metric has several names too.
    let plan = super::plan("SELECT OfferName, revenuegeneratedusd FROM ISVOfferRetention", &builtin::catalog("cmp")).unwrap();
    assert_eq!((names(&plan), plan.grouped), (vec!["OfferName", "RevenueGeneratedUSD"], true));
}

/// The system queries of an earlier revision of the documents, as printed there.
#[test]
fn queries_of_july_2021_are_taken_as_printed() {
    let queries = include_str!("../../tests-data/queries-of-july-2021.toml").parse::<toml::Table>().unwrap();
    let texts: Vec<_> = queries["queries"].as_array().unwrap().iter().map(|query| query["text"].as_str().unwrap()).collect();
    assert_eq!(texts.len(), 4);
    for text in texts {
        let plan = mpn(text);
        let written: Vec<_> = text.strip_prefix("SELECT ").unwrap().split_once(" FROM ").unwrap().0.split(", ").collect();
        assert!(written.len() > 38 && plan.notes.is_empty(), "{text}");
        for (written, selected) in written.iter().zip(&plan.outputs) {
            assert!(written.eq_ignore_ascii_case(&selected.name), "{written}");
            assert!(matches!(selected.field, Field::Column(_)));
        }
        assert_eq!(plan.outputs.len(), written.len());
    }
}

/// Names as `availableMetrics` lists them and as the documents' samples write them. A blank, a function or a comparison is not part of a name.
#[test]
fn a_name_with_a_unit_stands_bare() {
    let cmp = builtin::catalog("cmp");
    let texts = [
        "SELECT OfferName, RevenueGenerated(USD) FROM ISVOfferRetention WHERE RevenueGenerated(usd) > 1 ORDER BY revenuegenerated(USD) ASC",
        "SELECT OfferName, \"RevenueGenerated(USD)\" FROM ISVOfferRetention WHERE [RevenueGenerated(usd)] > 1 ORDER BY RevenueGeneratedUSD ASC",
    ];
    let plans = texts.map(|text| plan(text, &cmp).unwrap_or_else(|errors| panic!("{}", message(&errors))));
    assert_eq!(names(&plans[0]), ["OfferName", "RevenueGenerated(USD)"]);
    assert_eq!(plans[0], plans[1]);
    let cases = [
        (
            "SELECT NormalizedUsage FROM ISVUsage ORDER BY NormalizedUsage ASC, EstimatedExtendedCharge(CC) DESC",
            "Incorrect column name: 'EstimatedExtendedCharge(CC)' at line 1, column 68 is neither a column nor a metric of ISVUsage; did you \
             mean 'EstimatedExtendedChargeCC'?",
        ),
        (
            "SELECT SUM(CoreSize) FROM ISVUsage",
            "'(' at line 1, column 11: functions are not supported; name a column or metric, in double quotes if it holds a parenthesis",
        ),
        (
            "SELECT RevenueGenerated (USD) FROM ISVOfferRetention",
            "'(' at line 1, column 25: functions are not supported; name a column or metric, in double quotes if it holds a parenthesis",
        ),
        (
            "SELECT RevenueGenerated(from) FROM ISVOfferRetention",
            "'(' at line 1, column 24: functions are not supported; name a column or metric, in double quotes if it holds a parenthesis",
        ),
    ];
    for (text, expected) in cases {
        assert_eq!(message(&plan(text, &cmp).unwrap_err()), expected);
    }
    let errors = plan("SELECT Nothing(CC) FROM ISVUsage", &cmp).unwrap_err();
    assert_eq!((errors[0].column, errors[0].length), (8, 11));
}

#[test]
fn a_metric_anywhere_groups() {
    let selected = mpn("SELECT CustomerName, TotalACR FROM AzureUsage WHERE MeterCategory = 'Azure DNS' AND TotalACR > 20000");
    assert!(selected.grouped);
    assert_eq!(selected.row_conditions.len(), 1);
    assert_eq!(selected.group_conditions.len(), 1);
    let value = Value::Decimal { unscaled: 2_000_000, scale: 2 };
    assert_eq!(selected.group_conditions[0].predicate, Predicate::Compare(Comparison::Greater, value));
    assert!(mpn("SELECT CustomerName FROM AzureUsage WHERE CustomerCount > 1").grouped);
    assert!(mpn("SELECT CustomerName FROM AzureUsage ORDER BY CustomerCount").grouped);
    assert!(mpn("SELECT CustomerCount FROM AzureUsage").grouped);
    assert!(!mpn("SELECT DISTINCT CustomerName, CustomerCount FROM AzureUsage").distinct, "groups are distinct");
    assert!(mpn("SELECT DISTINCT CustomerName FROM AzureUsage").distinct);
}

#[test]
fn order_is_descending_unless_asked_and_names_a_field_once() {
    let plan = mpn("SELECT CustomerName FROM OfficeUsage ORDER BY Month, CustomerName ASC, month ASC");
    let keys: Vec<_> = plan.order.iter().map(|key| (plan.dataset.field_name(key.field), key.descending)).collect();
    assert_eq!(keys, [("Month", true), ("CustomerName", false)]);
}

#[test]
fn time_spans_are_those_of_the_dataset() {
    assert_eq!(mpn("SELECT MPNId FROM Profile TIMESPAN LIFETIME").span, Some(TimeSpan::Lifetime));
    assert_eq!(mpn("SELECT UserId FROM MSLearn TIMESPAN LAST_7_DAYS").span, Some(TimeSpan::Last7Days));
    let errors = plan("SELECT Month FROM OfficeUsage TIMESPAN TODAY", &builtin::catalog("mpn")).unwrap_err();
    assert_eq!(errors[0].code, Code::TimeSpanNotAvailable);
    assert_eq!((errors[0].line, errors[0].column, errors[0].length), (1, 40, 5));
}

/// The messages, letter by letter.
#[test]
fn refusals() {
    let cases = [
        (
            "SELECT Custmer FROM OfficeUsage",
            "Incorrect column name: 'Custmer' at line 1, column 8 is neither a column nor a metric of OfficeUsage; did you mean 'CustomerName'?",
        ),
        (
            "SELECT Month FROM OficeUsage",
            "Invalid table name: 'OficeUsage' at line 1, column 19 is not a dataset of this program; did you mean 'OfficeUsage'?",
        ),
        (
            "SELECT x FROM Profile",
            "Incorrect column name: 'x' at line 1, column 8 is neither a column nor a metric of Profile; there are MPNId, PartnerName, PGA_MPNId, \
             PGA_PartnerName, City, Country, HierarchyLevel",
        ),
        (
            "SELECT BilledRevenueUSD FROM DynamicsUsage",
            "Incorrect column name: 'BilledRevenueUSD' at line 1, column 8 is neither a column nor a metric of DynamicsUsage; there are \
             PGAMpnId, SubscriptionId, SubscriptionStartDate, SubscriptionEndDate, SubscriptionStatus, Month, RevSumDivisionName, \
             RevSumCategoryName and 29 more",
        ),
        (
            "SELECT Month FROM OfficeUsage TIMESPAN TODAY",
            "TIMESPAN TODAY at line 1, column 40 is not available for OfficeUsage; it offers LAST_MONTH, LAST_3_MONTHS, LAST_6_MONTHS, \
             LAST_1_YEAR, LIFETIME",
        ),
        (
            "SELECT MPNId FROM Profile TIMESPAN LAST_MONTH",
            "TIMESPAN LAST_MONTH at line 1, column 36 is not available: Profile has no date column; leave TIMESPAN out",
        ),
        (
            "SELECT CustomerName, CustomerCount FROM OfficeUsage ORDER BY Month",
            "ORDER BY Month at line 1, column 62 has no meaning: with a metric, rows are grouped by the selected columns, and a group can \
             hold several values of Month; select Month too, or order by a selected column or a metric",
        ),
        (
            "SELECT DISTINCT CustomerName FROM OfficeUsage ORDER BY Month",
            "ORDER BY Month at line 1, column 56 has no meaning: DISTINCT merges rows that can differ in Month; select Month too, or order \
             by a selected column",
        ),
        (
            r"SELECT Month FROM OfficeUsage WHERE CustomerName LIKE 'a\'",
            r"the pattern at line 1, column 55 ends with \, which takes the next character as it is; write \\ for a \ itself",
        ),
        (
            "SELECT Monht,\n  CustomerName CustomerTpid\nFROM OfficeUsage WHERE Sku = A",
            "Incorrect column name: 'Monht' at line 1, column 8 is neither a column nor a metric of OfficeUsage; did you mean 'Month'?\n\
             ',' is missing before 'CustomerTpid' at line 2, column 16\n\
             'A' at line 3, column 30 is neither a number nor a string; write a string in single quotes: 'A'",
        ),
    ];
    for (text, expected) in cases {
        assert_eq!(refused(text), expected);
    }
}

#[test]
fn rules_about_the_whole_query_wait_until_it_is_read() {
    let text = "SELECT CustomerName, CustomerCount FROM OfficeUsage ORDER BY Month LIMIT x";
    assert_eq!(refused(text), "'x' at line 1, column 74: LIMIT takes the number of rows, from 1");
}

#[test]
fn at_most_twenty_are_reported() {
    let text = format!("SELECT {} FROM OfficeUsage", vec!["nothing"; 900].join(", "));
    let errors = plan(&text, &builtin::catalog("mpn")).unwrap_err();
    assert_eq!((errors.len(), errors.more()), (MAXIMUM_DIAGNOSTICS, 880));
    let message = message(&errors);
    assert_eq!((message.lines().count(), message.lines().last()), (21, Some("and 880 more")));
    // Errors in the text and in names are counted together; rules about the whole query are not applied.
    let names = vec!["nothing"; 30].join(", ");
    let text = format!("SELECT {names}, CustomerCount FROM OfficeUsage WHERE {} LIMIT x", vec!["? = 1"; 15].join(" AND "));
    let errors = plan(&text, &builtin::catalog("mpn")).unwrap_err();
    assert!(errors.is_sorted_by_key(|found| (found.line, found.column)), "{errors:?}");
    assert!(errors.len() == 20 && errors.more() >= 26 && errors.iter().all(|found| found.code == Code::UnknownName), "{errors:?}");
}
