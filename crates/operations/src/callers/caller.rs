//! A caller who meets every prerequisite, with the scope that follows from them. Operations on data require one.

use std::sync::Arc;

use insightgate_identity::principal::Principal;
use insightgate_identity::program::Program;
use insightgate_identity::scope::TenantScope;
use uuid::Uuid;

use crate::audit;
use crate::context::Context;
use crate::failure::Failure;

#[derive(Debug, Clone)]
pub struct Caller {
    pub principal: Arc<Principal>,
    pub program: Program,
    pub scope: TenantScope,
}

impl Caller {
    /// Checks every prerequisite of the program. A refusal names the missing one and is audited.
    ///
    /// # Errors
    /// When a prerequisite is missing, or the database does not answer.
    pub async fn admit(context: &Context, principal: Arc<Principal>, program: Program, correlation: &str) -> Result<Caller, Failure> {
        if context.settings.require_mfa && !principal.is_mfa_compliant() {
            let failure = Failure::SecondFactorRequired;
            audit::record_refusal(context, &principal, program.name(), &failure.to_string(), correlation).await;
            return Err(failure);
        }
        match principal.scope(program, &context.settings.access_rules) {
            Ok(scope) => Ok(Caller { principal, program, scope }),
            Err(refusal) => {
                audit::record_refusal(context, &principal, program.name(), &refusal.to_string(), correlation).await;
                Err(refusal.into())
            }
        }
    }

    pub fn owner(&self) -> Uuid {
        self.principal.owner()
    }
}
