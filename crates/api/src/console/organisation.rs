//! The organisation: its name, its legal business profile, its enrollments with what is missing, and its locations.

pub(super) mod bindings;
pub(super) mod enrollments;
mod locations;
pub(super) mod profile;
pub(super) mod stand;

use askama::Template;
use insightgate_identity::enrollment::EnrollmentStage;
use insightgate_identity::program::Program;
use insightgate_identity::tenant::{Location, Tenant};
use insightgate_operations::failure::Failure;
use insightgate_operations::manage::administrator::Duty;
use insightgate_operations::manage::locations::list_locations;
use insightgate_operations::manage::tenants::{change_tenant, show_tenant};
use insightgate_wire::bodies::TenantChange;

use super::endpoint::{Endpoint, Given, Needs};
use super::page::grouped::Grouped;
use super::page::{self, Frame, PartFault, Place};
use super::visit::Visit;
use profile::Fields;
use stand::Stand;

const PATH: &str = "/console/tenants/{tenant}/organisation";

pub(super) fn endpoints() -> Vec<Endpoint> {
    let mut endpoints = vec![Endpoint::get(PATH, Needs::Duty(Duty::Look), show), Endpoint::post(PATH, Needs::Duty(Duty::Company), change)];
    endpoints.extend(enrollments::endpoints());
    endpoints.extend(locations::endpoints());
    endpoints
}

/// The form of the page that was sent, and could not be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sent {
    Profile,
    Enrollment,
    Location,
}

#[derive(Template)]
#[template(path = "console/organisation/show.html")]
struct OrganisationPage<'a> {
    frame: Frame,
    tenant: Tenant,
    name: String,
    global_account: String,
    fields: Fields,
    enrollments: Vec<Stand>,
    /// Whether a change of what was verified shuts an enrollment that is open.
    is_accepted: bool,
    /// Programs in which it is not enrolled.
    further: Vec<Program>,
    locations: Vec<Location>,
    typed: Typed<'a>,
    may_change: bool,
    is_operator: bool,
    fault: PartFault<Sent>,
}

/// A location as it was typed.
struct Typed<'a> {
    mpn_id: &'a str,
    name: &'a str,
    country: &'a str,
}

/// The page's place in the visitor's own menu.
pub(super) fn place(visit: &Visit, own: Place) -> Place {
    if visit.is_operator() { Place::Tenants } else { own }
}

async fn show(visit: Visit) -> Given {
    show_page(&visit, None).await
}

async fn change(visit: Visit) -> Given {
    let administrator = visit.administrator().await?;
    let form = visit.form();
    let change = TenantChange {
        name: Some(form.raw("name").to_owned()),
        global_account_id: visit.is_operator().then(|| form.raw("globalAccountId").to_owned()),
        profile: profile::change(form),
    };
    match change_tenant(visit.context(), &administrator, visit.tenant(), change).await {
        Ok(shown) => Ok(page::go_to(&format!("{}?done=changed", path(&shown.tenant)))),
        Err(failure) => again(&visit, Sent::Profile, failure).await,
    }
}

/// The address of the page.
fn path(tenant: &Tenant) -> String {
    format!("/console/tenants/{}/organisation", tenant.id)
}

/// The page once more, with what was typed and the reason, if the reason is in what was typed.
async fn again(visit: &Visit, sent: Sent, failure: Failure) -> Given {
    if page::belongs_to_form(&failure) { show_page(visit, Some((sent, &failure))).await } else { Err(failure) }
}

async fn show_page(visit: &Visit, failed: Option<(Sent, &Failure)>) -> Given {
    let administrator = visit.administrator().await?;
    let shown = show_tenant(visit.context(), &administrator, visit.tenant()).await?;
    let locations = list_locations(visit.context(), &administrator, visit.tenant()).await?;
    let (sent, failure) = failed.unzip();
    let form = visit.form();
    let typed = failed.filter(|(sent, _)| *sent == Sent::Profile).map(|(_, failure)| (form, failure));
    let is_located = sent == Some(Sent::Location);
    let of_location = |name| if is_located { form.raw(name) } else { "" };
    let further =
        [Program::Mpn, Program::Cmp].into_iter().filter(|program| shown.enrollments.iter().all(|known| known.program != *program));
    let texts = [
        ("changed", "The changes are kept."),
        ("asked", "An operator of this server was asked to send the code."),
        ("code-sent", "The code is on its way to the primary contact, by mail."),
        ("enrolled", "The organisation is enrolled. An operator of this server sends the code to the primary contact."),
        ("verified", "The contact's address is confirmed. An operator of this server reviews the enrollment now."),
        ("added", "The location was added."),
        ("removed", "The location was removed."),
    ];
    let page = OrganisationPage {
        frame: Frame::new(visit, place(visit, Place::Organisation), "Organisation").telling(visit, &texts),
        name: typed.map_or(shown.tenant.name.as_str(), |(form, _)| form.raw("name")).to_owned(),
        global_account: match typed {
            Some((form, _)) => form.raw("globalAccountId").to_owned(),
            None => shown.tenant.global_account.clone().unwrap_or_default(),
        },
        fields: Fields::of(&shown.profile.clone().unwrap_or_default(), shown.profile.is_some(), typed),
        enrollments: shown.enrollments.iter().map(|known| Stand::of(known, shown.profile.as_ref())).collect(),
        is_accepted: shown.enrollments.iter().any(|known| known.stage == EnrollmentStage::Active),
        further: further.collect(),
        tenant: shown.tenant,
        locations,
        typed: Typed { mpn_id: of_location("mpnId"), name: of_location("name"), country: of_location("country") },
        may_change: visit.has(Duty::Company),
        is_operator: visit.is_operator(),
        fault: PartFault::of(failed),
    };
    Ok(page::show(visit, failure, &page))
}
