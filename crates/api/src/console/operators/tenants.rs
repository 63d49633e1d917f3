//! The organisations, for operators: a list with search, and taking one in.

mod one;
mod removal;

use askama::Template;
use insightgate_identity::enrollment::EnrollmentStage;
use insightgate_identity::profile::LegalProfile;
use insightgate_identity::program::Program;
use insightgate_operations::failure::Failure;
use insightgate_operations::manage::administrator::Duty;
use insightgate_operations::manage::enrollment::enroll_tenant::enroll_tenant;
use insightgate_operations::manage::tenant_page::{SeenTenant, TenantQuery, page_tenants};
use insightgate_wire::bodies::NewTenant;
use url::form_urlencoded::Serializer;

use crate::console::endpoint::{Endpoint, Given, Needs};
use crate::console::organisation::enrollments::after_step;
use crate::console::organisation::profile::{self, Fields};
use crate::console::organisation::stand::Stand;
use crate::console::page::{self, Frame, Place, Shown};
use crate::console::visit::Visit;

const NEEDS: Needs = Needs::Duty(Duty::Operate);
const LIST: &str = "/console/tenants";
const NEW: &str = "/console/tenants/new";

pub(super) fn endpoints() -> Vec<Endpoint> {
    let mut endpoints = vec![Endpoint::get(LIST, NEEDS, list), Endpoint::get(NEW, NEEDS, ask_for_new), Endpoint::post(NEW, NEEDS, enroll)];
    endpoints.extend(one::endpoints());
    endpoints.extend(removal::endpoints());
    endpoints
}

#[derive(Template)]
#[template(path = "console/tenants/list.html")]
struct ListPage<'a> {
    frame: Frame,
    tenants: Vec<SeenTenant>,
    search: &'a str,
    /// Each stage, and whether it is the one that is looked for.
    stages: Vec<(&'static str, bool)>,
    paused: bool,
    is_narrowed: bool,
    is_first: bool,
    /// The fields of the address of the first page, and of the next.
    filter: String,
    next: Option<String>,
    fault: Option<String>,
}

impl ListPage<'_> {
    fn stands(&self, seen: &SeenTenant) -> Vec<Stand> {
        seen.enrollments.iter().map(|enrollment| Stand::of(enrollment, None)).collect()
    }
}

async fn list(visit: Visit) -> Given {
    let administrator = visit.administrator().await?;
    let form = visit.form();
    let query = TenantQuery {
        search: form.text("search"),
        stage: form.text("stage"),
        paused: form.is_set("paused"),
        skip_token: form.text("skipToken"),
    };
    let (tenants, next, failure) = match page_tenants(visit.context(), &administrator, query).await {
        Ok(page) => (page.tenants, page.next, None),
        Err(failure @ Failure::Invalid(_)) => (Vec::new(), None, Some(failure)),
        Err(failure) => return Err(failure),
    };
    let set = ["search", "stage", "paused"].into_iter().filter_map(|name| Some((name, form.text(name)?)));
    let filter = Serializer::new(String::new()).extend_pairs(set).finish();
    let after = |token: String| Serializer::new(filter.clone()).append_pair("skipToken", &token).finish();
    let page = ListPage {
        frame: Frame::new(&visit, Place::Tenants, "Organisations").telling(&visit, &[("deleted", "The organisation was deleted.")]),
        tenants,
        search: form.raw("search"),
        stages: EnrollmentStage::ALL.iter().map(|stage| (stage.name(), form.raw("stage") == stage.name())).collect(),
        paused: form.is_set("paused"),
        is_narrowed: !filter.is_empty(),
        is_first: form.text("skipToken").is_none(),
        next: next.map(after),
        filter,
        fault: failure.as_ref().map(ToString::to_string),
    };
    Ok(page::show(&visit, failure.as_ref(), &page))
}

#[derive(Template)]
#[template(path = "console/tenants/new.html")]
struct NewPage<'a> {
    frame: Frame,
    domain: &'a str,
    name: &'a str,
    global_account: &'a str,
    /// Each program, and whether it is the one.
    programs: Vec<(Program, bool)>,
    fields: Fields,
    fault: Option<String>,
}

async fn ask_for_new(visit: Visit) -> Given {
    visit.administrator().await?.may(visit.context(), Duty::Operate).await?;
    Ok(show_new(&visit, None))
}

async fn enroll(visit: Visit) -> Given {
    let administrator = visit.administrator().await?;
    let form = visit.form();
    let new = NewTenant {
        domain: form.text("domain"),
        name: form.text("name"),
        global_account_id: form.text("globalAccountId"),
        program: form.text("program"),
        profile: Some(profile::whole(form)),
    };
    match enroll_tenant(visit.context(), &administrator, new).await {
        Ok((shown, stepped)) => after_step(&visit, &shown.tenant, stepped, "enrolled"),
        Err(failure) if page::belongs_to_form(&failure) => Ok(show_new(&visit, Some(&failure))),
        Err(failure) => Err(failure),
    }
}

fn show_new(visit: &Visit, failure: Option<&Failure>) -> axum::response::Response {
    let form = visit.form();
    let page = NewPage {
        frame: Frame::new(visit, Place::Tenants, "Enroll an organisation"),
        domain: form.raw("domain"),
        name: form.raw("name"),
        global_account: form.raw("globalAccountId"),
        programs: Program::ALL.iter().map(|program| (*program, form.raw("program") == program.name())).collect(),
        fields: Fields::of(&LegalProfile::default(), true, failure.map(|failure| (form, failure))),
        fault: failure.map(ToString::to_string),
    };
    page::show(visit, failure, &page)
}
