//! What all requests and answers have in common: bodies and their limits, ids, headers, and log lines for refusals.

pub(crate) mod admission;
pub(crate) mod challenge;
pub(crate) mod client_address;
pub(crate) mod connection_end;
pub(crate) mod correlation;
pub(crate) mod cross_origin;
pub(crate) mod fields;
pub(crate) mod intake;
pub(crate) mod json_body;
pub(crate) mod local_caller;
pub(crate) mod network;
pub(crate) mod parameters;
pub(crate) mod rate_limit;
pub(crate) mod refusals;
pub(crate) mod safe_headers;
pub(crate) mod unknown_proxies;
pub(crate) mod well_formed;
