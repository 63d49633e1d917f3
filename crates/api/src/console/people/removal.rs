//! Removing a user: a page that says what goes with the user, and the form that does it.

use askama::Template;
use insightgate_identity::user::User;
use insightgate_operations::failure::Failure;
use insightgate_operations::manage::administrator::Duty;
use insightgate_operations::manage::removal::{RemovalQuery, delete_user};
use insightgate_operations::manage::users::show_user;

use super::one::address;
use crate::console::endpoint::{Endpoint, Given, Needs};
use crate::console::page::{self, Frame, Place};
use crate::console::visit::Visit;

pub(super) fn endpoints() -> Vec<Endpoint> {
    const PATH: &str = "/console/tenants/{tenant}/people/{user}/remove";
    let needs = Needs::Duty(Duty::Directory);
    vec![Endpoint::get(PATH, needs, ask), Endpoint::post(PATH, needs, remove)]
}

#[derive(Template)]
#[template(path = "console/people/remove.html")]
struct RemovePage<'a> {
    frame: Frame,
    action: String,
    back: String,
    user: &'a User,
    with_reports: bool,
    fault: Option<String>,
}

async fn ask(visit: Visit) -> Given {
    show(&visit, None).await
}

async fn remove(visit: Visit) -> Given {
    let administrator = visit.administrator().await?;
    let query = RemovalQuery { reports: visit.form().text("reports") };
    match delete_user(visit.context(), &administrator, visit.tenant(), visit.path("user"), query).await {
        Ok(()) => Ok(page::go_to(&format!("/console/tenants/{}/people?done=removed", visit.tenant()))),
        Err(failure) if page::belongs_to_form(&failure) => show(&visit, Some(&failure)).await,
        Err(failure) => Err(failure),
    }
}

async fn show(visit: &Visit, failure: Option<&Failure>) -> Given {
    let administrator = visit.administrator().await?;
    administrator.tenant_for(visit.context(), visit.tenant(), Duty::Directory).await?;
    let user = show_user(visit.context(), &administrator, visit.tenant(), visit.path("user")).await?;
    let page = RemovePage {
        frame: Frame::new(visit, Place::People, format!("Remove {}?", user.username)),
        action: format!("{}/remove", address(visit)),
        back: address(visit),
        with_reports: visit.form().is_set("reports"),
        fault: failure.map(ToString::to_string),
        user: &user,
    };
    Ok(page::show(visit, failure, &page))
}
