//! Passwords (argon2id) and client secrets (digests of high-entropy texts).

use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use argon2::password_hash::phc::{Output, ParamsString, Salt};
use argon2::{Algorithm, Argon2, Block, Params, PasswordHash, Version};
use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::digest::{SHA256, digest};
use insightgate_identity::application::ClientSecret;
use thiserror::Error;

use crate::credentials::hashing_queue::{Asker, Busy, HashingQueue};
use crate::random::Random;

/// Hashes passwords on blocking threads, a few at a time, and lets a bounded number wait. A flood of sign-ins must not exhaust the memory or stop other
/// requests.
#[derive(Clone)]
pub struct Passwords {
    queue: Arc<HashingQueue>,
    /// The hash that is checked when there is no such user, so that both cases take the same time.
    decoy: Arc<OnceLock<String>>,
    memory: Memory,
}

/// The memory of finished hashes, for the next ones: one buffer for each hash that may run at once. If the allocator provided it each time, each thread
/// that ever hashed would keep some of it for ever, and the C library, which learns from the size of what it gets back, twice as much of everything else.
#[derive(Clone, Default)]
struct Memory(Arc<Mutex<Vec<Vec<Block>>>>);

impl Memory {
    /// Runs the work with a buffer. Whoever hashes holds a turn, so there are no more buffers than turns.
    fn with<T>(&self, blocks: usize, work: impl FnOnce(&mut [Block]) -> T) -> T {
        let mut memory = self.kept().pop().unwrap_or_default();
        memory.resize(blocks, Block::default());
        let result = work(&mut memory);
        self.kept().push(memory);
        result
    }

    fn kept(&self) -> MutexGuard<'_, Vec<Vec<Block>>> {
        // The list is consistent after each change, so a poisoned lock can be used.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The result of a check of a password.
pub struct Verified {
    pub right: bool,
    /// The slow hash of the password with the user's salt. It is the same each time for the same wrong password, and as hard to guess as a stored hash.
    pub work: Vec<u8>,
}

#[derive(Debug, Error)]
pub enum PasswordFault {
    /// Too many sign-ins wait already.
    #[error("too many sign-ins wait")]
    Busy,
    #[error("the password could not be hashed: {0}")]
    Hashing(String),
}

impl From<Busy> for PasswordFault {
    fn from(Busy: Busy) -> Self {
        PasswordFault::Busy
    }
}

impl Passwords {
    pub fn new(threads: usize) -> Passwords {
        Passwords { queue: HashingQueue::new(threads.max(1)), decoy: Arc::default(), memory: Memory::default() }
    }

    /// Returns the hash in PHC form, for callers who may set a password. It waits in the lane that strangers cannot fill.
    ///
    /// # Errors
    /// When the password cannot be hashed.
    pub async fn hash(&self, password: &str, random: &Random) -> Result<String, PasswordFault> {
        let salt: [u8; 16] = random.bytes().map_err(|fault| PasswordFault::Hashing(fault.to_string()))?;
        let (password, memory) = (password.to_owned(), self.memory.clone());
        self.run(&Asker::known(None), move || hash(&password, &salt, &memory)).await?
    }

    /// Whether a password check of this caller would find no place to wait.
    pub fn is_full_for(&self, asker: &Asker) -> bool {
        self.queue.is_full_for(asker)
    }

    /// Checks the password. Without a stored hash (no such user) the answer is no, after the same work.
    ///
    /// # Errors
    /// When there is no place to wait, or the hash cannot be computed.
    pub async fn verify(&self, password: &str, stored: Option<String>, asker: &Asker) -> Result<Verified, PasswordFault> {
        let (password, decoy, memory) = (password.to_owned(), Arc::clone(&self.decoy), self.memory.clone());
        self.run(asker, move || {
            let (hash, known) = match stored {
                Some(hash) => (hash, true),
                None => (decoy.get_or_init(|| hash("decoy", &[0; 16], &memory).unwrap_or_default()).clone(), false),
            };
            let (matches, work) = compare(&password, &hash, &memory).unwrap_or_default();
            Verified { right: matches && known, work }
        })
        .await
    }

