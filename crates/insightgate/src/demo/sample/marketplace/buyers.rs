//! The buyers in the marketplace: the invented companies, and people who buy for themselves.
//!
//! Buyers have numbered places. Those in the first fifty stay and buy again and again; the last ten came one after the other in the last year, so
//! that every time span has a new buyer. Further rounds have the same companies in the first fifty places, and other new people in the last ten.

use chrono::{Days, NaiveDate};

use super::super::companies::{Customer, Place};
use super::super::offers::{PERSONAS, RESELLERS};
use super::super::random::{at, below, chance, mix, pick};
use super::super::row::{days_before, within_span};
use super::offers::{Currency, currency};

/// The number of buyers in one round.
pub const PLACES: u64 = 60;
/// Buyers from this place on are new.
const FIRST_NEW: u64 = 50;
/// The buyers in these places have the values that sample queries name.
const NAMED: u64 = 3;
/// The first round's buyers up to this place came within the last six months.
const LAST_OF_HALF: u64 = 32;
const FIRST_OF_REST: u64 = LAST_OF_HALF + 1;

/// The agreements under which Azure is bought.
const AGREEMENTS: [&str; 5] = ["Enterprise", "Pay as You Go", "Cloud Solution Provider", "Enterprise through Reseller", "GTM"];

pub struct Buyer {
    /// The name of the company or of the person.
    pub name: String,
    /// `None` for a person who buys for themselves.
    pub company: Option<&'static str>,
    pub first_name: &'static str,
    pub last_name: &'static str,
    pub mail: String,
    pub home: &'static Place,
    pub is_government: bool,
    pub id: String,
    /// This is also the id of the Azure subscription, as in the documents' examples.
    pub tenant: String,
    /// The number of people in the company.
    pub size: i64,
    pub agreement: &'static str,
    pub currency: &'static Currency,
    pub acquired: NaiveDate,
    /// The day on which the last purchase ended.
    pub lost: Option<NaiveDate>,
    pub key: u64,
}

impl Buyer {
    /// The buyer in that place in that round. `None` if there are no companies.
    pub fn new(place: u64, round: u64, partner: u64, today: NaiveDate, customers: &[Customer]) -> Option<Buyer> {
        let is_person = Buyer::is_new(place) && round > 0;
        let company = at(place, customers)?;
        let key = mix(company.key ^ mix(partner) ^ if is_person { mix(round) } else { 0 });
        let acquired = acquired(place, key, today);
        let ago = today.signed_duration_since(acquired).num_days();
        let leaves = if is_person { chance(mix(key ^ 1), 15) && ago > 60 } else { place % 11 == 7 };
        let lost = leaves.then(|| days_before(today, ago as u64 / 2));
        let (first_name, last_name) =
            if is_person { (pick(mix(key ^ 2), &PERSONAS)?.0, pick(mix(key ^ 3), &PERSONAS)?.1) } else { *pick(mix(key ^ 2), &PERSONAS)? };
        let lower = first_name.to_ascii_lowercase();
        let stem = company.company.stem;
        let identifier = |salt| super::super::random::guid(mix(key ^ salt));
        Some(Buyer {
            name: if is_person { format!("{first_name} {last_name}") } else { company.company.name.to_owned() },
            company: (!is_person).then_some(company.company.name),
            first_name,
            last_name,
            mail: if is_person { format!("{lower}@example.net") } else { format!("{lower}@{stem}.example") },
            home: company.place,
            is_government: !is_person && company.trade.industry == "Government",
            id: if is_person { identifier(4) } else { company.tpid.clone() },
            tenant: if is_person { identifier(5) } else { company.tenant.clone() },
            size: if is_person { 1 } else { company.company.size },
            agreement: if is_person { "Pay as You Go" } else { at(place, &AGREEMENTS)? },
            currency: currency(company.place.code),
            acquired,
            lost,
            key,
        })
    }

    /// Whether each round has another buyer in that place.
    pub fn is_new(place: u64) -> bool {
        place >= FIRST_NEW
    }

    /// The MPN id and the name of a reseller, if the buyer buys through one.
    pub fn provider(&self) -> Option<(&'static str, &'static str)> {
        let between = matches!(self.agreement, "Cloud Solution Provider" | "Enterprise through Reseller");
        between.then(|| pick(mix(self.key ^ 6), &RESELLERS)).flatten().map(|reseller| (reseller.0, reseller.1))
    }

    pub fn is_enterprise(&self) -> bool {
        self.agreement.starts_with("Enterprise")
    }
}

/// The day of the first purchase.
fn acquired(place: u64, key: u64, today: NaiveDate) -> NaiveDate {
    let half = u64::from(chrono::Datelike::day(&today));
    let random = mix(key ^ 7);
    let ago = match place {
        // These were there when the store opened; a sample query asks for customers from before July 2020.
        ..NAMED => {
            let opened = NaiveDate::from_ymd_opt(2020, 3, 2).and_then(|day| day.checked_add_days(Days::new(45 * place)));
            return opened.map_or(today, |day| day.min(today));
        }
        // All of them came in the six months before this one. A customer who leaves again has stayed for a while.
        NAMED..=LAST_OF_HALF => half + 40 + below(random, 105),
        FIRST_OF_REST..FIRST_NEW => 60 + below(random, 900),
        _ => {
            let (first, last) = within_span(PLACES - 1 - place, today);
            first + below(random, last - first + 1)
        }
    };
    days_before(today, ago)
}
