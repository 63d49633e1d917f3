//! Identities: tenants, their enrollments, users and applications.

pub(crate) mod applications;
pub(crate) mod enrollment_changes;
pub(crate) mod external_identities;
pub(crate) mod principals;
pub(crate) mod removals;
pub(crate) mod tenants;
pub(crate) mod users;
pub(crate) mod version;
