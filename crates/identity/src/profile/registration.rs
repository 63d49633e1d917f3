//! Registration ids by country. Source: the documented list of countries with a mandatory id.

use super::{BusinessModel, ProfileFault, RegistrationId};

/// Each country, and its kinds of ids, of which one is required.
const COUNTRIES: [(&str, &[&str]); 26] = [
    ("Armenia", &["INN", "VAT number", "Public service number"]),
    ("Azerbaijan", &["TIN", "INN"]),
    ("Belarus", &["UNP"]),
    ("Brazil", &["CNPJ"]),
    ("China", &["TIN"]),
    ("Hungary", &["TIN"]),
    ("India", &["Tax ID", "PAN"]),
    ("Iraq", &["TIN"]),
    ("Kazakhstan", &["BIN", "IIN"]),
    ("Kyrgyzstan", &["INN"]),
    ("Moldova", &["IDNO", "IDNP"]),
    ("Myanmar", &["TIN"]),
    ("Poland", &["TIN", "PESEL"]),
    ("Russia", &["INN"]),
    ("Saudi Arabia", &["TIN"]),
    ("South Africa", &["TRN"]),
    ("South Sudan", &["TIN"]),
    ("Tajikistan", &["INN", "EIN", "KPP"]),
    ("Thailand", &["TIN"]),
    ("Türkiye", &["TIN", "NIN"]),
    ("Ukraine", &["EGRPOU", "EDRPOU"]),
    ("United Arab Emirates", &["Tax ID", "VAT number"]),
    ("United States", &["EIN"]),
    ("Uzbekistan", &["INN"]),
    ("Vietnam", &["TIN"]),
    ("Venezuela", &["RIF"]),
];

/// The most characters of a number.
pub const LONGEST_NUMBER: usize = 40;

/// The country's kinds of ids, of which one is enough; `None` for a country without a list, where an id is optional.
pub fn accepted_registration_ids(country: &str) -> Option<&'static [&'static str]> {
    let country = country.trim().to_lowercase();
    COUNTRIES.iter().find(|(name, _)| name.to_lowercase() == country).map(|(_, ids)| *ids)
}

pub fn listed_countries() -> impl Iterator<Item = &'static str> {
    COUNTRIES.iter().map(|(name, _)| *name)
}

pub(super) fn check(country: &str, model: Option<BusinessModel>, id: Option<&RegistrationId>) -> Option<ProfileFault> {
    let fault = |rule, message| Some(ProfileFault { field: "registrationId", rule, message });
    let accepted = accepted_registration_ids(country);
    match (accepted, id) {
        (Some(accepted), None) if model.is_some() => {
            fault("mandatory", format!("Doing business in {} needs one of: {}.", country.trim(), accepted.join(", ")))
        }
        (_, None) => None,
        (_, Some(id)) if id.number.trim().is_empty() => fault("number", "The number is missing.".to_owned()),
        (_, Some(id)) if id.number.chars().count() > LONGEST_NUMBER || !id.number.chars().all(is_number_part) => {
            fault("number", format!("A number has letters, digits, blanks and - / . only, {LONGEST_NUMBER} at most."))
        }
        (Some(accepted), Some(id)) if !accepted.iter().any(|kind| kind.eq_ignore_ascii_case(id.kind.trim())) => {
            fault("kind", format!("In {} this is one of: {}.", country.trim(), accepted.join(", ")))
        }
        (Some(accepted), Some(id)) if accepted.contains(&"UNP") && !is_unp(id.number.trim()) => {
            fault("format", "A UNP has nine characters: digits for organisations, letters and digits for persons.".to_owned())
        }
        _ => None,
    }
}

fn is_number_part(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, ' ' | '-' | '/' | '.')
}

fn is_unp(number: &str) -> bool {
    number.len() == 9 && number.bytes().all(|byte| byte.is_ascii_alphanumeric())
}
