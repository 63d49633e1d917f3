//! The device code grant: a device polls until its user has approved or declined in a browser (RFC 8628).

use insightgate_identity::application::Application;
use insightgate_identity::tenant::Tenant;
use insightgate_identity::tokens::grant::GrantRefusal;
use insightgate_store::DeviceState;

use super::refresh::enabled_user;
use super::resource::Granted;
use super::{SignIn, Spent, TokenFailure};
use crate::callers::directory::View;
use crate::context::Context;
use crate::credentials::password::secret_digest;

/// Makes every check except that the code is unused when it is redeemed, which `answer` makes.
pub(super) async fn sign_in(
    context: &Context,
    directory: &View<'_>,
    tenant: &Tenant,
    application: &Application,
    code: &str,
) -> Result<SignIn, TokenFailure> {
    let record = context.store.device_code(&secret_digest(code)).await?.ok_or_else(GrantRefusal::unknown_device_code)?;
    if record.tenant != tenant.id || record.application != application.id {
        return Err(GrantRefusal::foreign_device_code().into());
    }
    let (user, amr) = match record.state {
        DeviceState::Used => return Err(GrantRefusal::unknown_device_code().into()),
        DeviceState::Declined => return Err(GrantRefusal::device_declined().into()),
        _ if context.clock.now() >= record.expires => return Err(GrantRefusal::expired_device_code().into()),
        // With a manual clock, which may stand still, the pace cannot be measured.
        DeviceState::Pending if !context.clock.is_manual() && context.device_polls.too_fast(&record.digest, context.clock.now()) => {
            return Err(GrantRefusal::device_too_fast().into());
        }
        DeviceState::Pending => return Err(GrantRefusal::device_pending().into()),
        DeviceState::Approved { user, amr } => (user, amr),
    };
    context.device_polls.forget(&record.digest);
    let user = enabled_user(directory, tenant, application, user).await?;
    let granted = Granted { resource: record.resource, openid: record.openid, offline: record.offline };
    Ok(SignIn { user, amr, spent: Spent::Device { digest: record.digest }, granted: Some(granted), nonce: None })
}
