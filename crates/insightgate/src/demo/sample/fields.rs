//! What a column contains, recognised by its name, and how its value follows from a row. All other columns take their documented examples.

use chrono::{DateTime, NaiveDate, Utc};
use insightgate_query::datasets::catalog::{Column, Dataset};

use super::companies::{PLACES, Place};
use super::offers::{COMPETENCIES, PERSONAS, RESELLERS, TRAININGS, WORKLOADS};
use super::random::{at, below, chance, guid, mix, of_text};
use super::row::{Row, days_after, days_before, first_of_month};

/// The kind of value in a column.
pub enum Field {
    /// A value that a function computes from the row.
    Known { read: Reader, key: bool },
    /// The dataset's date.
    Date,
    /// Yes in some cases, No in most.
    Flag { yes: String, no: String },
    /// One of these values.
    OneOf(Vec<String>),
    /// A number up to this one; small numbers are more frequent.
    UpTo(f64),
}

pub type Reader = fn(&Row<'_>) -> Raw;

/// A value before it is converted to its column's type.
pub enum Raw {
    /// Open text, to which a marker may be prefixed.
    Text(String),
    /// A text that is never marked: a part of the partner's identity, a flag, or a value from a closed list.
    Exact(String),
    /// Yes or no, in the words of the column's examples: the first of them means yes.
    Flag(bool),
    Guid(u64),
    /// The identifier of a customer.
    Known(String),
    Int(i64),
    /// An amount in US cents.
    Cents(i64),
    Float(f64),
    Day(NaiveDate),
    Time(DateTime<Utc>),
    Nothing,
}

impl Field {
    pub fn of(dataset: &Dataset, index: usize, column: &Column) -> Field {
        if dataset.date_column == Some(index) {
            return Field::Date;
        }
        if let Some((_, key, read)) = KNOWN.iter().find(|(name, _, _)| column.name.eq_ignore_ascii_case(name)) {
            return Field::Known { read: *read, key: *key };
        }
        let values = if column.allowed.is_empty() { &column.examples } else { &column.allowed };
        if let [one, other] = values.as_slice() {
            for (yes, no) in [("Yes", "No"), ("Y", "N"), ("1", "0")] {
                let is = |a: &str, b: &str| a == yes && b == no;
                if is(one, other) || is(other, one) {
                    return Field::Flag { yes: yes.to_owned(), no: no.to_owned() };
                }
            }
        }
        let largest = column.examples.iter().filter_map(|example| example.parse::<f64>().ok()).fold(0.0, f64::max);
        match column.kind {
            insightgate_query::datasets::catalog::ColumnType::String if !values.is_empty() => Field::OneOf(values.clone()),
            _ if !column.allowed.is_empty() => Field::OneOf(column.allowed.clone()),
            _ => Field::UpTo(if largest > 0.0 { largest } else { 100.0 }),
        }
    }

    /// Keys and dates have no nulls.
    pub fn is_key(&self) -> bool {
        matches!(self, Field::Known { key: true, .. } | Field::Date)
    }
}

fn text(text: &str) -> Raw {
    Raw::Text(text.to_owned())
}

fn exact(text: &str) -> Raw {
    Raw::Exact(text.to_owned())
}

/// The place of a location: the first place in its country.
fn place_of(country: &str) -> Option<&'static Place> {
    PLACES.iter().find(|place| place.country.eq_ignore_ascii_case(country) || place.code.eq_ignore_ascii_case(country))
}

fn large<'a>(row: &Row<'_>, large: &'a str, small: &'a str) -> Raw {
    text(if row.customer.company.is_large() { large } else { small })
}

/// A percentage of `of`, between `from` and `to` and constant for a subscription.
fn part(row: &Row<'_>, of: i64, from: u64, to: u64) -> Raw {
    Raw::Int(of * (from + below(mix(row.key ^ from), to - from)) as i64 / 100)
}

