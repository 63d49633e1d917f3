#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::collections::BTreeSet;
use std::sync::{Arc, LazyLock};

use chrono::{NaiveDate, TimeZone, Utc};
use insightgate_query::datasets::builtin;
use insightgate_query::datasets::catalog::{Catalog, ColumnType, Grain};
use insightgate_query::timespan::{TimeSpan, Window};

use super::*;

mod marketplace;

const FOREIGN: &str = "Foreign";

fn settings(rows: u64) -> SampleSettings {
    let location = |mpn_id: &str, name: &str, country: &str| Location { mpn_id: mpn_id.into(), name: name.into(), country: country.into() };
    SampleSettings {
        seed: 7,
        rows,
        now: Utc.with_ymd_and_hms(2026, 3, 31, 9, 30, 0).unwrap(),
        partner: Partner {
            global_account: "1001234".into(),
            name: "Lucerne Cloud Partners".into(),
            locations: vec![
                location("6096123", "Lucerne Cloud Boston", "United States"),
                location("6096124", "Lucerne Cloud Munich", "Germany"),
                location("6096125", "Lucerne Cloud Hyderabad", "India"),
            ],
            marker: None,
        },
    }
}

fn foreign(rows: u64) -> SampleSettings {
    let mut settings = settings(rows);
    settings.partner = Partner {
        global_account: "1009999".into(),
        name: "Foreign Partner Ltd".into(),
        locations: vec![Location { mpn_id: "7001001".into(), name: "Foreign Partner Ltd".into(), country: "France".into() }],
        marker: Some(FOREIGN.into()),
    };
    settings
}

fn catalog() -> &'static Catalog {
    static READ: LazyLock<Catalog> = LazyLock::new(|| builtin::catalog("mpn"));
    assert_eq!(READ.datasets().len(), 26);
    &READ
}

fn marketplace_catalog() -> &'static Catalog {
    static READ: LazyLock<Catalog> = LazyLock::new(|| builtin::catalog("cmp"));
    assert_eq!(READ.datasets().len(), 9);
    &READ
}

/// The datasets of both programs.
fn datasets() -> impl Iterator<Item = &'static Arc<Dataset>> {
    catalog().datasets().iter().chain(marketplace_catalog().datasets())
}

fn chunks<'a>(dataset: &'a Dataset, settings: &'a SampleSettings) -> Box<dyn Iterator<Item = Chunk> + 'a> {
    if marketplace_catalog().find(&dataset.name).is_some() {
        return Box::new(super::marketplace::table(dataset, settings));
    }
    Box::new(table(dataset, settings))
}

/// Rows by column name.
struct Rows {
    names: Vec<String>,
    rows: Vec<Vec<Option<Value>>>,
}

impl Rows {
    fn of(dataset: &Dataset, settings: &SampleSettings) -> Rows {
        let mut rows = Vec::new();
        for chunk in chunks(dataset, settings) {
            let length = chunk[0].len();
            assert!(chunk.len() == dataset.columns.len() && length <= 1024 && chunk.iter().all(|column| column.len() == length));
            rows.extend((0..length).map(|row| chunk.iter().map(|column| column[row].clone()).collect::<Vec<_>>()));
        }
        Rows { names: dataset.columns.iter().map(|column| column.name.clone()).collect(), rows }
    }

    fn named(name: &str, settings: &SampleSettings) -> Rows {
        Rows::of(datasets().find(|dataset| dataset.name == name).unwrap(), settings)
    }

    fn cell(&self, row: usize, name: &str) -> Option<&Value> {
        let column = self.names.iter().position(|known| known.eq_ignore_ascii_case(name)).unwrap_or_else(|| panic!("no column {name}"));
        self.rows[row][column].as_ref()
    }

    /// Rows of the last `months` full months for which the condition holds.
    fn any(&self, date: &str, months: &TimeSpan, settings: &SampleSettings, condition: impl Fn(&Rows, usize) -> bool) -> bool {
        (0..self.rows.len()).any(|row| is_within(self.cell(row, date), *months, settings) && condition(self, row))
    }

    fn len(&self) -> usize {
        self.rows.len()
    }

    /// A text; empty for null.
    fn text(&self, row: usize, name: &str) -> &str {
        if let Some(Value::String(text)) = self.cell(row, name) { text } else { "" }
    }

