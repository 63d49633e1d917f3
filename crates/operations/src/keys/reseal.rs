//! Re-encrypts the secrets in the database that were sealed with a previous key. Every start does this.

use insightgate_store::{Sealed, Store};

use crate::failure::Failure;
use crate::keys::vault::Vault;

/// Returns the number of secrets that were re-encrypted. If a start is interrupted, the next one continues; until then both keys are needed.
///
/// # Errors
/// When a secret cannot be decrypted, or the database does not answer.
pub async fn seal_anew(store: &Store, vault: &Vault) -> Result<usize, Failure> {
    let mut count = 0;
    for Sealed { place, id, purpose, text } in store.sealed().await? {
        let anew = vault.reseal(&purpose, &text).map_err(Failure::internal)?;
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
