//! Changes to a legal business profile, and its check as a whole.

use insightgate_identity::profile::{BusinessModel, LegalProfile, RegistrationId};

use crate::failure::Failure;

/// A field that is not sent stays; one that is sent empty is taken away.
#[derive(Debug, Clone, Default)]
pub struct ProfileInput {
    pub company_legal_name: Option<String>,
    pub address_line1: Option<String>,
    pub address_line2: Option<String>,
    pub city: Option<String>,
    pub state_or_province: Option<String>,
    pub postal_code: Option<String>,
    pub country_region: Option<String>,
    pub duns_number: Option<String>,
    pub registration_id: Option<Option<RegistrationId>>,
    pub primary_contact_first_name: Option<String>,
    pub primary_contact_last_name: Option<String>,
    pub primary_contact_email: Option<String>,
    pub primary_contact_phone: Option<String>,
    pub security_contact: Option<String>,
    pub business_model: Option<String>,
}

impl ProfileInput {
    /// All faults of the whole at once.
    pub(crate) fn applied_to(self, profile: LegalProfile) -> Result<LegalProfile, Failure> {
        let required = |sent: Option<String>, known: String| sent.map_or(known, |text| text.trim().to_owned());
        let optional = |sent: Option<String>, known: Option<String>| match sent {
            None => known,
            Some(text) => Some(text.trim().to_owned()).filter(|text| !text.is_empty()),
        };
        let business_model = match self.business_model.as_deref().map(str::trim) {
            None => profile.business_model,
            Some("") => None,
            Some(name) => Some(business_model(name)?),
        };
        let changed = LegalProfile {
            company_legal_name: required(self.company_legal_name, profile.company_legal_name),
            address_line1: required(self.address_line1, profile.address_line1),
            address_line2: optional(self.address_line2, profile.address_line2),
            city: required(self.city, profile.city),
            state_or_province: optional(self.state_or_province, profile.state_or_province),
            postal_code: required(self.postal_code, profile.postal_code),
            country_region: required(self.country_region, profile.country_region),
            duns_number: optional(self.duns_number, profile.duns_number),
            registration_id: self.registration_id.unwrap_or(profile.registration_id),
            primary_contact_first_name: required(self.primary_contact_first_name, profile.primary_contact_first_name),
            primary_contact_last_name: required(self.primary_contact_last_name, profile.primary_contact_last_name),
            primary_contact_email: required(self.primary_contact_email, profile.primary_contact_email),
            primary_contact_phone: optional(self.primary_contact_phone, profile.primary_contact_phone),
            security_contact: optional(self.security_contact, profile.security_contact),
            business_model,
        };
        let kind = changed.registration_id.as_ref().map(|id| id.kind.clone());
        for (field, value) in [
            ("registrationId", &kind),
            ("primaryContactPhone", &changed.primary_contact_phone),
            ("securityContact", &changed.security_contact),
        ] {
            crate::manage::fields::short(field, value.as_deref().unwrap_or_default())?;
        }
        let faults = changed.check();
        if faults.is_empty() { Ok(changed) } else { Err(Failure::Profile(faults)) }
    }
}

fn business_model(name: &str) -> Result<BusinessModel, Failure> {
    let known = [
        ("indirectProvider", BusinessModel::IndirectProvider),
        ("directBillPartner", BusinessModel::DirectBillPartner),
        ("indirectReseller", BusinessModel::IndirectReseller),
    ];
    let found = known.into_iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, model)| model);
    let wrong = || Failure::Invalid("'businessModel' should be indirectProvider, directBillPartner or indirectReseller.".to_owned());
    found.ok_or_else(wrong)
}
