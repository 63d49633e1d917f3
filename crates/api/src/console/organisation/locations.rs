//! Locations: adding one, and removing one once it was asked whether that is meant.

use askama::Template;
use insightgate_identity::tenant::Location;
use insightgate_operations::failure::Failure;
use insightgate_operations::manage::administrator::Duty;
use insightgate_operations::manage::locations::{NewLocation, add_location, list_locations};
use insightgate_operations::manage::removal::delete_location;

use super::super::endpoint::{Endpoint, Given, Needs};
use super::super::page::{self, Frame, Place};
use super::super::visit::Visit;
use super::{Sent, again, path, place};

const REMOVAL: &str = "/console/tenants/{tenant}/locations/remove";

pub(super) fn endpoints() -> Vec<Endpoint> {
    let needs = Needs::Duty(Duty::Company);
    vec![
        Endpoint::post("/console/tenants/{tenant}/locations", needs, add),
        Endpoint::get(REMOVAL, needs, ask),
        Endpoint::post(REMOVAL, needs, remove),
    ]
}

#[derive(Template)]
#[template(path = "console/organisation/remove_location.html")]
struct RemovePage {
    frame: Frame,
    action: String,
    back: String,
    location: Location,
    fault: Option<String>,
}

async fn add(visit: Visit) -> Given {
    let administrator = visit.administrator().await?;
    let form = visit.form();
    let new = NewLocation { mpn_id: form.text("mpnId"), name: form.text("name"), country: form.text("country") };
    match add_location(visit.context(), &administrator, visit.tenant(), new).await {
        Ok(_) => {
            let tenant = administrator.tenant(visit.context(), visit.tenant()).await?;
            Ok(page::go_to(&format!("{}?done=added", path(&tenant))))
        }
        Err(failure) => again(&visit, Sent::Location, failure).await,
    }
}

async fn ask(visit: Visit) -> Given {
    show_removal(&visit, None).await
}

async fn show_removal(visit: &Visit, failure: Option<&Failure>) -> Given {
    let administrator = visit.administrator().await?;
    let tenant = administrator.tenant_for(visit.context(), visit.tenant(), Duty::Company).await?;
    let known = list_locations(visit.context(), &administrator, visit.tenant()).await?;
    let named = visit.form().raw("location");
    let location = known.into_iter().find(|location| location.mpn_id == named).ok_or(Failure::NotFound)?;
    let page = RemovePage {
        frame: Frame::new(visit, place(visit, Place::Organisation), "Remove the location?"),
        action: format!("/console/tenants/{}/locations/remove", tenant.id),
        back: path(&tenant),
        location,
        fault: failure.map(ToString::to_string),
    };
    Ok(page::show(visit, failure, &page))
}

async fn remove(visit: Visit) -> Given {
    let administrator = visit.administrator().await?;
    match delete_location(visit.context(), &administrator, visit.tenant(), visit.form().raw("location")).await {
        Ok(()) => {
            let tenant = administrator.tenant(visit.context(), visit.tenant()).await?;
            Ok(page::go_to(&format!("{}?done=removed", path(&tenant))))
        }
        Err(failure) if page::belongs_to_form(&failure) => show_removal(&visit, Some(&failure)).await,
        Err(failure) => Err(failure),
    }
}
