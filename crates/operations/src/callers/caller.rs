//! A caller who meets every prerequisite, with the scope that follows from them. Operations on data require one.

use std::sync::Arc;

use insightgate_identity::principal::Principal;
use insightgate_identity::program::Program;
use insightgate_identity::scope::TenantScope;
use uuid::Uuid;

use crate::context::Context;
use crate::failure::Failure;
use crate::usage;
use crate::usage::event::{Event, Origin};

#[derive(Debug, Clone)]
pub struct Caller {
    pub principal: Arc<Principal>,
    pub program: Program,
    pub scope: TenantScope,
    pub origin: Origin,
}

impl Caller {
    /// Checks every prerequisite of the program. A refusal names the missing one and is audited.
    ///
    /// # Errors
    /// When a prerequisite is missing, or the database does not answer.
    pub async fn admit(context: &Context, principal: Arc<Principal>, program: Program, origin: Origin) -> Result<Caller, Failure> {
        let refused = async |reason: String| {
            let access = usage::asked(Event::Refused, program, &origin);
            usage::refuse(context, &principal, (program.name(), &reason), access).await;
        };
        if context.settings.require_mfa && !principal.is_mfa_compliant() {
            let failure = Failure::SecondFactorRequired;
            refused(failure.to_string()).await;
            return Err(failure);
        }
        match principal.scope(program, &context.settings.access_rules) {
            Ok(scope) => Ok(Caller { principal, program, scope, origin }),
            Err(refusal) => {
                refused(refusal.to_string()).await;
                Err(refusal.into())
            }
        }
    }

    pub fn owner(&self) -> Uuid {
        self.principal.owner()
    }
}
