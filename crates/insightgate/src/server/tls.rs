//! The certificate of the HTTPS listener: from the operator's own files, or from the data folder's authority. It is renewed while the server runs.
//!
//! Changed files are read again within seconds, or at once on SIGHUP. A certificate that cannot be used is logged, and the last good one is kept.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime};

use axum_server::tls_rustls::RustlsConfig;
use insightgate_operations::background::driver::Loop;
use insightgate_operations::background::turn::Next;
use insightgate_operations::clock::Clock;
use insightgate_operations::failure::Failure;
use tokio::sync::Mutex;

use crate::command_error::CommandError;
use crate::data_folder::DataFolder;
use crate::files::shown;
use crate::log::say;
use crate::server::certificates::server_certificate;

/// How often the files are checked.
const LOOK: Duration = Duration::from_secs(3);
/// A certificate of our own is replaced after this many days, well before it expires.
const RENEW_DAYS: i64 = 180;

/// Chooses the provider of cryptography. The client of object stores brings a second one into the build, so that the library cannot choose by itself.
pub fn choose_cryptography() {
    // An error means that one was chosen before.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
}

pub enum CertificateSource {
    /// PEM files of a certificate chain and its key.
    Files { certificate: PathBuf, key: PathBuf },
    /// Made here, for these names.
    Own { folder: DataFolder, names: Vec<String> },
}

impl CertificateSource {
    pub async fn load(&self) -> Result<RustlsConfig, CommandError> {
        let failed = |error: std::io::Error| CommandError::failed(format!("the TLS certificate cannot be used: {error}"));
        match self {
            CertificateSource::Files { certificate, key } => {
                let found = RustlsConfig::from_pem_file(certificate, key).await;
                found.map_err(|error| failed(error).hint(format!("check {} and {}", certificate.display(), key.display())))
            }
            CertificateSource::Own { folder, names } => {
                let made = server_certificate(folder, names, Clock::System.now())?;
                say(&format!("clients must trust {}", shown(&made.authority_file)));
                RustlsConfig::from_pem(made.chain.into_bytes(), made.key.into_bytes()).await.map_err(failed)
            }
        }
    }

    /// The loop that keeps `tls` up to date: it checks every few seconds, and reads the certificate again in any case on SIGHUP.
    pub fn keep_fresh(self, tls: RustlsConfig) -> Loop {
        let seen = Mutex::new(self.stamp());
        let (source, asked, hangups) = (Arc::new((self, seen)), Arc::new(AtomicBool::new(false)), Arc::new(Mutex::new(hangups())));
        let told = Arc::clone(&asked);
        let work = move |_| {
            let (source, tls, asked) = (Arc::clone(&source), tls.clone(), told.swap(false, Ordering::Relaxed));
            async move {
                let (source, seen) = &*source;
                source.look(&tls, asked, &mut *seen.lock().await).await.map(|()| Next::Period)
            }
        };
        Loop::new("certificate", "the new TLS certificate cannot be used; the last one stays", LOOK, work).woken_by(move || {
            let (hangups, asked) = (Arc::clone(&hangups), Arc::clone(&asked));
            async move {
                hangups.lock().await.next().await;
                asked.store(true, Ordering::Relaxed);
            }
        })
    }

    /// Reads the certificate again if that is requested, or if it has changed since it was last read.
    async fn look(&self, tls: &RustlsConfig, asked: bool, seen: &mut Stamp) -> Result<(), Failure> {
        let stamp = self.stamp();
        if stamp == *seen && !asked {
            return Ok(());
        }
        *seen = stamp;
        if let Err(error) = self.reload(tls).await {
            // After a SIGHUP the operator looks for an answer each time; the driver's own logging of failures is limited.
            if asked {
                tracing::error!(error = %error, "the TLS certificate was to be read again and cannot be used; the last one stays");
            }
            return Err(Failure::internal(error.to_string()));
        }
        tracing::info!("the TLS certificate was read again");
        Ok(())
    }

    async fn reload(&self, tls: &RustlsConfig) -> Result<(), CommandError> {
        let failed = |error: std::io::Error| CommandError::failed(error.to_string());
        match self {
            CertificateSource::Files { certificate, key } => tls.reload_from_pem_file(certificate, key).await.map_err(failed),
            CertificateSource::Own { folder, names } => {
                let made = server_certificate(folder, names, Clock::System.now())?;
                tls.reload_from_pem(made.chain.into_bytes(), made.key.into_bytes()).await.map_err(failed)
            }
        }
    }

    /// Changes when there is something new to read.
    fn stamp(&self) -> Stamp {
        match self {
            CertificateSource::Files { certificate, key } => Stamp::Files([written(certificate), written(key)]),
            CertificateSource::Own { .. } => Stamp::Period(Clock::System.now().timestamp() / (RENEW_DAYS * 86_400)),
        }
    }
}

#[derive(PartialEq)]
enum Stamp {
    Files([Option<(SystemTime, u64)>; 2]),
    Period(i64),
}

/// When the file was written, and its length; a file that is missing at the moment is being replaced.
fn written(path: &Path) -> Option<(SystemTime, u64)> {
    let found = std::fs::metadata(path).ok()?;
    Some((found.modified().ok()?, found.len()))
}

/// SIGHUP never ends a server, not even while it starts. What there is to read again is read, and otherwise nothing happens. This is for the
/// beginning of a process, outside of any runtime.
pub fn outlive_hangups() {
    // Once a process listens for the signal, the default action never returns, even if the runtime on which it listened is gone.
    if let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_io().build() {
        let _within = runtime.enter();
        let _ = hangups();
    }
}

/// SIGHUP, by which operators ask for configuration to be read again.
pub struct Hangups {
    #[cfg(unix)]
    signal: Option<tokio::signal::unix::Signal>,
}

pub fn hangups() -> Hangups {
    Hangups {
        #[cfg(unix)]
        signal: tokio::signal::unix::signal(tokio::signal::unix::SignalKind::hangup()).ok(),
    }
}

impl Hangups {
    /// Returns at the next signal.
    pub async fn next(&mut self) {
        #[cfg(unix)]
        if let Some(signal) = &mut self.signal
            && signal.recv().await.is_some()
        {
            return;
        }
        std::future::pending().await
    }
}

#[cfg(all(test, unix))]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn hang_up() {
        let own = std::process::id().to_string();
        assert!(std::process::Command::new("kill").args(["-HUP", &own]).status().unwrap().success());
    }

    #[test]
    fn a_hangup_before_the_runtime_ends_nothing_and_later_ones_are_heard() {
        outlive_hangups();
        hang_up();
        tokio::runtime::Builder::new_current_thread().enable_io().build().unwrap().block_on(async {
            let mut hangups = hangups();
            hang_up();
            hangups.next().await;
        });
    }
}
