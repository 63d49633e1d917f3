//! The authority's signing keys: RS256, published as a key set (JWKS), stored encrypted in the database, and rotated.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{KeyPair as _, RSA_PKCS1_SHA256, RsaKeyPair};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, TimeDelta, Utc};
use insightgate_identity::tokens::token::{AccessClaims, LIFETIME_SECONDS};
use insightgate_store::{Store, StoredKey};
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use serde::Serialize;
use thiserror::Error;

use crate::clock::Clock;
use crate::keys::key_age::KeyAge;
use crate::keys::vault::{Vault, VaultFault};
use crate::random::NoRandomness;

pub(crate) const PURPOSE: &str = "signing";
/// A new key is published before it signs, so that whoever caches the key set for a while has it. Then it signs tokens that are valid for an hour.
const AGE: KeyAge = KeyAge { before_use: TimeDelta::minutes(5), signed_lives: TimeDelta::seconds(LIFETIME_SECONDS) };
/// The most tokens whose verified claims are cached.
const VERIFIED: usize = 10_000;

/// One key signs; all of them are published and verify.
pub struct SigningKeys(RwLock<Arc<KeyRing>>);

struct KeyRing {
    /// The newest first; never empty.
    keys: Vec<Arc<SigningKey>>,
    signer: Arc<SigningKey>,
    /// The claims of tokens that these keys have verified, by the token's digest, since a client sends one token many times.
    verified: Mutex<HashMap<[u8; 32], Arc<AccessClaims>>>,
}

struct SigningKey {
    id: String,
    created: DateTime<Utc>,
    /// The encoded header of a token.
    header: String,
    pair: RsaKeyPair,
    verifier: DecodingKey,
}

/// A public key as the key set shows it (RFC 7517). `n` and `e` are base64url.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PublicKey {
    pub kty: &'static str,
    #[serde(rename = "use")]
    pub usage: &'static str,
    pub alg: &'static str,
    pub kid: String,
    pub n: String,
    pub e: String,
}

/// What anybody who looks after the server may know of a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyState {
    pub id: String,
    pub created: DateTime<Utc>,
    /// Whether it signs now. The others only verify, or do not sign yet.
    pub signs: bool,
}

