//! The people of an organisation: the list, and adding somebody. Who may look at roles only sees who holds which.

mod callback_secrets;
mod external_identities;
mod grants;
mod holders;
mod one;
mod reach;
mod removal;
mod roles;

use askama::Template;
use insightgate_identity::role::{Locations, RoleAssignment};
use insightgate_identity::user::PasswordState;
use insightgate_operations::console::people::{Person, find_people, invite};
use insightgate_operations::failure::Failure;
use insightgate_operations::manage::administrator::Duty;
use insightgate_operations::manage::users::NewUser;
use url::form_urlencoded::{Serializer, byte_serialize};

use super::endpoint::{Endpoint, Given, Needs};
use super::page::{self, Frame, Place};
use super::visit::Visit;

pub(super) fn endpoints() -> Vec<Endpoint> {
    let mut endpoints = vec![
        Endpoint::get("/console/tenants/{tenant}/people", Needs::Duty(Duty::LookAtRoles), list),
        Endpoint::post("/console/tenants/{tenant}/people", Needs::Duty(Duty::Directory), add),
    ];
    endpoints.extend(one::endpoints());
    endpoints.extend(roles::endpoints());
    endpoints.extend(external_identities::endpoints());
    endpoints.extend(callback_secrets::endpoints());
    endpoints.extend(reach::endpoints());
    endpoints.extend(removal::endpoints());
    endpoints
}

/// The address of the list.
fn people(visit: &Visit) -> String {
    format!("/console/tenants/{}/people", visit.tenant())
}

/// The address of the page of a user, who is named by id or by sign-in name.
fn address(visit: &Visit, user: &str) -> String {
    // In a path a blank is no plus.
    let user: String = byte_serialize(user.trim().as_bytes()).collect();
    format!("{}/{}", people(visit), user.replace('+', "%20"))
}

/// The part of the organisation, for people.
fn extent(locations: &Locations) -> String {
    match locations {
        Locations::Organization => "the whole organisation".to_owned(),
        Locations::Only(ids) if ids.is_empty() => "no location".to_owned(),
        Locations::Only(ids) => ids.join(", "),
    }
}

struct Row {
    id: String,
    username: String,
    display_name: String,
    enabled: bool,
    is_locked: bool,
    must_change: bool,
    totp: bool,
    /// The titles of the roles, with how many locations each covers if not all.
    roles: String,
}

impl Row {
    fn of(visit: &Visit, Person { user, roles }: Person) -> Row {
        let now = visit.context().clock.now();
        Row {
            id: user.id.to_string(),
            username: user.username,
            display_name: user.display_name,
            enabled: user.enabled,
            is_locked: user.locked_until.is_some_and(|until| now < until),
            must_change: user.password == PasswordState::MustChange,
            totp: user.totp,
            roles: roles.iter().map(short).collect::<Vec<_>>().join(", "),
        }
    }
}

fn short(held: &RoleAssignment) -> String {
    match &held.locations {
        Locations::Organization => held.role.title().to_owned(),
        Locations::Only(ids) if ids.len() == 1 => format!("{} (1 location)", held.role.title()),
        Locations::Only(ids) => format!("{} ({} locations)", held.role.title(), ids.len()),
    }
}

#[derive(Template)]
#[template(path = "console/people/list.html")]
struct ListPage<'a> {
    frame: Frame,
    tenant: &'a str,
    domain: String,
    search: &'a str,
    is_first: bool,
    people: Vec<Row>,
    /// The query of the next page's address.
    next: Option<String>,
    may_change: bool,
    username: &'a str,
    display_name: &'a str,
    fault: Option<String>,
}

/// A password that is shown once, in the answer to the form that made it.
#[derive(Template)]
#[template(path = "console/people/password.html")]
struct PasswordPage {
    frame: Frame,
    /// The page of the user.
    at: String,
    username: String,
    password: String,
    is_new: bool,
}

async fn list(visit: Visit) -> Given {
    if visit.has(Duty::Look) { show_list(&visit, None).await } else { holders::list(&visit).await }
}

async fn add(visit: Visit) -> Given {
    let administrator = visit.administrator().await?;
    let form = visit.form();
    let new = NewUser { username: form.text("username"), display_name: form.text("display_name"), ..NewUser::default() };
    match invite(visit.context(), &administrator, visit.tenant(), new).await {
        Ok((user, password)) => {
            let page = PasswordPage {
                frame: Frame::new(&visit, Place::People, format!("{} is added", user.username)),
                at: address(&visit, &user.id.to_string()),
                username: user.username,
                password,
                is_new: true,
            };
            Ok(page::show(&visit, None, &page))
        }
        Err(failure) if page::belongs_to_form(&failure) => show_list(&visit, Some(&failure)).await,
        Err(failure) => Err(failure),
    }
}

async fn show_list(visit: &Visit, failure: Option<&Failure>) -> Given {
    let administrator = visit.administrator().await?;
    let (context, form) = (visit.context(), visit.form());
    // The fields of a form that failed are no search.
    let (search, after) = if failure.is_some() { ("", "") } else { (form.raw("search").trim(), form.raw("after")) };
    let found = find_people(context, &administrator, visit.tenant(), search, after).await?;
    let next = found.next.map(|after| {
        let mut query = Serializer::new(String::new());
        if !search.is_empty() {
            query.append_pair("search", search);
        }
        query.append_pair("after", &after).finish()
    });
    let page = ListPage {
        frame: Frame::new(visit, Place::People, "People").telling(visit, &[("removed", "The user was removed.")]),
        tenant: visit.tenant(),
        domain: administrator.tenant(context, visit.tenant()).await?.domain,
        search,
        is_first: after.is_empty(),
        people: found.people.into_iter().map(|person| Row::of(visit, person)).collect(),
        next,
        may_change: visit.has(Duty::Directory),
        username: form.raw("username"),
        display_name: form.raw("display_name"),
        fault: failure.map(ToString::to_string),
    };
    Ok(page::show(visit, failure, &page))
}
