//! Seals what is encrypted in the database under the current key, when that is another one than it was sealed with. Part of every start.

use insightgate_store::{Sealed, Store};

use crate::failure::Failure;
use crate::keys::vault::Vault;

/// How many secrets were sealed anew. A start that is cut off half-way goes on at the next: until then both keys are needed.
///
/// # Errors
/// The database is away, or a secret was sealed with a key that is neither the current one nor the old one.
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
