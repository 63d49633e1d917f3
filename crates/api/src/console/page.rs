//! How pages are written: the frame around every page, its headers, and the pages that say why something was not done.

pub(super) mod failed;
pub(crate) mod grouped;
pub(crate) mod lasted;
mod menu;

use std::fmt;

use askama::Template;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use chrono::{DateTime, Utc};
use insightgate_operations::failure::Failure;
use insightgate_operations::sign_in::SessionChange;
use insightgate_report::instant;
use url::form_urlencoded::Serializer;

pub(crate) use self::menu::Place;
use self::menu::{Entry, menu, programs};
use super::visit::Visit;
use super::visit::arrival::Arrival;
use crate::envelope::{self, status};
use crate::oauth::pages;

/// Pages load nothing but what this server has, and nobody may frame them.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; form-action 'self'; \
                      base-uri 'none'; frame-ancestors 'none'";

/// What surrounds a page.
pub(crate) struct Frame {
    pub(crate) title: String,
    pub(crate) csrf: String,
    pub(crate) organisation: String,
    pub(crate) visitor: String,
    pub(crate) is_user: bool,
    pub(crate) menu: Vec<Entry>,
    /// The page in each program, if it is of a program and the organisation has several.
    pub(crate) programs: Vec<Entry>,
    /// What was just done.
    pub(crate) told: Option<&'static str>,
}

impl Frame {
    pub(crate) fn new(visit: &Visit, place: Place, title: impl Into<String>) -> Frame {
        let principal = visit.principal();
        Frame {
            title: title.into(),
            csrf: visit.arrival.browser.form_token(),
            organisation: principal.tenant.name.clone(),
            visitor: principal.display_name(),
            is_user: principal.user.is_some(),
            menu: menu(visit, place),
            programs: programs(visit, place),
            told: None,
        }
    }

    /// Says what was just done, if the address names one of these. The texts are the page's own, so that no link can put words into it.
    pub(crate) fn telling(self, visit: &Visit, texts: &[(&str, &'static str)]) -> Frame {
        let done = visit.form().raw("done");
        Frame { told: texts.iter().find(|(name, _)| *name == done).map(|(_, text)| *text), ..self }
    }
}

/// An instant for people and programs: `<time>` with the instant in UTC, which a script shows in the viewer's zone too.
pub(crate) struct Shown(pub(crate) DateTime<Utc>);

impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let machine = instant::format(self.0);
        write!(f, "<time datetime=\"{machine}\" data-local>{}</time>", self.0.format("%Y-%m-%d %H:%M UTC"))
    }
}

impl Shown {
    /// For templates, which pass references.
    pub(crate) fn at(instant: &DateTime<Utc>) -> Shown {
        Shown(*instant)
    }
}

/// Its text is only digits and fixed words, so that it needs no escaping.
impl askama::filters::HtmlSafe for Shown {}

/// Why a form was not done, on a page with several: `Part` is the part of the page that has the form.
pub(crate) struct PartFault<Part>(Option<(Part, String)>);

impl<Part: PartialEq> PartFault<Part> {
    pub(crate) fn of(failed: Option<(Part, &Failure)>) -> PartFault<Part> {
        PartFault(failed.map(|(part, failure)| (part, failure.to_string())))
    }

    pub(crate) fn within(&self, part: Part) -> Option<&str> {
        self.0.as_ref().filter(|(at, _)| *at == part).map(|(_, text)| text.as_str())
    }
}

/// A page of somebody who is signed in. `failure` is the reason why it is shown again, if what it asked for was not done.
pub(crate) fn show(visit: &Visit, failure: Option<&Failure>, page: &impl Template) -> Response {
    let response = with_status(visit, failure.map_or(StatusCode::OK, status), page);
    envelope::retry_after(response, failure.and_then(Failure::retry_after))
}

/// Whether the page of a form says why the form was not done, since the reason is in what was typed or in what the page shows. Every other failure has a
/// page of its own.
pub(crate) fn belongs_to_form(failure: &Failure) -> bool {
    matches!(
        failure,
        Failure::Invalid(_) | Failure::Profile(_) | Failure::Conflict(_) | Failure::IllegalMove(_) | Failure::QuotaUsed { .. }
    )
}

/// A failure in words, within a page that is shown nevertheless: with what makes room, or with the number under which the log has its cause.
pub(crate) fn told(visit: &Visit, failure: &Failure) -> String {
    match failure {
        Failure::QuotaUsed { told, note, .. } => format!("{told}. {note}"),
        Failure::Internal(_) | Failure::Unavailable { .. } => {
            failed::log(&visit.arrival, failure);
            let failure = failure.to_string();
            format!("{}. An operator finds the cause in the log under {}.", failure.trim_end_matches('.'), visit.correlation())
        }
        other => other.to_string(),
    }
}

fn with_status(visit: &Visit, code: StatusCode, page: &impl Template) -> Response {
    let response = html(code, page);
    visit.arrival.browser.answered_by_console(response, &SessionChange::Keep, &SessionChange::Keep)
}

/// A page of the sign-in. `failure` is the reason why it is shown again, or why there is no other.
pub(super) fn door(arrival: &Arrival, failure: Option<&Failure>, page: &impl Template) -> Response {
    let response = door_with_status(arrival, failure.map_or(StatusCode::OK, status), page);
    envelope::retry_after(response, failure.and_then(Failure::retry_after))
}

fn door_with_status(arrival: &Arrival, code: StatusCode, page: &impl Template) -> Response {
    let response = html(code, page);
    arrival.browser.answered_by_console(response, &SessionChange::Keep, &SessionChange::Keep)
}

fn html(code: StatusCode, page: &impl Template) -> Response {
    pages::written(code, POLICY, page.render())
}

/// Sends the browser to another page of this server, with a GET.
pub(crate) fn go_to(address: &str) -> Response {
    crate::oauth::redirect(address)
}

/// Sends a browser that is not signed in to the sign-in. It comes back to the page that it asked for.
pub(super) fn to_sign_in(arrival: &Arrival) -> Response {
    let page = match arrival.uri.path_and_query() {
        Some(page) if !arrival.is_form() => page.as_str(),
        _ => "/",
    };
    let query = Serializer::new(String::new()).append_pair("to", page).finish();
    let address = format!("/console/sign-in?{query}");
    if arrival.is_partial() {
        // The script would put the sign-in page into the middle of another one.
        return (StatusCode::UNAUTHORIZED, [("hx-redirect", "/console/sign-in")]).into_response();
    }
    go_to(&address)
}
