//! Changes to a legal business profile, and its check as a whole.

use insightgate_identity::profile::{BusinessModel, LegalProfile, RegistrationId};
use insightgate_wire::bodies::{ProfileChange, RegistrationChange};

use crate::failure::Failure;

/// All faults of the whole at once.
pub(crate) fn applied(change: ProfileChange, profile: LegalProfile) -> Result<LegalProfile, Failure> {
    let required = |sent: Option<String>, known: String| sent.map_or(known, |text| text.trim().to_owned());
    let optional = |sent: Option<String>, known: Option<String>| match sent {
        None => known,
        Some(text) => Some(text.trim().to_owned()).filter(|text| !text.is_empty()),
    };
    let business_model = match change.business_model.as_deref().map(str::trim) {
        None => profile.business_model,
        Some("") => None,
        Some(name) => Some(business_model(name)?),
    };
    let changed = LegalProfile {
        company_legal_name: required(change.company_legal_name, profile.company_legal_name),
        address_line1: required(change.address_line1, profile.address_line1),
        address_line2: optional(change.address_line2, profile.address_line2),
        city: required(change.city, profile.city),
        state_or_province: optional(change.state_or_province, profile.state_or_province),
        postal_code: required(change.postal_code, profile.postal_code),
        country_region: required(change.country_region, profile.country_region),
        duns_number: optional(change.duns_number, profile.duns_number),
        registration_id: change.registration_id.map_or(profile.registration_id, |sent| sent.map(registration)),
        primary_contact_first_name: required(change.primary_contact_first_name, profile.primary_contact_first_name),
        primary_contact_last_name: required(change.primary_contact_last_name, profile.primary_contact_last_name),
        primary_contact_email: required(change.primary_contact_email, profile.primary_contact_email),
        primary_contact_phone: optional(change.primary_contact_phone, profile.primary_contact_phone),
        security_contact: optional(change.security_contact, profile.security_contact),
        business_model,
    };
    let kind = changed.registration_id.as_ref().map(|id| id.kind.clone());
    for (field, value) in
        [("registrationId", &kind), ("primaryContactPhone", &changed.primary_contact_phone), ("securityContact", &changed.security_contact)]
    {
        crate::manage::fields::short(field, value.as_deref().unwrap_or_default())?;
    }
    let faults = changed.check();
    if faults.is_empty() { Ok(changed) } else { Err(Failure::Profile(faults)) }
}

fn registration(sent: RegistrationChange) -> RegistrationId {
    RegistrationId { kind: sent.kind.unwrap_or_default(), number: sent.number.unwrap_or_default() }
}

fn business_model(name: &str) -> Result<BusinessModel, Failure> {
    let wrong = || Failure::Invalid("'businessModel' should be indirectProvider, directBillPartner or indirectReseller.".to_owned());
    BusinessModel::from_name(name).ok_or_else(wrong)
}