/// One entry of a table, constant while the subject is the same.
fn entry<T>(row: &Row<'_>, table: &'static [T], read: impl Fn(&'static T) -> Raw) -> Raw {
    at(row.subject, table).map_or(Raw::Nothing, read)
}

/// A person who takes trainings; another one for each row.
fn persona(row: &Row<'_>, read: impl Fn(&str, &str, u64) -> Raw) -> Raw {
    let number = below(mix(row.random ^ 9), PERSONAS.len() as u64);
    at(number, &PERSONAS).map_or(Raw::Nothing, |(first, last)| read(first, last, number))
}

fn training(row: &Row<'_>, read: impl Fn(&'static (&'static str, &'static str, &'static str, &'static str, &'static str)) -> Raw) -> Raw {
    at(row.random, &TRAININGS).map_or(Raw::Nothing, read)
}

fn is_azure(row: &Row<'_>) -> bool {
    row.offer.price == 0
}

fn seats(row: &Row<'_>, number: i64) -> Raw {
    if is_azure(row) { Raw::Nothing } else { Raw::Int(number) }
}

/// The US cents of an Azure service in a month; large companies use more of it.
fn consumption(row: &Row<'_>) -> i64 {
    (usage(row) * row.service.price as f64 / 100.0) as i64
}

fn usage(row: &Row<'_>) -> f64 {
    let size = row.customer.company.size.min(5_000) / 5 + 1;
    let percent = 80 + below(mix(row.random ^ 7), 40) as i64;
    (row.service.quantity * size * percent) as f64 / 100.0
}

fn state(row: &Row<'_>) -> Raw {
    text(match row.subject {
        1 => "Disabled",
        _ if row.end < row.today => "Churned",
        _ if chance(row.key, 12) => "InGracePeriod",
        _ => "Active",
    })
}

fn competency_end(row: &Row<'_>) -> NaiveDate {
    days_after(row.date, if row.key.is_multiple_of(3) { 180 } else { 365 })
}

/// The name in any case, whether the column has no nulls, and how it is read.
type Known = (&'static str, bool, Reader);

#[rustfmt::skip]
static KNOWN: &[Known] = &[
    // The partner.
    ("PGAMpnId", true, |r| exact(&r.partner.global_account)),
    ("PGA_MPNId", true, |r| exact(&r.partner.global_account)),
    ("GlobalPartnerID", true, |r| exact(&r.partner.global_account)),
    ("PGA_PartnerName", true, |r| text(&r.partner.name)),
    ("MPNId", true, |r| exact(if r.whole { &r.partner.global_account } else { &r.location.mpn_id })),
    ("PartnerName", true, |r| text(if r.whole { &r.partner.name } else { &r.location.name })),
    ("PCNPartnerName", false, |r| text(&r.location.name)),
    ("PartnerLocation", true, |r| text(place_of(&r.location.country).map_or(r.location.country.as_str(), |place| place.code))),
    ("PartnerOneSubCountry", false, |r| text(&r.location.country)),
    ("PCNSubsidiaryName", false, |r| text(&r.location.country)),
    ("PartnerCountryLocation", false, |r| text(&r.location.country)),
    ("PartnerCityLocation", false, |r| text(place_of(&r.location.country).map_or("", |place| place.city))),
    ("HierarchyLevel", true, |r| text(if r.whole { "Global" } else { "Location" })),
    ("PartnerHierarchy", false, |r| text(if r.location.mpn_id == r.partner.locations.first().map_or("", |l| &l.mpn_id) { "HeadQuarters" } else { "Location" })),
    // The customer.
    ("CustomerName", true, |r| text(r.customer.company.name)),
    ("AccountName", true, |r| text(r.customer.company.name)),
    ("CustomerTpid", true, |r| Raw::Known(r.customer.tpid.clone())),
    ("CustomerTenantId", true, |r| Raw::Known(r.customer.tenant.clone())),
    ("CustomerTenantName", false, |r| text(r.customer.company.stem)),
    ("TenantDomainName", false, |r| text(&format!("{}.onmicrosoft.com", r.customer.company.stem))),
    ("Domain", false, |r| text(&format!("{}.com", r.customer.company.stem))),
    ("CustomerId", true, |r| text(&r.customer.id)),
    ("DUNSNumber", false, |r| text(&r.customer.duns)),
    ("CustomerMarket", false, |r| text(r.customer.place.country)),
    ("CustomerCountry", false, |r| text(r.customer.place.country)),
    ("CustomerTenantCountry", false, |r| text(r.customer.place.country)),
    ("CustomerCountryCode", false, |r| text(r.customer.place.code)),
    ("Subsidiary", false, |r| text(r.customer.place.country)),
    ("Area", false, |r| text(r.customer.place.area)),
    ("State", false, |r| text(r.customer.place.state)),
    ("PostalCode", false, |r| text(r.customer.place.postal)),
    ("EOU", false, |r| text(r.customer.place.territory)),
    ("SalesTerritory", false, |r| text(r.customer.place.territory)),
    ("IndustryName", false, |r| text(r.customer.trade.industry)),
    ("Industry", false, |r| text(r.customer.trade.industry)),
    ("VerticalName", false, |r| text(r.customer.trade.vertical)),
    ("Vertical", false, |r| text(r.customer.trade.vertical)),
    ("CustomerSegment", false, |r| if r.customer.trade.industry == "Government" { text("Major Public Sector") } else { large(r, "Major Commercial", "Small, Medium & Corporate Commercial") }),
    ("TopSegment", false, |r| large(r, "Enterprise", "SMC")),
    ("Segment", false, |r| text(if r.customer.trade.industry == "Education" { "SM&C Education" } else { "SM&C Commercial" })),
    ("SubSegment", false, |r| text(if r.customer.trade.industry == "Education" { "SMB Education" } else { "SMB Commercial" })),
    ("SMCTypeSummary", false, |r| text(match r.customer.company.size { ..=100 => "Small", 101..1000 => "Medium", _ => "Corporate Scale" })),
    ("OrgSize", false, |r| text(match r.customer.company.size { ..25 => "1-24", 25..=300 => "25-300", 301..=500 => "301-500", _ => "501+" })),
    ("CustomerStatus", false, |r| text(if chance(r.customer.key, 90) { "Active" } else { "Inactive" })),
    ("City", false, |r| text(if r.by_location { place_of(&r.location.country).map_or("", |place| place.city) } else { r.customer.place.city })),
    ("Country", true, |r| text(if r.by_location { &r.location.country } else { r.customer.place.country })),
    // The product.
    ("Product", true, |r| text(r.offer.product)),
    ("ProductFamily", false, |r| text(r.offer.family)),
    ("RawProductName", false, |r| text(r.offer.raw_name)),
    ("ReportingProductName", false, |r| text(r.offer.short_name)),
    ("SKU", true, |r| text(r.offer.sku)),
    ("SKUId", false, |r| Raw::Known(r.offer.sku_id.to_owned())),
    ("ProductPartNumber", false, |r| text(r.offer.part_number)),
    ("RevSumDivisionName", false, |r| text(r.offer.division)),
    ("RevSumCategoryName", false, |r| text(r.offer.category)),
    ("SolutionArea", false, |r| text(r.offer.solution_area)),
    ("FreeVsPaidSKU", false, |r| text(if chance(r.key, 92) { "Paid" } else { "Free" })),
    ("WorkloadCategory", false, |r| entry(r, &WORKLOADS, |w| text(w.0))),
    ("Workload", false, |r| entry(r, &WORKLOADS, |w| text(w.1))),
    ("Workloads", false, |r| entry(r, &WORKLOADS, |w| text(w.1))),
    ("SkuGroup", false, |r| entry(r, &WORKLOADS, |w| text(w.2))),
    // The subscription.
    ("SubscriptionId", true, |r| Raw::Guid(mix(r.key ^ 11))),
    ("SubscriptionStartDate", false, |r| Raw::Day(r.start)),
    ("SubscriptionStartMonth", false, |r| Raw::Day(first_of_month(r.start))),
    ("SubscriptionEndDate", false, |r| Raw::Day(r.end)),
    ("FirstUseDate", false, |r| Raw::Day(days_after(r.start, r.key % 60))),
    ("SubscriptionState", false, state),
    ("SubscriptionStatus", false, state),
    ("SubscriptionGuid", true, |r| Raw::Guid(mix(r.key ^ 11))),
    ("IsAutoRenew", false, |r| Raw::Flag(r.subject != 2 && !chance(r.key, 30))),
    ("EnrollmentNumber", false, |r| text(&(8_000_000 + r.key % 1_000_000).to_string())),
    ("AgreementID", true, |r| text(&format!("V{:07}", r.key % 10_000_000))),
    ("ResellerID", false, |r| entry(r, &RESELLERS, |reseller| text(reseller.0))),
    ("ResellerMpnId", true, |r| entry(r, &RESELLERS, |reseller| text(reseller.0))),
    ("ResellerName", false, |r| entry(r, &RESELLERS, |reseller| text(reseller.1))),
    ("ResellerMarket", false, |r| entry(r, &RESELLERS, |reseller| text(reseller.2))),
    ("IndirectProviderMPNId", false, |r| entry(r, &RESELLERS, |reseller| text(reseller.3))),
    ("IndirectProviderName", false, |r| entry(r, &RESELLERS, |reseller| text(reseller.4))),
    // Seats and money.
    ("AvailableSeats", false, |r| seats(r, r.seats)),
    ("AvailableSeatsEOP", false, |r| seats(r, r.seats)),
    ("AssignedSeats", false, |r| seats(r, r.assigned)),
    ("ActiveSeats", false, |r| seats(r, r.active)),
    ("PaidAvailableUnits", false, |r| Raw::Int(r.seats)),
    ("MonthlyActiveUsers", false, |r| Raw::Int(r.active)),
    ("ActiveUsagePercent", false, |r| Raw::Float((r.active * 1000 / r.assigned.max(1)) as f64 / 10.0)),
    ("DeploymentOpportunity", false, |r| Raw::Int(r.seats - r.active)),
    ("BilledRevenueUSD", false, |r| Raw::Cents(if is_azure(r) { consumption(r) } else { r.revenue })),
    ("AzureConsumedRevenueUSD", false, |r| Raw::Cents(if is_azure(r) { consumption(r) } else { 0 })),
    ("AdjustedRevenueAmtCD", false, |r| Raw::Cents(r.revenue * 9 / 10)),
    ("ExpiringRevenue", false, |r| Raw::Cents(r.revenue.max(50_000) * 12)),
    ("CPORRevenue", false, |r| if chance(r.key, 25) { Raw::Cents(r.revenue / 2) } else { Raw::Cents(0) }),
    ("CPORPaidSeats", false, |r| if chance(r.key, 25) { Raw::Int(r.seats) } else { Raw::Int(0) }),
    ("CPORActiveUsers", false, |r| if chance(r.key, 25) { Raw::Int(r.active) } else { Raw::Int(0) }),
    ("AADPPaidAvailableUnits", false, |r| Raw::Int(r.seats)),
    ("IntunePaidAvailableUnits", false, |r| Raw::Int(r.seats)),
    ("AzipPaidAvailableUnits", false, |r| Raw::Int(r.seats)),
    ("AADPMonthlyActiveUsers", false, |r| part(r, r.active, 60, 95)),
    ("IntuneMonthlyActiveUsers", false, |r| part(r, r.active, 40, 90)),
    ("AzipMonthlyActiveUsers", false, |r| part(r, r.active, 20, 60)),
    ("AATPActiveUsage", false, |r| part(r, r.active, 15, 50)),
    ("MCASActiveUsage", false, |r| part(r, r.active, 10, 45)),
    ("MDM", false, |r| part(r, r.active, 30, 70)),
    ("MAM", false, |r| part(r, r.active, 12, 40)),
    ("SSPR", false, |r| part(r, r.active, 5, 25)),
    ("MAU", false, |r| Raw::Int(r.active)),
    ("PAMAU", false, |r| part(r, r.active, 50, 90)),
    ("MAC", false, |r| Raw::Float((r.active * 100 / r.seats) as f64)),
    ("AllUpPartiticipants", false, |r| Raw::Int(r.active)),
    ("DesktopUsers", false, |r| part(r, r.active, 55, 80)),
    ("MobileUsers", false, |r| part(r, r.active, 35, 60)),
    ("WebUsers", false, |r| part(r, r.active, 10, 30)),
    ("UserCount", false, |r| part(r, r.active, 2, 20)),
    ("MeetingCount", false, |r| part(r, r.active, 25, 70)),
    ("MeetingDuration", false, |r| Raw::Float(((r.active * (25 + (r.random % 50) as i64)) as f64 * 1.25).round() / 100.0)),
    // Azure.
    ("ServiceName", false, |r| text(r.service.name)),
    ("MeterCategory", false, |r| text(r.service.name)),
    ("ServiceLevel1", false, |r| text(r.service.levels[0])),
    ("ServiceLevel2", false, |r| text(r.service.levels[1])),
    ("ServiceLevel3", false, |r| text(r.service.levels[2])),
    ("ServiceLevel4", false, |r| text(r.service.levels[3])),
    ("ServiceInfluencer", false, |r| text(r.service.influencer)),
    ("ServiceGroup2", false, |r| text(r.service.groups[0])),
    ("ServiceGroup3", false, |r| text(r.service.groups[1])),
    ("UsageUnits", false, |r| text(r.service.units)),
    ("UsageQuantity", false, |r| Raw::Float(usage(r))),
    ("ACR_USD", false, |r| Raw::Cents(consumption(r))),
    ("MonthlySubscriptionLevelACR", false, |r| Raw::Cents(consumption(r) * 17 / 10)),
    ("PartnerOneSubID", false, |r| text(&format!("P1S-{:05}", 20_000 + r.key % 1000))),
    ("ParticipantPublicCustomerNumber", false, |r| text(&format!("{:08X}", r.key & 0xF_FFFF))),
    // Learning and competencies.
    ("TrainingActivityId", true, |r| training(r, |t| text(t.0))),
    ("TrainingTitle", false, |r| training(r, |t| text(t.1))),
    ("TrainingName", false, |r| training(r, |t| text(t.2))),
    ("Products", false, |r| training(r, |t| text(t.3))),
    ("Roles", false, |r| training(r, |t| text(t.4))),
    ("IndividualFirstName", false, |r| persona(r, |first, _, _| text(first))),
    ("IndividualLastName", false, |r| persona(r, |_, last, _| text(last))),
    ("UserName", false, |r| persona(r, |first, last, _| text(&format!("{first} {last}")))),
    ("Email", false, |r| persona(r, |first, _, _| text(&format!("{}@example.net", first.to_ascii_lowercase())))),
    ("CorpEmail", false, |r| persona(r, |first, _, _| text(&format!("{}@example.com", first.to_ascii_lowercase())))),
    ("MCPID", true, |r| persona(r, |_, _, number| text(&(990_000_000 + number * 7919).to_string()))),
    ("UserId", true, |r| persona(r, |first, _, _| Raw::Guid(mix(of_text(first))))),
    ("AADUserId", true, |r| persona(r, |first, _, _| Raw::Guid(mix(of_text(first))))),
    ("ExpirationDate", false, |r| Raw::Day(days_after(r.date, 365))),
    ("ActivationStatus", false, |r| text(if days_after(r.date, 365) < r.today { "Expired" } else { "Active" })),
    ("Month", true, |r| Raw::Day(first_of_month(r.date))),
    ("CompetencyName", true, |r| entry(r, &COMPETENCIES, |c| text(c.0))),
    ("CompetencyAttainmentOptionName", false, |r| entry(r, &COMPETENCIES, |c| text(c.1))),
    ("MetricName", false, |r| entry(r, &COMPETENCIES, |c| text(c.2))),
    ("GoldThreshold", false, |r| entry(r, &COMPETENCIES, |c| Raw::Float(c.3 as f64))),
    ("SilverThreshold", false, |r| entry(r, &COMPETENCIES, |c| Raw::Float(c.4 as f64))),
    ("CompetencyEndDate", false, |r| Raw::Day(competency_end(r))),
    ("CompetencyStatus", false, |r| text(if competency_end(r) < r.today { "Expired" } else { "Active" })),
    // Claims and agreements.
    ("ClaimId", true, |r| text(&(1_000_000 + r.key % 9_000_000).to_string())),
    ("DateAssociated", false, |r| Raw::Day(days_before(r.date, 30 + r.key % 300))),
    ("AgreementEndDate", false, |r| Raw::Day(days_after(r.today, r.key % 300))),
];

/// A random identifier; it is recognisable if the row belongs to another tenant.
pub fn identifier(random: u64, foreign: bool) -> String {
    let plain = guid(random);
    if foreign { format!("{FOREIGN}{}", plain.get(FOREIGN.len()..).unwrap_or_default()) } else { plain }
}

/// The beginning of the identifiers of a marked partner.
pub const FOREIGN: &str = "f0f0f0f0";
