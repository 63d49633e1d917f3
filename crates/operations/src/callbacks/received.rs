//! Whether a callback that arrived somewhere is one of this server's: its signature is made anew and compared.

use uuid::Uuid;

use crate::callbacks::signature;
use crate::context::Context;
use crate::failure::Failure;

/// What came, as it came; empty: a header that was not there.
#[derive(Debug, Clone, Copy)]
pub struct Received<'a> {
    pub id: &'a str,
    pub timestamp: &'a str,
    pub signature: &'a str,
    pub body: &'a str,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signature {
    /// Made with a secret of the callback's owner.
    Valid,
    Invalid,
    /// There is none: the owner has no secret.
    Missing,
}

impl Signature {
    pub fn name(self) -> &'static str {
        match self {
            Signature::Valid => "valid",
            Signature::Invalid => "invalid",
            Signature::Missing => "missing",
        }
    }
}

/// # Errors
/// When the database does not answer.
pub async fn holds(context: &Context, received: &Received<'_>) -> Result<Signature, Failure> {
    if received.signature.is_empty() {
        return Ok(Signature::Missing);
    }
    let (Ok(id), Ok(timestamp)) = (Uuid::try_parse(received.id), received.timestamp.parse()) else { return Ok(Signature::Invalid) };
    let Some(callback) = context.store.callback(id).await? else { return Ok(Signature::Invalid) };
    let secrets = context.store.callback_secrets(callback.owner, context.clock.now()).await?;
    let made = signature::headers(&context.vault, &secrets, id, timestamp, received.body).map_err(Failure::internal)?;
    let expected = made.iter().find(|(name, _)| *name == "webhook-signature").map(|(_, value)| value.as_str()).unwrap_or_default();
    // One that holds is enough: secrets overlap while they are replaced.
    let holds = received.signature.split_whitespace().any(|sent| expected.split(' ').any(|made| made == sent));
    Ok(if holds { Signature::Valid } else { Signature::Invalid })
}
