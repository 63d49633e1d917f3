//! Secrets at rest: encrypted with the deployment's own key, which comes from the environment or a file, never from the database.

use aws_lc_rs::aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use thiserror::Error;

/// Encrypts and decrypts with one 256-bit key.
pub struct Vault(RandomizedNonceKey);

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
    pub fn new(key: &[u8]) -> Result<Vault, VaultFault> {
        RandomizedNonceKey::new(&AES_256_GCM, key).map(Vault).map_err(|_| VaultFault::KeyLength)
    }

    /// Base64 of nonce and ciphertext. `purpose` is bound to it: a sealed text cannot be moved to another use.
    pub fn seal(&self, purpose: &str, plain: &[u8]) -> Result<String, VaultFault> {
        let mut text = plain.to_vec();
        let nonce = self.0.seal_in_place_append_tag(Aad::from(purpose.as_bytes()), &mut text).map_err(|_| VaultFault::Encryption)?;
        let mut sealed = nonce.as_ref().to_vec();
        sealed.append(&mut text);
        Ok(STANDARD_NO_PAD.encode(sealed))
    }

    pub fn open(&self, purpose: &str, sealed: &str) -> Result<Vec<u8>, VaultFault> {
        let mut bytes = STANDARD_NO_PAD.decode(sealed).map_err(|_| VaultFault::WrongKey)?;
        if bytes.len() < NONCE_LEN {
            return Err(VaultFault::WrongKey);
        }
        let mut text = bytes.split_off(NONCE_LEN);
        let nonce = Nonce::try_assume_unique_for_key(&bytes).map_err(|_| VaultFault::WrongKey)?;
        let plain = self.0.open_in_place(nonce, Aad::from(purpose.as_bytes()), &mut text).map_err(|_| VaultFault::WrongKey)?;
        Ok(plain.to_vec())
    }
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
        assert!(vault.open("link", &format!("A{}", &sealed[1..])).is_err());
        assert!(Vault::new(&[7; 31]).is_err());
    }
}
