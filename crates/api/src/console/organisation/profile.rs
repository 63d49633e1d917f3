//! The fields of a legal business profile in a form. Their rules are in `identity`; here they only have labels.

use insightgate_identity::profile::{BusinessModel, LegalProfile};
use insightgate_operations::failure::Failure;
use insightgate_wire::bodies::{ProfileChange, RegistrationChange};

use super::super::visit::form::Form;

/// A field as it is shown.
pub(in crate::console) struct Field {
    pub(in crate::console) name: &'static str,
    pub(in crate::console) label: &'static str,
    pub(in crate::console) value: String,
    /// The type of the input.
    pub(in crate::console) kind: &'static str,
    pub(in crate::console) autocomplete: &'static str,
    pub(in crate::console) required: bool,
    pub(in crate::console) fault: Option<String>,
}

/// The fields of a profile.
pub(in crate::console) struct Fields {
    /// Whether the form is sent with a profile in any case. An organisation that has none can still change its name.
    pub(in crate::console) is_needed: bool,
    pub(in crate::console) fields: Vec<Field>,
    /// The business models, with their names for people and whether it is the one.
    pub(in crate::console) models: Vec<(&'static str, &'static str, bool)>,
    pub(in crate::console) model_fault: Option<String>,
}

/// Name, label, type, the browser's name for it, whether it is needed, and its value.
type Described = (&'static str, &'static str, &'static str, &'static str, bool, fn(&LegalProfile) -> Option<&str>);

const FIELDS: [Described; 15] = [
    ("companyLegalName", "Legal name of the company", "text", "organization", true, |known| Some(&known.company_legal_name)),
    ("addressLine1", "Address", "text", "address-line1", true, |known| Some(&known.address_line1)),
    ("addressLine2", "Address, second line", "text", "address-line2", false, |known| known.address_line2.as_deref()),
    ("postalCode", "Postal code", "text", "postal-code", true, |known| Some(&known.postal_code)),
    ("city", "City", "text", "address-level2", true, |known| Some(&known.city)),
    ("stateOrProvince", "State or province", "text", "address-level1", false, |known| known.state_or_province.as_deref()),
    ("countryRegion", "Country or region, in English", "text", "country-name", true, |known| Some(&known.country_region)),
    ("dunsNumber", "DUNS number", "text", "off", false, |known| known.duns_number.as_deref()),
    ("registrationKind", "Kind of registration number, such as VAT number", "text", "off", false, |known| {
        known.registration_id.as_ref().map(|id| id.kind.as_str())
    }),
    ("registrationId", "Registration number", "text", "off", false, |known| known.registration_id.as_ref().map(|id| id.number.as_str())),
    ("primaryContactFirstName", "First name of the primary contact", "text", "off", true, |known| Some(&known.primary_contact_first_name)),
    ("primaryContactLastName", "Last name of the primary contact", "text", "off", true, |known| Some(&known.primary_contact_last_name)),
    ("primaryContactEmail", "Work address of the primary contact", "email", "off", true, |known| Some(&known.primary_contact_email)),
    ("primaryContactPhone", "Phone of the primary contact", "tel", "off", false, |known| known.primary_contact_phone.as_deref()),
    ("securityContact", "Security contact", "text", "off", false, |known| known.security_contact.as_deref()),
];

impl Fields {
    /// With the values that are known, or those that were typed and what is wrong with them.
    pub(in crate::console) fn of(known: &LegalProfile, is_needed: bool, typed: Option<(&Form, &Failure)>) -> Fields {
        let fault_of = |name: &str| match typed {
            Some((_, Failure::Profile(faults))) => {
                let messages: Vec<&str> = faults.iter().filter(|fault| fault.field == name).map(|fault| fault.message.as_str()).collect();
                (!messages.is_empty()).then(|| messages.join(" "))
            }
            _ => None,
        };
        let value = |name: &str, known: Option<&str>| match typed {
            Some((form, _)) => form.raw(name).to_owned(),
            None => known.unwrap_or_default().to_owned(),
        };
        let field = |(name, label, kind, autocomplete, required, of): Described| Field {
            name,
            label,
            kind,
            autocomplete,
            required,
            value: value(name, of(known)),
            fault: fault_of(name),
        };
        let model = value("businessModel", known.business_model.map(BusinessModel::name));
        let models = BusinessModel::ALL.iter().map(|of| (of.name(), named(*of), model == of.name())).collect();
        Fields { is_needed, fields: FIELDS.into_iter().map(field).collect(), models, model_fault: fault_of("businessModel") }
    }
}

fn named(model: BusinessModel) -> &'static str {
    match model {
        BusinessModel::IndirectProvider => "Indirect provider",
        BusinessModel::DirectBillPartner => "Direct bill partner",
        BusinessModel::IndirectReseller => "Indirect reseller",
    }
}

/// The profile of a form; none if all of its fields are empty, as of an organisation that has none.
pub(in crate::console) fn change(form: &Form) -> Option<ProfileChange> {
    let is_empty = FIELDS.iter().map(|field| field.0).chain(["businessModel"]).all(|name| form.text(name).is_none());
    (!is_empty).then(|| whole(form))
}

/// The whole profile of a form.
pub(in crate::console) fn whole(form: &Form) -> ProfileChange {
    let sent = |name| Some(form.raw(name).trim().to_owned());
    let (kind, number) = (form.text("registrationKind"), form.text("registrationId"));
    let registration = (kind.is_some() || number.is_some()).then_some(RegistrationChange { kind, number });
    ProfileChange {
        company_legal_name: sent("companyLegalName"),
        address_line1: sent("addressLine1"),
        address_line2: sent("addressLine2"),
        city: sent("city"),
        state_or_province: sent("stateOrProvince"),
        postal_code: sent("postalCode"),
        country_region: sent("countryRegion"),
        duns_number: sent("dunsNumber"),
        registration_id: Some(registration),
        primary_contact_first_name: sent("primaryContactFirstName"),
        primary_contact_last_name: sent("primaryContactLastName"),
        primary_contact_email: sent("primaryContactEmail"),
        primary_contact_phone: sent("primaryContactPhone"),
        security_contact: sent("securityContact"),
        business_model: sent("businessModel"),
    }
}
