//! The password grant: a user name and a password, within the tenant.

use insightgate_identity::tenant::Tenant;
use insightgate_identity::tokens::grant::GrantRefusal;
use insightgate_identity::user::PasswordState;

use super::{SignIn, Spent, TokenFailure, TokenRequest};
use crate::context::Context;
use crate::credentials::check_password::check_password;

pub(super) async fn sign_in(
    context: &Context,
    tenant: &Tenant,
    request: &TokenRequest,
    username: &str,
    password: &str,
) -> Result<SignIn, TokenFailure> {
    let checked = check_password(context, tenant, username, password, request.address).await?;
    if checked.user.password == PasswordState::MustChange {
        return Err(GrantRefusal::password_must_change().into());
    }
    let (user, spent) = (checked.user.clone(), Spent::Password(Box::new(checked)));
    Ok(SignIn { user, amr: "pwd".to_owned(), spent, granted: None, nonce: None })
}
