//! The pages for people: plain HTML that works without JavaScript, with headers that permit nothing else.
//!
//! Templates escape what they show. A page loads only its style sheet.

mod visible;

use askama::Template;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use insightgate_identity::application::Permission;
use insightgate_identity::tokens::grant::GrantRefusal;
use insightgate_identity::tokens::redirect::origin;
use insightgate_identity::user::{MAXIMUM_PASSWORD, MINIMUM_PASSWORD};
use insightgate_operations::sign_in::{Ask, Party};

const STYLE: &str = concat!(include_str!("../../templates/colours.css"), include_str!("../../templates/page.css"));
/// The script of the only page that may run one. It only saves a click.
const SCRIPT: &str = "document.forms[0].submit()";
/// The SHA-256 of the script, as the policy names it. A test compares them.
const SCRIPT_HASH: &str = "sha256-ePniVEkSivX/c7XWBGafqh8tSpiRrKiqYeqbG7N1TOE=";

/// The hidden fields of each form: the CSRF token, and the request that the form continues.
#[derive(Clone)]
pub(super) struct Form {
    pub csrf: String,
    /// `request` or `user_code`.
    pub name: &'static str,
    pub value: String,
}

#[derive(Template)]
#[template(path = "password.html")]
struct PasswordPage {
    form: Form,
    party: Party,
    username: String,
    fault: Option<String>,
}

#[derive(Template)]
#[template(path = "new_password.html")]
struct NewPasswordPage {
    form: Form,
    username: String,
    fault: Option<String>,
    minimum: usize,
    maximum: usize,
}

#[derive(Template)]
#[template(path = "code.html")]
struct CodePage {
    form: Form,
    username: String,
    fault: Option<String>,
}

#[derive(Template)]
#[template(path = "enrol.html")]
struct EnrolPage {
    form: Form,
    username: String,
    fault: Option<String>,
    secret: String,
    uri: String,
}

#[derive(Template)]
#[template(path = "account.html")]
struct AccountPage {
    form: Form,
    party: Party,
    username: String,
}

#[derive(Template)]
#[template(path = "consent.html")]
struct ConsentPage {
    form: Form,
    party: Party,
    username: String,
    permission: Option<Described>,
    device: bool,
}

/// A permission as it is described to people.
struct Described {
    title: &'static str,
    text: &'static str,
}

#[derive(Template)]
#[template(path = "device.html")]
struct DevicePage {
    csrf: String,
    fault: Option<String>,
}

#[derive(Template)]
#[template(path = "done.html")]
struct DonePage {
    title: &'static str,
    text: String,
}

#[derive(Template)]
#[template(path = "error.html")]
struct ErrorPage {
    text: String,
    code: String,
    kind: &'static str,
    correlation: String,
    time: String,
}

#[derive(Template)]
#[template(path = "explanation.html")]
struct ExplanationPage {
    title: String,
    meanings: Vec<GrantRefusal>,
}

