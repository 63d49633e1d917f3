//! The legal business profile of an enrollment, and its documented rules.
//!
//! Only what a program can check is here. What a person has to judge (that the address exists, that the contact works there) is left to the review.

use serde::{Deserialize, Serialize};
use strum::{EnumString, IntoStaticStr, VariantArray};
use thiserror::Error;

mod registration;

pub use registration::{LONGEST_NUMBER, accepted_registration_ids, listed_countries};

/// The fields, as on the pages of the partner profile.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct LegalProfile {
    pub company_legal_name: String,
    pub address_line1: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub address_line2: Option<String>,
    pub city: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state_or_province: Option<String>,
    pub postal_code: String,
    /// The country's English name.
    pub country_region: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub duns_number: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub registration_id: Option<RegistrationId>,
    pub primary_contact_first_name: String,
    pub primary_contact_last_name: String,
    pub primary_contact_email: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub primary_contact_phone: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub security_contact: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub business_model: Option<BusinessModel>,
}

/// The number under which a country registers a company.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct RegistrationId {
    /// The kind of number, as the country's list names it: `TIN`, `VAT number`, …
    pub kind: String,
    pub number: String,
}

/// How the partner sells. Sellers of cloud services need a registration id in the countries that have a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, IntoStaticStr, EnumString, VariantArray)]
#[serde(rename_all = "camelCase")]
#[strum(serialize_all = "camelCase", ascii_case_insensitive)]
pub enum BusinessModel {
    IndirectProvider,
    DirectBillPartner,
    IndirectReseller,
}

impl BusinessModel {
    pub const ALL: &'static [BusinessModel] = BusinessModel::VARIANTS;

    /// The stored and transported name.
    pub fn name(self) -> &'static str {
        self.into()
    }

    pub fn from_name(name: &str) -> Option<BusinessModel> {
        name.parse().ok()
    }
}

/// A field that breaks a rule.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{field}: {message}")]
pub struct ProfileFault {
    /// The field's name, as in the profile.
    pub field: &'static str,
    /// The rule's short name, as in the documented list.
    pub rule: &'static str,
    pub message: String,
}

/// Domains of personal mail. The documented list is not exhaustive; these are the ones that it names.
const PERSONAL_DOMAINS: [&str; 3] = ["hotmail.com", "live.com", "outlook.com"];
/// Words in the names of mailboxes that belong to no particular person.
const GENERIC_MAILBOXES: [&str; 4] = ["info", "admin", "email", "marketing"];
/// The most bytes of a mail address.
pub const LONGEST_ADDRESS: usize = 254;
/// The most characters of a field.
pub const LONGEST_FIELD: usize = 200;

impl LegalProfile {
    /// Returns all faults; there are none if the profile may be submitted.
    pub fn check(&self) -> Vec<ProfileFault> {
        let mut faults = Vec::new();
        let required = [
            ("companyLegalName", &self.company_legal_name),
            ("addressLine1", &self.address_line1),
            ("city", &self.city),
            ("postalCode", &self.postal_code),
            ("countryRegion", &self.country_region),
            ("primaryContactFirstName", &self.primary_contact_first_name),
            ("primaryContactLastName", &self.primary_contact_last_name),
            ("primaryContactEmail", &self.primary_contact_email),
        ];
        for (field, value) in required {
            if value.trim().is_empty() {
                faults.push(ProfileFault { field, rule: "required", message: "This field is required.".to_owned() });
            }
        }
        let optional = |value: &Option<String>| value.clone().unwrap_or_default();
        let written = [
            ("companyLegalName", self.company_legal_name.clone()),
            ("addressLine1", self.address_line1.clone()),
            ("addressLine2", optional(&self.address_line2)),
            ("city", self.city.clone()),
            ("stateOrProvince", optional(&self.state_or_province)),
            ("postalCode", self.postal_code.clone()),
            ("countryRegion", self.country_region.clone()),
            ("primaryContactFirstName", self.primary_contact_first_name.clone()),
            ("primaryContactLastName", self.primary_contact_last_name.clone()),
        ];
        for (field, value) in written {
            if value.chars().count() > LONGEST_FIELD {
                let message = format!("This field takes {LONGEST_FIELD} characters at most.");
                faults.push(ProfileFault { field, rule: "length", message });
            } else if let Some(strange) = value.chars().find(|c| !is_western_european(*c)) {
                let message = format!("Use Western European characters only; '{}' is none.", strange.escape_debug());
                faults.push(ProfileFault { field, rule: "latin", message });
            }
        }
        for (field, value) in [("addressLine1", self.address_line1.clone()), ("addressLine2", optional(&self.address_line2))] {
            if let Some(short) = abbreviation(&value) {
                let message = format!("Write '{short}' out: the address must match the company's registration.");
                faults.push(ProfileFault { field, rule: "no-abbreviations", message });
            }
        }
        if let Some(duns) = &self.duns_number
            && !(duns.len() == 9 && duns.bytes().all(|byte| byte.is_ascii_digit()))
        {
            faults.push(ProfileFault { field: "dunsNumber", rule: "format", message: "A DUNS number has nine digits.".to_owned() });
        }
        if !self.primary_contact_email.trim().is_empty() {
            faults.extend(check_contact_address(&self.primary_contact_email));
        }
        faults.extend(registration::check(&self.country_region, self.business_model, self.registration_id.as_ref()));
        faults
    }

