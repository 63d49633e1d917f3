//! The authority's signing keys: RS256, published as a key set, kept encrypted in the database.

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{KeyPair as _, RSA_PKCS1_SHA256, RsaKeyPair};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use insightgate_identity::token::AccessClaims;
use insightgate_store::{Store, StoredKey};
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use serde::Serialize;
use thiserror::Error;

use crate::clock::Clock;
use crate::password::hexadecimal;
use crate::vault::{Vault, VaultFault};

const PURPOSE: &str = "signing";

/// The newest key signs; all of them verify.
pub struct SigningKeys(Vec<SigningKey>);

struct SigningKey {
    id: String,
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

#[derive(Debug, Error)]
pub enum SigningFault {
    #[error(transparent)]
    Store(#[from] insightgate_store::StoreError),
    #[error(transparent)]
    Vault(#[from] VaultFault),
    #[error("the stored signing key '{0}' is not an RSA key")]
    NotRsa(String),
    #[error("a signing key could not be made")]
    Generation,
    #[error("a token could not be signed: {0}")]
    Signing(String),
}

/// Why a token's signature or shape is not accepted. Goes to the log.
#[derive(Debug, Error)]
pub enum SignatureFault {
    #[error("the token is signed with an unknown key")]
    UnknownKey,
    #[error("the token is malformed or its signature is wrong: {0}")]
    Invalid(#[from] jsonwebtoken::errors::Error),
}

impl SigningKeys {
    /// Reads the keys; the first start makes one.
    pub async fn load(store: &Store, vault: &Vault, clock: &Clock) -> Result<SigningKeys, SigningFault> {
        let mut keys = Vec::new();
        for stored in store.keys(PURPOSE).await? {
            let pair = RsaKeyPair::from_pkcs8(&vault.open(PURPOSE, &stored.sealed)?);
            keys.push(SigningKey::new(pair.map_err(|_| SigningFault::NotRsa(stored.id))?));
        }
        if keys.is_empty() {
            let pair = RsaKeyPair::generate(KeySize::Rsa2048).map_err(|_| SigningFault::Generation)?;
            let private: Pkcs8V1Der<'_> = pair.as_der().map_err(|_| SigningFault::Generation)?;
            let sealed = vault.seal(PURPOSE, private.as_ref())?;
            let key = SigningKey::new(pair);
            store.add_key(&StoredKey { id: key.id.clone(), purpose: PURPOSE.to_owned(), sealed, created: clock.now() }).await?;
            keys.push(key);
        }
        Ok(SigningKeys(keys))
    }

    /// A compact JWS of the claims.
    pub fn sign<Claims: Serialize>(&self, claims: &Claims) -> Result<String, SigningFault> {
        let key = self.0.first().ok_or(SigningFault::Generation)?;
        let failed = |fault: serde_json::Error| SigningFault::Signing(fault.to_string());
        let header = serde_json::json!({"typ": "JWT", "alg": "RS256", "kid": key.id});
        let header = URL_SAFE_NO_PAD.encode(serde_json::to_vec(&header).map_err(failed)?);
        let mut token = format!("{header}.{}", URL_SAFE_NO_PAD.encode(serde_json::to_vec(claims).map_err(failed)?));
        let mut signature = vec![0; key.pair.public_modulus_len()];
        let signed = key.pair.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), token.as_bytes(), &mut signature);
        signed.map_err(|_| SigningFault::Signing("the key refused".to_owned()))?;
        token.push('.');
        token.push_str(&URL_SAFE_NO_PAD.encode(signature));
        Ok(token)
    }

    /// The claims of a token that one of these keys signed. What they say is checked by [`AccessClaims::check`].
    pub fn verify(&self, token: &str) -> Result<AccessClaims, SignatureFault> {
        let kid = jsonwebtoken::decode_header(token)?.kid;
        let key = self.0.iter().find(|key| Some(&key.id) == kid.as_ref()).ok_or(SignatureFault::UnknownKey)?;
        let mut validation = Validation::new(Algorithm::RS256);
        // Times and audience are compared with the product's clock and settings, not the library's.
        validation.validate_exp = false;
        validation.validate_aud = false;
        validation.required_spec_claims.clear();
        Ok(jsonwebtoken::decode::<AccessClaims>(token, &key.verifier, &validation)?.claims)
    }

    pub fn public(&self) -> Vec<PublicKey> {
        let shown = |key: &SigningKey| {
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
        self.0.iter().map(shown).collect()
    }
}

impl SigningKey {
    fn new(pair: RsaKeyPair) -> SigningKey {
        let public = pair.public_key();
        let (modulus, exponent) = (public.modulus(), public.exponent());
        let verifier =
            DecodingKey::from_rsa_raw_components(modulus.big_endian_without_leading_zero(), exponent.big_endian_without_leading_zero());
        // The id follows from the key, so that it is the same wherever the key is.
        let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, modulus.big_endian_without_leading_zero());
        let id = hexadecimal(digest.as_ref().get(..16).unwrap_or_default());
        SigningKey { id, pair, verifier }
    }
}
