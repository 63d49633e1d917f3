//! Makes identities without a caller: the first operator (`init`), the people of the demo, those of tests. Nobody's rights are checked here, so each
//! function asks for a [`Provisioner`]. What is made obeys the rules of `manage`, by the same checks.

pub mod add_user;
pub mod enroll_tenant;
pub mod make_operator;
pub mod register_application;

use insightgate_store::Store;
use uuid::Uuid;

use crate::audit::{self, Happening};
use crate::context::Context;
use crate::failure::Failure;

/// The right to make identities without being anybody: of whoever holds the data folder and the database.
///
/// A command makes one where it serves nobody yet; clippy refuses other places ([`Provisioner::at_start`] is a disallowed method).
#[derive(Debug, Clone, Copy)]
pub struct Provisioner {
    actor: &'static str,
}

impl Provisioner {
    /// `actor` stands in the audit trail.
    pub fn at_start(actor: &'static str) -> Provisioner {
        Provisioner { actor }
    }

    /// The store, whose next change writes this as its one event.
    fn recording(self, context: &Context, tenant: Uuid, action: &str, subject: String, detail: String) -> Result<Store, Failure> {
        let (tenant, actor) = (Some(tenant), self.actor.to_owned());
        Ok(audit::recording(context, Happening { tenant, actor, action, subject, detail, correlation: None })?)
    }
}
