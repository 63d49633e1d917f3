//! Encrypts secrets at rest with the deployment's own key, which comes from the environment or a file, never from the database.

use aws_lc_rs::aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use thiserror::Error;

/// Encrypts with one 256-bit key, and decrypts also with previous keys.
pub struct Vault {
    key: RandomizedNonceKey,
    old: Vec<RandomizedNonceKey>,
}

#[derive(Debug, Error)]
pub enum VaultFault {
    #[error("the encryption key is not 32 bytes long")]
    KeyLength,
    #[error("a stored secret cannot be decrypted: the encryption key is another one than when it was stored")]
    WrongKey,
    #[error("a secret could not be encrypted")]
    Encryption,
}

impl Vault {
    /// # Errors
    /// When the key does not have 256 bits.
    pub fn new(key: &[u8]) -> Result<Vault, VaultFault> {
        Ok(Vault { key: read_key(key)?, old: Vec::new() })
    }

    /// Adds a previous key, which only decrypts.
    ///
    /// # Errors
    /// When the key does not have 256 bits.
    pub fn with_old(mut self, key: &[u8]) -> Result<Vault, VaultFault> {
        self.old.push(read_key(key)?);
        Ok(self)
    }

    /// Returns the Base64 of nonce and ciphertext. `purpose` is authenticated with it, so that a sealed text cannot be used for another purpose.
    ///
    /// # Errors
    /// When there is no randomness.
    pub fn seal(&self, purpose: &str, plain: &[u8]) -> Result<String, VaultFault> {
        let mut text = plain.to_vec();
        let nonce = self.key.seal_in_place_append_tag(Aad::from(purpose.as_bytes()), &mut text).map_err(|_| VaultFault::Encryption)?;
        let mut sealed = nonce.as_ref().to_vec();
        sealed.append(&mut text);
        Ok(STANDARD_NO_PAD.encode(sealed))
    }

    /// # Errors
    /// When no key opens the text, or it was sealed for another purpose.
    pub fn open(&self, purpose: &str, sealed: &str) -> Result<Vec<u8>, VaultFault> {
        let keys = std::iter::once(&self.key).chain(&self.old);
        keys.map(|key| open(key, purpose, sealed)).find(Result::is_ok).unwrap_or(Err(VaultFault::WrongKey))
    }

    /// The same secret under the current key; `None` if it is already under that key.
    ///
    /// # Errors
    /// When no key opens the text.
    pub fn reseal(&self, purpose: &str, sealed: &str) -> Result<Option<String>, VaultFault> {
        if open(&self.key, purpose, sealed).is_ok() {
            return Ok(None);
        }
        self.seal(purpose, &self.open(purpose, sealed)?).map(Some)
    }
}

fn read_key(key: &[u8]) -> Result<RandomizedNonceKey, VaultFault> {
    RandomizedNonceKey::new(&AES_256_GCM, key).map_err(|_| VaultFault::KeyLength)
}

fn open(key: &RandomizedNonceKey, purpose: &str, sealed: &str) -> Result<Vec<u8>, VaultFault> {
    let mut bytes = STANDARD_NO_PAD.decode(sealed).map_err(|_| VaultFault::WrongKey)?;
    if bytes.len() < NONCE_LEN {
        return Err(VaultFault::WrongKey);
    }
    let mut text = bytes.split_off(NONCE_LEN);
    let nonce = Nonce::try_assume_unique_for_key(&bytes).map_err(|_| VaultFault::WrongKey)?;
    let plain = key.open_in_place(nonce, Aad::from(purpose.as_bytes()), &mut text).map_err(|_| VaultFault::WrongKey)?;
    Ok(plain.to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn opens_only_with_the_same_key_and_purpose() {
        let vault = Vault::new(&[7; 32]).unwrap();
        let sealed = vault.seal("link", b"secret").unwrap();
        assert!(!sealed.contains("secret"));
        assert_eq!(vault.open("link", &sealed).unwrap(), b"secret");
        assert!(vault.open("signing", &sealed).is_err());
        assert!(Vault::new(&[8; 32]).unwrap().open("link", &sealed).is_err());
        assert!(vault.open("link", "").is_err());
        let other = if sealed.starts_with('A') { "B" } else { "A" };
        assert!(vault.open("link", &format!("{other}{}", &sealed[1..])).is_err());
        assert!(Vault::new(&[7; 31]).is_err());
    }

    #[test]
    fn a_new_key_opens_what_an_old_one_sealed_and_seals_it_anew() {
        let sealed = Vault::new(&[7; 32]).unwrap().seal("link", b"secret").unwrap();
        let vault = Vault::new(&[8; 32]).unwrap().with_old(&[6; 32]).unwrap().with_old(&[7; 32]).unwrap();
        assert_eq!(vault.open("link", &sealed).unwrap(), b"secret");
        let anew = vault.reseal("link", &sealed).unwrap().unwrap();
        assert_eq!(Vault::new(&[8; 32]).unwrap().open("link", &anew).unwrap(), b"secret");
        assert_eq!(vault.reseal("link", &anew).unwrap(), None);
        assert!(vault.reseal("signing", &sealed).is_err());
        assert!(Vault::new(&[9; 32]).unwrap().reseal("link", &sealed).is_err());
    }
}
