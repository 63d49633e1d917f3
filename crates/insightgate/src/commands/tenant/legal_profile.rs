//! The legal business profile of an organisation: from flags, a file, or a person's answers.

use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::{Map, Value, json};

use crate::command_error::CommandError;
use crate::files::{fault, no_named_pipe};
use crate::terminal::ask;

/// Flags have the names of the documented fields.
#[derive(Debug, Default, Args)]
#[command(next_help_heading = "Legal profile")]
pub struct LegalProfile {
    /// JSON or TOML with the profile's fields, such as companyLegalName; flags go before it
    #[arg(long, value_name = "FILE")]
    profile_file: Option<PathBuf>,
    /// As the company is registered
    #[arg(long, value_name = "TEXT")]
    company_legal_name: Option<String>,
    /// Street and number, without abbreviations
    #[arg(long, value_name = "TEXT")]
    address_line1: Option<String>,
    /// Second line of the address
    #[arg(long, value_name = "TEXT")]
    address_line2: Option<String>,
    /// City
    #[arg(long, value_name = "TEXT")]
    city: Option<String>,
    /// State or province
    #[arg(long, value_name = "TEXT")]
    state_or_province: Option<String>,
    /// Postal code
    #[arg(long, value_name = "TEXT")]
    postal_code: Option<String>,
    /// The country's name, such as Norway
    #[arg(long, value_name = "TEXT")]
    country_region: Option<String>,
    /// Nine digits
    #[arg(long, value_name = "TEXT")]
    duns_number: Option<String>,
    /// A number by which the country knows the company, such as 'TIN:12345678'; needed in some countries
    #[arg(long, value_name = "KIND:NUMBER")]
    registration_id: Option<String>,
    /// Who confirms the enrollment
    #[arg(long, value_name = "TEXT")]
    primary_contact_first_name: Option<String>,
    /// Last name
    #[arg(long, value_name = "TEXT")]
    primary_contact_last_name: Option<String>,
    /// A work address at the company's own domain
    #[arg(long, value_name = "ADDRESS")]
    primary_contact_email: Option<String>,
    /// Phone number
    #[arg(long, value_name = "TEXT")]
    primary_contact_phone: Option<String>,
    /// Whom to ask about incidents
    #[arg(long, value_name = "TEXT")]
    security_contact: Option<String>,
    /// indirectProvider, directBillPartner or indirectReseller
    #[arg(long, value_name = "TEXT")]
    business_model: Option<String>,
}

struct Field {
    name: &'static str,
    flag: &'static str,
    /// What a person is asked.
    label: &'static str,
    required: bool,
    given: fn(&LegalProfile) -> &Option<String>,
    /// As the API takes it.
    value: fn(&str) -> Result<Value, CommandError>,
}

const fn field(
    name: &'static str,
    flag: &'static str,
    label: &'static str,
    required: bool,
    given: fn(&LegalProfile) -> &Option<String>,
) -> Field {
    Field { name, flag, label, required, given, value: as_text }
}

fn as_text(text: &str) -> Result<Value, CommandError> {
    Ok(Value::from(text))
}

fn registration_id(text: &str) -> Result<Value, CommandError> {
    match text.split_once(':').map(|(kind, number)| (kind.trim(), number.trim())) {
        Some((kind, number)) if !kind.is_empty() && !number.is_empty() => Ok(json!({"kind": kind, "number": number})),
        _ => Err(CommandError::usage(format!("the registration id '{text}' should be KIND:NUMBER, such as TIN:12345678"))),
    }
}

const FIELDS: [Field; 15] = [
    field("companyLegalName", "--company-legal-name", "Company's legal name", true, |p| &p.company_legal_name),
    field("addressLine1", "--address-line1", "Street and number", true, |p| &p.address_line1),
    field("addressLine2", "--address-line2", "Second line of the address", false, |p| &p.address_line2),
    field("city", "--city", "City", true, |p| &p.city),
    field("stateOrProvince", "--state-or-province", "State or province", false, |p| &p.state_or_province),
    field("postalCode", "--postal-code", "Postal code", true, |p| &p.postal_code),
    field("countryRegion", "--country-region", "Country", true, |p| &p.country_region),
    field("dunsNumber", "--duns-number", "D-U-N-S number", false, |p| &p.duns_number),
    Field {
        value: registration_id,
        ..field("registrationId", "--registration-id", "Registration id, as KIND:NUMBER", false, |p| &p.registration_id)
    },
    field("primaryContactFirstName", "--primary-contact-first-name", "Primary contact's first name", true, |p| {
        &p.primary_contact_first_name
    }),
    field("primaryContactLastName", "--primary-contact-last-name", "Primary contact's last name", true, |p| &p.primary_contact_last_name),
    field("primaryContactEmail", "--primary-contact-email", "Primary contact's work address", true, |p| &p.primary_contact_email),
    field("primaryContactPhone", "--primary-contact-phone", "Primary contact's phone", false, |p| &p.primary_contact_phone),
    field("securityContact", "--security-contact", "Security contact", false, |p| &p.security_contact),
    field("businessModel", "--business-model", "Business model", false, |p| &p.business_model),
];

impl LegalProfile {
    /// Whether any field was given.
    pub fn is_given(&self) -> bool {
        self.profile_file.is_some() || FIELDS.iter().any(|field| (field.given)(self).is_some())
    }

