//! Rules for every request, whatever it is about.

mod answer_headers;
mod counted;
mod cross_origin;
mod described;
mod documented;
mod encodings;
pub(crate) mod every_route;
pub(crate) mod fuzz;
mod holding;
mod intake;
mod origin;
mod rate_limits;
mod robustness;
mod sandbox_clock;
