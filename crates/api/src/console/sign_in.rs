//! The way in and out.

use askama::Template;
use axum::http::Method;
use axum::response::Response;
use insightgate_operations::console::session::{end_everywhere, end_session};
use insightgate_operations::console::sign_in::{
    begin_external_sign_in, begin_sign_in, external_issuers, finish_sign_in, refuse_answer, sign_in_alone, sign_out_address,
};
use insightgate_operations::failure::Failure;
use insightgate_operations::sign_in::SessionChange;
use url::form_urlencoded::Serializer;

use super::endpoint::{Endpoint, Given, Needs};
use super::page;
use super::visit::Visit;
use super::visit::arrival::Arrival;

pub(super) fn endpoints() -> Vec<Endpoint> {
    vec![
        Endpoint::open(Method::GET, "/console/sign-in", show),
        Endpoint::open(Method::POST, "/console/sign-in", begin),
        Endpoint::open(Method::GET, "/console/signed-in", finish),
        Endpoint::open(Method::GET, "/console/external-sign-in", begin_external),
        Endpoint::open(Method::GET, "/console/operator-sign-in", show_operator),
        Endpoint::open(Method::POST, "/console/operator-sign-in", enter_operator),
        Endpoint::post("/console/sign-out", Needs::SignIn, sign_out),
        Endpoint::post("/console/sign-out-everywhere", Needs::SignIn, sign_out_everywhere),
    ]
}

#[derive(Template)]
#[template(path = "console/sign_in.html")]
struct SignInPage<'a> {
    csrf: String,
    username: &'a str,
    to: &'a str,
    /// Whether this server's own authority signs people in.
    is_built_in: bool,
    /// Other issuers at which people can sign in, each with its address here.
    others: Vec<(String, String)>,
    fault: Option<String>,
}

#[derive(Template)]
#[template(path = "console/operator_sign_in.html")]
struct OperatorPage<'a> {
    csrf: String,
    client_id: &'a str,
    fault: Option<String>,
}

async fn show(arrival: Arrival) -> Given {
    Ok(sign_in_page(&arrival, None))
}

async fn begin(arrival: Arrival) -> Given {
    let (username, to) = (arrival.form.raw("username"), arrival.form.raw("to"));
    match begin_sign_in(&arrival.state.context, arrival.caller(), username, to).await {
        Ok(begun) => {
            let response = page::go_to(&begun.address);
            Ok(arrival.browser.answered_by_console(response, &SessionChange::Keep, &SessionChange::Set(begun.kept)))
        }
        Err(failure @ Failure::Invalid(_)) => Ok(sign_in_page(&arrival, Some(&failure))),
        Err(failure) => Err(failure),
    }
}

async fn begin_external(arrival: Arrival) -> Given {
    let (place, to) = (arrival.form.raw("issuer"), arrival.form.raw("to"));
    let begun = begin_external_sign_in(&arrival.state.context, arrival.caller(), place, to).await?;
    Ok(arrival.browser.answered_by_console(page::go_to(&begun.address), &SessionChange::Keep, &SessionChange::Set(begun.kept)))
}

async fn finish(arrival: Arrival) -> Given {
    if let Some(error) = arrival.form.text("error_description").or_else(|| arrival.form.text("error")) {
        let (context, state) = (&arrival.state.context, arrival.form.raw("state"));
        let failure = refuse_answer(context, arrival.caller(), arrival.browser.begun(), state, &error);
        return Ok(sign_in_page(&arrival, Some(&failure)));
    }
    let code = (arrival.form.raw("code"), arrival.form.raw("state"));
    let (cookie, to) = finish_sign_in(&arrival.state.context, arrival.caller(), arrival.browser.begun(), code).await?;
    Ok(arrival.browser.answered_by_console(page::go_to(&to), &SessionChange::Set(cookie), &SessionChange::End))
}

async fn show_operator(arrival: Arrival) -> Given {
    Ok(operator_page(&arrival, None))
}

async fn enter_operator(arrival: Arrival) -> Given {
    let (client_id, secret) = (arrival.form.raw("client_id"), arrival.form.raw("client_secret"));
    match sign_in_alone(&arrival.state.context, arrival.caller(), client_id, secret).await {
        Ok(cookie) => Ok(arrival.browser.answered_by_console(page::go_to("/"), &SessionChange::Set(cookie), &SessionChange::Keep)),
        Err(failure @ (Failure::Invalid(_) | Failure::ShareTaken { .. })) => Ok(operator_page(&arrival, Some(&failure))),
        Err(failure) => Err(failure),
    }
}

/// Ends the session here and on the sign-in pages.
async fn sign_out(visit: Visit) -> Given {
    end_session(visit.context(), &visit.signed_in, visit.correlation()).await?;
    Ok(signed_out(&visit))
}

async fn sign_out_everywhere(visit: Visit) -> Given {
    end_everywhere(visit.context(), &visit.signed_in, visit.correlation()).await?;
    Ok(signed_out(&visit))
}

fn signed_out(visit: &Visit) -> Response {
    let arrival = &visit.arrival;
    let address = match visit.principal().user {
        Some(_) if visit.context().settings.built_in_authority => sign_out_address(&arrival.state.base_url, visit.principal().tenant.id),
        Some(_) => "/console/sign-in".to_owned(),
        None => "/console/operator-sign-in".to_owned(),
    };
    arrival.browser.answered_by_console(page::go_to(&address), &SessionChange::End, &SessionChange::Keep)
}

fn sign_in_page(arrival: &Arrival, failure: Option<&Failure>) -> Response {
    let to = arrival.form.raw("to");
    let other = |(place, host): (usize, String)| {
        let query = Serializer::new(String::new()).append_pair("issuer", &place.to_string()).append_pair("to", to).finish();
        (host, format!("/console/external-sign-in?{query}"))
    };
    let context = &arrival.state.context;
    let page = SignInPage {
        is_built_in: context.settings.built_in_authority,
        others: external_issuers(context).into_iter().map(other).collect(),
        csrf: arrival.browser.form_token(),
        username: arrival.form.raw("username"),
        to,
        fault: failure.map(ToString::to_string),
    };
    page::door(arrival, failure, &page)
}

fn operator_page(arrival: &Arrival, failure: Option<&Failure>) -> Response {
    let page = OperatorPage {
        csrf: arrival.browser.form_token(),
        client_id: arrival.form.raw("client_id"),
        fault: failure.map(ToString::to_string),
    };
    page::door(arrival, failure, &page)
}
