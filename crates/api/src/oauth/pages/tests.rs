//! Renders each page from sample contexts, with hostile texts in them.

use axum::body::to_bytes;

use super::*;

const HOSTILE: &str = "\"><script>alert(1)</script>' onload='x";

fn form() -> Form {
    Form { csrf: "token".into(), name: "request", value: format!("client_id=1&state={HOSTILE}") }
}

fn party() -> Party {
    Party { application: HOSTILE.into(), tenant: HOSTILE.into(), redirect_uri: Some("http://localhost:51234/back".into()) }
}

fn samples() -> Vec<(&'static str, Response)> {
    let asked = |page| ask(page, party(), form());
    let (name, wrong) = (|| HOSTILE.to_owned(), || Some(HOSTILE.to_owned()));
    let refusal = GrantRefusal::unregistered_redirect(HOSTILE);
    vec![
        ("password", asked(Ask::Password { username: None, fault: None })),
        ("password again", asked(Ask::Password { username: Some(name()), fault: wrong() })),
        ("new password", asked(Ask::NewPassword { username: name(), fault: None })),
        ("new password again", asked(Ask::NewPassword { username: name(), fault: wrong() })),
        ("code", asked(Ask::Code { username: name(), fault: None })),
        ("code again", asked(Ask::Code { username: name(), fault: wrong() })),
        ("enrol", asked(Ask::Enrol { username: name(), secret: name(), uri: "otpauth://totp/a?secret=b&c".into(), fault: wrong() })),
        ("account", asked(Ask::Account { username: name() })),
        ("consent", asked(Ask::Consent { username: name(), permission: Some(Permission::PartnerApi), device: false })),
        ("consent to manage", asked(Ask::Consent { username: name(), permission: Some(Permission::Management), device: false })),
        ("device", asked(Ask::Consent { username: name(), permission: None, device: true })),
        ("device and consent", asked(Ask::Consent { username: name(), permission: Some(Permission::PartnerApi), device: true })),
        ("device code", asked(Ask::DeviceCode { fault: None })),
        ("device code again", asked(Ask::DeviceCode { fault: wrong() })),
        ("done", done("You are signed out", name())),
        ("error", error(&refusal, HOSTILE, HOSTILE.into())),
        ("form post", form_post("http://localhost:51234/?a=b&c=d", vec![("state", name()), ("code", "c".into())])),
    ]
}

#[tokio::test]
async fn pages_escape_what_they_show_and_are_accessible() {
    for (name, response) in samples() {
        let policy = response.headers()[header::CONTENT_SECURITY_POLICY].to_str().unwrap().to_owned();
        let text = String::from_utf8(to_bytes(response.into_body(), 1 << 20).await.unwrap().to_vec()).unwrap();
        assert!(text.starts_with("<!doctype html>") && text.contains("<html lang=\"en\">") && text.contains("<title>"), "{name}");
        assert_eq!(text.matches("<h1>").count(), 1, "{name}");
        assert_eq!(text.matches("<script>").count(), usize::from(name == "form post"), "{name}: {text}");
        assert_eq!(policy.contains("script-src"), name == "form post");
        for forbidden in ["alert(1)</script>", " onload='", "style=\"", "src=", "{{", "{%"] {
            assert!(!text.contains(forbidden), "{name} holds {forbidden}: {text}");
        }
        // Each field has a label, so that users of a screen reader know what it is for.
        for input in text.split("<input ").skip(1).map(|input| input.split('>').next().unwrap()) {
            let hidden = input.contains("type=\"hidden\"") || input.ends_with(" hidden");
            let id = input.split("id=\"").nth(1).and_then(|rest| rest.split('"').next());
            assert!(hidden || id.is_some_and(|id| text.contains(&format!("<label for=\"{id}\">"))), "{name}: {input}");
        }
        if name.ends_with("again") || name == "error" {
            assert!(text.contains("role=\"alert\""), "{name}");
        }
        for form in text.split("<form ").skip(1) {
            assert!(form.starts_with("method=\"post\""), "{name}");
            assert!(form.contains("name=\"csrf\"") || name == "form post", "{name}");
            assert!(form.contains("<button"), "{name}: works without JavaScript");
        }
    }
}

#[test]
fn forms_lead_to_the_application_they_are_for() {
    for (uri, target) in [
        ("https://app.contoso.example/back?a=b", "https://app.contoso.example"),
        ("http://localhost:51234", "http://localhost:51234"),
        ("http://[::1]:51234/", "http:"),
        ("msal1234://auth", "msal1234:"),
        ("https://a.example;script-src *", ""),
        ("nonsense", ""),
    ] {
        assert_eq!(form_target(uri), target, "{uri}");
    }
    assert_eq!(in_groups("ABCDEFGHIJ"), "ABCD EFGH IJ");
}

/// The relative luminance of `#rrggbb`, as WCAG 2.2 defines it.
fn luminance(colour: &str) -> f64 {
    let channel = |place: usize| {
        let value = f64::from(u8::from_str_radix(&colour[place..place + 2], 16).unwrap()) / 255.0;
        if value <= 0.040_45 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
    };
    0.2126 * channel(1) + 0.7152 * channel(3) + 0.0722 * channel(5)
}

/// WCAG 1.4.11, on the sign-in pages and in the console.
#[test]
fn the_edges_of_fields_stand_out_from_what_is_beside_them() {
    let colours = include_str!("../../../templates/colours.css");
    let schemes: Vec<&str> = colours.split("@media").collect();
    assert_eq!(schemes.len(), 2, "light and dark");
    for scheme in schemes {
        let of = |name: &str| luminance(scheme.split(&format!("--{name}: ")).nth(1).and_then(|rest| rest.split(';').next()).unwrap());
        for beside in ["card", "field", "ground"] {
            let (edge, ground) = (of("edge"), of(beside));
            let contrast = (edge.max(ground) + 0.05) / (edge.min(ground) + 0.05);
            assert!(contrast >= 3.0, "{beside}: {contrast}");
        }
    }
}
