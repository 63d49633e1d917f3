//! A line of the console's table: a method and a path, what runs there, and what its visitor needs.

use std::pin::Pin;
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::Method;
use axum::response::Response;
use axum::routing::MethodFilter;
use insightgate_identity::principal::Principal;
use insightgate_operations::console::caller::refuse_form;
use insightgate_operations::console::session::{SignedIn, find_session};
use insightgate_operations::failure::Failure;
use insightgate_operations::manage::administrator::Duty;

use super::page;
use super::page::failed::{self, Astray};
use super::visit::Visit;
use super::visit::arrival::Arrival;
use crate::state::ApiState;
use crate::table::Route;

/// What a page answers, or why it cannot.
pub(crate) type Given = Result<Response, Failure>;

/// What a visitor needs. The operations check it; here it is said for the tests, which visit every page as everybody.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Needs {
    /// Nothing: it is a step of a sign-in.
    Nothing,
    /// To be signed in.
    SignIn,
    /// The prerequisites of data.
    Data,
    /// A duty in the organisation, or an operator's.
    Duty(Duty),
}

type Running = Pin<Box<dyn Future<Output = Response> + Send>>;
type Run = Arc<dyn Fn(Arrival) -> Running + Send + Sync>;

pub(crate) struct Endpoint {
    pub(crate) method: Method,
    pub(crate) path: &'static str,
    #[cfg_attr(not(test), expect(dead_code, reason = "the operations check it; the tests visit every page as everybody"))]
    pub(crate) needs: Needs,
    run: Run,
}

impl Endpoint {
    /// A page for somebody who is signed in.
    pub(crate) fn get<R>(path: &'static str, needs: Needs, run: fn(Visit) -> R) -> Endpoint
    where
        R: Future<Output = Given> + Send + 'static,
    {
        Endpoint { method: Method::GET, path, needs, run: Arc::new(move |arrival| Box::pin(visited(arrival, run))) }
    }

    /// A form of somebody who is signed in.
    pub(crate) fn post<R>(path: &'static str, needs: Needs, run: fn(Visit) -> R) -> Endpoint
    where
        R: Future<Output = Given> + Send + 'static,
    {
        Endpoint { method: Method::POST, ..Endpoint::get(path, needs, run) }
    }

    /// A step of a sign-in.
    pub(crate) fn open<R>(method: Method, path: &'static str, run: fn(Arrival) -> R) -> Endpoint
    where
        R: Future<Output = Given> + Send + 'static,
    {
        let run: Run = Arc::new(move |arrival: Arrival| {
            Box::pin(async move {
                let at_door = arrival.clone();
                let given = match check_form(&at_door, None).await {
                    Ok(()) => run(arrival).await,
                    Err(failure) => Err(failure),
                };
                given.unwrap_or_else(|failure| failed::at_the_door(&at_door, &failure))
            })
        });
        Endpoint { method, path, needs: Needs::Nothing, run }
    }

    pub(super) fn route(self) -> Route {
        let Endpoint { method, path, run, .. } = self;
        let filter = if method == Method::POST { MethodFilter::POST } else { MethodFilter::GET };
        Route::on(method, filter, path, move |State(state): State<ApiState>, request: Request| {
            let run = Arc::clone(&run);
            async move { run(Arrival::read(state, request).await).await }
        })
    }
}

/// Refuses a form of another site, and a field that cannot be kept. `who` is signed in.
async fn check_form(arrival: &Arrival, who: Option<&Principal>) -> Result<(), Failure> {
    if arrival.is_own()? { arrival.check_fields() } else { Err(refuse_form(&arrival.state.context, arrival.caller(), who).await) }
}

/// Finds who visits, and runs the handler. A browser that is not signed in is sent to sign in, and comes back to the page afterwards.
async fn visited<R>(arrival: Arrival, run: fn(Visit) -> R) -> Response
where
    R: Future<Output = Given> + Send + 'static,
{
    let signed_in = match signed_in(&arrival).await {
        Ok(Some(signed_in)) => signed_in,
        Ok(None) => return page::to_sign_in(&arrival),
        Err(failure) => return failed::at_the_door(&arrival, &failure),
    };
    let visit = Visit { arrival, signed_in };
    let given = match check_form(&visit.arrival, Some(visit.principal())).await {
        Ok(()) => run(visit.clone()).await,
        Err(failure) => Err(failure),
    };
    given.unwrap_or_else(|failure| failed::page(&visit, &failure))
}

/// Who visits, if the browser is signed in.
async fn signed_in(arrival: &Arrival) -> Result<Option<SignedIn>, Failure> {
    let Some(cookie) = arrival.browser.console() else { return Ok(None) };
    let found = find_session(&arrival.state.context, cookie).await?;
    if let Some(signed_in) = &found {
        arrival.asked.proven.found(&*signed_in.principal);
    }
    Ok(found)
}

/// Answers an address of the console at which there is no page, or only a form: to somebody who is signed in within the menu, and to others at the door.
pub(super) async fn astray(state: ApiState, request: Request, astray: Astray) -> Response {
    let arrival = Arrival::read(state, request).await;
    match signed_in(&arrival).await {
        Ok(Some(signed_in)) => failed::astray(&Visit { arrival, signed_in }, astray),
        Ok(None) => failed::astray_at_the_door(&arrival, astray),
        Err(failure) => failed::at_the_door(&arrival, &failure),
    }
}