#[derive(Debug, Error)]
pub enum SigningFault {
    #[error(transparent)]
    Store(#[from] insightgate_store::StoreError),
    #[error(transparent)]
    Vault(#[from] VaultFault),
    #[error("the stored signing key '{0}' is not an RSA key")]
    NotRsa(String),
    #[error(transparent)]
    Random(#[from] NoRandomness),
    #[error("a signing key could not be made")]
    Generation,
    #[error("a token could not be signed: {0}")]
    Signing(String),
}

/// Why a token's signature or form is not accepted, for the log.
#[derive(Debug, Error)]
pub enum SignatureFault {
    #[error("the token is signed with an unknown key")]
    UnknownKey,
    #[error("the token is malformed or its signature is wrong: {0}")]
    Invalid(#[from] jsonwebtoken::errors::Error),
}

impl SignatureFault {
    /// The message for the caller.
    pub fn told(&self) -> &'static str {
        match self {
            SignatureFault::UnknownKey => "the token is signed with a key that this server does not know",
            SignatureFault::Invalid(_) => "the token is malformed or its signature is wrong",
        }
    }
}

impl SigningKeys {
    /// Loads the keys. The first start makes one.
    ///
    /// # Errors
    /// When the database does not answer, or a key cannot be made or decrypted.
    pub async fn load(store: &Store, vault: &Vault, clock: &Clock) -> Result<SigningKeys, SigningFault> {
        let now = clock.now();
        let mut keys = read(store, vault, &[]).await?;
        if keys.is_empty() {
            store.add_first_key(&make(vault, now).await?).await?;
            keys = read(store, vault, &[]).await?;
        }
        Ok(SigningKeys(RwLock::new(Arc::new(KeyRing::new(keys, now)?))))
    }

    /// Makes a key that signs once it has been published for a while. The previous one verifies until its last token has expired.
    ///
    /// `recording` gets the new key's id, and returns the store that writes the key together with its audit event.
    ///
    /// # Errors
    /// When the key cannot be made, or the database does not answer.
    pub async fn rotate(
        &self,
        store: &Store,
        vault: &Vault,
        now: DateTime<Utc>,
        recording: impl FnOnce(&str) -> Result<Store, NoRandomness>,
    ) -> Result<(), SigningFault> {
        let newest = KeyAge::newest(self.ring().keys.iter().map(|key| key.created), now).map(|newest| newest + TimeDelta::milliseconds(1));
        // Even if the clock stands still, no two keys get the same time, since the newest one signs.
        let key = make(vault, newest.map_or(now, |after| after.max(now))).await?;
        recording(&key.id)?.add_key(&key).await?;
        self.renew(store, vault, now, false).await
    }

    /// Removes obsolete keys, if `removes` is set, and loads keys that other processes made. Returns whether the newest is at least `days` old, so that a
    /// new one is due.
    ///
    /// # Errors
    /// When the database does not answer, or a key cannot be decrypted.
    pub async fn tend(&self, store: &Store, vault: &Vault, now: DateTime<Utc>, days: u32, removes: bool) -> Result<bool, SigningFault> {
        self.renew(store, vault, now, removes).await?;
        let newest = KeyAge::newest(self.ring().keys.iter().map(|key| key.created), now);
        Ok(newest.is_none_or(|newest| newest + TimeDelta::days(i64::from(days)) <= now))
    }

    async fn renew(&self, store: &Store, vault: &Vault, now: DateTime<Utc>, removes: bool) -> Result<(), SigningFault> {
        let before = self.ring();
        let mut keys = read(store, vault, &before.keys).await?;
        let all: Vec<_> = keys.iter().map(|key| key.created).collect();
        for over in keys.extract_if(.., |key| removes && AGE.is_over(key.created, &all, now)) {
            store.remove_key(&over.id).await?;
        }
        let ring = KeyRing::new(keys, now)?;
        // Only if it differs, since replacing the ring discards the cache of verified tokens.
        if !ring.is_like(&before) {
            *self.0.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(ring);
        }
        Ok(())
    }

    fn ring(&self) -> Arc<KeyRing> {
        Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// A compact JWS of the claims.
    ///
    /// # Errors
    /// When the token cannot be signed.
    pub fn sign<Claims: Serialize>(&self, claims: &Claims) -> Result<String, SigningFault> {
        let key = &self.ring().signer;
        let claims = serde_json::to_vec(claims).map_err(|fault| SigningFault::Signing(fault.to_string()))?;
        let mut token = String::with_capacity(key.header.len() + claims.len() * 4 / 3 + 360);
        token.push_str(&key.header);
        token.push('.');
        URL_SAFE_NO_PAD.encode_string(claims, &mut token);
        let mut signature = vec![0; key.pair.public_modulus_len()];
        let signed = key.pair.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), token.as_bytes(), &mut signature);
        signed.map_err(|_| SigningFault::Signing("the key refused".to_owned()))?;
        token.push('.');
        URL_SAFE_NO_PAD.encode_string(signature, &mut token);
        Ok(token)
    }

    /// The claims of a token that one of these keys signed. [`AccessClaims::check`] checks their content.
    ///
    /// # Errors
    /// When none of these keys made the signature, or the token is malformed.
    pub fn verify(&self, token: &str) -> Result<Arc<AccessClaims>, SignatureFault> {
        let ring = self.ring();
        let mut digest = [0; 32];
        digest.copy_from_slice(aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, token.as_bytes()).as_ref());
        let verified = || ring.verified.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(claims) = verified().get(&digest) {
            return Ok(Arc::clone(claims));
        }
        let claims = Arc::new(ring.verify(token)?);
        let mut verified = verified();
        if verified.len() >= VERIFIED {
            verified.clear();
        }
        verified.insert(digest, Arc::clone(&claims));
        Ok(claims)
    }

    /// The newest first.
    pub fn states(&self) -> Vec<KeyState> {
        let ring = self.ring();
        let state = |key: &Arc<SigningKey>| KeyState { id: key.id.clone(), created: key.created, signs: key.id == ring.signer.id };
        ring.keys.iter().map(state).collect()
    }

    pub fn public(&self) -> Vec<PublicKey> {
        let shown = |key: &Arc<SigningKey>| {
            let public = key.pair.public_key();
            PublicKey {
                kty: "RSA",
                usage: "sig",
                alg: "RS256",
                kid: key.id.clone(),
                n: URL_SAFE_NO_PAD.encode(public.modulus().big_endian_without_leading_zero()),
                e: URL_SAFE_NO_PAD.encode(public.exponent().big_endian_without_leading_zero()),
            }
        };
        self.ring().keys.iter().map(shown).collect()
    }
}

impl KeyRing {
    fn new(keys: Vec<Arc<SigningKey>>, now: DateTime<Utc>) -> Result<KeyRing, SigningFault> {
        let created: Vec<_> = keys.iter().map(|key| key.created).collect();
        let signer = AGE.signer(&created, now).and_then(|place| keys.get(place)).map(Arc::clone).ok_or(SigningFault::Generation)?;
        Ok(KeyRing { keys, signer, verified: Mutex::default() })
    }

