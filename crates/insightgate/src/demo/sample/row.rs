//! What one row describes: which subscription of which customer, when, and how large. All columns of a row are computed from this.

use chrono::{Datelike, Days, Months, NaiveDate};
use insightgate_query::datasets::catalog::{Dataset, Grain};

use super::companies::Customer;
use super::offers::{OFFERS, Offer, SERVICES, Service};
use super::random::{at, below, mix, of_text, pick};
use super::{Location, Partner, SampleSettings};

/// The current month and the 13 months before it.
const MONTHS: u64 = 14;
/// In a table with daily rows, the distances from today repeat after this many rows.
const DAY_CYCLE: u64 = 20;
/// The subjects of a table with daily rows. The number does not divide the cycle, so that all combinations occur.
const DAY_SUBJECTS: u64 = 43;
/// The first subjects of a table have the values that sample queries name: they have no nulls.
pub const ANCHORS: u64 = 4;

/// How the rows of one dataset are laid out.
pub struct Plot<'a> {
    settings: &'a SampleSettings,
    today: NaiveDate,
    grain: Grain,
    offers: Vec<&'static Offer>,
    /// Each subscription has several rows, one for each service.
    by_service: bool,
    /// There is one row for each location, and one for the whole organisation.
    by_location: bool,
    salt: u64,
}

pub struct Row<'a> {
    pub partner: &'a Partner,
    pub location: &'a Location,
    pub customer: &'a Customer,
    pub offer: &'static Offer,
    pub service: &'static Service,
    pub subject: u64,
    /// Differs in each row.
    pub random: u64,
    /// Constant for a subscription, in all datasets.
    pub key: u64,
    pub today: NaiveDate,
    pub date: NaiveDate,
    pub start: NaiveDate,
    pub end: NaiveDate,
    pub seats: i64,
    /// At most `seats`.
    pub assigned: i64,
    /// At most `assigned`.
    pub active: i64,
    /// An amount in US cents.
    pub revenue: i64,
    /// True for the row of a table of locations that stands for the whole organisation.
    pub whole: bool,
    /// Whether the table follows subscriptions from month to month.
    pub is_monthly: bool,
    /// Whether the table lists locations.
    pub by_location: bool,
}

impl<'a> Plot<'a> {
    pub fn new(dataset: &Dataset, settings: &'a SampleSettings) -> Self {
        let only = product_of(&dataset.name);
        let offers = OFFERS.iter().filter(|offer| only.is_none_or(|product| offer.product == product)).collect();
        Plot {
            settings,
            today: settings.now.date_naive(),
            grain: dataset.grain,
            offers,
            by_service: dataset.name.eq_ignore_ascii_case("AzureUsage"),
            by_location: dataset.name.eq_ignore_ascii_case("Profile"),
            salt: mix(settings.seed ^ of_text(&dataset.name) ^ of_text(&settings.partner.global_account)),
        }
    }

    pub fn rows(&self) -> u64 {
        match self.by_location {
            true => self.settings.partner.locations.len() as u64 + 1,
            false => self.settings.rows,
        }
    }

    /// `None` if the partner has no location.
    pub fn row<'r>(&'r self, index: u64, customers: &'r [Customer]) -> Option<Row<'r>> {
        let partner = &self.settings.partner;
        let (subject, date) = match self.grain {
            Grain::Month => (index / MONTHS, months_before(self.today, index % MONTHS)),
            Grain::Day => (index % DAY_SUBJECTS, days_before(self.today, days_back(index, self.today, mix(self.salt ^ index)))),
            Grain::None => (index, self.today),
        };
        let subscription = if self.by_service { subject / 3 } else { subject };
        let key = mix(self.settings.seed ^ of_text(&partner.global_account) ^ mix(subscription));
        // The first customers come in order, since sample queries name them; the others are random, since some buy more.
        let customer = if subscription < 10 { at(subscription, customers) } else { pick(mix(key ^ 1), customers) }?;
        let offer = if subscription == 0 { self.offers.first() } else { pick(mix(key ^ 2), &self.offers) }?;
        let service = at(subject % 3 + if subscription == 0 { 0 } else { key % 5 }, &SERVICES)?;
        let whole = self.by_location && index == 0;
        let location = at(if self.by_location { index.saturating_sub(1) } else { subscription }, &partner.locations)?;

        let random = mix(self.salt ^ mix(index));
        let months_ago = months_between(date, self.today);
        let seats = seats(customer, offer, key, months_ago);
        let assigned = seats * (70 + below(key, 28) as i64) / 100;
        let active = assigned * (70 + below(random, 28) as i64) / 100;
        let start = days_before(self.today, 430 + below(mix(key ^ 3), 900));
        Some(Row {
            partner,
            location,
            customer,
            offer,
            service,
            subject,
            random,
            key,
            today: self.today,
            date,
            start,
            end: renewed_until(start, self.today, key),
            seats,
            assigned,
            active,
            revenue: seats * offer.price,
            whole,
            is_monthly: self.grain == Grain::Month,
            by_location: self.by_location,
        })
    }
}