    fn date(&self, row: usize, name: &str) -> Option<NaiveDate> {
        if let Some(Value::Date(date)) = self.cell(row, name) { Some(*date) } else { None }
    }

    fn is(&self, row: usize, name: &str, text: &str) -> bool {
        matches!(self.cell(row, name), Some(Value::String(value)) if value == text)
    }

    fn number(&self, row: usize, name: &str) -> f64 {
        match self.cell(row, name) {
            Some(Value::Int(number)) => *number as f64,
            Some(Value::Float(number)) => *number,
            Some(Value::Decimal { unscaled, scale }) => *unscaled as f64 / 10_f64.powi(i32::from(*scale)),
            _ => f64::NAN,
        }
    }
}

fn is_within(value: Option<&Value>, span: TimeSpan, settings: &SampleSettings) -> bool {
    let instant = match value {
        Some(Value::Date(date)) => date.and_hms_opt(0, 0, 0).unwrap().and_utc(),
        Some(Value::Timestamp(instant)) => *instant,
        _ => return false,
    };
    match span.window(settings.now) {
        Window::All => true,
        Window::Between { start, end } => start.is_none_or(|start| instant >= start) && instant < end,
    }
}

#[test]
fn every_dataset_has_rows_that_fit_its_columns() {
    let settings = settings(300);
    for dataset in datasets() {
        let rows = Rows::of(dataset, &settings);
        let expected = if dataset.name == "Profile" { 4 } else { 300 };
        assert_eq!(rows.rows.len(), expected, "{}", dataset.name);
        for (index, column) in dataset.columns.iter().enumerate() {
            let name = format!("{}.{}", dataset.name, column.name);
            let mut seen = 0;
            for row in &rows.rows {
                let fits = match (&row[index], column.kind) {
                    (None, _) => column.nullable,
                    (Some(Value::String(text)), ColumnType::String) => column.allowed.is_empty() || column.allowed.contains(text),
                    (Some(Value::Decimal { unscaled, scale }), ColumnType::Decimal { precision, scale: expected }) => {
                        *scale == expected && unscaled.unsigned_abs() < 10_u128.pow(u32::from(precision))
                    }
                    (Some(Value::Int(number)), ColumnType::Int64) => {
                        let is_listed = column.allowed.is_empty() || column.allowed.contains(&number.to_string());
                        is_listed && (*number >= 0 || column.name == "QuantityChanged")
                    }
                    (Some(Value::Float(number)), ColumnType::Float64) => number.is_finite(),
                    (Some(Value::Date(_)), ColumnType::Date) | (Some(Value::Timestamp(_)), ColumnType::Timestamp) => true,
                    (Some(Value::Bool(_)), ColumnType::Bool) => true,
                    _ => false,
                };
                assert!(fits, "{name}: {:?} for {:?}", row[index], column.kind);
                seen += usize::from(row[index].is_some());
            }
            let is_rare = name.contains("Seats") || marketplace::RARE.contains(&column.name.as_str());
            assert!(seen * 2 > rows.rows.len() || is_rare && seen > 0, "{name} is mostly null: {seen}");
        }
    }
}

#[test]
fn every_dataset_is_the_same_again() {
    for dataset in datasets() {
        let one = Rows::of(dataset, &settings(200)).rows;
        assert_eq!(one, Rows::of(dataset, &settings(200)).rows, "{}", dataset.name);
        let few = Rows::of(dataset, &settings(70)).rows;
        assert_eq!(one[..few.len()], few, "{}: fewer rows are the first of more", dataset.name);
    }
}

#[test]
fn the_same_settings_give_the_same_rows_and_others_do_not() {
    let dataset = catalog().find("SeatsSubscriptionsAndRevenue").unwrap();
    let one = Rows::of(dataset, &settings(2500)).rows;
    assert_eq!(one, Rows::of(dataset, &settings(2500)).rows);
    assert_eq!(one[..100], Rows::of(dataset, &settings(100)).rows);
    let mut other = settings(2500);
    other.seed = 8;
    assert_ne!(one, Rows::of(dataset, &other).rows);
}

