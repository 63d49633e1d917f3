//! What the served OpenAPI documents have in common, and the page that tries them out. Each API makes its document of its own table of endpoints and of the
//! types that its handlers read and write; nothing here knows an endpoint.

pub(crate) mod body_fields;
pub(crate) mod document;
pub(crate) mod page;
pub(crate) mod parameter_set;