    /// Whether a change to `other` has to be verified again. A change of any field has to be, except of the phone number and the security contact.
    pub fn is_legally_different(&self, other: &LegalProfile) -> bool {
        let legal = |profile: &LegalProfile| LegalProfile { primary_contact_phone: None, security_contact: None, ..profile.clone() };
        legal(self) != legal(other)
    }
}

/// Checks the rules for the contact's address, in the documented order. Returns the first that is broken.
pub fn check_contact_address(address: &str) -> Option<ProfileFault> {
    let fault = |rule, message: &str| Some(ProfileFault { field: "primaryContactEmail", rule, message: message.to_owned() });
    let lower = address.trim().to_lowercase();
    let Some((mailbox, domain)) = lower.rsplit_once('@') else {
        return fault("work-address", "This is no mail address: use the work address of the company, name@company.");
    };
    let atom = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+/=?^_`{|}~-.".contains(c);
    let label = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    if mailbox.is_empty()
        || !mailbox.chars().all(atom)
        || !domain.contains('.')
        || !domain.split('.').all(label)
        || lower.len() > LONGEST_ADDRESS
    {
        return fault("work-address", "This is no mail address: use the work address of the company, name@company.");
    }
    if PERSONAL_DOMAINS.contains(&domain) {
        return fault("no-personal-domain", "Personal mail domains cannot be enrolled: use the work address of the company.");
    }
    if mailbox.split(|c: char| !c.is_ascii_alphanumeric()).any(|word| GENERIC_MAILBOXES.contains(&word)) {
        return fault("no-generic-mailbox", "Use a person's address: a generic mailbox such as info@ or admin@ cannot be verified.");
    }
    if is_government(domain) {
        return fault("no-government-domain", "Government domains cannot be enrolled: use a tenant of the public cloud.");
    }
    None
}

/// Whether the domain is a government's: `.gov`, `.mil`, and the like below a country, as in `gov.uk`, `gob.es` and `gouv.fr`.
fn is_government(domain: &str) -> bool {
    let labels: Vec<&str> = domain.split('.').collect();
    let government = |label: &str| matches!(label, "gov" | "mil" | "gob" | "gouv" | "govt" | "gub");
    match labels.as_slice() {
        [.., last] if government(last) => true,
        [.., second, country] => country.len() == 2 && government(second),
        _ => false,
    }
}

/// Whether the character is a Latin letter, with or without a Western European accent, a digit, or punctuation that addresses use.
fn is_western_european(c: char) -> bool {
    matches!(c, ' '..='~' | '\u{a0}'..='\u{ff}' | 'Œ' | 'œ' | 'Š' | 'š' | 'Ž' | 'ž' | 'Ÿ' | '’' | '–')
}

/// The first abbreviation of a kind of street, if there is one.
fn abbreviation(line: &str) -> Option<String> {
    const SHORT: [&str; 9] = ["st.", "str.", "ave", "ave.", "blvd", "blvd.", "rd", "rd.", "hwy"];
    line.split_whitespace()
        .map(|word| word.trim_end_matches(','))
        .find(|word| SHORT.contains(&word.to_lowercase().as_str()))
        .map(str::to_owned)
}

#[cfg(test)]
mod tests;
