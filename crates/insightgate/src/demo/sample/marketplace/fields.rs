//! What a column of the marketplace's datasets contains, by its name, and how its value follows from a row. A name means the same in all datasets.

use chrono::{Datelike, NaiveDate};
use insightgate_query::datasets::catalog::Column;

use super::super::fields::Raw;
use super::super::random::{at, below, chance, mix, pick};
use super::super::row::{days_after, first_of_month, months_between};
use super::lines::{Action, Row, Subject};
use super::offers::{Kind, license_name};
use super::purchases::{Charge, Status};

pub type Reader = fn(&Row<'_>) -> Raw;

/// How a column is read; a column with `key` has no nulls except those that have a meaning.
#[derive(Clone, Copy)]
pub struct Field {
    pub read: Reader,
    pub key: bool,
}

/// `None` for an unknown column.
pub fn field(column: &Column) -> Option<Field> {
    let found = KNOWN.iter().find(|(name, ..)| column.name.eq_ignore_ascii_case(name));
    found.map(|(_, key, read)| Field { read: *read, key: *key })
}

const ZEROS: &str = "00000000-0000-0000-0000-000000000000";
/// The percentage of the price that the store keeps.
const STORE_FEE: i64 = 3;
const REGIONS: [&str; 6] = ["eastus", "westeurope", "centralindia", "japaneast", "uksouth", "brazilsouth"];
const REFERRERS: [&str; 5] = ["bing.com", "Referral domain not present", "contoso.example", "learn.microsoft.com", "linkedin.com"];
const CAMPAIGNS: [&str; 3] = ["fy24-launch", "spring-webinar", "partner-newsletter"];
const NOTES: [&str; 3] = ["FY24 renewal", "pilot", "three sites"];
/// The provider, the type and the name of each resource of a deployment.
const RESOURCES: [(&str, &str, &str); 3] = [
    ("Microsoft.Compute", "virtualMachines", "vm01"),
    ("Microsoft.Network", "networkInterfaces", "nic01"),
    ("Microsoft.Storage", "storageAccounts", "st01"),
];
/// Each fault's code, name, message, inner code and inner message.
const FAULTS: [(&str, &str, &str, &str, &str); 2] = [
    ("409", "Conflict", "Quota exceeded", "QuotaExceeded", "Core quota reached"),
    ("400", "BadRequest", "Invalid template", "InvalidTemplate", "Parameter missing"),
];

fn text(text: &str) -> Raw {
    Raw::Text(text.to_owned())
}

fn exact(text: &str) -> Raw {
    Raw::Exact(text.to_owned())
}

fn yes(is_so: bool) -> Raw {
    exact(if is_so { "Yes" } else { "No" })
}

/// 1 or 0, or true or false if the column's type is that.
fn one(is_so: bool) -> Raw {
    Raw::Int(i64::from(is_so))
}

fn day(day: Option<NaiveDate>) -> Raw {
    day.map_or(Raw::Nothing, Raw::Day)
}

fn chosen(random: u64, values: &[&str]) -> Raw {
    pick(random, values).map_or(Raw::Nothing, |value| text(value))
}

/// An identifier of the purchase.
fn id(row: &Row<'_>, salt: u64) -> Raw {
    Raw::Guid(mix(row.purchase.key ^ salt))
}

/// An identifier that is constant for the buyer.
fn buyers_id(row: &Row<'_>, salt: u64) -> Raw {
    Raw::Guid(mix(row.purchase.buyer.key ^ salt))
}

fn is_saas(row: &Row<'_>) -> bool {
    !row.purchase.offer.is_in_azure()
}

fn agreement(row: &Row<'_>) -> Raw {
    text(row.purchase.buyer.agreement)
}

/// A text made from 24 bits of the purchase's key; only for private offers.
fn private(row: &Row<'_>, read: impl Fn(u64) -> String) -> Raw {
    if row.purchase.is_private { Raw::Text(read(row.purchase.key & 0xFF_FFFF)) } else { Raw::Nothing }
}

/// Whether a channel partner took part.
fn is_shared(row: &Row<'_>) -> bool {
    row.purchase.is_private && row.purchase.buyer.provider().is_some()
}

fn is_new(row: &Row<'_>) -> bool {
    first_of_month(row.date) == first_of_month(row.purchase.buyer.acquired)
}

fn license(row: &Row<'_>) -> Raw {
    exact(license_name(row.purchase.offer.license))
}

fn is_preview(row: &Row<'_>) -> bool {
    row.purchase.plan.sku.ends_with("preview")
}

fn status(row: &Row<'_>) -> &'static str {
    match row.purchase.status {
        Status::Active => "Active",
        Status::Canceled => "Canceled",
        Status::Expired => "Expired",
        Status::Abandoned => "Abandoned",
        Status::Warning => "Warning",
    }
}

fn company(row: &Row<'_>) -> Raw {
    row.purchase.buyer.company.map_or(Raw::Nothing, text)
}

fn provider(row: &Row<'_>, read: impl Fn(&str, &str) -> String) -> Raw {
    row.purchase.buyer.provider().map_or(Raw::Nothing, |(number, name)| Raw::Text(read(number, name)))
}

/// The number of an invoice, which is the same in orders and in revenue.
fn invoice(row: &Row<'_>) -> Raw {
    Raw::Text(format!("pr-{}", 100_000 + row.purchase.number * 1_000 + u64::from(row.period)))
}

/// The charge of a term; orders of metered offers have none.
fn term_charge(row: &Row<'_>) -> Raw {
    match row.purchase.offer.is_metered() || row.action == Action::Canceled {
        true => Raw::Nothing,
        false => Raw::Cents(row.purchase.term_charge(row.period).own),
    }
}

fn seats(row: &Row<'_>) -> i64 {
    row.purchase.quantity
}

fn charge(row: &Row<'_>) -> Charge {
    row.purchase.charge(row.period)
}

/// The part of a charge that the publisher gets.
fn earned(cents: i64) -> Raw {
    Raw::Cents(cents * (100 - STORE_FEE) / 100)
}

fn payout(row: &Row<'_>) -> &'static str {
    let (paid, roll) = (row.payout_day() <= row.purchase.today, below(row.random, 100));
    let is_anchor = row.purchase.number < 10;
    match (paid, roll) {
        _ if charge(row).dollars == 0 => "Not eligible",
        (true, 6..) => "Sent",
        (true, _) if is_anchor => "Sent",
        (true, 0) => "Rejected",
        (true, 1) => "Reprocessed",
        (true, 2..4) => "Unreconciled",
        (true, _) => "Uncollected",
        (false, _) if months_between(row.date, row.purchase.today) == 0 => "Unprocessed",
        (false, _) => "Upcoming",
    }
}

/// The ordered quantity; for the revenue of metered offers, the quantity that was paid for.
fn quantity(row: &Row<'_>) -> i64 {
    let purchase = row.purchase;
    match row.subject == Subject::Revenue && purchase.offer.is_metered() {
        true => purchase.usage(purchase.usage_day(row.period)).billed,
        false => purchase.quantity,
    }
}

fn is_metered(row: &Row<'_>) -> bool {
    row.purchase.offer.is_metered()
}

fn metered(row: &Row<'_>, number: i64) -> Raw {
    if row.purchase.offer.kind == Kind::Machines { Raw::Nothing } else { Raw::Int(number) }
}

fn hours(row: &Row<'_>, number: i64) -> Raw {
    if is_saas(row) { Raw::Nothing } else { Raw::Int(number) }
}

fn machine(row: &Row<'_>, read: impl Fn(&str, i64) -> Raw) -> Raw {
    let (size, cores) = row.purchase.machine();
    if row.purchase.offer.kind == Kind::Machines { read(size, cores) } else { Raw::Nothing }
}

/// Whether the usage differs from the customer's usual one.
fn is_odd(row: &Row<'_>) -> bool {
    row.purchase.number >= 10 && chance(mix(row.random ^ 21), 3)
}

/// The publisher's answer to it: whether the usage is wrong, and when the publisher said so. There is none in the first two days.
fn answer(row: &Row<'_>) -> Option<(bool, NaiveDate)> {
    let when = days_after(row.date, 2);
    (is_odd(row) && when < row.purchase.today).then(|| (chance(mix(row.random ^ 22), 50), when))
}

fn template(row: &Row<'_>, managed: &str, solution: &str) -> Raw {
    match row.purchase.offer.kind {
        Kind::Application => exact(if row.purchase.offer.offer_type == "multisolution" { solution } else { managed }),
        _ => Raw::Nothing,
    }
}

fn plan_type(row: &Row<'_>) -> Raw {
    match template(row, "Managed Application", "Solution Template") {
        Raw::Exact(name) => Raw::Text(name),
        other => other,
    }
}

fn resource(row: &Row<'_>, read: impl Fn(&(&str, &str, &str)) -> String) -> Raw {
    at(u64::from(row.resource), &RESOURCES).map_or(Raw::Nothing, |resource| Raw::Text(read(resource)))
}

fn fault(row: &Row<'_>, read: impl Fn(&(&'static str, &'static str, &'static str, &'static str, &'static str)) -> &'static str) -> Raw {
    let found = row.has_failed().then(|| pick(mix(row.purchase.key ^ 23), &FAULTS)).flatten();
    found.map_or(Raw::Nothing, |fault| text(read(fault)))
}

fn group(row: &Row<'_>) -> String {
    format!("rg-{}", row.purchase.offer.id)
}

/// The visits of a page. A purchase on that day adds a click, see [`get_it_now`].
fn visits(row: &Row<'_>) -> i64 {
    12 + below(mix(row.random ^ 24), 300) as i64
}

fn clicks(row: &Row<'_>, salt: u64, percent: i64) -> i64 {
    visits(row) * percent / 100 * below(mix(row.random ^ salt), 100) as i64 / 100
}

fn get_it_now(row: &Row<'_>) -> i64 {
    clicks(row, 25, 15) + i64::from(row.date == row.purchase.day)
}

fn site(row: &Row<'_>) -> Raw {
    exact(if is_saas(row) && chance(row.random, 70) { "APPSOURCE" } else { "AZUREMARKETPLACE" })
}

fn price(cents: i64) -> Raw {
    Raw::Cents(cents)
}

/// The name in any case, whether the column has no nulls except those that have a meaning, and how it is read.
type Known = (&'static str, bool, Reader);

#[rustfmt::skip]
static KNOWN: &[Known] = &[
    // The buyer.
    ("CustomerId", true, |r| Raw::Known(r.purchase.buyer.id.clone())),
    ("CustomerName", true, |r| text(&r.purchase.buyer.name)),
    ("CustomerCompanyName", true, company),
    ("CommerceRootCustomer", true, company),
    ("CustomerType", true, |r| exact(if r.purchase.buyer.company.is_some() { "organization" } else { "individual" })),
    ("FirstName", false, |r| text(r.purchase.buyer.first_name)),
    ("LastName", false, |r| text(r.purchase.buyer.last_name)),
    ("Email", false, |r| text(&r.purchase.buyer.mail)),
    ("CustomerEmail", false, |r| text(&r.purchase.buyer.mail)),
    ("PurchaserEmail", false, |r| text(&r.purchase.buyer.mail)),
    ("CustomerTenantId", true, |r| Raw::Known(r.purchase.buyer.tenant.clone())),
    ("TenantId", true, |r| Raw::Known(r.purchase.buyer.tenant.clone())),
    ("SubscriptionId", true, |r| Raw::Known(r.purchase.buyer.tenant.clone())),
    ("MarketplaceSubscriptionId", true, |r| Raw::Known(if is_saas(r) { ZEROS.to_owned() } else { r.purchase.buyer.tenant.clone() })),
    ("BillingAccountId", true, |r| buyers_id(r, 31)),
    ("BillingId", true, |r| if r.purchase.buyer.is_enterprise() { text(&(70_000_000 + r.purchase.buyer.key % 1_000_000).to_string()) } else { Raw::Nothing }),
    ("AzureLicenseType", true, agreement),
    ("SalesChannel", true, agreement),
    ("PaymentInstrumentType", true, |r| text(if r.purchase.buyer.agreement == "Pay as You Go" { "Credit card" } else { "Invoice" })),
    ("CustomerCity", false, |r| text(r.purchase.buyer.home.city)),
    ("CustomerState", false, |r| text(r.purchase.buyer.home.state)),
    ("CustomerPostalCode", false, |r| text(r.purchase.buyer.home.postal)),
    ("AddressLine1", false, |r| text(&format!("{} Main Street", 1 + r.purchase.buyer.key % 200))),
    ("CustomerCountry", true, |r| text(r.purchase.buyer.home.country)),
    ("CustomerCountryName", true, |r| text(r.purchase.buyer.home.country)),
    ("CustomerCountryRegion", true, |r| text(r.purchase.buyer.home.country)),
    ("CountryName", true, |r| text(r.purchase.buyer.home.country)),
    ("CustomerCountryCode", true, |r| text(r.purchase.buyer.home.code)),
    ("CustomerCommunicationCulture", false, |r| text(r.purchase.buyer.currency.culture)),
    ("CustomerCurrencyCode", true, |r| text(r.purchase.buyer.currency.code)),
    ("CustomerCurrencyCC", true, |r| text(r.purchase.buyer.currency.code)),
    ("Currency", true, |r| text(r.purchase.buyer.currency.code)),
    ("DateAcquired", true, |r| Raw::Day(r.purchase.buyer.acquired)),
    ("DateLost", true, |r| day(r.purchase.buyer.lost)),
    ("IsActive", true, |r| one(r.purchase.buyer.lost.is_none())),
    ("IsNewCustomer", true, |r| yes(is_new(r))),
    ("PromotionalCustomers", true, |_| exact("No")),
    ("ProviderName", true, |r| provider(r, |_, name| name.to_owned())),
    ("ProviderEmail", true, |r| provider(r, |number, _| format!("sales@{number}.example"))),
    ("ID", true, |r| text(&format!("c-{:06}", r.purchase.number + 1))),
    ("lastModifiedAt", true, |r| Raw::Time(r.time(if r.purchase.ended.is_some() { r.purchase.last_day() } else { r.purchase.term_start(r.purchase.terms() - 1) }, 32))),
    // The offer.
    ("OfferName", true, |r| text(r.purchase.offer.name)),
    ("ProductDisplayName", true, |r| text(r.purchase.offer.name)),
    ("OfferId", true, |r| text(r.purchase.offer.id)),
    ("ProductId", true, |r| text(r.purchase.offer.product)),
    ("OfferType", true, |r| text(r.purchase.offer.offer_type)),
    ("OfferCategory", true, |r| text(r.purchase.offer.category)),
    ("PlanId", true, |r| text(r.purchase.plan.display)),
    ("SKU", true, |r| text(r.purchase.plan.sku)),
    ("SKUName", true, |r| text(r.purchase.plan.sku)),
    ("ServicePlanName", true, |r| text(r.purchase.plan.sku)),
    ("ServiceId", true, |r| text(&format!("{}.{}", r.purchase.offer.id, r.purchase.plan.sku))),
    ("MarketplaceLicenseType", true, license),
    ("SKUBillingType", true, |r| exact(if r.purchase.is_paid() { "Paid" } else { "Free" })),
    ("IsPreviewSKU", true, |r| yes(is_preview(r))),
    ("HasTrial", true, |r| one(r.purchase.offer.trial > 0)),
    ("CloudInstanceName", false, |r| text(if r.purchase.buyer.is_government { "AzureGovernment" } else { "AzureGlobal" })),
    ("DeploymentMethod", false, |r| text(if r.purchase.offer.kind == Kind::Application { "ARM template" } else { "Portal" })),
    ("TemplateType", true, plan_type),
    ("PlanType", true, plan_type),
    ("CustomerAccess", true, |r| template(r, "Restricted access", "Full access")),
    ("PublisherAccess", true, |r| template(r, "Enabled", "Disabled")),
    ("IsPrivateOffer", true, |r| one(r.purchase.is_private)),
    ("IsPrivatePlan", true, |r| one(r.purchase.is_private && r.purchase.key.is_multiple_of(2))),
    ("PrivateOfferId", true, |r| private(r, |digits| format!("po-{digits:06x}"))),
    ("PrivateOfferName", true, |r| private(r, |digits| format!("Contoso-{:02}-{}", digits % 100, r.purchase.day.year()))),
    ("SalesNotes", false, |r| if r.purchase.is_private { chosen(r.purchase.key, &NOTES) } else { Raw::Nothing }),
    ("MultiParty", true, |r| one(is_shared(r))),
    ("PartnerInfo", true, |r| if is_shared(r) { provider(r, |number, name| format!("{number}:{name}")) } else { Raw::Nothing }),
    ("CustomerAdjustmentUSD", true, |r| if is_shared(r) { price(r.purchase.price() * 11 / 10) } else { Raw::Nothing }),
    ("ListPriceUSD", true, |r| price(r.purchase.plan.price)),
    ("DiscountPriceUSD", true, |r| r.purchase.discounted().map_or(Raw::Nothing, price)),
    // The order.
    ("AssetId", true, |r| id(r, 33)),
    ("OrderId", true, |r| id(r, 33)),
    ("ReferenceId", true, |r| id(r, 34)),
    ("Quantity", true, |r| Raw::Int(quantity(r))),
    ("OrderQuantity", true, |r| Raw::Int(seats(r))),
    ("QuantityChanged", true, |r| Raw::Int(match r.action { Action::Purchase => seats(r), Action::Renewed => 0, Action::Canceled => -seats(r) })),
    ("OrderStatus", true, |r| exact(status(r))),
    ("OrderAction", true, |r| exact(match r.action { Action::Purchase => "Purchase", Action::Renewed => "Renewed", Action::Canceled => "Canceled" })),
    ("OrderVersion", true, |r| Raw::Int(i64::from(r.period) + 1 + i64::from(r.action == Action::Canceled))),
    ("OrderPurchaseDate", true, |r| Raw::Day(r.purchase.day)),
    ("OrderCancelDate", true, |r| day(r.purchase.ended.filter(|_| r.purchase.status == Status::Canceled))),
    ("EventTimestamp", true, |r| Raw::Time(r.time(r.event_day(), 35))),
    ("MonthStartDate", true, |r| Raw::Day(first_of_month(r.date))),
    ("BillingTerm", true, |r| text(if r.purchase.is_annual { "1-Year" } else { "1-Month" })),
    ("BillingPlan", true, |r| text(if r.purchase.is_annual { "Annual" } else { "Monthly" })),
    ("TermStartDate", true, |r| Raw::Day(r.purchase.term_start(r.period))),
    ("TermEndDate", true, |r| Raw::Day(r.purchase.term_end(r.period))),
    ("PurchaseRecordId", true, invoice),
    ("PurchaseRecordLineItemId", true, |_| text("li-1")),
    ("LineItemId", true, |_| text("li-1")),
    ("BilledRevenue", true, term_charge),
    ("estimatedcharges", true, term_charge),
    ("IsTrial", true, |r| one(r.purchase.is_in_trial(r.purchase.last_day()))),
    ("IsTrialDeployment", true, |r| one(r.purchase.is_in_trial(r.purchase.term_start(r.period)))),
    ("TrialEndDate", true, |r| day(r.purchase.trial_end)),
    ("AutoRenew", true, |r| if is_metered(r) { Raw::Nothing } else { one(r.purchase.status == Status::Active && !chance(mix(r.purchase.key ^ 36), 10)) }),
    // Licenses.
    ("ActivationDate", true, |r| Raw::Day(r.purchase.day)),
    ("LicensesProvisioned", true, |r| Raw::Int(seats(r))),
    ("LicensesAssigned", true, |r| Raw::Int((seats(r) * (60 + below(mix(r.purchase.key ^ 37), 41) as i64) / 100).max(1))),
    ("LicenseState", true, |r| text(if r.purchase.ended.is_none() { "Active" } else { "Suspended" })),
    // Usage.
    ("UsageDate", true, |r| Raw::Day(r.date)),
    ("UsageReference", true, |r| Raw::Guid(r.random)),
    ("UsageUnit", true, |r| text(r.purchase.offer.unit)),
    ("VMSize", true, |r| machine(r, |size, _| text(size))),
    ("CoreSize", true, |r| machine(r, |_, cores| Raw::Int(cores))),
    ("MeterId", true, |r| if r.purchase.offer.dimension.is_empty() { Raw::Nothing } else { text(&format!("meter-{}", r.purchase.offer.dimension)) }),
    ("MeterDimension", true, |r| if r.purchase.offer.dimension.is_empty() { Raw::Nothing } else { text(r.purchase.offer.dimension) }),
    ("IsCustomMeter", true, |r| one(!r.purchase.offer.dimension.is_empty())),
    ("IsMultisolution", true, |r| one(r.purchase.offer.offer_type == "multisolution")),
    ("VMSubscription", true, |r| machine(r, |_, _| Raw::Known(r.purchase.buyer.tenant.clone()))),
    ("IsInternal", true, |r| yes(r.purchase.buyer.company == Some("Contoso"))),
    ("PriceCC", true, |r| price(r.purchase.own_price())),
    ("EstimatedPricePC", true, |r| price(r.purchase.price())),
    ("PayoutCurrencyPC", true, |_| text("USD")),
    ("UsageQuantity", true, |r| Raw::Int(r.usage().billed)),
    ("NormalizedUsageQuantity", true, |r| hours(r, r.usage().normalized)),
    ("RawUsageQuantity", true, |r| hours(r, r.usage().raw)),
    ("MeteredUsageQuantity", true, |r| metered(r, r.usage().metered)),
    ("PartnerCenterDetectedAnomaly", true, |r| one(is_odd(r))),
    ("PublisherMarkedAnomaly", true, |r| answer(r).map_or(Raw::Nothing, |(is_wrong, _)| one(is_wrong))),
    ("NewReportedUsage", true, |r| answer(r).filter(|(is_wrong, _)| *is_wrong).map_or(Raw::Nothing, |_| Raw::Int(r.usage().billed / 2))),
    ("ActionTakenAt", true, |r| answer(r).map_or(Raw::Nothing, |(_, when)| Raw::Time(r.time(when, 38)))),
    ("ActionTakenBy", true, |r| answer(r).map_or(Raw::Nothing, |_| text("ops@contoso.example"))),
    ("FinancialImpactUSD", true, |r| if is_odd(r) { Raw::Cents(r.purchase.usage_charge(r.date).dollars / 2) } else { Raw::Nothing }),
    // Revenue.
    ("Revenue", true, |r| Raw::Cents(charge(r).own)),
    ("EstimatedRevenuePC", true, |r| Raw::Cents(charge(r).dollars)),
    ("EstimatedRevenueUSD", true, |r| Raw::Cents(charge(r).dollars)),
    ("TransactionAmountCC", true, |r| Raw::Cents(charge(r).own)),
    ("TransactionAmountPC", true, |r| Raw::Cents(charge(r).dollars)),
    ("TransactionAmountUSD", true, |r| Raw::Cents(charge(r).dollars)),
    ("EarningAmountCC", true, |r| earned(charge(r).own)),
    ("EarningAmountPC", true, |r| earned(charge(r).dollars)),
    ("EarningAmountUSD", true, |r| earned(charge(r).dollars)),
    ("EarningCurrencyCode", true, |_| text("USD")),
    ("EarningExchangeRatePC", true, |r| Raw::Float(r.purchase.buyer.currency.dollars)),
    ("ExchangeRatePC", true, |r| Raw::Float(r.purchase.buyer.currency.dollars)),
    ("ExchangeRateUSD", true, |r| Raw::Float(r.purchase.buyer.currency.dollars)),
    ("ExchangeRateDate", true, |r| Raw::Day(r.date)),
    ("EstimatedPayoutMonth", true, |r| Raw::Day(first_of_month(r.payout_day()))),
    ("PayoutStatus", true, |r| exact(payout(r))),
    ("PaymentSentDate", true, |r| if payout(r) == "Sent" { Raw::Day(r.payout_day()) } else { Raw::Nothing }),
    ("IncentiveRate", true, |r| Raw::Float(if r.purchase.is_private { 0.03 } else { 0.0 })),
    ("TrialDeployment", true, |r| one(r.purchase.is_in_trial(r.purchase.month_of(r.period)))),
    ("BillingModel", true, |r| exact(if is_metered(r) { "UsageBased" } else { "SubscriptionBased" })),
    ("Units", true, |r| if is_metered(r) { text("NA") } else { text(&seats(r).to_string()) }),
    // Retention.
    ("FirstUsageDate", true, |r| Raw::Day(r.purchase.day)),
    ("Offset", true, |r| Raw::Int(i64::from(r.period))),
    ("GeneratedRevenueUSD", true, |r| Raw::Cents(r.purchase.usage_charge(days_after(r.purchase.day, u64::from(r.period))).dollars)),
    // Deployments.
    ("DeploymentCorrelationId", true, |r| id(r, 40 + u64::from(r.attempt))),
    ("DeploymentStatus", true, |r| exact(if r.has_failed() { "failed" } else { "successful" })),
    ("StartTime", true, |r| Raw::Time(r.deployment_start())),
    ("EndTime", true, |r| Raw::Time(r.deployment_end())),
    ("DeploymentDurationInMilliSeconds", true, |r| Raw::Int(r.deployment_milliseconds())),
    ("DeploymentRegion", false, |r| chosen(mix(r.purchase.key ^ 39), &REGIONS)),
    ("ResourceProvider", true, |r| resource(r, |resource| resource.0.to_owned())),
    ("ResourceType", true, |r| resource(r, |resource| resource.1.to_owned())),
    ("ResourceName", true, |r| resource(r, |resource| resource.2.to_owned())),
    ("ResourceGroup", true, |r| text(&group(r))),
    ("ResourceUri", true, |r| resource(r, |(provider, kind, name)| format!("/subscriptions/{}/resourceGroups/{}/providers/{provider}/{kind}/{name}", r.purchase.buyer.tenant, group(r)))),
    ("ErrorCode", true, |r| fault(r, |fault| fault.0)),
    ("ErrorName", true, |r| fault(r, |fault| fault.1)),
    ("ErrorMessage", true, |r| fault(r, |fault| fault.2)),
    ("DeepErrorCode", true, |r| fault(r, |fault| fault.3)),
    ("DeepErrorMessage", true, |r| fault(r, |fault| fault.4)),
    // Visits of the store's pages.
    ("Date", true, |r| Raw::Day(r.date)),
    ("ReferralDomain", false, |r| chosen(mix(r.random ^ 26), &REFERRERS)),
    ("PageVisits", true, |r| Raw::Int(visits(r))),
    ("GetItNow", true, |r| Raw::Int(get_it_now(r))),
    ("ContactMe", true, |r| Raw::Int(clicks(r, 27, 3))),
    ("TestDrive", true, |r| Raw::Int(clicks(r, 28, 2))),
    ("FreeTrial", true, |r| Raw::Int(if r.purchase.offer.trial > 0 { clicks(r, 29, 6) } else { 0 })),
    ("consentGivenCount", true, |r| Raw::Int(get_it_now(r))),
    ("Campaign", true, |r| if chance(mix(r.random ^ 30), 60) { chosen(mix(r.random ^ 31), &CAMPAIGNS) } else { Raw::Nothing }),
    ("platforms", false, |r| text(if is_saas(r) && chance(mix(r.random ^ 32), 20) { "client" } else { "website" })),
    ("Site", true, site),
];
