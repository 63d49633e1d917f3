//! Management: organisations, their people, applications and rights. Who calls is an [`administrator::Administrator`].
//!
//! Every change and every refusal leaves one audit event, which names the caller and never holds a secret.

pub mod administrator;
pub mod applications;
pub mod audit_log;
pub mod callback_secrets;
pub mod callbacks;
pub mod consents;
pub mod datasets;
pub mod enroll_tenant;
pub mod enrollment_steps;
pub mod external_identities;
mod fields;
pub mod keys;
pub mod locations;
pub mod permissions;
pub mod profile_input;
pub mod roles;
pub mod second_factors;
pub mod secrets;
pub mod tenants;
pub mod users;

/// The numbers that operations check by, for the document that tells them to clients.
pub mod limits {
    pub use super::applications::REDIRECT_URIS;
    pub use super::audit_log::LARGEST_PAGE;
    pub use super::external_identities::ID_LIMIT;
    pub use super::fields::{LONGEST, LONGEST_MPN_ID};
    pub use super::roles::LOCATIONS;
    pub use crate::register_application::SECRET_DAYS;
}
