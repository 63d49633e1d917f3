//! The rows that a purchase has in each dataset, and what each row describes.

use std::cmp::Reverse;

use chrono::{DateTime, Months, NaiveDate, NaiveTime, TimeDelta, Utc};

use super::super::random::{below, chance, mix};
use super::super::row::{days_after, days_before, months_between};
use super::buyers::Buyer;
use super::offers::Kind;
use super::purchases::{Purchase, Status, Usage};

/// The datasets of the marketplace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Subject {
    Customer,
    License,
    Visit,
    Retention,
    Order,
    /// Orders in their second revision, with one row for each term.
    Term,
    Deployment,
    Revenue,
    Usage,
}

/// The days since the first usage for which there are rows about retention.
const OFFSETS: [u64; 12] = [0, 1, 2, 3, 7, 14, 30, 45, 60, 90, 180, 365];
/// The visits before a purchase, including the one that led to it.
const VISITS: u32 = 4;
/// The terms of an order that get rows.
const TERMS: u32 = 12;
/// The renewals of an order that get rows.
const RENEWALS: u32 = 3;
/// The resources of a deployment.
pub const RESOURCES: u32 = 3;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    Purchase,
    Renewed,
    Canceled,
}

/// One row.
pub struct Row<'a> {
    pub subject: Subject,
    pub purchase: &'a Purchase,
    pub date: NaiveDate,
    /// The number of the purchase's term, or of its month with usage, to which an invoice belongs.
    pub period: u32,
    pub action: Action,
    /// The number of a deployment's attempt, and of the resource in it.
    pub attempt: u32,
    pub resource: u32,
    /// Differs in each row.
    pub random: u64,
}

impl Subject {
    pub fn of(dataset: &str) -> Option<Subject> {
        let known = [
            ("ISVCustomer", Subject::Customer),
            ("ISVLicense", Subject::License),
            ("ISVMarketplaceInsights", Subject::Visit),
            ("ISVOfferRetention", Subject::Retention),
            ("ISVOrder", Subject::Order),
            ("ISVOrderV2", Subject::Term),
            ("ISVQualityOfService", Subject::Deployment),
            ("ISVRevenue", Subject::Revenue),
            ("ISVUsage", Subject::Usage),
        ];
        known.iter().find(|(name, _)| dataset.eq_ignore_ascii_case(name)).map(|(_, subject)| *subject)
    }

    /// The number of rows of one purchase.
    pub fn rows(self, purchase: &Purchase) -> u32 {
        let offer = purchase.offer;
        match self {
            Subject::Customer => 1,
            Subject::License => u32::from(offer.has_licenses()),
            Subject::Visit => VISITS,
            Subject::Retention if offer.is_metered() => retained(purchase).count() as u32,
            Subject::Order => 1 + renewals(purchase).min(RENEWALS) + u32::from(purchase.status == Status::Canceled),
            Subject::Term => purchase.terms().min(TERMS),
            Subject::Deployment if offer.kind == Kind::Application => RESOURCES * attempts(purchase),
            Subject::Revenue if purchase.is_paid() => purchase.periods().len() as u32,
            Subject::Usage if offer.is_metered() => purchase.periods().len() as u32,
            Subject::Retention | Subject::Deployment | Subject::Revenue | Subject::Usage => 0,
        }
    }

    /// The row with that number, which is less than `rows`.
    pub fn row<'a>(self, purchase: &'a Purchase, number: u32, salt: u64) -> Row<'a> {
        let random = mix(salt ^ purchase.key ^ mix(u64::from(number)));
        let mut row =
            Row { subject: self, purchase, date: purchase.day, period: 0, action: Action::Purchase, attempt: 0, resource: 0, random };
        match self {
            Subject::Customer | Subject::License => {}
            Subject::Visit => row.date = days_before(purchase.day, u64::from(number) * (1 + below(random, 5))),
            Subject::Retention => {
                let offset = retained(purchase).nth(number as usize).unwrap_or_default();
                row.period = offset as u32;
            }
            Subject::Order => (row.action, row.period) = event(purchase, number),
            Subject::Term => row.period = purchase.terms() - 1 - number,
            Subject::Deployment => (row.attempt, row.resource) = (number / RESOURCES, number % RESOURCES),
            Subject::Revenue => {
                row.period = period(purchase, number, 1 + (purchase.place % 3) as u32);
                row.date = purchase.month_of(row.period);
            }
            Subject::Usage => {
                row.period = period(purchase, number, 1);
                row.date = purchase.usage_day(row.period);
            }
        }
        row
    }
}

