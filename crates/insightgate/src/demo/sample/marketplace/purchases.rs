//! One purchase of one plan, and what follows from it: terms, usage, charges. Orders, usage and revenue all describe the same purchases, so that they agree.

use chrono::{Datelike, Days, Months, NaiveDate};

use super::super::companies::Customer;
use super::super::random::{at, below, chance, mix, of_text};
use super::super::row::{days_after, days_before, first_of_month, months_between};
use super::super::{Partner, SampleSettings};
use super::buyers::{Buyer, PLACES};
use super::offers::{Kind, License, MACHINES, OFFERS, Offer, Plan};

/// The months for which there are usage and revenue.
const MONTHS: u32 = 14;
/// A buyer's further purchases were made within this many days.
const RECENT: u64 = 500;
const QUANTITIES: [i64; 7] = [1, 5, 10, 25, 50, 100, 250];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    Active,
    Canceled,
    Expired,
    Abandoned,
    Warning,
}

pub struct Purchase {
    pub buyer: Buyer,
    pub place: u64,
    pub offer: &'static Offer,
    pub plan: &'static Plan,
    pub day: NaiveDate,
    pub today: NaiveDate,
    pub status: Status,
    /// The day on which the purchase was canceled or expired.
    pub ended: Option<NaiveDate>,
    /// The last day of the trial, if one was taken.
    pub trial_end: Option<NaiveDate>,
    pub is_annual: bool,
    pub is_private: bool,
    /// The number of seats; 1 if usage is billed.
    pub quantity: i64,
    /// The number of the purchase among the partner's.
    pub number: u64,
    /// Constant for the purchase, in all datasets.
    pub key: u64,
}

/// What a customer used on one day.
#[derive(Debug, Clone, Copy)]
pub struct Usage {
    /// The hours of machines.
    pub raw: i64,
    /// The hours of cores.
    pub normalized: i64,
    /// The units of the meter.
    pub metered: i64,
    /// The units that are paid for: none during a trial.
    pub billed: i64,
}

/// An amount in hundredths.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Charge {
    /// The amount in the customer's currency.
    pub own: i64,
    pub dollars: i64,
}

impl Purchase {
    /// The purchase of the buyer in that place in that round. `None` if there are no companies.
    pub fn new(place: u64, round: u64, settings: &SampleSettings, customers: &[Customer]) -> Option<Purchase> {
        let (today, partner) = (settings.now.date_naive(), partner_key(settings.seed, &settings.partner));
        let buyer = Buyer::new(place, round, partner, today, customers)?;
        let number = round * PLACES + place;
        let key = mix(partner ^ mix(number));
        // A new buyer buys once; the purchases that sample queries name are in the first round.
        let (is_first, is_fixed) = (round == 0 || Buyer::is_new(place), round == 0);
        // Each round goes four of nine offers further, so that every buyer comes to every offer.
        let offer = at(place + 4 * round, &OFFERS)?;
        let plan = at(mix(key ^ 1), &offer.plans)?;
        let day = bought(&buyer, is_first, key, today);
        let choice = |fixed: bool, percent: u64, salt: u64| if is_fixed { fixed } else { chance(mix(key ^ salt), percent) };
        let takes_trial = offer.trial > 0 && choice(place.is_multiple_of(2), 40, 2);
        let seats = if buyer.size == 1 { Some(&1) } else { at(if is_fixed { place } else { mix(key ^ 3) }, &QUANTITIES) };
        let mut purchase = Purchase {
            place,
            offer,
            plan,
            day,
            today,
            status: Status::Active,
            ended: None,
            trial_end: takes_trial.then(|| days_after(day, offer.trial)),
            is_annual: !offer.is_metered() && chance(mix(key ^ 4), 40),
            is_private: offer.license == License::Billed && buyer.company.is_some() && choice(place % 5 == 1, 15, 5),
            quantity: if offer.is_metered() { 1 } else { seats.copied().unwrap_or(1) },
            number,
            key,
            buyer,
        };
        purchase.end(is_first);
        Some(purchase)
    }

    /// A current customer still has the first purchase; all purchases of a lost customer have ended.
    fn end(&mut self, is_first: bool) {
        let roll = below(mix(self.key ^ 6), 100);
        let until = self.buyer.lost.unwrap_or(self.today);
        let days = until.signed_duration_since(self.day).num_days().max(0) as u64;
        let within = days_after(self.day, below(mix(self.key ^ 7), days + 1));
        (self.status, self.ended) = match (self.buyer.lost, is_first, roll) {
            (Some(lost), true, _) => (Status::Canceled, Some(lost)),
            (Some(_), false, 30..) => (Status::Canceled, Some(within)),
            (Some(_), false, _) => (Status::Expired, Some(within)),
            (None, true, _) | (None, false, 20..) => (Status::Active, None),
            (None, false, ..12) => (Status::Canceled, Some(within)),
            (None, false, 12..17) => (Status::Expired, Some(within)),
            (None, false, 17) => (Status::Abandoned, Some(within)),
            (None, false, _) => (Status::Warning, None),
        };
    }

    /// The last day on which the purchase was active.
    pub fn last_day(&self) -> NaiveDate {
        self.ended.unwrap_or(self.today)
    }

    pub fn is_in_trial(&self, day: NaiveDate) -> bool {
        self.trial_end.is_some_and(|end| day <= end)
    }

    /// Whether the purchase is charged: neither free nor with a license that the customer brings.
    pub fn is_paid(&self) -> bool {
        self.offer.license == License::Billed
    }

    // Terms

    fn months_of_term(&self) -> u32 {
        if self.is_annual { 12 } else { 1 }
    }

