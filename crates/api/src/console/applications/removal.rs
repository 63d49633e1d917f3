//! Removing an application: a page that says what goes with it, and the form that does it.

use askama::Template;
use insightgate_identity::application::Application;
use insightgate_operations::failure::Failure;
use insightgate_operations::manage::administrator::Duty;
use insightgate_operations::manage::applications::show_application;
use insightgate_operations::manage::removal::{RemovalQuery, delete_application};

use super::is_of_console;
use super::one::address;
use crate::console::endpoint::{Endpoint, Given, Needs};
use crate::console::page::{self, Frame, Place};
use crate::console::visit::Visit;

pub(super) fn endpoints() -> Vec<Endpoint> {
    const PATH: &str = "/console/tenants/{tenant}/applications/{application}/remove";
    let needs = Needs::Duty(Duty::Directory);
    vec![Endpoint::get(PATH, needs, ask), Endpoint::post(PATH, needs, remove)]
}

#[derive(Template)]
#[template(path = "console/applications/remove.html")]
struct RemovePage<'a> {
    frame: Frame,
    action: String,
    back: String,
    application: &'a Application,
    is_of_console: bool,
    with_reports: bool,
    fault: Option<String>,
}

async fn ask(visit: Visit) -> Given {
    show(&visit, None).await
}

async fn remove(visit: Visit) -> Given {
    let administrator = visit.administrator().await?;
    let query = RemovalQuery { reports: visit.form().text("reports") };
    match delete_application(visit.context(), &administrator, visit.tenant(), visit.path("application"), query).await {
        Ok(()) => Ok(page::go_to(&format!("/console/tenants/{}/applications?done=removed", visit.tenant()))),
        Err(failure) if page::belongs_to_form(&failure) => show(&visit, Some(&failure)).await,
        Err(failure) => Err(failure),
    }
}

async fn show(visit: &Visit, failure: Option<&Failure>) -> Given {
    let administrator = visit.administrator().await?;
    administrator.tenant_for(visit.context(), visit.tenant(), Duty::Directory).await?;
    let application = show_application(visit.context(), &administrator, visit.tenant(), visit.path("application")).await?;
    let page = RemovePage {
        frame: Frame::new(visit, Place::Applications, format!("Remove {}?", application.name)),
        action: format!("{}/remove", address(visit)),
        back: address(visit),
        is_of_console: is_of_console(&application),
        with_reports: visit.form().is_set("reports"),
        fault: failure.map(ToString::to_string),
        application: &application,
    };
    Ok(page::show(visit, failure, &page))
}