/// The offsets that a customer has reached.
fn retained(purchase: &Purchase) -> impl Iterator<Item = u64> {
    let days = purchase.last_day().signed_duration_since(purchase.day).num_days().max(0) as u64;
    OFFSETS.into_iter().filter(move |offset| *offset <= days)
}

/// The terms after the first one. Orders of metered offers have none.
fn renewals(purchase: &Purchase) -> u32 {
    if purchase.offer.is_metered() { 0 } else { purchase.terms() - 1 }
}

/// The events of an order: the purchase, the newest renewals, the end.
fn event(purchase: &Purchase, number: u32) -> (Action, u32) {
    let all = renewals(purchase);
    let told = all.min(RENEWALS);
    match number {
        0 => (Action::Purchase, 0),
        _ if number <= told => (Action::Renewed, all - told + number),
        _ => (Action::Canceled, all),
    }
}

/// Small tables reach only the first period of a purchase. For a new buyer it is the oldest, so that every time span has rows; for others it is the
/// one `first` months ago, and the current month comes last.
fn period(purchase: &Purchase, number: u32, first: u32) -> u32 {
    let mut periods: Vec<u32> = purchase.periods().collect();
    if !Buyer::is_new(purchase.place) {
        let ago = |period: &u32| months_between(purchase.month_of(*period), purchase.today);
        periods.sort_by_key(|period| (ago(period) != i64::from(first), ago(period) == 0, Reverse(*period)));
    }
    periods.get(number as usize).copied().unwrap_or_default()
}

/// A quarter of the deployments before today fail at first and are repeated.
fn attempts(purchase: &Purchase) -> u32 {
    1 + u32::from(purchase.day < purchase.today && chance(mix(purchase.key ^ 12), 25))
}

impl Row<'_> {
    pub fn usage(&self) -> Usage {
        self.purchase.usage(self.date)
    }

    /// A time on that day that is never in the future.
    pub fn time(&self, day: NaiveDate, salt: u64) -> DateTime<Utc> {
        let seconds = if day < self.purchase.today { below(mix(self.purchase.key ^ salt), 85_000) } else { 0 };
        day.and_time(NaiveTime::MIN).and_utc() + TimeDelta::seconds(seconds as i64)
    }

    /// The day of an order's event.
    pub fn event_day(&self) -> NaiveDate {
        match self.action {
            Action::Canceled => self.purchase.last_day(),
            Action::Purchase | Action::Renewed => self.purchase.term_start(self.period),
        }
    }

    /// Whether this attempt, with all of its resources, failed.
    pub fn has_failed(&self) -> bool {
        self.attempt + 1 < attempts(self.purchase)
    }

    pub fn deployment_start(&self) -> DateTime<Utc> {
        self.time(self.purchase.day, 13) + TimeDelta::minutes(i64::from(self.attempt) * 6)
    }

    pub fn deployment_end(&self) -> DateTime<Utc> {
        self.deployment_start() + TimeDelta::milliseconds(self.deployment_milliseconds())
    }

    pub fn deployment_milliseconds(&self) -> i64 {
        30_000 + below(mix(self.purchase.key ^ 14 ^ mix(u64::from(self.attempt * RESOURCES + self.resource))), 270_000) as i64
    }

    /// The day on which a payout is expected: about the middle of the second month after the billed one.
    pub fn payout_day(&self) -> NaiveDate {
        days_after(self.date.checked_add_months(Months::new(2)).unwrap_or(self.date), 14)
    }
}
