//! How often a second the cores of this machine sign and verify (RSA-2048, SHA-256) and hash passwords: what the token endpoint cannot exceed.
//! One line of JSON, for `cargo xtask bench tokens`. It measures the libraries alone and uses nothing of ours.

// A benchmark reads the real time.
#![allow(clippy::disallowed_methods)]

use std::error::Error;
use std::thread;
use std::time::{Duration, Instant};

use argon2::Argon2;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{KeyPair as _, RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_SHA256, RsaKeyPair, UnparsedPublicKey};

const MEASURED: Duration = Duration::from_secs(2);
/// As long as the part of a token that is signed.
const MESSAGE: [u8; 700] = [b'a'; 700];

fn main() -> Result<(), Box<dyn Error>> {
    let pair = RsaKeyPair::generate(KeySize::Rsa2048)?;
    let mut signature = vec![0; pair.public_modulus_len()];
    let random = SystemRandom::new();
    pair.sign(&RSA_PKCS1_SHA256, &random, &MESSAGE, &mut signature)?;
    let public = UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, pair.public_key().as_ref().to_vec());
    let signing = || {
        let mut own = vec![0; pair.public_modulus_len()];
        pair.sign(&RSA_PKCS1_SHA256, &random, &MESSAGE, &mut own).is_ok()
    };
    let verifying = || public.verify(&MESSAGE, &signature).is_ok();
    let hashing = || {
        let mut out = [0; 32];
        Argon2::default().hash_password_into(b"a password", &[0; 16], &mut out).is_ok()
    };
    println!(
        "{{\"rsa_2048_signatures\": {:.0}, \"rsa_2048_verifications\": {:.0}, \"argon2id_hashes\": {:.1}}}",
        rate(&signing),
        rate(&verifying),
        rate(&hashing)
    );
    Ok(())
}

/// Of all cores together, if they had nothing else to do: work done for each second that its thread was on a core.
fn rate(work: &(impl Fn() -> bool + Sync)) -> f64 {
    let until_end = || {
        let (began, mut done) = (Instant::now(), 0_u64);
        let on_core = time_on_core();
        while began.elapsed() < MEASURED {
            done += u64::from(work());
        }
        let seconds = match (on_core, time_on_core()) {
            (Some(before), Some(after)) => after - before,
            _ => began.elapsed(),
        };
        done as f64 / seconds.as_secs_f64()
    };
    thread::scope(|scope| {
        let cores = thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let threads: Vec<_> = (0..cores).map(|_| scope.spawn(until_end)).collect();
        threads.into_iter().map(|thread| thread.join().unwrap_or_default()).sum()
    })
}

/// Of this thread. None where the system does not say.
fn time_on_core() -> Option<Duration> {
    let told = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    told.split_whitespace().next()?.parse().ok().map(Duration::from_nanos)
}
