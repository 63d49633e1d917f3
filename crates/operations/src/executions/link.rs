//! Links to artifacts: bearer, read-only, expiring, bound to one execution and one file name.

use std::sync::{PoisonError, RwLock, RwLockReadGuard};

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, TimeDelta, Utc};
use insightgate_report::instant;
use insightgate_store::{Store, StoredKey};
use thiserror::Error;
use uuid::Uuid;

use crate::clock::Clock;
use crate::keys::key_age::KeyAge;
use crate::keys::vault::{Vault, VaultFault};
use crate::random::{NoRandomness, Random};

pub(crate) const PURPOSE: &str = "link";
const VERSION: &str = "1";
const READ: &str = "r";

/// Other processes take a new key up before it signs; no setting lets a link live longer than this.
const AGE: KeyAge = KeyAge { before_use: TimeDelta::minutes(5), signed_lives: TimeDelta::days(90) };

/// One key signs; all of them verify.
pub struct LinkKeys(RwLock<Keys>);

struct Keys {
    /// The newest first; never empty.
    all: Vec<LinkKey>,
    /// Place of the one that signs.
    signer: usize,
}

struct LinkKey {
    id: String,
    created: DateTime<Utc>,
    key: hmac::Key,
}

/// The query of a link.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LinkQuery {
    /// Version of the signature.
    pub sv: String,
    /// Expiry.
    pub se: String,
    /// What it permits.
    pub sp: String,
    pub sig: String,
}

