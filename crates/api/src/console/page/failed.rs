//! The pages that say why something was not done, or that there is no page: what, what helps, and the number under which the log has it.

use askama::Template;
use axum::http::{Method, StatusCode};
use axum::response::Response;
use insightgate_operations::failure::Failure;

use super::super::visit::Visit;
use super::super::visit::arrival::Arrival;
use super::grouped::Grouped;
use super::{Frame, Place, door, door_with_status, html, with_status};
use crate::envelope::{self, status};
use crate::http::parameters::beginning;

#[derive(Template)]
#[template(path = "console/failed.html")]
struct FailedPage {
    frame: Frame,
    text: String,
    hint: Option<&'static str>,
    correlation: String,
    wait: Option<u32>,
    leads_to_start: bool,
}

#[derive(Template)]
#[template(path = "console/door_failed.html")]
struct DoorFailedPage<'a> {
    title: &'static str,
    text: String,
    hint: Option<&'static str>,
    correlation: &'a str,
}

const FAILED: &str = "That did not work";

/// Why there is no page at an address of the console.
pub(in crate::console) struct Astray {
    status: StatusCode,
    title: &'static str,
    text: String,
    hint: &'static str,
}

impl Astray {
    pub(in crate::console) fn no_such_page(path: &str) -> Astray {
        Astray {
            status: StatusCode::NOT_FOUND,
            title: "There is no such page",
            text: format!("There is nothing at {}.", beginning(path)),
            hint: "The address may be misspelled, or of a page that is gone. The start page leads to all others.",
        }
    }

    pub(in crate::console) fn only_a_form(path: &str, method: &Method) -> Astray {
        Astray {
            status: StatusCode::METHOD_NOT_ALLOWED,
            title: FAILED,
            text: format!("{} does not take {}.", beginning(path), beginning(method.as_str())),
            hint: "A form is sent to this address, and no page is at it. Go back to the page that has the form, or begin at the start page.",
        }
    }
}

/// Why a page or a form could not be answered.
pub(in crate::console) fn page(visit: &Visit, failure: &Failure) -> Response {
    log(&visit.arrival, failure);
    let page = FailedPage {
        frame: Frame::new(visit, Place::asked(visit), FAILED),
        text: failure.to_string(),
        hint: hint(failure),
        correlation: visit.correlation().to_owned(),
        wait: failure.retry_after(),
        leads_to_start: false,
    };
    envelope::retry_after(with_status(visit, status(failure), &page), failure.retry_after())
}

pub(in crate::console) fn at_the_door(arrival: &Arrival, failure: &Failure) -> Response {
    log(arrival, failure);
    let page = DoorFailedPage { title: FAILED, text: failure.to_string(), hint: None, correlation: &arrival.asked.correlation };
    door(arrival, Some(failure), &page)
}

/// That there is no page at the address, to somebody who is signed in.
pub(in crate::console) fn astray(visit: &Visit, Astray { status, title, text, hint }: Astray) -> Response {
    let page = FailedPage {
        frame: Frame::new(visit, Place::Elsewhere, title),
        text,
        hint: Some(hint),
        correlation: visit.correlation().to_owned(),
        wait: None,
        leads_to_start: true,
    };
    with_status(visit, status, &page)
}

/// The same, to a browser that is not signed in.
pub(in crate::console) fn astray_at_the_door(arrival: &Arrival, Astray { status, title, text, hint }: Astray) -> Response {
    door_with_status(arrival, status, &DoorFailedPage { title, text, hint: Some(hint), correlation: &arrival.asked.correlation })
}

/// Of a request that is turned away before it is known who sends it.
pub(in crate::console) fn turned_away(status: StatusCode, message: &str, correlation: &str) -> Response {
    html(status, &DoorFailedPage { title: FAILED, text: message.to_owned(), hint: None, correlation })
}

pub(super) fn log(arrival: &Arrival, failure: &Failure) {
    match failure {
        Failure::Internal(cause) => tracing::error!(%cause, correlation = arrival.asked.correlation, "a page failed"),
        Failure::Unavailable { cause, .. } => {
            tracing::error!(cause, correlation = arrival.asked.correlation, "a page could not be shown now");
        }
        _ => {}
    }
}

/// What helps, by the kind of the failure.
fn hint(failure: &Failure) -> Option<&'static str> {
    match failure {
        Failure::Refused(_) => Some("The start page shows which prerequisite is missing, and who can meet it."),
        Failure::Forbidden(_) => Some(
            "Your organisation's administrators give its roles, and whoever runs this server makes its operators. Or go back to the page before.",
        ),
        Failure::NotFound => Some("It may have been removed meanwhile. Go back to the list."),
        Failure::Conflict(_) | Failure::IllegalMove(_) => Some("It changed meanwhile. Load the page again and look at what it is now."),
        Failure::QuotaUsed { .. } => Some("Delete or pause what is no longer needed."),
        _ => None,
    }
}