    fn is_like(&self, other: &KeyRing) -> bool {
        let ids = |ring: &KeyRing| ring.keys.iter().map(|key| key.id.clone()).collect::<Vec<_>>();
        self.signer.id == other.signer.id && ids(self) == ids(other)
    }

    fn verify(&self, token: &str) -> Result<AccessClaims, SignatureFault> {
        let kid = jsonwebtoken::decode_header(token)?.kid;
        let key = self.keys.iter().find(|key| Some(&key.id) == kid.as_ref()).ok_or(SignatureFault::UnknownKey)?;
        let mut validation = Validation::new(Algorithm::RS256);
        // Times and audience are checked later, with the product's clock and settings rather than the library's.
        validation.validate_exp = false;
        validation.validate_aud = false;
        validation.required_spec_claims.clear();
        Ok(jsonwebtoken::decode::<AccessClaims>(token, &key.verifier, &validation)?.claims)
    }
}

/// Reads the keys, the newest first. Those that are `known` are not decrypted again.
async fn read(store: &Store, vault: &Vault, known: &[Arc<SigningKey>]) -> Result<Vec<Arc<SigningKey>>, SigningFault> {
    let mut keys = Vec::new();
    for stored in store.keys(PURPOSE).await? {
        if let Some(known) = known.iter().find(|key| key.id == stored.id) {
            keys.push(Arc::clone(known));
            continue;
        }
        let pair = RsaKeyPair::from_pkcs8(&vault.open(PURPOSE, &stored.sealed)?);
        keys.push(Arc::new(SigningKey::new(pair.map_err(|_| SigningFault::NotRsa(stored.id))?, stored.created)));
    }
    Ok(keys)
}

/// Makes a new key and seals it. Finding its primes may take seconds, so it runs on a blocking thread and not on one that answers requests.
async fn make(vault: &Vault, now: DateTime<Utc>) -> Result<StoredKey, SigningFault> {
    let pair = tokio::task::spawn_blocking(|| RsaKeyPair::generate(KeySize::Rsa2048)).await;
    let pair = pair.map_err(|_| SigningFault::Generation)?.map_err(|_| SigningFault::Generation)?;
    let private: Pkcs8V1Der<'_> = pair.as_der().map_err(|_| SigningFault::Generation)?;
    let sealed = vault.seal(PURPOSE, private.as_ref())?;
    Ok(StoredKey { id: SigningKey::new(pair, now).id, purpose: PURPOSE.to_owned(), sealed, created: now })
}

impl SigningKey {
    fn new(pair: RsaKeyPair, created: DateTime<Utc>) -> SigningKey {
        let public = pair.public_key();
        let (modulus, exponent) = (public.modulus(), public.exponent());
        let verifier =
            DecodingKey::from_rsa_raw_components(modulus.big_endian_without_leading_zero(), exponent.big_endian_without_leading_zero());
        // The id is derived from the key, so that it is the same everywhere.
        let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, modulus.big_endian_without_leading_zero());
        let id = hex::encode(digest.as_ref().get(..16).unwrap_or_default());
        let header = serde_json::json!({"typ": "JWT", "alg": "RS256", "kid": id});
        let header = URL_SAFE_NO_PAD.encode(header.to_string());
        SigningKey { id, created, header, pair, verifier }
    }
}
