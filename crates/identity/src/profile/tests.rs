use super::*;

fn contoso() -> LegalProfile {
    LegalProfile {
        company_legal_name: "Contoso Ltd".into(),
        address_line1: "1 Main Street".into(),
        city: "Zürich".into(),
        postal_code: "8001".into(),
        country_region: "Switzerland".into(),
        primary_contact_first_name: "Ana".into(),
        primary_contact_last_name: "Müller".into(),
        primary_contact_email: "ana.mueller@contoso.example".into(),
        ..LegalProfile::default()
    }
}

fn rules(profile: &LegalProfile) -> Vec<(&'static str, &'static str)> {
    profile.check().into_iter().map(|fault| (fault.field, fault.rule)).collect()
}

#[test]
fn each_rule_and_all_at_once() {
    assert_eq!(rules(&contoso()), []);
    type Case = (fn(&mut LegalProfile), (&'static str, &'static str));
    let cases: &[Case] = &[
        (|p| p.city = " ".into(), ("city", "required")),
        (|p| p.company_legal_name = "Контосо".into(), ("companyLegalName", "latin")),
        (|p| p.address_line2 = Some("Łódź".into()), ("addressLine2", "latin")),
        (|p| p.address_line1 = "1 Main\nStreet".into(), ("addressLine1", "latin")),
        (|p| p.address_line1 = "1 Main St.".into(), ("addressLine1", "no-abbreviations")),
        (|p| p.address_line1 = "x".repeat(201), ("addressLine1", "length")),
        (|p| p.duns_number = Some("12345678".into()), ("dunsNumber", "format")),
        (|p| p.primary_contact_email = "ana@hotmail.com".into(), ("primaryContactEmail", "no-personal-domain")),
    ];
    for (change, expected) in cases {
        let mut profile = contoso();
        change(&mut profile);
        assert_eq!(rules(&profile), [*expected]);
    }
    assert_eq!(rules(&LegalProfile::default()).len(), 8, "every required field is named");
}

#[test]
fn the_contacts_address() {
    for (address, rule) in [
        ("ana@contoso.example", None),
        ("Ana.Information@Contoso.Example", None),
        ("ana@contoso.onmicrosoft.com", None),
        ("ana@outlook.com", Some("no-personal-domain")),
        ("ana@LIVE.com", Some("no-personal-domain")),
        ("info@contoso.example", Some("no-generic-mailbox")),
        ("sales-info@contoso.example", Some("no-generic-mailbox")),
        ("Admin@contoso.example", Some("no-generic-mailbox")),
        ("email@contoso.example", Some("no-generic-mailbox")),
        ("marketing@contoso.example", Some("no-generic-mailbox")),
        ("ana@state.gov", Some("no-government-domain")),
        ("ana@army.mil", Some("no-government-domain")),
        ("ana@defence.gov.uk", Some("no-government-domain")),
        ("ana@gov.example", None),
        ("ana", Some("work-address")),
        ("@contoso.example", Some("work-address")),
        ("ana@contoso", Some("work-address")),
        ("ana@contoso..example", Some("work-address")),
        ("a na@contoso.example", Some("work-address")),
        ("ana@contoso.example\r\nbcc: x@y.z", Some("work-address")),
    ] {
        assert_eq!(check_contact_address(address).map(|fault| fault.rule), rule, "{address}");
    }
}

#[test]
fn registration_ids_by_country() {
    let id = |kind: &str, number: &str| Some(RegistrationId { kind: kind.into(), number: number.into() });
    let seller = Some(BusinessModel::IndirectReseller);
    for (country, model, id, rule) in [
        ("Switzerland", seller, None, None),
        ("India", None, None, None),
        ("India", seller, None, Some("mandatory")),
        ("india", seller, id("pan", "ABCDE1234F"), None),
        ("India", None, id("TIN", "1"), Some("kind")),
        ("India", None, id("PAN", " "), Some("number")),
        ("India", None, id("PAN", "<script>"), Some("number")),
        ("Belarus", seller, id("UNP", "123456789"), None),
        ("Belarus", seller, id("UNP", "12345678"), Some("format")),
        ("Switzerland", None, id("UID", "CHE-1"), None),
    ] {
        let profile = LegalProfile { country_region: country.into(), business_model: model, registration_id: id, ..contoso() };
        let expected: Vec<_> = rule.into_iter().map(|rule| ("registrationId", rule)).collect();
        assert_eq!(rules(&profile), expected, "{country}");
    }
}

/// Compares the table with a copy of the documented list, so that it cannot drift from it.
#[test]
fn the_table_is_the_documented_one() {
    let documented: Vec<(String, Vec<String>)> = serde_json::from_str(include_str!("registration-ids.json")).unwrap();
    assert_eq!(documented.len(), listed_countries().count());
    for (country, ids) in documented {
        assert_eq!(accepted_registration_ids(&country).unwrap(), ids, "{country}");
    }
}

#[test]
fn what_has_to_be_verified_again() {
    let before = contoso();
    assert!(!before.is_legally_different(&LegalProfile { primary_contact_phone: Some("1".into()), ..before.clone() }));
    assert!(before.is_legally_different(&LegalProfile { city: "Basel".into(), ..before.clone() }));
}
