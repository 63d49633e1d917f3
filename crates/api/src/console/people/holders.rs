//! Roles, for those who may look at them and not at the people who hold them: a Manager, who gives the roles of the marketplace, and an MPN Partner Admin. Users
//! and applications are there by their ids, and by what the visitor types: the API tells such a caller no names either.

use std::collections::BTreeMap;

use askama::Template;
use insightgate_identity::role::{Role, RoleAssignment};
use insightgate_operations::failure::Failure;
use insightgate_operations::manage::users::roles::{list_role_assignments, list_roles_of};
use uuid::Uuid;

use super::grants::{RolesPart, assignable};
use super::{address, people, short};
use crate::console::endpoint::Given;
use crate::console::page::grouped::Grouped;
use crate::console::page::{self, Frame, Place};
use crate::console::visit::Visit;

/// Holders on a page.
const PAGE: usize = 50;

#[derive(Template)]
#[template(path = "console/people/holders.html")]
struct HoldersPage<'a> {
    frame: Frame,
    at: String,
    assignable: Vec<Role>,
    /// Whom the visitor looks for, as it was typed.
    user: &'a str,
    holders: Vec<Holder>,
    next: Option<Uuid>,
    is_first: bool,
    fault: Option<String>,
}

struct Holder {
    id: Uuid,
    is_visitor: bool,
    roles: String,
}

impl HoldersPage<'_> {
    fn assignable(&self) -> String {
        self.assignable.iter().map(|role| role.title()).collect::<Vec<_>>().join(" and ")
    }
}

#[derive(Template)]
#[template(path = "console/people/holder.html")]
struct HolderPage<'a> {
    frame: Frame,
    people: String,
    /// The user or the application, as it was named.
    asked: &'a str,
    roles: RolesPart,
}

/// Everybody who holds a role, or the way to one whom the visitor names.
pub(super) async fn list(visit: &Visit) -> Given {
    let (context, administrator) = (visit.context(), visit.administrator().await?);
    let assigned = list_role_assignments(context, &administrator, visit.tenant()).await?;
    let user = visit.form().raw("user").trim();
    let failure = match user {
        "" => None,
        user => match list_roles_of(context, &administrator, visit.tenant(), user).await {
            Ok(_) => return Ok(page::go_to(&address(visit, user))),
            Err(failure @ Failure::NotFound) => Some(failure),
            Err(failure) => return Err(failure),
        },
    };
    let mut held: BTreeMap<Uuid, Vec<RoleAssignment>> = BTreeMap::new();
    for one in assigned {
        held.entry(one.assignee).or_default().push(one.assignment);
    }
    let after = Uuid::try_parse(visit.form().raw("after")).ok();
    let is_further = |id: &Uuid| after.is_none_or(|after| *id > after);
    let mut holders: Vec<Holder> =
        held.into_iter().filter(|(id, _)| is_further(id)).take(PAGE + 1).map(|held| holder(visit, held)).collect();
    let has_more = holders.len() > PAGE;
    holders.truncate(PAGE);
    let page = HoldersPage {
        frame: Frame::new(visit, Place::People, "People"),
        at: people(visit),
        assignable: assignable(visit),
        user,
        next: holders.last().filter(|_| has_more).map(|last| last.id),
        holders,
        is_first: after.is_none(),
        fault: failure.as_ref().map(|_| "No user or application of the organisation has this name or id.".to_owned()),
    };
    Ok(page::show(visit, failure.as_ref(), &page))
}

fn holder(visit: &Visit, (id, roles): (Uuid, Vec<RoleAssignment>)) -> Holder {
    Holder { id, is_visitor: id == visit.principal().owner(), roles: roles.iter().map(short).collect::<Vec<_>>().join(", ") }
}

/// The roles of one. `fault` is why the form could not be done, if it was sent.
pub(super) async fn show(visit: &Visit, told: &[(&str, &'static str)], failure: Option<&Failure>) -> Given {
    let (administrator, asked) = (visit.administrator().await?, visit.path("user"));
    let held = list_roles_of(visit.context(), &administrator, visit.tenant(), asked).await?;
    let fault = failure.map(ToString::to_string);
    // No role that such a visitor gives is for some locations.
    let roles = RolesPart::of(visit, address(visit, asked), &held, Vec::new(), fault).of_either();
    let frame = Frame::new(visit, Place::People, format!("Roles of {}", asked.trim())).telling(visit, told);
    Ok(page::show(visit, failure, &HolderPage { frame, people: people(visit), asked: asked.trim(), roles }))
}
