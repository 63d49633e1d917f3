//! Locations.

use insightgate_identity::tenant::Location;
use insightgate_operations::manage::locations::{add_location, list_locations};
use insightgate_operations::manage::removal::delete_location;
use insightgate_wire::answers::{self, Listed};
use insightgate_wire::bodies::NewLocation;

use crate::manage::call::Call;
use crate::manage::given::{Created, Done, Given};

pub(in crate::manage) async fn list(call: Call) -> Given<Listed<answers::Location>> {
    let locations = list_locations(call.context(), &call.administrator, call.tenant()).await?;
    Ok(Listed::whole(locations.iter().map(shown).collect()))
}

pub(in crate::manage) async fn add(call: Call, new: NewLocation) -> Given<Created<answers::Location>> {
    let location = add_location(call.context(), &call.administrator, call.tenant(), new).await?;
    Ok(Created(shown(&location)))
}

pub(in crate::manage) async fn delete(call: Call) -> Given<Done> {
    delete_location(call.context(), &call.administrator, call.tenant(), call.path("location")).await?;
    Ok(Done)
}

fn shown(location: &Location) -> answers::Location {
    let Location { mpn_id, name, country, .. } = location.clone();
    answers::Location { mpn_id, name, country, more: answers::More::new() }
}