#[derive(Template)]
#[template(path = "form_post.html")]
struct FormPostPage {
    redirect_uri: String,
    fields: Vec<(&'static str, String)>,
    script: &'static str,
}

/// The page that asks for the step.
pub(super) fn ask(ask: Ask, party: Party, form: Form) -> Response {
    let leads_to = party.redirect_uri.as_deref().map(form_target).unwrap_or_default();
    let policy = policy(&format!("form-action 'self' {leads_to}"));
    match ask {
        Ask::DeviceCode { fault } => {
            let status = if fault.is_some() { StatusCode::BAD_REQUEST } else { StatusCode::OK };
            html(status, &policy, &DevicePage { csrf: form.csrf, fault })
        }
        Ask::Password { username, fault } => {
            html(StatusCode::OK, &policy, &PasswordPage { form, party, username: username.unwrap_or_default(), fault })
        }
        Ask::NewPassword { username, fault } => {
            let page = NewPasswordPage { form, username, fault, minimum: MINIMUM_PASSWORD, maximum: MAXIMUM_PASSWORD };
            html(StatusCode::OK, &policy, &page)
        }
        Ask::Code { username, fault } => html(StatusCode::OK, &policy, &CodePage { form, username, fault }),
        Ask::Enrol { username, secret, uri, fault } => {
            html(StatusCode::OK, &policy, &EnrolPage { form, username, fault, secret: in_groups(&secret), uri })
        }
        Ask::Account { username } => html(StatusCode::OK, &policy, &AccountPage { form, party, username }),
        Ask::Consent { username, permission, device } => {
            let permission = permission.map(described);
            html(StatusCode::OK, &policy, &ConsentPage { form, party, username, permission, device })
        }
    }
}

pub(super) fn done(title: &'static str, text: String) -> Response {
    html(StatusCode::OK, &policy("form-action 'none'"), &DonePage { title, text })
}

pub(super) fn error(refusal: &GrantRefusal, correlation: &str, time: String) -> Response {
    let status = StatusCode::from_u16(refusal.status).unwrap_or(StatusCode::BAD_REQUEST);
    let code = format!("AADSTS{}", refusal.code);
    let page = ErrorPage { text: refusal.text.clone(), code, kind: refusal.error, correlation: correlation.to_owned(), time };
    html(status, &policy("form-action 'none'"), &page)
}

/// The page with the meanings of a number. For an unknown number it has none.
pub(super) fn explanation(meanings: Vec<GrantRefusal>) -> Response {
    let (status, title) = match meanings.first() {
        Some(first) => (StatusCode::OK, format!("AADSTS{}", first.code)),
        None => (StatusCode::NOT_FOUND, "Unknown number".to_owned()),
    };
    html(status, &policy("form-action 'none'"), &ExplanationPage { title, meanings })
}

/// Sends the browser to the application with a form: by one line of script, or by a button if scripts are off.
pub(super) fn form_post(redirect_uri: &str, fields: Vec<(&'static str, String)>) -> Response {
    let policy = policy(&format!("script-src '{SCRIPT_HASH}'; form-action {}", form_target(redirect_uri)));
    html(StatusCode::OK, &policy, &FormPostPage { redirect_uri: redirect_uri.to_owned(), fields, script: SCRIPT })
}

pub(super) async fn style() -> Response {
    let headers = [(header::CONTENT_TYPE, "text/css; charset=utf-8"), (header::CACHE_CONTROL, "public, max-age=3600")];
    (headers, [(header::X_CONTENT_TYPE_OPTIONS, "nosniff")], STYLE).into_response()
}

fn described(permission: Permission) -> Described {
    match permission {
        Permission::PartnerApi => Described {
            title: "Read the partner insights that you may read",
            text: "Query datasets, and create and download reports in your name (user_impersonation).",
        },
        Permission::Management | Permission::ManagementApplication => Described {
            title: "Manage what you may manage",
            text: "Change users, applications, roles and enrollments in your name (management).",
        },
    }
}

/// The target of a form, as a policy can name it. Browsers also apply the policy to a redirect that follows a form. A policy cannot name IPv6 addresses, so
/// for them it is only the scheme.
fn form_target(redirect_uri: &str) -> String {
    match origin(redirect_uri) {
        Some(origin) if origin.contains('[') => origin.split_once("//").map(|(scheme, _)| scheme.to_owned()).unwrap_or_default(),
        Some(origin) if !origin.contains([';', ',', '\'', ' ']) => origin.to_owned(),
        _ => String::new(),
    }
}

fn policy(more: &str) -> String {
    format!("default-src 'none'; style-src 'self'; base-uri 'none'; frame-ancestors 'none'; {more}")
}

/// The secret in groups of four, for people who type it.
pub(crate) fn in_groups(secret: &str) -> String {
    let letters: Vec<char> = secret.chars().collect();
    letters.chunks(4).map(String::from_iter).collect::<Vec<_>>().join(" ")
}

pub(crate) fn html(status: StatusCode, policy: &str, page: &impl Template) -> Response {
    written(status, policy, page.render())
}

/// The same, of a page that is written already.
pub(crate) fn written(status: StatusCode, policy: &str, page: askama::Result<String>) -> Response {
    let body = match page {
        Ok(body) => visible::visible(body),
        Err(error) => {
            tracing::error!(%error, "a page could not be written");
            return StatusCode::INTERNAL_SERVER_ERROR.into_response();
        }
    };
    let mut response = (status, body).into_response();
    let headers = response.headers_mut();
    for (name, value) in [
        (header::CONTENT_TYPE, "text/html; charset=utf-8"),
        (header::CACHE_CONTROL, "no-store"),
        (header::X_FRAME_OPTIONS, "DENY"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        (HeaderName::from_static("permissions-policy"), "camera=(), microphone=(), geolocation=()"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    if let Ok(policy) = HeaderValue::try_from(policy) {
        headers.insert(header::CONTENT_SECURITY_POLICY, policy);
    }
    response
}

#[cfg(test)]
mod tests;
