//! The applications of an organisation.

mod callback_secrets;
mod external_identities;
mod one;
mod removal;
mod roles;
mod secrets;
mod snippets;

use askama::Template;
use insightgate_identity::application::Application;
use insightgate_operations::console::application::console_application_id;
use insightgate_operations::failure::Failure;
use insightgate_operations::manage::administrator::Duty;
use insightgate_operations::manage::applications::{NewApplication, list_applications, register_application};

use super::endpoint::{Endpoint, Given, Needs};
use super::page::grouped::Grouped;
use super::page::{self, Frame, Place};
use super::visit::Visit;

pub(super) fn endpoints() -> Vec<Endpoint> {
    let mut endpoints = vec![
        Endpoint::get("/console/tenants/{tenant}/applications", Needs::Duty(Duty::Look), list),
        Endpoint::post("/console/tenants/{tenant}/applications", Needs::Duty(Duty::Directory), register),
    ];
    endpoints.extend(one::endpoints());
    endpoints.extend(secrets::endpoints());
    endpoints.extend(roles::endpoints());
    endpoints.extend(external_identities::endpoints());
    endpoints.extend(callback_secrets::endpoints());
    endpoints.extend(removal::endpoints());
    endpoints
}

/// Whether the console itself signs in through this application.
fn is_of_console(application: &Application) -> bool {
    application.id == console_application_id(application.tenant)
}

/// The redirect addresses that a form holds, one a line.
fn redirect_uris(visit: &Visit) -> Vec<String> {
    visit.form().raw("redirect_uris").split_whitespace().map(str::to_owned).collect()
}

#[derive(Template)]
#[template(path = "console/applications/list.html")]
struct ListPage<'a> {
    frame: Frame,
    tenant: &'a str,
    applications: Vec<Application>,
    may_change: bool,
    name: &'a str,
    redirect_uris: &'a str,
    is_public: bool,
    fault: Option<String>,
}

impl ListPage<'_> {
    fn is_of_console(&self, application: &Application) -> bool {
        is_of_console(application)
    }
}

async fn list(visit: Visit) -> Given {
    show_list(&visit, None).await
}

async fn register(visit: Visit) -> Given {
    let administrator = visit.administrator().await?;
    let form = visit.form();
    let new = NewApplication {
        name: form.text("name"),
        public: form.is_set("public"),
        redirect_uris: redirect_uris(&visit),
        ..NewApplication::default()
    };
    match register_application(visit.context(), &administrator, visit.tenant(), new).await {
        Ok(application) => {
            Ok(page::go_to(&format!("/console/tenants/{}/applications/{}?done=registered", application.tenant, application.id)))
        }
        Err(failure) if page::belongs_to_form(&failure) => show_list(&visit, Some(&failure)).await,
        Err(failure) => Err(failure),
    }
}

async fn show_list(visit: &Visit, failure: Option<&Failure>) -> Given {
    let administrator = visit.administrator().await?;
    let applications = list_applications(visit.context(), &administrator, visit.tenant()).await?;
    let form = visit.form();
    let page = ListPage {
        frame: Frame::new(visit, Place::Applications, "Applications").telling(visit, &[("removed", "The application was removed.")]),
        tenant: visit.tenant(),
        applications,
        may_change: visit.has(Duty::Directory),
        name: form.raw("name"),
        redirect_uris: form.raw("redirect_uris"),
        is_public: form.is_set("public"),
        fault: failure.map(ToString::to_string),
    };
    Ok(page::show(visit, failure, &page))
}