    /// The first day of a term; 0 is the first term.
    pub fn term_start(&self, term: u32) -> NaiveDate {
        self.day.checked_add_months(Months::new(term * self.months_of_term())).unwrap_or(NaiveDate::MAX)
    }

    pub fn term_end(&self, term: u32) -> NaiveDate {
        days_before(self.term_start(term + 1), 1)
    }

    /// The number of terms that have begun, at least one.
    pub fn terms(&self) -> u32 {
        let passed = months_between(self.day, self.last_day()).max(0) as u32 / self.months_of_term();
        if self.term_start(passed) <= self.last_day() { passed + 1 } else { passed.max(1) }
    }

    /// The number of the month in which usage of that day is billed: calendar months, counted from that of the purchase.
    pub fn month_of_usage(&self, day: NaiveDate) -> u32 {
        months_between(self.day, day).max(0) as u32
    }

    /// What is billed: terms, or calendar months with usage. The newest `MONTHS` of them, the oldest first.
    pub fn periods(&self) -> std::ops::Range<u32> {
        let all = if self.offer.is_metered() { self.month_of_usage(self.last_day()) + 1 } else { self.terms() };
        all.saturating_sub(MONTHS)..all
    }

    /// The calendar month in which a period is billed.
    pub fn month_of(&self, period: u32) -> NaiveDate {
        if self.offer.is_metered() {
            return first_of_month(self.day).checked_add_months(Months::new(period)).unwrap_or(self.today);
        }
        first_of_month(self.term_start(period))
    }

    // Usage

    /// The day of a month whose usage is shown: in the first month it is that of the purchase.
    pub fn usage_day(&self, period: u32) -> NaiveDate {
        let month = self.month_of(period);
        if period == 0 {
            return self.day;
        }
        let next = month.checked_add_months(Months::new(1)).unwrap_or(month);
        let last = days_before(next, 1).min(self.last_day());
        let days = u64::from(last.day());
        days_after(month, below(mix(self.key ^ 8 ^ mix(u64::from(period))), days))
    }

    pub fn usage(&self, day: NaiveDate) -> Usage {
        let offset = day.signed_duration_since(self.day).num_days() as u64;
        let percent = 80 + below(mix(self.key ^ 9 ^ mix(offset)), 40) as i64;
        let size = self.buyer.size;
        let (raw, cores) = match self.offer.kind {
            Kind::Machines => (24 * (size / 2_000).max(1), self.machine().1),
            Kind::Application => (24 * (size / 5_000).max(1), 2),
            Kind::Metered | Kind::Seats | Kind::Licensed => (0, 0),
        };
        let metered = match self.offer.kind {
            Kind::Machines | Kind::Seats | Kind::Licensed => 0,
            Kind::Application => (size / 50 + 1) * percent / 100 + 1,
            Kind::Metered => (size + 20) * percent / 10,
        };
        let paid = if self.offer.kind == Kind::Machines { raw * cores } else { metered };
        let is_billed = self.is_paid() && !self.is_in_trial(day);
        Usage { raw, normalized: raw * cores, metered, billed: if is_billed { paid } else { 0 } }
    }

    /// The size and the number of cores.
    pub fn machine(&self) -> (&'static str, i64) {
        let index = match self.buyer.size {
            ..100 => below(mix(self.key ^ 10), 2),
            100..1_000 => 1 + below(mix(self.key ^ 10), 2),
            1_000..10_000 => 2 + below(mix(self.key ^ 10), 2),
            _ => 4,
        };
        at(index, &MACHINES).copied().unwrap_or(("", 0))
    }

    // Money

    /// The US cents for one unit, less the discount of a private offer.
    pub fn price(&self) -> i64 {
        self.discounted().unwrap_or(self.plan.price)
    }

    pub fn discounted(&self) -> Option<i64> {
        (self.is_private && self.plan.price > 0).then_some((self.plan.price * 8 / 10).max(1))
    }

    /// The same price in the customer's currency, which is never zero for something that is paid for.
    pub fn own_price(&self) -> i64 {
        match self.price() {
            0 => 0,
            cents => ((cents as f64 / self.buyer.currency.dollars).round() as i64).max(1),
        }
    }

    pub fn usage_charge(&self, day: NaiveDate) -> Charge {
        let billed = self.usage(day).billed;
        Charge { own: self.own_price() * billed, dollars: self.price() * billed }
    }

    /// The charge of a term, if terms are billed.
    pub fn term_charge(&self, term: u32) -> Charge {
        if self.is_in_trial(self.term_start(term)) {
            return Charge { own: 0, dollars: 0 };
        }
        // A year costs as much as ten months.
        let units = self.quantity * if self.is_annual { 10 } else { 1 };
        Charge { own: self.own_price() * units, dollars: self.price() * units }
    }

    pub fn charge(&self, period: u32) -> Charge {
        if self.offer.is_metered() { self.usage_charge(self.usage_day(period)) } else { self.term_charge(period) }
    }
}

/// The day of a purchase. With the first one a buyer becomes a customer.
fn bought(buyer: &Buyer, is_first: bool, key: u64, today: NaiveDate) -> NaiveDate {
    if is_first {
        return buyer.acquired;
    }
    let until = buyer.lost.unwrap_or(today);
    let earliest = buyer.acquired.max(until.checked_sub_days(Days::new(RECENT)).unwrap_or(until));
    let days = until.signed_duration_since(earliest).num_days().max(0) as u64;
    days_after(earliest, below(mix(key ^ 11), days + 1))
}

fn partner_key(seed: u64, partner: &Partner) -> u64 {
    mix(seed ^ of_text(&partner.global_account) ^ of_text("marketplace"))
}
