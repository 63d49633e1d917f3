//! The only HTTP server: decode → one operation → encode. Handlers contain no rules, and see neither SQL nor Arrow.

mod artifacts;
mod built_in;
mod console;
mod envelope;
mod health;
mod http;
mod insights;
mod manage;
mod oauth;
mod openapi;
mod router;
mod sandbox;
mod state;
mod table;
mod telemetry;
mod turned_away;

pub use envelope::long_head;
pub use http::connection_end::ConnectionEnd;
pub use http::correlation::answered::REFUSED_TOKENS;
pub use http::intake::Intake;
pub use router::router;
pub use sandbox::masked;
pub use state::{ApiState, SandboxAccess, SettingInForce};
pub use telemetry::telemetry_router;

/// For the fuzz targets.
#[cfg(feature = "fuzzing")]
pub mod fuzzing {
    pub use crate::oauth::read_token_form;
}

#[cfg(test)]
mod tests;
