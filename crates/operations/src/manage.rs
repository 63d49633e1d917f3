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
