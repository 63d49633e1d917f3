//! Re-encrypts the secrets in the database that were sealed with a previous key. Every start does this.

use insightgate_store::{Sealed, Store, StoreError};
use thiserror::Error;

use crate::keys::vault::{Vault, VaultFault};

/// Why a start cannot use the secrets of its database.
#[derive(Debug, Error)]
pub enum ResealFault {
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The purpose names the secret, and for a user's or an owner's its id.
    #[error("the secret '{purpose}' in the database: {fault}")]
    Sealed { purpose: String, fault: VaultFault },
}

/// Returns the number of secrets that were re-encrypted. If a start is interrupted, the next one continues; until then both keys are needed.
///
/// # Errors
/// When a secret cannot be decrypted, or the database does not answer.
pub async fn seal_anew(store: &Store, vault: &Vault) -> Result<usize, ResealFault> {
    let mut count = 0;
    for Sealed { place, id, purpose, text } in store.sealed().await? {
        let anew = vault.reseal(&purpose, &text).map_err(|fault| ResealFault::Sealed { purpose: purpose.clone(), fault })?;
        if let Some(anew) = anew
            && store.replace_sealed(place, &id, &text, &anew).await?
        {
            count += 1;
        }
    }
    if count > 0 {
        tracing::info!(count, "secrets were sealed anew under the current encryption key");
    }
    Ok(count)
}