#[derive(Debug, Error)]
pub enum LinkKeyFault {
    #[error(transparent)]
    Store(#[from] insightgate_store::StoreError),
    #[error(transparent)]
    Vault(#[from] VaultFault),
    #[error(transparent)]
    Random(#[from] NoRandomness),
}

/// Why a link is refused. The message does not say which part was wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum LinkFault {
    #[error("The link is not valid. Ask for the execution again to get a new one.")]
    Invalid,
    #[error("The link has expired. Ask for the execution again to get a new one.")]
    Expired,
}

impl LinkKeys {
    /// Reads the keys; the first start makes one.
    ///
    /// # Errors
    /// When the database does not answer, or a key cannot be made or decrypted.
    pub async fn load(store: &Store, vault: &Vault, clock: &Clock, random: &Random) -> Result<LinkKeys, LinkKeyFault> {
        let mut keys = read(store, vault).await?;
        if keys.is_empty() {
            store.add_first_key(&make(vault, clock.now(), random)?).await?;
            keys = read(store, vault).await?;
        }
        Ok(LinkKeys(RwLock::new(Keys::new(keys, clock.now()))))
    }

    /// Makes a new key if the newest is `days` old, and removes those whose links have all expired.
    ///
    /// # Errors
    /// When the database does not answer, or a key cannot be made or decrypted.
    pub async fn tend(
        &self,
        store: &Store,
        vault: &Vault,
        now: DateTime<Utc>,
        days: u32,
        random: &Random,
        removes: bool,
    ) -> Result<(), LinkKeyFault> {
        let mut stored = store.keys(PURPOSE).await?;
        let newest = KeyAge::newest(stored.iter().map(|key| key.created), now);
        if newest.is_none_or(|newest| newest + TimeDelta::days(i64::from(days)) <= now) {
            store.add_key(&make(vault, now, random)?).await?;
            stored = store.keys(PURPOSE).await?;
        }
        let all: Vec<_> = stored.iter().map(|key| key.created).collect();
        for over in stored.extract_if(.., |key| removes && AGE.is_over(key.created, &all, now)) {
            store.remove_key(&over.id).await?;
        }
        let known = self.keys().all.iter().map(|key| key.id.clone()).eq(stored.iter().map(|key| key.id.clone()));
        let new = if known { None } else { Some(read(store, vault).await?) };
        let mut keys = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let all = new.unwrap_or_else(|| std::mem::take(&mut keys.all));
        *keys = Keys::new(all, now);
        Ok(())
    }

    fn keys(&self) -> RwLockReadGuard<'_, Keys> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// The query that opens this artifact until `expires`.
    pub fn sign(&self, execution: Uuid, file: &str, expires: DateTime<Utc>) -> LinkQuery {
        let mut query = LinkQuery { sv: VERSION.to_owned(), se: instant::format(expires), sp: READ.to_owned(), sig: String::new() };
        let keys = self.keys();
        if let Some(signer) = keys.all.get(keys.signer) {
            query.sig = URL_SAFE_NO_PAD.encode(hmac::sign(&signer.key, signed_text(execution, file, &query).as_bytes()));
        }
        query
    }

    /// `file` as decoded from the path.
    ///
    /// # Errors
    /// When the link was changed or has expired.
    pub fn check(&self, execution: Uuid, file: &str, query: &LinkQuery, now: DateTime<Utc>) -> Result<(), LinkFault> {
        let signature = URL_SAFE_NO_PAD.decode(&query.sig).map_err(|_| LinkFault::Invalid)?;
        let text = signed_text(execution, file, query);
        let signed = self.keys().all.iter().any(|known| hmac::verify(&known.key, text.as_bytes(), &signature).is_ok());
        if !signed || query.sv != VERSION || query.sp != READ {
            return Err(LinkFault::Invalid);
        }
        let expires = instant::parse(&query.se).ok_or(LinkFault::Invalid)?;
        if now >= expires { Err(LinkFault::Expired) } else { Ok(()) }
    }
}

impl Keys {
    fn new(all: Vec<LinkKey>, now: DateTime<Utc>) -> Keys {
        let created: Vec<_> = all.iter().map(|key| key.created).collect();
        Keys { signer: AGE.signer(&created, now).unwrap_or_default(), all }
    }
}

/// The newest first.
async fn read(store: &Store, vault: &Vault) -> Result<Vec<LinkKey>, LinkKeyFault> {
    let mut keys = Vec::new();
    for StoredKey { id, sealed, created, .. } in store.keys(PURPOSE).await? {
        let key = hmac::Key::new(hmac::HMAC_SHA256, &vault.open(PURPOSE, &sealed)?);
        keys.push(LinkKey { id, created, key });
    }
    Ok(keys)
}

/// A new key, sealed.
fn make(vault: &Vault, now: DateTime<Utc>, random: &Random) -> Result<StoredKey, LinkKeyFault> {
    let secret: [u8; 32] = random.bytes()?;
    let sealed = vault.seal(PURPOSE, &secret)?;
    Ok(StoredKey { id: random.uuid()?.to_string(), purpose: PURPOSE.to_owned(), sealed, created: now })
}

/// Line feeds part the fields; none of the first can hold one, and the file name is last.
fn signed_text(execution: Uuid, file: &str, query: &LinkQuery) -> String {
    let LinkQuery { sv, se, sp, .. } = query;
    format!("{sv}\n{se}\n{sp}\n{execution}\n{file}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn opens_one_file_until_it_expires() {
        let key = hmac::Key::new(hmac::HMAC_SHA256, &[1; 32]);
        let (id, now) = (Uuid::from_u128(1), DateTime::UNIX_EPOCH);
        let keys = LinkKeys(RwLock::new(Keys::new(vec![LinkKey { id: String::new(), created: now, key }], now)));
        let expires = now + TimeDelta::hours(1);
        let query = keys.sign(id, "a_1.csv", expires);
        assert_eq!(keys.check(id, "a_1.csv", &query, now), Ok(()));
        assert_eq!(keys.check(id, "a_1.csv", &query, expires), Err(LinkFault::Expired));
        assert_eq!(keys.check(Uuid::from_u128(2), "a_1.csv", &query, now), Err(LinkFault::Invalid));
        assert_eq!(keys.check(id, "b_1.csv", &query, now), Err(LinkFault::Invalid));
        let changed: [fn(&mut LinkQuery); 5] = [
            |q| q.se = "2999-01-01T00:00:00Z".into(),
            |q| q.sp = "rw".into(),
            |q| q.sv = "2".into(),
            |q| q.sig.clear(),
            |q| q.sig.replace_range(0..1, if q.sig.starts_with('A') { "B" } else { "A" }),
        ];
        for change in changed {
            let mut query = query.clone();
            change(&mut query);
            assert_eq!(keys.check(id, "a_1.csv", &query, now), Err(LinkFault::Invalid), "{query:?}");
            // Nothing about the expiry is said of a link that was tampered with.
            assert_eq!(keys.check(id, "a_1.csv", &query, expires), Err(LinkFault::Invalid), "{query:?}");
        }
    }
}