    async fn run<T: Send + 'static>(&self, asker: &Asker, work: impl FnOnce() -> T + Send + 'static) -> Result<T, PasswordFault> {
        let turn = self.queue.enter(asker).await?;
        let done = tokio::task::spawn_blocking(move || {
            let result = work();
            // The turn is dropped only here: a caller who gives up does not stop the work, so the turn must last until it ends.
            drop(turn);
            result
        });
        done.await.map_err(|fault| PasswordFault::Hashing(fault.to_string()))
    }
}

/// Whether the hash is the password's, and the output of hashing the password again. `None` if `stored` is not a hash.
fn compare(password: &str, stored: &str, memory: &Memory) -> Option<(bool, Vec<u8>)> {
    let stored = PasswordHash::new(stored).ok()?;
    let (salt, expected) = (stored.salt.as_ref()?, stored.hash.as_ref()?);
    let params = Params::try_from(&stored).ok()?;
    let algorithm = Algorithm::try_from(stored.algorithm.as_str()).ok()?;
    let version = stored.version.map_or(Ok(Version::default()), Version::try_from).ok()?;
    let blocks = params.block_count();
    let argon2 = Argon2::new(algorithm, version, params);
    let mut output = vec![0; expected.as_bytes().len()];
    memory.with(blocks, |memory| argon2.hash_password_into_with_memory(password.as_bytes(), salt, &mut output, memory)).ok()?;
    Some((verify_slices_are_equal(&output, expected.as_bytes()).is_ok(), output))
}

fn hash(password: &str, salt: &[u8], memory: &Memory) -> Result<String, PasswordFault> {
    let (algorithm, version, params) = (Algorithm::default(), Version::default(), Params::default());
    let argon2 = Argon2::new(algorithm, version, params.clone());
    let mut output = [0; Params::DEFAULT_OUTPUT_LEN];
    memory
        .with(params.block_count(), |memory| argon2.hash_password_into_with_memory(password.as_bytes(), salt, &mut output, memory))
        .map_err(|fault| PasswordFault::Hashing(fault.to_string()))?;
    let parts = || {
        Ok::<_, argon2::password_hash::Error>(PasswordHash {
            algorithm: algorithm.ident(),
            version: Some(version.into()),
            params: ParamsString::try_from(&params)?,
            salt: Some(Salt::new(salt)?),
            hash: Some(Output::new(&output)?),
        })
    };
    parts().map(|hash| hash.to_string()).map_err(|fault| PasswordFault::Hashing(fault.to_string()))
}

/// The stored form of a client secret or a refresh token: its SHA-256 in hexadecimal.
pub fn secret_digest(secret: &str) -> String {
    hex::encode(digest(&SHA256, secret.as_bytes()))
}

/// The stored secret that matches the one that was sent, if any. All of them are compared, each in constant time.
pub fn find_secret<'a>(sent: &str, stored: &'a [ClientSecret]) -> Option<&'a ClientSecret> {
    let sent = secret_digest(sent);
    // Not `find`, which would stop early, so that the time would reveal which secret matched.
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
        let (passwords, asker) = (Passwords::new(2), Asker::stranger(None, 0));
        let hash = passwords.hash("right", &Random::default()).await.unwrap();
        assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hash}");
        let verify = async |password: &str, stored: Option<&str>| {
            let Verified { right, work } = passwords.verify(password, stored.map(str::to_owned), &asker).await.unwrap();
            (right, work)
        };
        let (right, work) = verify("right", Some(&hash)).await;
        assert!(right && work.len() == 32);
        let (wrong, other_work) = verify("wrong", Some(&hash)).await;
        assert!(!wrong && other_work.len() == 32 && other_work != work);
        assert_eq!(verify("wrong", Some(&hash)).await.1, other_work, "the same each time");
        assert_ne!(verify("wrong", None).await.1, other_work);
        assert!(!verify("decoy", None).await.0);
        assert!(!verify("right", Some("not a hash")).await.0);
        assert_eq!(passwords.memory.kept().len(), 1, "one after the other, all of them used the same buffer");
    }
}
