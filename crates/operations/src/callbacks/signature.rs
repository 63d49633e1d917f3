//! The secrets that sign callbacks, and the headers of a callback, which are those of Standard Webhooks.
//!
//! Source: the Standard Webhooks specification, symmetric signatures (`v1`).

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, Utc};
use insightgate_store::CallbackSecret;
use thiserror::Error;
use uuid::Uuid;

use crate::context::Context;
use crate::failure::Failure;
use crate::keys::vault::{Vault, VaultFault};

const PREFIX: &str = "whsec_";

/// Why a callback cannot be signed, for the list of attempts.
#[derive(Debug, Error)]
#[error("the signing secret cannot be read")]
pub(crate) struct UnreadableSecret(#[source] VaultFault);

/// A new secret: the sealed form that is stored, and the text that its owner gets once.
pub(crate) fn new_secret(
    context: &Context,
    tenant: Uuid,
    owner: Uuid,
    created: DateTime<Utc>,
) -> Result<(CallbackSecret, String), Failure> {
    let (id, key) = (context.random.ordered_uuid(created)?, context.random.bytes::<32>()?);
    let sealed = context.vault.seal(&purpose(id), &key).map_err(Failure::internal)?;
    let text = format!("{PREFIX}{}", STANDARD.encode(key));
    Ok((CallbackSecret { id, tenant, owner, sealed, created, expires: None }, text))
}

/// The purpose that the secret is sealed for. [`insightgate_store::Store::sealed`] lists it under the same name.
fn purpose(id: Uuid) -> String {
    format!("callback {id}")
}

/// The headers of a callback. `timestamp` is in Unix seconds. There is one signature for each secret, and none without secrets.
pub(crate) fn headers(
    vault: &Vault,
    secrets: &[CallbackSecret],
    callback: Uuid,
    timestamp: i64,
    body: &str,
) -> Result<Vec<(&'static str, String)>, UnreadableSecret> {
    let mut headers = vec![("webhook-id", callback.to_string()), ("webhook-timestamp", timestamp.to_string())];
    let mut signatures = Vec::with_capacity(secrets.len());
    for secret in secrets {
        let key = vault.open(&purpose(secret.id), &secret.sealed).map_err(UnreadableSecret)?;
        signatures.push(signature(&key, callback, timestamp, body));
    }
    if !signatures.is_empty() {
        headers.push(("webhook-signature", signatures.join(" ")));
    }
    Ok(headers)
}

fn signature(key: &[u8], callback: Uuid, timestamp: i64, body: &str) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, key);
    let signed = hmac::sign(&key, format!("{callback}.{timestamp}.{body}").as_bytes());
    format!("v1,{}", STANDARD.encode(signed))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept(vault: &Vault, id: u128, key: &[u8]) -> CallbackSecret {
        let id = Uuid::from_u128(id);
        let sealed = vault.seal(&purpose(id), key).unwrap();
        CallbackSecret { id, tenant: Uuid::nil(), owner: Uuid::nil(), sealed, created: DateTime::UNIX_EPOCH, expires: None }
    }

    /// Made with openssl: `printf '<id>.1614265330.{"test": 2432232314}' | openssl dgst -sha256 -hmac <key> -binary | base64`.
    #[test]
    fn signatures_are_those_of_the_specification() {
        let vault = Vault::new(&[7; 32]).unwrap();
        let secrets = [kept(&vault, 1, b"a key of no other use, of 32 byt"), kept(&vault, 2, b"another one")];
        let signed = headers(&vault, &secrets, Uuid::from_u128(5), 1_614_265_330, "{\"test\": 2432232314}").unwrap();
        let expected = "v1,vtWbgAjBzS5rp+GHrso5XtqzY2jXImbOucSYCuKIIAM= v1,DyJVTlp9gxkfXltUqWRyAl5mB+bznPw5GFlJb4nva5k=";
        assert_eq!(
            signed,
            [
                ("webhook-id", "00000000-0000-0000-0000-000000000005".to_owned()),
                ("webhook-timestamp", "1614265330".to_owned()),
                ("webhook-signature", expected.to_owned()),
            ]
        );
        assert_eq!(headers(&vault, &[], Uuid::from_u128(5), 1, "").unwrap().len(), 2, "without a secret there is no signature");
        let other = Vault::new(&[8; 32]).unwrap();
        assert!(headers(&other, &secrets, Uuid::from_u128(5), 1, "").is_err(), "never sent unsigned because a key is lost");
    }
}
