//! Passwords (argon2id) and client secrets (digests of high-entropy texts).

use std::sync::{Arc, OnceLock};

use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use argon2::{Argon2, PasswordHash};
use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::digest::{SHA256, digest};
use insightgate_identity::application::ClientSecret;
use thiserror::Error;
use tokio::sync::Semaphore;

use crate::random::Random;

/// Sign-ins that wait for a thread at most: about two seconds' worth.
const WAITING: usize = 64;

/// Hashes on threads of their own, a few at once, and lets a bounded number wait: a flood of sign-ins must not take the memory or stop other
/// requests.
#[derive(Clone)]
pub struct Passwords {
    /// One for each that is hashed or waits. Without one, the answer is at once that the server is busy.
    places: Arc<Semaphore>,
    permits: Arc<Semaphore>,
    /// Checked when there is no such user, so that both cases take alike.
    decoy: Arc<OnceLock<String>>,
}

#[derive(Debug, Error)]
pub enum PasswordFault {
    /// Too many wait already.
    #[error("too many sign-ins wait")]
    Busy,
    #[error("the password could not be hashed: {0}")]
    Hashing(String),
}

impl Passwords {
    pub fn new(threads: usize) -> Passwords {
        let threads = threads.max(1);
        let places = Arc::new(Semaphore::new(threads + WAITING));
        Passwords { places, permits: Arc::new(Semaphore::new(threads)), decoy: Arc::default() }
    }

    /// The hash in PHC form.
    pub async fn hash(&self, password: &str, random: &Random) -> Result<String, PasswordFault> {
        let salt: [u8; 16] = random.bytes().map_err(|fault| PasswordFault::Hashing(fault.to_string()))?;
        let password = password.to_owned();
        self.run(move || hash(&password, &salt)).await?
    }

    /// Whether the password is right. Without a hash (no such user) the answer is no, after the same work.
    pub async fn verify(&self, password: &str, stored: Option<String>) -> Result<bool, PasswordFault> {
        let (password, decoy) = (password.to_owned(), Arc::clone(&self.decoy));
        self.run(move || {
            let (hash, known) = match stored {
                Some(hash) => (hash, true),
                None => (decoy.get_or_init(|| hash("decoy", &[0; 16]).unwrap_or_default()).clone(), false),
            };
            let matches = PasswordHash::new(&hash).is_ok_and(|parsed| {
                PasswordVerifier::<PasswordHash>::verify_password(&Argon2::default(), password.as_bytes(), &parsed).is_ok()
            });
            matches && known
        })
        .await
    }

    async fn run<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T, PasswordFault> {
        let place = Arc::clone(&self.places).try_acquire_owned().map_err(|_| PasswordFault::Busy)?;
        let permit = Arc::clone(&self.permits).acquire_owned().await.map_err(|_| PasswordFault::Busy)?;
        let done = tokio::task::spawn_blocking(move || {
            let result = work();
            // Only here: who gives up does not stop the work, so that its place is still taken.
            drop((permit, place));
            result
        });
        done.await.map_err(|fault| PasswordFault::Hashing(fault.to_string()))
    }
}

fn hash(password: &str, salt: &[u8]) -> Result<String, PasswordFault> {
    let hashed: Result<PasswordHash, _> = Argon2::default().hash_password_with_salt(password.as_bytes(), salt);
    hashed.map(|hash| hash.to_string()).map_err(|fault| PasswordFault::Hashing(fault.to_string()))
}

/// SHA-256, hexadecimal: what is stored of a client secret or a refresh token.
pub fn secret_digest(secret: &str) -> String {
    hexadecimal(digest(&SHA256, secret.as_bytes()).as_ref())
}

pub fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The stored secret that was sent, if any. All are compared, each in constant time.
pub fn find_secret<'a>(sent: &str, stored: &'a [ClientSecret]) -> Option<&'a ClientSecret> {
    let sent = secret_digest(sent);
    // Not `find`: it would stop early, and the time would tell which one it was.
    stored.iter().fold(
        None,
        |found, secret| {
            if verify_slices_are_equal(sent.as_bytes(), secret.digest.as_bytes()).is_ok() { Some(secret) } else { found }
        },
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn only_the_right_password_of_a_known_user_passes() {
        let passwords = Passwords::new(2);
        let hash = passwords.hash("right", &Random::default()).await.unwrap();
        assert!(hash.starts_with("$argon2id$"));
        assert!(passwords.verify("right", Some(hash.clone())).await.unwrap());
        assert!(!passwords.verify("wrong", Some(hash)).await.unwrap());
        assert!(!passwords.verify("decoy", None).await.unwrap());
        assert!(!passwords.verify("right", Some("not a hash".into())).await.unwrap());
    }
}
