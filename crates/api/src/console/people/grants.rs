//! The part of a page that shows the roles of a user or an application, with the forms to give one and to take one away. Which of them a visitor may give, and
//! for which locations the form asks.

use askama::Template;
use insightgate_identity::role::{Role, RoleAssignment};
use insightgate_identity::tenant::Location;

use super::extent;
use crate::console::visit::Visit;

/// Up to so many locations are shown as boxes to tick; more are typed.
const BOXES: usize = 60;

#[derive(Template)]
#[template(path = "console/people/roles.html")]
pub(super) struct RolesPart {
    csrf: String,
    /// The page's address, which those of the forms begin with.
    at: String,
    roles: Vec<Row>,
    /// What is told where there are none.
    none: &'static str,
    assignable: Vec<Role>,
    /// Whether any of these can be given for some locations.
    takes_locations: bool,
    locations: Vec<Location>,
    has_boxes: bool,
    role: String,
    is_limited: bool,
    chosen: Vec<String>,
    fault: Option<String>,
}

/// Its own template has escaped what it shows.
impl askama::filters::HtmlSafe for RolesPart {}

struct Row {
    id: &'static str,
    title: &'static str,
    extent: String,
    may_revoke: bool,
}

impl RolesPart {
    /// `fault` is why the form of the part could not be done, if it was sent.
    pub(super) fn of(visit: &Visit, at: String, held: &[RoleAssignment], locations: Vec<Location>, fault: Option<String>) -> RolesPart {
        let (form, assignable) = (visit.form(), assignable(visit));
        let row = |held: &RoleAssignment| Row {
            id: held.role.id(),
            title: held.role.title(),
            extent: extent(&held.locations),
            may_revoke: visit.may_give(held.role),
        };
        RolesPart {
            csrf: visit.arrival.browser.form_token(),
            at,
            roles: held.iter().map(row).collect(),
            none: "No role yet: the user sees no data and manages nothing.",
            takes_locations: assignable.iter().any(|role| role.takes_locations()),
            assignable,
            has_boxes: locations.len() <= BOXES,
            locations,
            role: if form.is_set("role") { form.raw("role") } else { Role::ExecutiveReportViewer.id() }.to_owned(),
            is_limited: form.raw("extent") == "locations",
            chosen: self::locations(visit),
            fault,
        }
    }

    /// The same of a user or an application, where it is not known which of the two.
    pub(super) fn of_either(self) -> RolesPart {
        RolesPart { none: "No role yet: it opens no data and manages nothing.", ..self }
    }

    fn is_chosen(&self, location: &Location) -> bool {
        self.chosen.contains(&location.mpn_id)
    }

    fn is_offered(&self, role: Role) -> bool {
        self.assignable.contains(&role)
    }
}

pub(super) fn assignable(visit: &Visit) -> Vec<Role> {
    Role::ALL.iter().copied().filter(|role| visit.may_give(*role)).collect()
}

/// The locations that were ticked, or typed with blanks or commas between them.
pub(super) fn locations(visit: &Visit) -> Vec<String> {
    let fields = visit.form().all("locations");
    fields.iter().flat_map(|field| field.split([' ', '\t', '\r', '\n', ','])).filter(|id| !id.is_empty()).map(str::to_owned).collect()
}
