//! Locations.

use insightgate_identity::tenant::Location;
use insightgate_operations::manage::locations::{NewLocation, add_location, list_locations};
use serde_json::{Value, json};

use crate::manage::answer;
use crate::manage::call::Call;
use crate::manage::endpoint::Given;

pub(in crate::manage) async fn list(call: Call) -> Given {
    let locations = list_locations(call.context(), &call.administrator, call.tenant()).await?;
    Ok(Some(answer::list(locations.iter().map(shown).collect())))
}

pub(in crate::manage) async fn add(call: Call) -> Given {
    let body = &call.body;
    let new = NewLocation { mpn_id: body.text("mpnId")?, name: body.text("name")?, country: body.text("country")? };
    let location = add_location(call.context(), &call.administrator, call.tenant(), new).await?;
    Ok(Some(shown(&location)))
}

fn shown(location: &Location) -> Value {
    json!({"mpnId": location.mpn_id, "name": location.name, "country": location.country})
}
