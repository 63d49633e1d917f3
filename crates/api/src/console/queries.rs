//! Queries: the editor with previews and downloads, and saved ones.

mod assist;
mod editor;
pub(super) mod faults;
pub(super) mod rows;
mod saved;

use url::form_urlencoded::byte_serialize;

use super::endpoint::{Endpoint, Needs};

pub(super) fn endpoints() -> Vec<Endpoint> {
    vec![
        Endpoint::get("/console/{program}/queries", Needs::Data, editor::open),
        Endpoint::post("/console/{program}/queries", Needs::Data, editor::act),
        Endpoint::get("/console/{program}/queries/remove", Needs::Data, saved::ask),
        Endpoint::post("/console/{program}/queries/remove", Needs::Data, saved::remove),
        Endpoint::get("/console/{program}/queries/names", Needs::Data, assist::names),
        Endpoint::get("/console/{program}/queries/values", Needs::Data, assist::values),
        Endpoint::post("/console/{program}/queries/check", Needs::Data, assist::check),
    ]
}

/// A text as a field of an address.
pub(super) fn encoded(text: &str) -> String {
    byte_serialize(text.as_bytes()).collect()
}
