//! Makes identities without a caller: the first operator (`init`), the identities of the demo and of tests. No caller's rights are checked here, so each
//! function requires a [`Provisioner`]. The same checks as in `manage` apply to what is made.

pub mod add_user;
pub mod enroll_tenant;
pub mod make_operator;
pub mod register_application;

use insightgate_store::Store;
use uuid::Uuid;

use crate::audit::{self, Happening};
use crate::context::Context;
use crate::failure::Failure;

/// The right to make identities without being signed in. Whoever holds the data folder and the database has it.
///
/// A command makes one before it serves any request. Clippy refuses it anywhere else ([`Provisioner::at_start`] is a disallowed method).
#[derive(Debug, Clone, Copy)]
pub struct Provisioner {
    actor: &'static str,
}

impl Provisioner {
    /// `actor` is the name in the audit trail.
    pub fn at_start(actor: &'static str) -> Provisioner {
        Provisioner { actor }
    }

    /// The name in the audit trail.
    pub(crate) fn actor(self) -> &'static str {
        self.actor
    }

    /// A store whose next change writes this as its only audit event.
    fn recording(self, context: &Context, tenant: Uuid, action: &str, subject: String, detail: String) -> Result<Store, Failure> {
        let (tenant, actor) = (Some(tenant), self.actor.to_owned());
        Ok(audit::recording(context, Happening { tenant, actor, action, subject, detail, correlation: None })?)
    }
}