#[test]
fn every_time_span_of_every_dataset_has_rows() {
    for (year, month, day) in [(2026, 3, 31), (2024, 2, 29), (2026, 1, 1)] {
        let mut settings = settings(120);
        settings.now = Utc.with_ymd_and_hms(year, month, day, 0, 0, 1).unwrap();
        for dataset in datasets() {
            let Some(date) = dataset.date_column else { continue };
            let spans = if dataset.grain == Grain::Day { TimeSpan::ALL.to_vec() } else { dataset.date_ranges.clone() };
            let rows = Rows::of(dataset, &settings);
            for span in spans {
                let found = rows.rows.iter().any(|row| is_within(row[date].as_ref(), span, &settings));
                let by_month = dataset.grain == Grain::Month;
                assert!(found || by_month && span == TimeSpan::Today, "{} has nothing for {span} at {}", dataset.name, settings.now);
            }
            let is_past = |value: &Option<Value>| match value {
                Some(Value::Date(day)) => *day <= settings.now.date_naive(),
                Some(Value::Timestamp(instant)) => *instant <= settings.now,
                _ => false,
            };
            assert!(rows.rows.iter().all(|row| is_past(&row[date])), "{} knows the future", dataset.name);
        }
    }
}

#[test]
fn months_are_first_days_of_this_month_and_the_thirteen_before() {
    let rows = Rows::named("OfficeUsage", &settings(600));
    let months: BTreeSet<_> =
        (0..600).filter_map(|row| if let Some(Value::Date(day)) = rows.cell(row, "Month") { Some(*day) } else { None }).collect();
    assert_eq!(months.len(), 14);
    assert_eq!(months.last(), NaiveDate::from_ymd_opt(2026, 3, 1).as_ref());
    assert_eq!(months.first(), NaiveDate::from_ymd_opt(2025, 2, 1).as_ref());
}

#[test]
fn what_sample_queries_ask_for_occurs_in_their_span() {
    let (month, half) = (TimeSpan::LastMonth, TimeSpan::Last6Months);
    let settings = settings(60);
    let any = |dataset: &str, span: &TimeSpan, condition: fn(&Rows, usize) -> bool| {
        assert!(Rows::named(dataset, &settings).any("Month", span, &settings, condition), "{dataset} {span}");
    };
    any("CustomersAndTenants", &month, |rows, row| rows.is(row, "CustomerMarket", "United States"));
    any("CustomersAndTenants", &half, |rows, row| {
        rows.is(row, "SKU", "MICROSOFT 365 BUSINESS STANDARD") && rows.number(row, "BilledRevenueUSD") > 20_000.0
    });
    any("ResellerPerformance", &month, |rows, row| rows.is(row, "ResellerMarket", "US"));
    any("SeatsSubscriptionsAndRevenue", &month, |rows, row| rows.is(row, "IsAutoRenew", "N"));
    any("CustomersAndTenants", &month, |rows, row| rows.is(row, "IsAutoRenew", "No"));
    any("SeatsSubscriptionsAndRevenue", &month, |rows, row| rows.is(row, "SubscriptionState", "Disabled"));
    any("AzureUsage", &half, |rows, row| rows.is(row, "MeterCategory", "Azure DNS"));
    any("AzureUsage", &half, |rows, row| rows.number(row, "ACR_USD") > 20_000.0);
    any("OfficeUsage", &half, |rows, row| rows.number(row, "MonthlyActiveUsers") > 100_000.0);
    any("OfficeUsage", &half, |rows, row| rows.is(row, "CustomerTpid", "2a31c234-1f4e-4c60-909e-76d234f93161"));
    any("OfficeUsage", &half, |rows, row| rows.is(row, "CustomerTpid", "80780748-3f9a-11eb-b378-0242ac130002"));
    any("OfficeUsage", &half, |rows, row| rows.is(row, "CustomerTenantId", "868368da-957d-4959-8992-3c12dc7e6260"));
    any("OfficeUsage", &half, |rows, row| {
        rows.is(row, "CustomerTenantId", "7b487ac0-ce12-b732-dcd6-91a1e4e74a50")
            && rows.is(row, "CustomerTpid", "0f8b7fa0-eb83-a183-1225-ca153ef807aa")
    });
    any("OfficeUsage", &half, |rows, row| matches!(rows.cell(row, "CustomerName"), Some(Value::String(name)) if name.contains("Contoso")));
    let profile = Rows::named("Profile", &settings);
    assert!((0..4).any(|row| profile.is(row, "Country", "United States") && profile.is(row, "MPNId", "6096123")));
    assert!(profile.is(0, "HierarchyLevel", "Global") && profile.is(0, "MPNId", "1001234"));
}