/// The product that a dataset is about.
fn product_of(dataset: &str) -> Option<&'static str> {
    let products = [
        ("OfficeUsage", "Microsoft 365"),
        ("CPORM365Usage", "Microsoft 365"),
        ("DynamicsUsage", "Dynamics 365"),
        ("BusinessApplicationsRevenue", "Dynamics 365"),
        ("BusinessApplicationsUsage", "Dynamics 365"),
        ("PowerBIUsage", "Power BI"),
        ("EMSUsage", "Enterprise Mobility + Security"),
        ("AzureUsage", "Microsoft Azure"),
    ];
    products.iter().find(|(name, _)| dataset.eq_ignore_ascii_case(name)).map(|(_, product)| *product)
}

/// The seats grow by a percent or two in a month. They are a share of the company's people, except for cheap offers, which everybody has.
fn seats(customer: &Customer, offer: &Offer, key: u64, months_ago: i64) -> i64 {
    let everybody = offer.price < 2500;
    let share = if everybody { 100 } else { 8 + below(mix(key ^ 4), 30) as i64 };
    let growth = 1 + below(mix(key ^ 5), 2) as i64;
    (customer.company.size * share / 100 * (100 - growth * months_ago.min(20)) / 100).max(1)
}

/// Subscriptions renew every year; one in eight was not renewed.
fn renewed_until(start: NaiveDate, today: NaiveDate, key: u64) -> NaiveDate {
    let mut end = start;
    while end <= today {
        end = end.checked_add_months(Months::new(12)).unwrap_or(NaiveDate::MAX);
    }
    match key % 8 {
        0 => end.checked_sub_months(Months::new(12)).unwrap_or(end),
        _ => end,
    }
}

/// The days before today of a row, chosen so that every time span has rows within the first eight.
fn days_back(index: u64, today: NaiveDate, random: u64) -> u64 {
    let (first, last) = within_span(index % DAY_CYCLE, today);
    first + below(random, last - first + 1)
}

/// Distances from today in days, the first ten of which leave no time span empty.
pub fn within_span(number: u64, today: NaiveDate) -> (u64, u64) {
    let day = u64::from(today.day());
    match number {
        0 => (0, 0),
        1 => (1, 1),
        2 => (2, 7),
        3 => (8, 14),
        4 => (15, 30),
        // Within the calendar month before this one, which has at least 28 days.
        5 => (day, day + 27),
        6 => (31, 90),
        7 => (91, 180),
        8 => (181, 365),
        9 => (366, 420),
        _ => (0, 400),
    }
}

pub fn first_of_month(date: NaiveDate) -> NaiveDate {
    date.with_day(1).unwrap_or(date)
}

fn months_before(today: NaiveDate, months: u64) -> NaiveDate {
    first_of_month(today).checked_sub_months(Months::new(months as u32)).unwrap_or(today)
}

pub fn days_before(date: NaiveDate, days: u64) -> NaiveDate {
    date.checked_sub_days(Days::new(days)).unwrap_or(date)
}

pub fn days_after(date: NaiveDate, days: u64) -> NaiveDate {
    date.checked_add_days(Days::new(days)).unwrap_or(date)
}

pub fn months_between(earlier: NaiveDate, later: NaiveDate) -> i64 {
    i64::from(later.year() - earlier.year()) * 12 + i64::from(later.month()) - i64::from(earlier.month())
}
