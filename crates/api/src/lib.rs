//! The only HTTP server: decode → one operation → encode. Handlers hold no rules, and see neither SQL nor Arrow.

mod artifacts;
mod challenge;
mod client_address;
mod connection_end;
mod correlation;
mod cross_origin;
mod envelope;
mod fields;
mod health;
mod insights;
mod intake;
mod json_body;
mod manage;
mod oauth;
mod refusals;
mod router;
mod safe_headers;
mod sandbox;
mod state;
mod well_formed;

pub use connection_end::ConnectionEnd;
pub use correlation::REFUSED_TOKENS;
pub use envelope::long_head;
pub use intake::Intake;
pub use router::router;
pub use state::{ApiState, SandboxAccess};

/// For the fuzz targets.
#[cfg(feature = "fuzzing")]
pub mod fuzzing {
    pub use crate::oauth::read_token_form;
}

#[cfg(test)]
mod tests;