#[test]
fn masked_placeholders_do_not_occur() {
    for dataset in datasets() {
        for row in Rows::of(dataset, &settings(100)).rows {
            let masked = |value: &Option<Value>| matches!(value, Some(Value::String(text)) if text.ends_with("xxx") || text == "1001xx");
            assert!(!row.iter().any(masked), "{}", dataset.name);
        }
    }
}

#[test]
fn seats_and_dates_agree_with_each_other() {
    let rows = Rows::named("SeatsSubscriptionsAndRevenue", &settings(600));
    let mut compared = 0;
    for row in 0..600 {
        let (sold, assigned) = (rows.number(row, "AvailableSeats"), rows.number(row, "AssignedSeats"));
        if sold.is_finite() && assigned.is_finite() {
            compared += 1;
            assert!(assigned <= sold, "row {row}: {assigned} of {sold}");
        }
        if let (Some(Value::Date(start)), Some(Value::Date(end))) =
            (rows.cell(row, "SubscriptionStartDate"), rows.cell(row, "SubscriptionEndDate"))
        {
            assert!(start < end, "row {row}");
        }
    }
    assert!(compared > 300, "{compared}");
    let usage = Rows::named("DynamicsUsage", &settings(600));
    assert!(!(0..600).any(|row| usage.number(row, "ActiveSeats") > usage.number(row, "AssignedSeats")));
    assert!((0..600).all(|row| !rows.is(row, "SKU", "DYNAMICS 365 SALES PRO") || rows.is(row, "Product", "Dynamics 365")));
}

#[test]
fn a_customer_is_the_same_in_every_dataset() {
    let known: BTreeSet<_> = ["CustomersAndTenants", "OfficeUsage", "SeatsSubscriptionsAndRevenue", "AzureUsage"]
        .iter()
        .flat_map(|name| {
            let rows = Rows::named(name, &settings(600));
            (0..600)
                .map(move |row| {
                    format!(
                        "{:?} {:?} {:?}",
                        rows.cell(row, "CustomerName"),
                        rows.cell(row, "CustomerTpid"),
                        rows.cell(row, "CustomerTenantId")
                    )
                })
                .collect::<Vec<_>>()
        })
        .collect();
    assert!((20..=60).contains(&known.len()), "{}", known.len());
}

#[test]
fn rows_of_a_marked_partner_are_recognised_and_never_shared() {
    let (own, marked) = (settings(80), foreign(80));
    for dataset in datasets() {
        let own_keys = keys(dataset, &own);
        assert!(own_keys.iter().all(|text| !text.contains(FOREIGN) && !text.starts_with("f0f0f0f0")), "{}", dataset.name);
        for row in Rows::of(dataset, &marked).rows {
            let mut open = 0;
            for (column, value) in dataset.columns.iter().zip(&row) {
                let Some(Value::String(text)) = value else { continue };
                let is_mark = text.starts_with(FOREIGN) || text.starts_with("f0f0f0f0");
                let is_partner = ["1009999", "7001001"].contains(&text.as_str());
                let is_flag = ["Yes", "No", "Y", "N"].contains(&text.as_str()) || column.allowed.contains(text);
                assert!(is_mark || is_partner || is_flag, "{}.{}: {text}", dataset.name, column.name);
                open += usize::from(is_mark);
            }
            assert!(open > 0, "{}: nothing marks {row:?}", dataset.name);
        }
    }
}

/// All identifiers and names in a dataset's rows.
fn keys(dataset: &Dataset, settings: &SampleSettings) -> BTreeSet<String> {
    let text = |value: Option<Value>| if let Some(Value::String(text)) = value { Some(text) } else { None };
    Rows::of(dataset, settings).rows.into_iter().flatten().filter_map(text).collect()
}

#[test]
fn a_partner_without_locations_has_no_rows() {
    let mut settings = settings(10);
    settings.partner.locations.clear();
    assert_eq!(Rows::named("OfficeUsage", &settings).rows.len(), 0);
}