    /// The fields by their documented names. On a terminal, required fields that are missing are asked for. The server checks the values.
    pub fn complete(&self, interactive: bool) -> Result<Map<String, Value>, CommandError> {
        let mut profile = self.profile_file.as_deref().map(read).transpose()?.unwrap_or_default();
        for field in &FIELDS {
            if let Some(value) = (field.given)(self) {
                profile.insert(field.name.to_owned(), (field.value)(value)?);
            }
        }
        // A person who gave some of it in a file or flags is asked for the required rest only.
        let (all, mut lacking) = (profile.is_empty(), Vec::new());
        for field in &FIELDS {
            if profile.contains_key(field.name) {
                continue;
            }
            if interactive && (field.required || all) {
                let label = if field.required { field.label.to_owned() } else { format!("{} (may be empty)", field.label) };
                match ask(&label)? {
                    Some(answer) => {
                        profile.insert(field.name.to_owned(), (field.value)(&answer)?);
                    }
                    None if field.required => lacking.push(field.flag),
                    None => {}
                }
            } else if field.required {
                lacking.push(field.flag);
            }
        }
        if lacking.is_empty() {
            return Ok(profile);
        }
        let failed = CommandError::usage(format!("the legal profile lacks {}", lacking.join(", ")));
        Err(failed.hint("give these flags, or name a file with --profile-file"))
    }
}

/// In the order of the documented fields.
pub fn shown(profile: &Map<String, Value>) -> Vec<(&'static str, String)> {
    let plain = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let text = |value: &Value| match (value.get("kind"), value.get("number")) {
        (Some(kind), Some(number)) => format!("{}:{}", plain(kind), plain(number)),
        _ => plain(value),
    };
    FIELDS.iter().filter_map(|field| Some((field.name, text(profile.get(field.name)?)))).collect()
}

fn read(path: &Path) -> Result<Map<String, Value>, CommandError> {
    no_named_pipe(path)?;
    let text = std::fs::read_to_string(path).map_err(|error| fault(path, &error))?;
    let is_toml = path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("toml"));
    let read = if is_toml {
        toml::from_str(&text).map_err(|error| error.to_string())
    } else {
        serde_json::from_str(&text).map_err(|error| error.to_string())
    };
    let profile: Map<String, Value> = read.map_err(|error| CommandError::usage(format!("{}: {}", path.display(), error.trim_end())))?;
    let unknown: Vec<&str> = profile.keys().map(String::as_str).filter(|name| FIELDS.iter().all(|field| field.name != *name)).collect();
    if unknown.is_empty() {
        return Ok(profile);
    }
    let names: Vec<&str> = FIELDS.iter().map(|field| field.name).collect();
    let failed = CommandError::usage(format!("{} has unknown fields: {}", path.display(), unknown.join(", ")));
    Err(failed.hint(format!("a profile has {}", names.join(", "))))
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::FromArgMatches as _;

    fn parsed(arguments: &[&str]) -> LegalProfile {
        let command = LegalProfile::augment_args(clap::Command::new("enroll").no_binary_name(true));
        LegalProfile::from_arg_matches(&command.get_matches_from(arguments)).unwrap()
    }

    #[test]
    fn each_flag_is_the_field_of_its_name() {
        for field in &FIELDS {
            let profile = parsed(&[field.flag, "text"]);
            assert_eq!((field.given)(&profile).as_deref(), Some("text"), "{}", field.flag);
            let camel = field.flag.trim_start_matches('-').split('-').enumerate().map(|(place, word)| {
                let (first, rest) = word.split_at(usize::from(place > 0));
                format!("{}{rest}", first.to_uppercase())
            });
            assert_eq!(camel.collect::<String>(), field.name);
        }
    }

    #[test]
    fn flags_go_before_the_file_and_all_that_lacks_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let (toml, json) = (folder.path().join("p.toml"), folder.path().join("p.json"));
        std::fs::write(&toml, "companyLegalName = \"Contoso\"\ncity = \"Oslo\"\n").unwrap();
        std::fs::write(&json, "{\"companyLegalName\": \"Contoso\", \"cty\": \"Oslo\"}").unwrap();
        let file = toml.to_str().unwrap();
        let lacking = parsed(&["--profile-file", file, "--city", "Bergen"]).complete(false).unwrap_err();
        assert_eq!(lacking.code, 2);
        assert!(lacking.message.contains("--postal-code") && lacking.message.contains("--primary-contact-email"), "{lacking}");
        assert!(!lacking.message.contains("--city") && !lacking.message.contains("--duns-number"), "{lacking}");
        let flags =
            ["--profile-file", file, "--city", "Bergen", "--address-line1", "a", "--postal-code", "1", "--country-region", "Norway"];
        let contact =
            ["--primary-contact-first-name", "a", "--primary-contact-last-name", "b", "--primary-contact-email", "a@contoso.example"];
        let profile = parsed(&[flags.as_slice(), &contact].concat()).complete(false).unwrap();
        assert_eq!((profile["city"].as_str(), profile["companyLegalName"].as_str()), (Some("Bergen"), Some("Contoso")));
        let unknown = parsed(&["--profile-file", json.to_str().unwrap()]).complete(false).unwrap_err();
        assert!(unknown.message.ends_with("unknown fields: cty"), "{unknown}");
        assert_eq!(registration_id("VAT number: NO 1").unwrap(), json!({"kind": "VAT number", "number": "NO 1"}));
        let profile = json!({"registrationId": {"kind": "TIN", "number": "1"}, "companyLegalName": "Contoso", "city": "Oslo"});
        let expected = [("companyLegalName", "Contoso"), ("city", "Oslo"), ("registrationId", "TIN:1")];
        assert_eq!(shown(profile.as_object().unwrap()), expected.map(|(name, value)| (name, value.to_owned())));
        assert_eq!(registration_id("12345678").unwrap_err().code, 2);
    }
}
