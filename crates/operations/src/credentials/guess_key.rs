//! Keyed digests (HMAC) of the data of failed sign-ins: networks, names that nobody has, wrong passwords. The key is sealed in the database and is the
//! same in all processes, so that each finds what another wrote. Somebody who reads only the database cannot guess the data.

use std::net::IpAddr;

use aws_lc_rs::hmac;
use chrono::{DateTime, Utc};
use insightgate_identity::guessing::WrongPassword;
use insightgate_store::{Store, StoreError, StoredKey, Subject};
use thiserror::Error;
use uuid::Uuid;

use crate::clock::Clock;
use crate::credentials::address_guard::network_of;
use crate::keys::vault::{Vault, VaultFault};
use crate::random::{NoRandomness, Random};

const PURPOSE: &str = "guess";

/// The key of the digests. It is not rotated, since its digests are kept for months at most and sign nothing.
pub struct GuessKey(hmac::Key);

#[derive(Debug, Error)]
pub enum GuessKeyFault {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Vault(#[from] VaultFault),
    #[error(transparent)]
    Random(#[from] NoRandomness),
    #[error("the key of sign-in counts is not there after it was made")]
    Missing,
}

impl GuessKey {
    /// Reads the key; the first start makes it.
    ///
    /// # Errors
    /// When the database does not answer, or the key cannot be made or decrypted.
    pub async fn load(store: &Store, vault: &Vault, clock: &Clock, random: &Random) -> Result<GuessKey, GuessKeyFault> {
        let mut keys = store.keys(PURPOSE).await?;
        if keys.is_empty() {
            store.add_first_key(&make(vault, clock.now(), random)?).await?;
            keys = store.keys(PURPOSE).await?;
        }
        let key = keys.first().ok_or(GuessKeyFault::Missing)?;
        Ok(GuessKey(hmac::Key::new(hmac::HMAC_SHA256, &vault.open(PURPOSE, &key.sealed)?)))
    }

    /// The stored form of an address's network.
    pub fn network(&self, address: IpAddr) -> String {
        self.text(&["network", &network_of(address).to_string()])
    }

    /// The stored form of a name that nobody has.
    pub fn nobody(&self, tenant: Uuid, name: &str) -> Subject {
        Subject::Nobody(self.text(&["nobody", &tenant.to_string(), name]))
    }

    /// The stored form of a wrong password. `work` is its slow hash, so that even somebody who has this key must do that work for each guess.
    pub fn wrong_password(&self, subject: &Subject, work: &[u8]) -> WrongPassword {
        let whose = match subject {
            Subject::User(id) => id.to_string(),
            Subject::Nobody(digest) => digest.clone(),
        };
        let digest = self.digest(&["password", &whose, &hex::encode(work)]);
        WrongPassword(u128::from_be_bytes(digest))
    }

    /// A wrong client secret as it is remembered, in memory alone. It needs no slow hash, since the right one has too many bits to be guessed.
    pub fn wrong_secret(&self, client: &str, secret: &str) -> WrongPassword {
        WrongPassword(u128::from_be_bytes(self.digest(&["secret", client, secret])))
    }

    fn text(&self, parts: &[&str]) -> String {
        hex::encode(self.digest(parts))
    }

    /// The first half of the HMAC tag, which is more than enough to tell values apart.
    fn digest(&self, parts: &[&str]) -> [u8; 16] {
        let mut half = [0; 16];
        // The name that was sent comes last, so that it cannot make one kind of text look like another.
        let tag = hmac::sign(&self.0, parts.join("\n").as_bytes());
        half.iter_mut().zip(tag.as_ref()).for_each(|(half, byte)| *half = *byte);
        half
    }
}

fn make(vault: &Vault, now: DateTime<Utc>, random: &Random) -> Result<StoredKey, GuessKeyFault> {
    let key: [u8; 32] = random.bytes()?;
    let sealed = vault.seal(PURPOSE, &key)?;
    Ok(StoredKey { id: random.uuid()?.to_string(), purpose: PURPOSE.to_owned(), sealed, created: now })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digests_depend_on_the_key_and_on_whose_they_are() {
        let [one, other] = [7_u8, 8].map(|byte| GuessKey(hmac::Key::new(hmac::HMAC_SHA256, &[byte; 32])));
        let address: IpAddr = "2001:db8::1".parse().unwrap();
        assert_eq!(one.network(address), one.network("2001:db8::2".parse().unwrap()), "a /64 is one network");
        assert_ne!(one.network(address), one.network("2001:db8:0:1::1".parse().unwrap()));
        assert_ne!(one.network(address), other.network(address));
        assert_eq!(one.network(address).len(), 32);
        let [ana, ben] = [1, 2].map(|id| Subject::User(Uuid::from_u128(id)));
        assert_eq!(one.wrong_password(&ana, b"work"), one.wrong_password(&ana, b"work"));
        assert_ne!(one.wrong_password(&ana, b"work"), one.wrong_password(&ben, b"work"));
        assert_ne!(one.wrong_password(&ana, b"work"), other.wrong_password(&ana, b"work"));
        assert_eq!(one.wrong_secret("a", "s"), one.wrong_secret("a", "s"));
        assert_ne!(one.wrong_secret("a", "s"), one.wrong_secret("b", "s"));
        assert_ne!(one.wrong_secret("a", "s"), other.wrong_secret("a", "s"));
        assert_ne!(one.nobody(Uuid::nil(), "a"), one.nobody(Uuid::from_u128(1), "a"));
    }
}
